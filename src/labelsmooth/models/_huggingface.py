"""hf:PATH, a transformers model that classifies texts, from a folder or the hub; its head is new where K differs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .._checks import UsageError, require
from ..data import Dataset

USUAL = {"epochs": 3, "batch_size": 16, "learning_rate": 5e-5}
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_COPIES = "DISABLE_SAFETENSORS_CONVERSION"


def takes(name: str) -> bool:
    """Whether the name is that of a transformers model."""
    return name.startswith("hf:")


class _Classifier(nn.Module):
    """Texts (n, L), −1 behind the end, to logits (n, K)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, texts: Tensor) -> Tensor:
        return self.model(**_read(texts, self.model.config)).logits

    def features(self, texts: Tensor) -> Tensor:
        """The mean over a text of the last hidden states (n, width)."""
        asked = _read(texts, self.model.config)
        hidden, there = self.model.base_model(**asked)[0], asked["attention_mask"][:, :, None]
        return (hidden * there).sum(1) / there.sum(1)


def _read(texts: Tensor, config: Any) -> dict[str, Tensor]:
    """Token numbers and which of them to read; an empty text still reads one position."""
    there = texts >= 0
    there[:, 0] = True
    padding = config.pad_token_id if config.pad_token_id is not None else 0
    return {"input_ids": texts.where(texts >= 0, padding), "attention_mask": there.long()}


def make(name: str, settings: dict[str, Any], dataset: Dataset, dropout: float) -> nn.Module:
    """The pretrained model with K classes; `--set` names fields of its configuration, `dropout` acts in every layer.

    Weights are read from safetensors alone, and no code that comes with a model is run (D1).
    """
    if dataset.kind != "text":
        raise UsageError(f"model {name!r} takes text, and {dataset.name!r} holds {dataset.kind}; give --text COLUMN")
    transformers = require("hf", "transformers")
    with _silent(transformers):
        model = _loaded(transformers, name, {**settings, "num_labels": len(dataset.classes)})
    longest = int(dataset.train.inputs.max())
    if longest >= model.config.vocab_size:
        raise UsageError(
            f"model {name!r} knows {model.config.vocab_size} tokens, the texts hold number {longest}; give the "
            "tokenizer that belongs to it: --tokenizer"
        )
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = dropout
    return _Classifier(model)


@contextmanager
def _silent(transformers: Any) -> Iterator[None]:
    """That the head is new is no news here."""
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)


def _loaded(transformers: Any, name: str, fields: dict[str, Any]) -> Any:
    place, damaged = name.removeprefix("hf:"), require("hf", "safetensors").SafetensorError
    try:
        config = transformers.AutoConfig.from_pretrained(place, trust_remote_code=False)
        _change(config, name, fields)
        _check_weights(name, place, config)
        with _no_copies():
            return transformers.AutoModelForSequenceClassification.from_pretrained(
                place, config=config, ignore_mismatched_sizes=True, use_safetensors=True, trust_remote_code=False
            )
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, TypeError, damaged) as error:
        words = str(error).strip().partition("\n")[0][:200]
        if "model.safetensors" in words and "does not appear to have" in words:
            raise _pickled(name, "no such file") from error
        raise UsageError(
            f"model {name!r} cannot be loaded ({words}); give a folder or a name that holds one"
        ) from error


def _change(config: Any, name: str, fields: dict[str, Any]) -> None:
    """Fields of the configuration alone: a name that transformers' loader knows could ask for pickles or for code."""
    known = config.to_dict().keys() | config.attribute_map.keys() | {"num_labels"}
    for field in fields:
        if field not in known:
            close = get_close_matches(field, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; they are {', '.join(sorted(known))}"
            raise UsageError(f"the configuration of model {name!r} has no field {field!r}{hint}")
    config.update(fields)


def _check_weights(name: str, place: str, config: Any) -> None:
    """Refuse what would be unpickled: a folder without safetensors, a file that the configuration names, adapters."""
    named = getattr(config, "transformers_weights", None)
    if named is not None and not str(named).endswith((".safetensors", ".safetensors.index.json")):
        raise _pickled(name, str(named))
    files = sorted(each.name for each in Path(place).iterdir()) if Path(place).is_dir() else []
    pickles = [each for each in files if each.endswith(_PICKLES)]
    if pickles and not any(each.endswith(".safetensors") for each in files):
        raise _pickled(name, f"{pickles[0]} alone")
    if "adapter_model.bin" in pickles and "adapter_model.safetensors" not in files:
        raise _pickled(name, "adapter_model.bin")


def _pickled(name: str, found: str) -> UsageError:
    return UsageError(
        f"model {name!r} must have its weights as model.safetensors; got {found}. A pickle (.bin, .pt) can run any "
        "code and is never read: have whoever made the model write it again with save_pretrained, or take another"
    )


@contextmanager
def _no_copies() -> Iterator[None]:
    """Keep the hub's robot from being asked for a copy without pickles, which the model's owner has not looked at."""
    before = os.environ.get(_COPIES)
    os.environ[_COPIES] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_COPIES]
        else:
            os.environ[_COPIES] = before
