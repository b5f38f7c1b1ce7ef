"""Predictions and their file: what goes in comes out, and what is wrong is said with file and array."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from labelsmooth._checks import DataError, UsageError
from labelsmooth.predictions import Predictions, Split

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(size=(6, 3))
LABELS = [0, 1, 2, 2, 1, 0]
VAL_LOGITS = GENERATOR.normal(size=(4, 3))
VAL_LABELS = [0, 1, 2, 0]


def full() -> Predictions:
    shifted = Split(LOGITS + 1, LABELS, ids=[f"t{i}" for i in range(6)])
    test = Split(LOGITS, LABELS, [f"t{i}" for i in range(6)], list("aabbcc"), np.full((6, 3), 1 / 3))
    val = Split(VAL_LOGITS, VAL_LABELS, [f"v{i}" for i in range(4)], list("ddee"))
    meta = {"method": "uniform 0.1", "seed": 3, "nested": {"a": [1, 2.5, None]}}
    return Predictions(splits={"test": test, "val": val, "shifted": shifted}, classes=["é", "<b>", "2"], meta=meta)


def members(**changes: object) -> dict[str, np.ndarray]:
    arrays: dict[str, object] = {
        "test_logits": LOGITS.astype(np.float32),
        "test_labels": np.array(LABELS),
        "classes": np.array(["a", "b", "c"]),
        "meta": np.array(json.dumps({"method": "hard"})),
    }
    arrays.update(changes)
    return {name: np.asarray(array) for name, array in arrays.items() if array is not None}


def write(path: Path, arrays: dict[str, np.ndarray], pickled: bool = False) -> Path:
    np.savez(path, allow_pickle=pickled, **arrays)
    return path


def raw(path: Path, name: str, content: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    """A file whose member `name` is replaced by the given bytes."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for member, array in members().items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{member}.npy", content if member == name else buffer.getvalue())
    return path


def npy(header: str, payload: bytes, version: bytes = b"\x01\x00") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + payload


def test_file_returns_everything_it_was_given(tmp_path: Path) -> None:
    before = full()
    after = Predictions.load(before.save(tmp_path / "new" / "a.npz"))
    assert after.classes == ["é", "<b>", "2"]
    assert after.meta == before.meta
    assert list(after.splits) == list(before.splits)
    for name, split in before.splits.items():
        for part in ("logits", "labels", "ids", "groups", "posterior"):
            ours, theirs = getattr(split, part), getattr(after.splits[name], part)
            assert (ours is None) == (theirs is None)
            if ours is not None:
                assert ours.dtype == theirs.dtype
                assert np.array_equal(ours, theirs)
                assert theirs.flags.writeable
    assert after.test.logits.dtype == np.float32
    assert after.test.labels.dtype == np.int64


def test_same_predictions_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = full().save(tmp_path / "a.npz"), full().save(tmp_path / "b")
    assert second.name == "b.npz"
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_tensors_are_taken_as_they_are(dtype: str) -> None:
    import torch

    logits = torch.tensor(LOGITS, dtype=getattr(torch, dtype), requires_grad=True)
    predictions = Predictions(logits, torch.tensor(LABELS, dtype=torch.int32))
    assert np.array_equal(predictions.test.logits, logits.detach().float().numpy())
    assert predictions.test.labels.tolist() == LABELS


def test_importing_predictions_loads_no_torch() -> None:
    code = "import sys, labelsmooth.predictions; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_C17_probabilities_have_their_own_door_and_clipping_is_counted() -> None:
    probs = np.array([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
    predictions = Predictions(probs=probs, labels=[1, 0])
    assert predictions.meta["given"] == "probs"
    assert predictions.meta["clipped"] == 3
    assert np.allclose(np.exp(predictions.test.logits.astype(float)), probs, atol=1e-7)
    with pytest.raises(UsageError, match="exactly one of logits and probs"):
        Predictions(LOGITS, LABELS, probs=probs)


def test_C3_logits_given_as_probabilities_are_refused() -> None:
    with pytest.raises(DataError, match=r"test_probs: row 0 is not a distribution .* pass logits as logits"):
        Predictions(probs=LOGITS, labels=LABELS)


def test_C15_validation_and_test_must_be_different_rows() -> None:
    with pytest.raises(DataError, match=r"val_ids and test_ids share 1 values \(such as 'r5'\)"):
        Predictions(
            LOGITS, LABELS, ids=[f"r{i}" for i in range(6)],
            val_logits=VAL_LOGITS, val_labels=VAL_LABELS, val_ids=["r5", "r6", "r7", "r8"],
        )  # fmt: skip
    with pytest.raises(DataError, match="val and test hold the same rows"):
        Predictions(LOGITS, LABELS, val_logits=LOGITS, val_labels=LABELS)


def test_C15_fingerprint_names_the_rows_not_the_model() -> None:
    one, other = Split(LOGITS, np.array(LABELS)), Split(LOGITS + 1, np.array(LABELS))
    assert one.fingerprint() == other.fingerprint()
    assert one.fingerprint() != Split(LOGITS, np.array(LABELS[::-1])[[1, 0, 2, 3, 4, 5]]).fingerprint()


def test_C19_a_group_is_whole_in_one_split() -> None:
    with pytest.raises(DataError, match=r"val_groups and test_groups share 1 values \(such as 2\)"):
        Predictions(
            LOGITS, LABELS, groups=[0, 0, 1, 1, 2, 2],
            val_logits=VAL_LOGITS, val_labels=VAL_LABELS, val_groups=[2, 2, 3, 3],
        )  # fmt: skip


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"logits": [[0.0, NAN]], "labels": [0]}, "test_logits: row 0 holds NaN"),
        ({"logits": [[0.0, 1.0], [INF, 0.0]], "labels": [0, 0]}, "test_logits: row 1 has inf as its largest"),
        ({"logits": [[-INF, -INF]], "labels": [0]}, "test_logits: row 0 has -inf as its largest"),
        ({"logits": [[1e39, 0.0]], "labels": [0]}, "test_logits: row 0 has inf"),
        ({"logits": [1.0, 2.0], "labels": [0, 1]}, r"test_logits: expected shape \(rows, classes\)"),
        ({"logits": [[1.0], [2.0]], "labels": [0, 0]}, r"one sigmoid logit z pass the two columns \[0, z\]"),
        ({"logits": np.zeros((0, 3)), "labels": np.zeros(0, int)}, "at least 1 row"),
        ({"logits": [["a", "b"]], "labels": [0]}, "test_logits: expected floating-point numbers; got <U1"),
        ({"logits": [[1.0, 2.0], [1.0]], "labels": [0, 1]}, "test_logits: expected an array"),
        ({"logits": LOGITS, "labels": LABELS[:5]}, r"test_labels: expected 6 class indices"),
        ({"logits": LOGITS, "labels": np.array(LABELS)[:, None]}, r"got int64 of shape \(6, 1\)"),
        ({"logits": LOGITS, "labels": [0.0] * 6}, "test_labels: expected 6 class indices.*float64"),
        ({"logits": LOGITS, "labels": [0, 1, 3, 0, 0, 0]}, r"test_labels: row 2 is 3; expected .* in \[0, 2\]"),
        ({"logits": LOGITS, "labels": [0, -100, 0, 0, 0, 0]}, "test_labels: row 1 is -100"),
        ({"logits": LOGITS, "labels": LABELS, "ids": list("aabcde")}, "test_ids: 'a' occurs 2 times"),
        ({"logits": LOGITS, "labels": LABELS, "ids": [0.5] * 6}, "test_ids: expected 6 integers or texts"),
        ({"logits": LOGITS, "labels": LABELS, "ids": [None] * 6}, "test_ids: expected 6 integers or texts"),
        ({"logits": LOGITS, "labels": LABELS, "groups": [1, 2]}, "test_groups: expected 6 integers or texts"),
        ({"logits": LOGITS, "labels": LABELS, "classes": ["a", "b"]}, "classes: expected 3 different names"),
        ({"logits": LOGITS, "labels": LABELS, "classes": ["a", "b", "b"]}, "classes: expected 3 different names"),
        ({"logits": LOGITS, "labels": LABELS, "meta": {"x": {1, 2}}}, "meta: expected what JSON can hold"),
        ({"logits": LOGITS, "labels": LABELS, "meta": {"schema_version": 2}}, "schema_version is 2.*update"),
        (
            {"logits": LOGITS, "labels": LABELS, "val_logits": [[0.0, 1.0]], "val_labels": [0]},
            "val_logits: expected 3 columns",
        ),
        (
            {"splits": {"test": Split(LOGITS, LABELS, posterior=np.ones((6, 3)))}},
            "test_posterior: row 0 is not a distribution",
        ),
        ({"splits": {"test": Split(LOGITS, LABELS, posterior=np.ones((6, 2)))}}, r"test_posterior: expected shape"),
    ],
)
def test_wrong_rows_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Predictions(**arguments)


@pytest.mark.parametrize(
    "arguments", [{}, {"logits": LOGITS}, {"labels": LABELS}, {"logits": LOGITS, "labels": LABELS, "val_labels": [0]}]
)
def test_missing_arguments_are_a_usage_error(arguments: dict) -> None:
    with pytest.raises(UsageError):
        Predictions(**arguments)


def test_masked_logits_are_kept() -> None:
    predictions = Predictions([[0.0, -INF, 1.0]], [0])
    assert predictions.test.logits.tolist() == [[0.0, -INF, 1.0]]


def test_take_reorders_every_part() -> None:
    split = full().test.take(np.array([2, 0]))
    assert split.ids is not None and split.ids.tolist() == ["t2", "t0"]
    assert split.groups is not None and split.groups.tolist() == ["b", "a"]
    assert np.array_equal(split.logits, full().test.logits[[2, 0]])


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"test_logits": None}, "array 'test_logits' is missing"),
        ({"test_labels": None}, "array 'test_labels' is missing"),
        ({"val_logits": VAL_LOGITS}, "array 'val_labels' is missing"),
        ({"test_labels": np.array(LABELS, float)}, "test_labels: expected 6 class indices.*float64"),
        ({"test_logits": np.full((6, 3), NAN)}, "test_logits: row 0 holds NaN"),
        ({"test_logits": LOGITS.astype(complex)}, "test_logits: .*complex"),
        ({"classes": np.array([1, 2, 3])}, "classes: expected a list of text"),
        ({"meta": np.array("[1]")}, "meta: expected a JSON object; got list"),
        ({"meta": np.array("{")}, "meta: not readable as JSON"),
        ({"meta": np.array("[" * 100_000)}, "meta: not readable as JSON"),
        ({"meta": np.array(3)}, "meta: expected one JSON text"),
    ],
)
def test_a_wrong_file_is_one_sentence_with_file_and_array(tmp_path: Path, changes: dict, words: str) -> None:
    path = write(tmp_path / "bad.npz", members(**changes))
    with pytest.raises(DataError, match=words) as caught:
        Predictions.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_foreign_file_with_only_logits_and_labels_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.npz", members(classes=None, meta=None, unrelated=np.arange(3)))
    predictions = Predictions.load(path)
    assert predictions.classes == ["0", "1", "2"]
    assert predictions.test.labels.tolist() == LABELS


def test_compressed_fortran_and_big_endian_arrays_are_read(tmp_path: Path) -> None:
    odd = np.asfortranarray(LOGITS.astype(">f8"))
    np.savez_compressed(tmp_path / "odd.npz", **members(test_logits=odd))
    assert np.array_equal(Predictions.load(tmp_path / "odd.npz").test.logits, LOGITS.astype(np.float32))


def test_D1_pickled_arrays_are_never_read(tmp_path: Path) -> None:
    path = write(tmp_path / "pickle.npz", members(test_ids=np.array([Bomb()] * 6, dtype=object)), pickled=True)
    with pytest.raises(DataError, match="array 'test_ids' holds objects"):
        Predictions.load(path)


class Bomb:
    def __reduce__(self) -> tuple:
        return os._exit, (77,)


def test_D4_a_small_file_with_huge_arrays_is_refused_before_reading(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", **members(val_logits=np.zeros((200_000, 20), np.float32)))
    assert (tmp_path / "bomb.npz").stat().st_size < 100_000
    with pytest.raises(DataError, match=r"its arrays take 15 MiB in memory, above the limit of 8 MiB"):
        Predictions.load(tmp_path / "bomb.npz", max_bytes=8 * 2**20)


@pytest.mark.parametrize(
    "header, words",
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000, 300), }", "promises 12000000000000 bytes"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", "promises 8 bytes, the file holds 72"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-6, -3), }", "holds objects"),
        ("{'descr': '<U0', 'fortran_order': False, 'shape': (99999999999,), }", "holds objects"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (9,), }", "holds objects"),
        ("{'descr': '<f4', 'fortran_order': False}", "no readable npy header"),
        ("__import__('os')._exit(77)", "no readable npy header"),
        ("(" * 100, "no readable npy header"),
    ],
)
def test_D4_a_header_that_lies_is_refused(tmp_path: Path, header: str, words: str) -> None:
    path = raw(tmp_path / "liar.npz", "test_logits", npy(header, bytes(72)))
    with pytest.raises(DataError, match=words) as caught:
        Predictions.load(path)
    assert "test_logits" in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x93NUM", b"\x93NUMPY\x01\x00\xff\xff{", b"\x93NUMPY\x03\x00\x10\x00"])
def test_D4_a_member_that_is_no_array_is_refused(tmp_path: Path, content: bytes) -> None:
    path = raw(tmp_path / "short.npz", "test_labels", content)
    with pytest.raises(DataError, match="array 'test_labels' has"):
        Predictions.load(path)


def test_D4_unpacking_is_bounded_by_the_declared_size(tmp_path: Path) -> None:
    path = raw(tmp_path / "a.npz", "test_logits", npy("x", bytes(2**16)), zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="array 'test_logits' is encrypted or packed in a way numpy does not write"):
        Predictions.load(path)


def test_text_that_is_no_text_is_refused(tmp_path: Path) -> None:
    header = "{'descr': '<U1', 'fortran_order': False, 'shape': (3,), }"
    path = raw(tmp_path / "text.npz", "classes", npy(header, b"\xff" * 12))
    with pytest.raises(DataError, match="array 'classes' holds numbers that are no characters"):
        Predictions.load(path)


def test_a_truncated_or_foreign_file_is_one_sentence(tmp_path: Path) -> None:
    whole = full().save(tmp_path / "whole.npz").read_bytes()
    for size in range(0, len(whole), 97):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cut\.npz: not a readable \.npz file"):
            Predictions.load(tmp_path / "cut.npz")
    with pytest.raises(DataError, match="there is no such file"):
        Predictions.load(tmp_path / "none.npz")
    with pytest.raises(DataError, match="not a readable"):
        Predictions.load(tmp_path)


def test_flipped_bytes_never_give_anything_but_a_data_error(tmp_path: Path) -> None:
    whole = bytearray(full().save(tmp_path / "whole.npz").read_bytes())
    generator = np.random.default_rng(1)
    refused = 0
    for _ in range(1500):
        broken = bytearray(whole)
        for place in generator.integers(0, len(whole), size=3):
            broken[place] = generator.integers(256)
        (tmp_path / "broken.npz").write_bytes(broken)
        try:
            Predictions.load(tmp_path / "broken.npz")
        except DataError:
            refused += 1
    assert refused > 1000


def test_D7_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = full().save(tmp_path / "a.npz")
    old = path.read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        Predictions(LOGITS, LABELS).save(path)
    assert path.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]
