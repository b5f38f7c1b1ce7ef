"""Arrays in a file, folders of images, functions of one's own, data sets of the datasets library."""

import sys

import numpy as np
import pytest
from PIL import Image

from labelsmooth._checks import DataError, UsageError
from labelsmooth.data import load

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(60, 4)), np.array(["01", "NA", "x"] * 20)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of one's own in the current folder; the text of it is what the test gives."""

    def made(text):
        (tmp_path / "mydata.py").write_text("import numpy as np\n" + text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "mydata", raising=False)
        return "mydata:load"

    return made


def picture(path, colour, size=(40, 30), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.clip(RNG.normal(colour, 20, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


@pytest.fixture
def folder(tmp_path):
    for i in range(12):
        for name, colour in (("cat", 60), ("dog", 190)):
            picture(tmp_path / "pets" / name / f"p{i % 6}" / f"{i}.{('png', 'jpg', 'bmp')[i % 3]}", colour)
    return tmp_path / "pets"


def test_npz_holds_inputs_and_labels_as_text(tmp_path):
    np.savez(tmp_path / "d.npz", X=X, y=Y, groups=np.arange(60) // 3)
    data = load(str(tmp_path / "d.npz"))
    assert data.classes == ["01", "NA", "x"] and data.kind == "vector" and data.card["groups"]["train"] > 1


def test_npz_splits_are_kept(tmp_path):
    split = np.array(["train"] * 30 + ["validation"] * 12 + ["test"] * 18)
    np.savez(tmp_path / "d.npz", X=X, y=Y, split=split)
    data = load(str(tmp_path / "d.npz"))
    assert [s.ids.tolist() for s in (data.train, data.val, data.test)] == [
        list(range(30)),
        list(range(30, 42)),
        list(range(42, 60)),
    ]
    np.testing.assert_allclose(data.test.inputs, (X[42:] - X[:30].mean(0)) / X[:30].std(0), atol=1e-5)


def test_npz_of_texts_and_of_images(tmp_path):
    np.savez(tmp_path / "t.npz", X=np.array(["good day", "bad day"] * 30), y=[1, 0] * 30)
    assert load(str(tmp_path / "t.npz")).kind == "text"
    np.savez(tmp_path / "i.npz", X=RNG.integers(0, 255, (60, 1, 8, 8), np.uint8), y=Y)
    assert load(str(tmp_path / "i.npz")).kind == "image"


def test_a_folder_a_class(folder):
    data = load(str(folder), image_size=16)
    assert data.kind == "image" and data.classes == ["cat", "dog"] and data.train.inputs.shape == (12, 3, 16, 16)
    bright = data.test.inputs.mean((1, 2, 3))
    assert bright[data.test.labels == 0].max() < bright[data.test.labels == 1].min()
    np.testing.assert_allclose(data.train.inputs.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(data.train.inputs.std((0, 2, 3)), 1, atol=1e-4)
    assert load(str(folder), image_size=16, grey=True).train.inputs.shape[1] == 1


def test_C19_folders_in_a_class_are_groups(folder):
    data = load(str(folder), image_size=8, group="folder")
    sides = [set(split.groups.tolist()) for split in (data.train, data.val, data.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 12
    with pytest.raises(UsageError, match="--group of a folder of images is 'folder'"):
        load(str(folder), group="who")


def test_folders_of_splits(folder, tmp_path):
    for split, count in (("train", 6), ("test", 4)):
        for name, colour in (("cat", 60), ("dog", 190)):
            for i in range(count):
                picture(tmp_path / "own" / split / name / f"{i}.png", colour)
    data = load(str(tmp_path / "own"), image_size=8)
    assert data.card["split"].startswith("test given") and sorted(data.test.ids)[0] == "test/cat/0.png"
    other = load(str(folder), test=tmp_path / "own" / "test", image_size=8)
    assert len(other.test) == 8 and len(other.train) + len(other.val) == 24


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK", "LA"])
def test_every_mode_of_picture_is_read(tmp_path, mode):
    for i in range(6):
        for name, colour in (("a", 50), ("b", 200)):
            ending = "tif" if mode == "CMYK" else "png"
            picture(tmp_path / "f" / name / f"{i}.{ending}", colour, mode=mode)
    assert load(str(tmp_path / "f"), image_size=8).train.inputs.shape[1:] == (3, 8, 8)


def test_pictures_stand_upright_and_are_cut_in_the_middle(tmp_path):
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:10, 20:40] = 255
    for i in range(6):
        for name in ("a", "b"):
            (tmp_path / "f" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels // (1 + (name == "b"))).save(tmp_path / "f" / name / f"{i}.png")
            if i == 5 and name == "a":
                turned = Image.fromarray(np.rot90(pixels).copy())
                exif = turned.getexif()
                exif[0x0112] = 6
                turned.save(tmp_path / "f" / name / f"{i}.png", exif=exif)
    data = load(str(tmp_path / "f"), image_size=20)
    images = np.concatenate([s.inputs[s.labels == 0] for s in (data.train, data.val, data.test)])
    assert np.abs(images - images[0]).max() < 1e-6
    assert images[0, 0, 4, 10] > images[0, 0, 16, 10]


def test_a_function_of_ones_own(module):
    spec = module("def load():\n    return np.random.default_rng(0).normal(size=(60, 4)), ['a', 'b'] * 30\n")
    data = load(spec)
    assert data.name == "mydata:load" and data.classes == ["a", "b"] and len(data.test) == 21


def test_a_function_that_returns_splits(module):
    spec = module(
        "r = np.random.default_rng(0)\n"
        "def load():\n"
        "    return {'train': (r.normal(size=(40, 4)), [0, 1] * 20, np.arange(40) // 4),\n"
        "            'test': (r.normal(size=(20, 4)), [0, 1] * 10, 100 + np.arange(20) // 4)}\n"
    )
    data = load(spec)
    assert len(data.test) == 20 and len(data.train) + len(data.val) == 40 and min(data.test.groups) == 100


@pytest.mark.parametrize(
    "text, error, message",
    [
        ("def load():\n    return 3\n", DataError, "returned int; expected"),
        ("def load():\n    return {'test': ([1], [1])}\n", DataError, "there must be 'train'"),
        ("def load():\n    return {'best': 1}\n", DataError, "a dictionary with 'best'"),
        ("def load():\n    raise KeyError('path')\n", DataError, "raised KeyError: 'path'"),
        ("def load(path):\n    return path\n", DataError, "raised TypeError"),
        ("def load():\n    return np.zeros((9, 2)), [0] * 8\n", DataError, "one entry for each row"),
        ("def load():\n    return np.full((9, 2), np.nan), [0] * 9\n", DataError, "mydata:load: X has 18 missing"),
        ("load = 3\n", UsageError, "is a int; expected a function"),
        ("", UsageError, "has no 'load'"),
        ("import nowhere_at_all\n", UsageError, "no module 'nowhere_at_all'"),
    ],
)
def test_what_a_function_does_wrong(module, text, error, message):
    with pytest.raises(error, match=message):
        load(module(text))


@pytest.fixture(scope="module")
def datasets():
    return pytest.importorskip("datasets")


def test_a_saved_data_set_of_texts(datasets, tmp_path):
    texts = [f"{'good' if i % 2 else 'bad'} film number {i}" for i in range(60)]
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=["neg", "pos"]))
    made = datasets.Dataset.from_dict({"text": texts, "label": [i % 2 for i in range(60)]}, features=features)
    datasets.DatasetDict(train=made, test=made.select(range(20))).save_to_disk(tmp_path / "films")
    data = load(f"hf:{tmp_path / 'films'}")
    assert data.kind == "text" and data.classes == ["neg", "pos"]
    assert len(data.test) == 20 and len(data.train) + len(data.val) == 60


def test_a_saved_data_set_of_columns_and_of_pictures(datasets, tmp_path):
    made = datasets.Dataset.from_dict({"x": X[:, 0].tolist(), "c": ["u", "v"] * 30, "y": Y.tolist()})
    made.save_to_disk(tmp_path / "table")
    data = load(f"hf:{tmp_path / 'table'}")
    assert data.kind == "table" and data.classes == ["01", "NA", "x"] and data.cardinalities == (3,)
    pictures = [Image.fromarray(np.full((9, 9, 3), 20 * (i % 2) + i, np.uint8)) for i in range(60)]
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=["a", "b"]))
    made = datasets.Dataset.from_dict({"image": pictures, "label": [i % 2 for i in range(60)]}, features=features)
    made.save_to_disk(tmp_path / "pictures")
    data = load(f"hf:{tmp_path / 'pictures'}", image_size=8, grey=True)
    assert data.kind == "image" and data.classes == ["a", "b"] and data.train.inputs.shape[1:] == (1, 8, 8)


def test_options_that_say_nothing_about_the_data_are_refused(folder):
    with pytest.raises(UsageError, match=r"--label does not go with .*pets', which is a folder of images"):
        load(str(folder), label="species")
    with pytest.raises(UsageError, match="--image-size does not go with 'digits', which is built in"):
        load("digits", image_size=64)
