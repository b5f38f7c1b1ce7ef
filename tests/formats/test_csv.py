"""D6: what is wrong with a CSV file is said with its line, its column and the way out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelsmooth import _delimited
from labelsmooth._checks import DataError
from labelsmooth.formats import csv as reader
from labelsmooth.predictions import Predictions

HEADER = "label,logit:a,logit:b"
GOOD = f"{HEADER}\na,1.5,-2\nb,0.25,1e-3\n"

BAD: list[tuple[str, bytes | str, str]] = [
    ("empty file", "", "is empty; expected a header line with 'label' and a column for each class"),
    ("header alone", f"{HEADER}\n", "there are no rows of the test split, none at all"),
    ("only validation", f"split,{HEADER}\nval,a,1,2\n", "there are no rows of the test split, only of 'val'"),
    (
        "semicolons",
        GOOD.replace(",", ";"),
        "line 1: the columns are separated by semicolons; save the file with commas",
    ),
    ("tabs", GOOD.replace(",", "\t"), "line 1: the columns are separated by tabs"),
    ("latin 1", GOOD.encode() + "é,1,2\n".encode("latin-1"), "line 4: byte 0xe9 is no UTF-8 text; save the file as"),
    ("utf 16", GOOD.encode("utf-16"), "line 1: this is UTF-16 text; save the file as UTF-8"),
    ("ragged, short", f"{HEADER}\na,1,2\nb,1\n", "line 3 has 2 cells, the header has 3 columns; quote texts that hold"),
    ("ragged, long", f"{HEADER}\na,1,2,\n", "line 2 has 4 cells, the header has 3 columns"),
    ("after two lines of text", f'id,{HEADER}\n"x\ny",a,1,2\nz,a,1\n', "line 4 has 3 cells"),
    ("after an empty line", f"{HEADER}\n\na,1,2\nb,x,2\n", "line 4, column 'logit:a' holds 'x', which is no number"),
    ("column twice", "label,logit:a,logit:b,logit:a\na,1,2,3\n", "line 1: column 'logit:a' is there twice"),
    (
        "no label",
        "class,logit:a,logit:b\na,1,2\n",
        "line 1: there is no column 'label'; the columns are 'class', 'logi",
    ),
    ("no class column", "label,text\na,b\n", "line 1: no column is named as a class ('logit:cat' or 'prob:cat'); the"),
    ("label alone", "label\na\n", "no column is named as a class"),
    ("one class column", "label,logit:a\na,1\n", "the only class column is 'logit:a'; expected two classes or more"),
    ("both kinds", "label,logit:a,prob:b\na,1,1\n", "'logit:a' is a logit and 'prob:b' a probability; keep one kind"),
    (
        "missing class column",
        f"{HEADER}\na,1,2\nowl,1,2\n",
        "line 3, column 'label': there is no column 'logit:owl' for",
    ),
    ("label with a space", f"{HEADER}\na ,1,2\n", "there is no column 'logit:a ' for the label 'a '; the classes are"),
    ("no label in a row", f"{HEADER}\n,1,2\n", "line 2, column 'label': there is no column 'logit:' for the label ''"),
    ("no number", f"{HEADER}\na,1,two\n", "line 2, column 'logit:b' holds 'two', which is no number"),
    ("decimal comma", f'{HEADER}\na,"1,5",2\n', "line 2, column 'logit:a' holds '1,5', which is no number"),
    ("underscore", f"{HEADER}\na,1_0,2\n", "line 2, column 'logit:a' holds '1_0', which is no number"),
    ("hexadecimal", f"{HEADER}\na,0x10,2\n", "line 2, column 'logit:a' holds '0x10', which is no number"),
    ("empty cell", f"{HEADER}\na,1,\n", "line 2, column 'logit:b' is empty; class columns hold numbers"),
    ("NaN", f"{HEADER}\na,1,2\nb,nan,1\n", "line 3, column 'logit:a' holds NaN; drop or repair such rows"),
    ("infinite", f"{HEADER}\na,1,inf\n", "line 2, column 'logit:b' holds infinity"),
    ("nothing possible", f"{HEADER}\na,-inf,-inf\n", "test_logits: row 0 has -inf as its largest logit"),
    (
        "no distribution",
        "label,prob:a,prob:b\na,0.5,0.4\n",
        "line 2: the probabilities are no distribution (from 0.4, su",
    ),
    (
        "negative",
        "label,prob:a,prob:b\na,1.5,-0.5\n",
        "line 2: the probabilities are no distribution (from -0.5, sum 1;",
    ),
    ("split unknown", f"split,{HEADER}\ntrain,a,1,2\n", "line 2, column 'split': expected one of 'test', 'val', 'shif"),
    ("id twice", f"id,{HEADER}\nx,a,1,2\nx,b,1,2\n", "test_ids: 'x' occurs 2 times"),
    (
        "id in both",
        f"split,id,{HEADER}\ntest,x,a,1,2\nval,x,b,1,2\n",
        "val_ids and test_ids share 1 values (such as 'x'",
    ),
    ("stray quote", f'{HEADER}\na,1,2\n"b"x,1,2\n', "line 3: not readable as CSV"),
    (
        "open quote",
        f'{HEADER}\n"a,1,2\nb,1,2\n',
        "line 2: not readable as CSV (unexpected end of data); look for a stray",
    ),
    ("a picture", b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: byte 0x89 is no UTF-8 text"),
]


@pytest.mark.parametrize("content, words", [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_bad_files_are_one_sentence_with_the_place(tmp_path: Path, content: bytes | str, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        Predictions.load(path)
    said = str(caught.value)
    assert words in said
    assert said.startswith(f"{path}: ")
    assert "\n" not in said


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.removesuffix("\n"),
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD + "\n\n",
        '"label","logit:a","logit:b"\n"a","1.5"," -2"\nb,0.25,1e-3\n',
    ],
)
def test_ways_of_writing_the_same(tmp_path: Path, content: str) -> None:
    (tmp_path / "good.csv").write_bytes(content.encode())
    found = Predictions.load(tmp_path / "good.csv")
    assert found.classes == ["a", "b"]
    assert found.test.labels.tolist() == [0, 1]
    assert np.array_equal(found.test.logits, np.array([[1.5, -2], [0.25, 1e-3]], np.float32))


def test_rows_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "\n" + "".join(f"{'ab'[i % 2]},{i},0\n" for i in range(10)))
    monkeypatch.setattr(reader, "CELLS", 9)
    found = Predictions.load(tmp_path / "a.csv")
    assert found.test.logits[:, 0].tolist() == list(range(10))
    assert found.test.labels.tolist() == [0, 1] * 5
    (tmp_path / "b.csv").write_text(HEADER + "\n" + "".join(f"a,{i},0\n" for i in range(9)) + "a,x,0\n")
    with pytest.raises(DataError, match="line 11, column 'logit:a' holds 'x'"):
        Predictions.load(tmp_path / "b.csv")


def test_D4_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_delimited, "_LONGEST_LINE", 1000)
    (tmp_path / "a.csv").write_text(HEADER + "\n" + "a" * 5000)
    with pytest.raises(DataError, match=r"line 2 is longer than 1000 characters; is this a CSV file\?"):
        Predictions.load(tmp_path / "a.csv")


def test_a_missing_class_column_is_named_as_the_file_names_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label,a,b\nowl,1,2\n")
    with pytest.raises(DataError, match="there is no column 'owl' for the label 'owl'; the classes are 'a', 'b'"):
        Predictions.load(tmp_path / "a.csv", scores="logits")
