"""D1: weights of transformers models come from safetensors alone; a pickle is refused, and not run."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from labelsmooth import cli, models
from labelsmooth._checks import UsageError
from labelsmooth.data import from_arrays

transformers = pytest.importorskip("transformers")
TEXTS = from_arrays(np.array(["a good day", "a very bad day indeed", "bad"] * 20), ["a", "b", "c"] * 20)
REFUSED = r"must have its weights as model.safetensors; got {}. A pickle .* is never read: .* write it again"


class Harm:
    """Unpickled, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = str(trace)

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(self.trace),)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with safetensors."""
    path = tmp_path_factory.mktemp("tiny")
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, pad_token_id=0
    )
    torch.manual_seed(0)
    transformers.BertForSequenceClassification(config).save_pretrained(path)
    return path


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "model")


def harmful(path: Path) -> Path:
    """A pickle under this name, and the file that it makes when it is read."""
    trace = path.with_name("trace")
    path.write_bytes(pickle.dumps(Harm(trace)))
    return trace


def refuses(folder: Path, got: str, trace: Path) -> None:
    with pytest.raises(UsageError, match=REFUSED.format(got)):
        models.build(f"hf:{folder}", TEXTS, seed=0)
    assert not trace.exists()


def test_D1_the_pickle_does_harm_where_it_is_read(tmp_path: Path) -> None:
    trace = harmful(tmp_path / "x.bin")
    pickle.loads((tmp_path / "x.bin").read_bytes())
    assert trace.exists()


def test_D1_safetensors_are_read(folder: Path) -> None:
    trace = harmful(folder / "pytorch_model.bin")
    model = models.build(f"hf:{folder}", TEXTS, seed=0)
    held = {name: tensor for name, tensor in model.named_parameters() if "word_embeddings" in name}
    made = transformers.BertForSequenceClassification.from_pretrained(folder, use_safetensors=True)
    assert torch.equal(next(iter(held.values())), made.bert.embeddings.word_embeddings.weight)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "model.pt"])
def test_D1_a_model_that_has_only_a_pickle_is_refused(name: str, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    refuses(folder, f"{name} alone", harmful(folder / name))


def test_D1_other_doors_to_a_pickle_are_shut(folder: Path) -> None:
    trace = harmful(folder / "adapter_model.bin")
    refuses(folder, "adapter_model.bin", trace)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": "adapter_model.bin"}))
    refuses(folder, "adapter_model.bin", trace)


@pytest.mark.parametrize("field", ["use_safetensors", "trust_remote_code", "weights_only", "state_dict", "revision"])
def test_D1_no_setting_reaches_the_loader(field: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=f"has no field '{field}'"):
        models.build(f"hf:{folder}", TEXTS, seed=0, settings={field: False})


def test_settings_are_fields_of_the_configuration(folder: Path) -> None:
    model = models.build(f"hf:{folder}", TEXTS, seed=0, settings={"layer_norm_eps": 0.5})
    assert {layer.eps for layer in model.modules() if isinstance(layer, torch.nn.LayerNorm)} == {0.5}
    with pytest.raises(UsageError, match="has no field 'hiden_size'; did you mean 'hidden_size'"):
        models.build(f"hf:{folder}", TEXTS, seed=0, settings={"hiden_size": 4})


def test_D1_code_that_comes_with_a_model_is_not_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    own = {**config, "model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(own))
    (folder / "own.py").write_text(f"open({str(folder / 'trace')!r}, 'w')\nraise RuntimeError")
    with pytest.raises(UsageError, match="cannot be loaded"):
        models.build(f"hf:{folder}", TEXTS, seed=0)
    assert not (folder / "trace").exists()


def test_a_damaged_file_of_weights_is_refused_in_words(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:100])
    with pytest.raises(UsageError, match="cannot be loaded"):
        models.build(f"hf:{folder}", TEXTS, seed=0)


def test_D1_the_command_refuses_before_it_makes_a_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "model.safetensors").unlink()
    trace = harmful(folder / "pytorch_model.bin")
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "good": 1, "bad": 2}, unk_token="[UNK]"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]").save_pretrained(folder)
    rows = "".join(f"{('good', 'bad')[i % 2]},{('p', 'n')[i % 2]}\n" for i in range(40))
    (tmp_path / "t.csv").write_text("review,label\n" + rows)
    words = ["compare", "t.csv", "--text", "review", "--label", "label", "--model", f"hf:{folder}"]
    assert cli.run([*words, "--out", "run"]) == 2
    said = capsys.readouterr().err
    assert "got pytorch_model.bin alone" in said and "Traceback" not in said
    assert not trace.exists() and not (tmp_path / "run").exists()
