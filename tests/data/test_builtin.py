"""The built-in sets: found by their files, the same every time, with a card that says where they come from."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labelsmooth._checks import DataError, UsageError
from labelsmooth.data import load, names

EVERY = ["digits", "mixture", "pydoc"]
SPLITS = ["train", "val", "test", "shifted"]


@pytest.fixture(scope="module", params=EVERY)
def dataset(request):
    return load(request.param, label_noise=0.2, shift=True)


def test_names_are_the_files_of_the_folder():
    assert names() == EVERY


def test_listing_imports_neither_numpy_nor_torch_nor_a_source():
    code = (
        "import sys; from labelsmooth.data import names; names(); "
        "print([m for m in ('torch', 'numpy', 'labelsmooth.data.sources') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_loading_imports_no_torch():
    code = "import sys; from labelsmooth.data import load; [load(n) for n in ('digits', 'mixture', 'pydoc')]; "
    assert (
        subprocess.check_output([sys.executable, "-c", code + "print('torch' in sys.modules)"], text=True) == "False\n"
    )


@pytest.mark.parametrize("name, hint", [("digit", "did you mean 'digits'"), ("zzz", "['digits', 'mixture', 'pydoc']")])
def test_unknown_name_lists_what_there_is(name, hint):
    with pytest.raises(UsageError, match="got '" + name) as caught:
        load(name)
    assert hint in str(caught.value)


@pytest.mark.parametrize("name", ["__init__", "../digits", "digits.py", "", None])
def test_D3_a_name_is_never_a_path(name):
    with pytest.raises((UsageError, DataError)):
        load(name)


def test_the_same_call_gives_the_same_arrays(dataset):
    again = load(dataset.name, label_noise=0.2, shift=True)
    assert again.fingerprint == dataset.fingerprint
    assert again.card == dataset.card
    for name in SPLITS:
        one, two = dataset.splits[name], again.splits[name]
        for column in ("inputs", "labels", "ids", "groups", "posterior"):
            np.testing.assert_array_equal(getattr(one, column), getattr(two, column))


def test_shapes_and_types(dataset):
    wanted = {"digits": ("image", 4), "mixture": ("vector", 2), "pydoc": ("tokens", 2)}
    kind, ndim = wanted[dataset.name]
    assert dataset.kind == kind
    for split in dataset.splits.values():
        assert split.inputs.ndim == ndim
        assert split.inputs.dtype == (np.int64 if kind == "tokens" else np.float32)
        assert split.labels.dtype == np.int64
        assert split.labels.shape == (split.inputs.shape if kind == "tokens" else (len(split),))
        assert split.labels.min() >= 0 and split.labels.max() < len(dataset.classes)
        assert len(split.ids) == len(split)
        assert np.isfinite(split.inputs).all()
    assert len(set(dataset.classes)) == len(dataset.classes)
    assert all(isinstance(name, str) for name in dataset.classes)


def test_ids_are_unique_and_no_sample_is_in_two_splits(dataset):
    ids = np.concatenate([dataset.splits[name].ids for name in ("train", "val", "test")])
    assert len(np.unique(ids)) == len(ids)


def test_inputs_are_normalised_with_training_statistics_alone(dataset):
    if dataset.kind == "tokens":
        pytest.skip("tokens are not normalised")
    axes = (0,) if dataset.kind == "vector" else (0, 2, 3)
    train, test = dataset.train.inputs.astype(np.float64), dataset.test.inputs.astype(np.float64)
    np.testing.assert_allclose(train.mean(axes), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axes), 1, atol=1e-6)
    assert np.abs(test.mean(axes)).max() > 1e-4


def test_card_is_json_and_names_source_licence_and_defaults(dataset):
    card = json.loads(json.dumps(dataset.card))
    assert card == dataset.card
    assert card["source"] and card["licence"] and card["citation"] and card["title"]
    assert sorted(card["defaults"]) == ["batch_size", "dropout", "epochs", "learning_rate", "weight_decay"]
    assert card["rows"] == {name: len(dataset.splits[name]) for name in ("train", "val", "test")}
    assert card["label_noise"] == {"train": 0.2, "val": 0.0}
    assert {"image": "blurred", "vector": "scaled", "tokens": "replaced"}[dataset.kind] in card["shift"]


def test_fingerprint_is_16_hex_digits_and_moves_with_every_setting(dataset):
    name = dataset.name
    prints = [
        load(name, **settings).fingerprint
        for settings in ({}, {"label_noise": 0.1}, {"label_noise_val": 0.1}, {"shift": True}, {"seed": 1})
    ]
    assert len({*prints, dataset.fingerprint}) == 6
    assert all(len(text) == 16 and int(text, 16) >= 0 for text in prints)
    assert load(name, label_noise=0, label_noise_val=0).fingerprint == prints[0]


def test_a_data_set_travels_to_another_process(dataset):
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(copy.shifted.inputs, dataset.shifted.inputs)


def test_nothing_is_shared_between_calls():
    load("digits").card["defaults"]["epochs"] = 1
    load("pydoc").classes.append("more")
    assert load("digits").card["defaults"]["epochs"] == 30
    assert len(load("pydoc").classes) == 97


@pytest.mark.parametrize("seed", [-1, 0.5, True, "0"])
def test_a_seed_is_a_whole_number_from_0(seed):
    with pytest.raises(UsageError, match="seed must be"):
        load("digits", seed=seed)


def test_digits_are_the_published_rows():
    digits, published = load("digits"), load_digits()
    assert sum(digits.card["rows"].values()) == 1797
    scale = published.images[digits.train.ids]
    mean, deviation = scale.mean(), scale.std()
    for split in (digits.train, digits.val, digits.test):
        np.testing.assert_array_equal(split.labels, published.target[split.ids])
        expected = (published.images[split.ids] - mean) / deviation
        np.testing.assert_allclose(split.inputs[:, 0], expected, atol=1e-6)
    assert digits.card["licence"] == "CC BY 4.0"
