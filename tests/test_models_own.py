"""Models for tables and texts, models of one's own, transformers models, frozen backbones."""

import sys

import numpy as np
import pytest
import torch

from labelsmooth import models
from labelsmooth._checks import UsageError
from labelsmooth.data import from_arrays, load
from labelsmooth.methods import Method
from labelsmooth.training import Settings, run_trial

RNG = np.random.default_rng(1)
VECTORS = from_arrays(RNG.normal(size=(60, 4)), ["a", "b", "c"] * 20)
TEXTS = from_arrays(np.array(["a good day", "a very bad day indeed", "bad"] * 20), ["a", "b", "c"] * 20)
HARD = Method("hard", "hard")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    rows = [f"{RNG.normal():.2f},{'rgb'[i % 3]},{'uvwx'[i % 4]},{'ab'[i % 2]}" for i in range(80)]
    path.write_text("x,c,d,y\n" + "\n".join(rows), encoding="utf-8")
    return load(str(path))


@pytest.fixture
def mymodels(tmp_path, monkeypatch):
    """Factories of one's own, in a module in the current folder."""
    (tmp_path / "mymodels.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "def by_dataset(dataset): return nn.Linear(dataset.train.inputs.shape[1], len(dataset.classes))\n"
        "def by_place(shape, classes): return nn.Linear(shape[0], classes)\n"
        "def one(data): return by_dataset(data)\n"
        "def named(num_classes, input_shape, width=8, dropout=0.0):\n"
        "    return nn.Sequential(nn.Linear(input_shape[0], width), nn.BatchNorm1d(width), nn.Dropout(dropout),\n"
        "                         nn.Linear(width, num_classes))\n"
        "def five(a, b, c, d, e): pass\n"
        "def number(): return 3\n"
        "def wide(num_classes): return nn.Linear(4, num_classes + 1)\n"
        "def narrow(num_classes): return nn.Linear(5, num_classes)\n"
        "def broken(num_classes): raise KeyError('weights')\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, num_classes):\n"
        "        super().__init__()\n"
        "        self.back, self.head = nn.Linear(4, 6), nn.Linear(6, num_classes)\n"
        "    def features(self, x): return torch.relu(self.back(x))\n"
        "    def forward(self, x): return self.head(self.features(x))\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mymodels", raising=False)


@pytest.mark.parametrize("name", ["mlp", "linear"])
def test_a_table_is_embedded(table, name):
    model = models.build(name, table, seed=0)
    (embedding,) = [layer for layer in model.modules() if isinstance(layer, torch.nn.Embedding)]
    assert table.cardinalities == (4, 5) and embedding.num_embeddings == 9
    rows = torch.from_numpy(table.train.inputs[:6])
    before = model.eval()(rows)
    assert before.shape == (6, 2)
    changed = rows.clone()
    changed[:, 1] = (changed[:, 1] + 1) % 4
    assert ((model(changed) - before).abs().amax(1) > 0).all()
    with torch.no_grad():
        embedding.weight[:4] = 0
    first = model(rows)
    assert torch.equal(model(changed), first)
    changed[:, 2] = (changed[:, 2] + 1) % 5
    assert ((model(changed) - first).abs().amax(1) > 0).all()


@pytest.mark.parametrize("name", ["bag", "encoder"])
def test_what_is_behind_the_end_of_a_text_says_nothing(name):
    model = models.build(name, TEXTS, seed=0).eval()
    short = torch.tensor([[1, 2, -1, -1, -1], [-1, -1, -1, -1, -1]])
    logits = model(short)
    assert logits.shape == (2, 3) and torch.isfinite(logits).all()
    torch.testing.assert_close(model(short[:1, :2]), logits[:1])
    assert (model(torch.tensor([[1, 3, -1, -1, -1]])) - logits[:1]).abs().max() > 1e-4


def test_the_encoder_reads_both_ways():
    model, seen = models.build("encoder", TEXTS, seed=0).eval(), []
    model.norm.register_forward_hook(lambda module, inputs, output: seen.append(output[0, 0]))
    for last in (3, 4):
        model(torch.tensor([[1, 2, last]]))
    assert (seen[0] - seen[1]).abs().max() > 1e-6


@pytest.mark.parametrize("name", ["mlp", "linear", "bag", "encoder"])
def test_small_models_learn_what_can_be_learned(name):
    dataset = TEXTS if name in ("bag", "encoder") else from_arrays(np.eye(3)[np.arange(60) % 3], ["a", "b", "c"] * 20)
    result = run_trial(dataset, HARD, Settings(name, 30, 16, 0.01), seed=0)
    assert result.history[-1]["val_accuracy"] == 1.0


def test_the_defaults_fit_the_data(table):
    assert [models.default_model(d) for d in (table, TEXTS, VECTORS)] == ["mlp", "bag", "mlp"]


@pytest.mark.parametrize(
    "name, settings, message",
    [
        ("mlp", {"widht": 3}, "no setting 'widht'; it has width=128, depth=2"),
        ("linear", {"width": 3}, "it has no settings"),
        ("mlp", {"width": 0}, "a whole number of at least 1; got 0"),
        ("mlp", {"width": "big"}, "got 'big'"),
        ("mlp", {"width": True}, "got True"),
        ("bag", {}, "takes text data, and 'arrays' holds vector"),
    ],
)
def test_settings_are_checked(name, settings, message):
    with pytest.raises(UsageError, match=message):
        models.build(name, VECTORS, seed=0, settings=settings)


def test_settings_change_the_model():
    sizes = [
        sum(p.numel() for p in models.build("mlp", VECTORS, seed=0, settings=s).parameters())
        for s in ({}, {"width": 16}, {"depth": 3})
    ]
    assert sizes == [4 * 128 + 128 + 128 * 129 + 3 * 129, 4 * 16 + 16 + 16 * 17 + 3 * 17, 640 + 2 * 128 * 129 + 3 * 129]


@pytest.mark.parametrize("name", ["by_dataset", "by_place", "one", "named", "Net"])
def test_a_factory_gets_what_it_names(mymodels, name):
    models.check(f"mymodels:{name}", VECTORS)
    one, two = (models.build(f"mymodels:{name}", VECTORS, seed=7) for _ in range(2))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_factory_takes_settings_and_dropout(mymodels):
    model = models.build("mymodels:named", VECTORS, dropout=0.25, seed=0, settings={"width": 5})
    assert model[0].out_features == 5 and model[2].p == 0.25


@pytest.mark.parametrize(
    "name, given, message",
    [
        ("mymodels:five", {}, "requires a, b, c, d, e; expected factory"),
        ("mymodels:number", {}, "made a int; it must return a torch.nn.Module"),
        ("mymodels:wide", {}, r"logits of shape \(2, 3\) for 2 rows and 3 classes; got \(2, 4\)"),
        ("mymodels:narrow", {}, r"fails on inputs of shape \(2, 4\), torch.float32: RuntimeError"),
        ("mymodels:broken", {}, "making it raised KeyError: 'weights'"),
        ("mymodels:nothing", {}, "module 'mymodels' has no 'nothing'"),
        ("nowhere:net", {}, "no module 'nowhere'"),
        ("mymodels:one", {"settings": {"deep": 3}}, "no setting 'deep'; it takes data"),
        ("mymodels:one", {"dropout": 0.5}, "takes no argument 'dropout'"),
    ],
)
def test_what_a_factory_does_wrong(mymodels, name, given, message):
    with pytest.raises(UsageError, match=message):
        models.check(name, VECTORS, **given)


def test_batch_normalisation_survives_a_last_row_alone(mymodels):
    data = from_arrays(RNG.normal(size=(66, 4)), ["a", "b"] * 33)
    assert len(data.train) == 33
    result = run_trial(data, HARD, Settings("mymodels:named", 2, 32, 0.01), seed=0)
    assert len(result.history) == 2


def test_frozen_features_are_computed_once_and_standardised(mymodels):
    data = models.frozen("mymodels:Net", VECTORS)
    net = models.build("mymodels:Net", VECTORS, seed=0).eval()
    raw = net.features(torch.from_numpy(VECTORS.train.inputs)).detach().double().numpy()
    deviation = raw.std(0)
    expected = (raw - raw.mean(0)) / np.where(deviation > 1e-12 * np.abs(raw.mean(0)), deviation, 1)
    assert data.kind == "vector" and data.fingerprint != VECTORS.fingerprint
    np.testing.assert_allclose(data.train.inputs, expected, atol=1e-4)
    np.testing.assert_array_equal(data.test.labels, VECTORS.test.labels)
    with pytest.raises(UsageError, match="has no method features"):
        models.frozen("mymodels:one", VECTORS)


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    """A tiny model and its tokenizer, made from a configuration and saved."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "day", "film"])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    path = tmp_path_factory.mktemp("tiny")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(path)
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, pad_token_id=0
    )
    torch.manual_seed(0)
    transformers.BertForSequenceClassification(config).save_pretrained(path)
    return str(path)


@pytest.fixture
def films(tmp_path):
    rows = [f"{'good' if i % 2 else 'bad'} {'film day ' * (i % 3)},{'pos' if i % 2 else 'neg'}" for i in range(60)]
    (tmp_path / "films.csv").write_text("review,label\n" + "\n".join(rows), encoding="utf-8")
    return str(tmp_path / "films.csv")


def test_a_transformers_model_reads_texts_with_its_own_tokenizer(transformer, films):
    data = load(films, text="review", tokenizer=transformer)
    assert data.kind == "text" and set(np.unique(data.train.inputs)) <= {-1, 4, 5, 6, 7}
    models.check(f"hf:{transformer}", data)
    model = models.build(f"hf:{transformer}", data, dropout=0.2, seed=0)
    assert {layer.p for layer in model.modules() if isinstance(layer, torch.nn.Dropout)} == {0.2}
    rows = torch.tensor([[4, 7, -1, -1], [5, -1, -1, -1]])
    torch.testing.assert_close(model.eval()(rows)[1], model(rows[1:, :1])[0], atol=1e-5, rtol=1e-5)
    result = run_trial(data, HARD, Settings(f"hf:{transformer}", 4, 8, 0.01), seed=0)
    assert result.history[-1]["val_accuracy"] > 0.9


def test_frozen_transformers_features_train_a_head(transformer, films):
    data = models.frozen(f"hf:{transformer}", load(films, text="review", tokenizer=transformer))
    assert data.kind == "vector" and data.train.inputs.shape == (30, 16)
    result = run_trial(data, HARD, Settings("linear", 30, 8, 0.05, backbone=f"hf:{transformer}"), seed=0)
    assert result.history[-1]["val_accuracy"] > 0.9


def test_what_a_transformers_model_cannot_do(transformer, films, tmp_path):
    with pytest.raises(UsageError, match="takes text, and 'arrays' holds vector"):
        models.build(f"hf:{transformer}", VECTORS, seed=0)
    with pytest.raises(UsageError, match="cannot be loaded"):
        models.build(f"hf:{tmp_path / 'nowhere'}", TEXTS, seed=0)
    with pytest.raises(UsageError, match="no tokenizer in"):
        load(films, text="review", tokenizer=str(tmp_path / "nowhere"))
    many = from_arrays(np.array([" ".join(f"w{i}" for i in range(9)), "w1 w2"] * 20), ["a", "b"] * 20)
    with pytest.raises(UsageError, match="knows 8 tokens, the texts hold number 9"):
        models.build(f"hf:{transformer}", many, seed=0)
