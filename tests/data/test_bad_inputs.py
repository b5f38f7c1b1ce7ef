"""96 wrong inputs: each is refused in at most three lines that name the file, the place and what to do, with the right
exit code, without a traceback and without anything written (D1, D4, D5, D6, D8)."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from labelsmooth import cli

GOOD = "x,c,y\n" + "".join(f"{i % 7}.5,{'uvw'[i % 3]},{'ab'[i % 2]}\n" for i in range(40))
USAGE, DATA = 2, 3


class Case(NamedTuple):
    """What is written, the arguments, the exit code, and words that the message must hold."""

    make: Callable[[], object]
    arguments: str
    code: int
    words: tuple[str, ...]


CASES: dict[str, Case] = {}


def bad(name: str, make: object, arguments: str, code: int, *words: str) -> None:
    """Register a case; `make` is the content of t.csv, or a function that writes files into the current folder."""
    assert name not in CASES, name
    if isinstance(make, (str, bytes)):
        content = make.encode() if isinstance(make, str) else make
        CASES[name] = Case(lambda: Path("t.csv").write_bytes(content), arguments, code, words)
    else:
        assert callable(make), name
        CASES[name] = Case(make, arguments, code, words)


def edited(line: int, text: str) -> str:
    lines = GOOD.splitlines()
    lines[line - 1] = text
    return "\n".join(lines) + "\n"


def column(values: list[str], rows: int = 40) -> str:
    """A table with a column z of these values over and over."""
    return "x,z,y\n" + "".join(f"{i % 7}.5,{values[i % len(values)]},{'ab'[i % 2]}\n" for i in range(rows))


def labelled(labels: list[str], rows: int = 40) -> str:
    return "x,y\n" + "".join(f"{i % 7}.5,{labels[i % len(labels)]}\n" for i in range(rows))


def nothing() -> None:
    pass


# what a text file can be instead of a table
bad("empty file", "", "t.csv", DATA, "t.csv", "is empty", "expected a header line")
bad("empty lines only", "\n\n\n", "t.csv", DATA, "t.csv", "empty lines only")
bad("header only", "x,c,y\n", "t.csv", DATA, "t.csv", "no rows", "add rows")
bad("header without line end", "x,c,y", "t.csv", DATA, "t.csv", "no rows")
bad("no header", "1.5,2,3\n" * 9, "t.csv", DATA, "line 1", "numbers only", "header line")
bad("one column", "y\na\nb\n", "t.csv", DATA, "line 1", "one column, 'y'")
bad("utf-16", GOOD.encode("utf-16"), "t.csv", DATA, "line 1", "UTF-16", "--encoding")
bad("latin-1", edited(5, "1.5,ü,a").encode("latin-1"), "t.csv", DATA, "line 5", "0xfc", "--encoding cp1252")
bad("truncated utf-8", GOOD.encode() + b"1.5,\xc3", "t.csv", DATA, "line 42", "--encoding")
bad("wrong encoding given", edited(5, "1.5,日,a"), "t.csv --encoding ascii8", USAGE, "'ascii8'", "cp1252")
bad("not in the encoding given", b"x,y\n1.5,a\n2.5,\x81\n", "t.csv --encoding cp1252", DATA, "line 3", "0x81")
bad("nul bytes", edited(6, "1.5,\x00,a"), "t.csv", DATA, "line 6", "NUL")
bad("semicolons", GOOD.replace(",", ";"), "t.csv", DATA, "line 1", "semicolons", "--delimiter ';'")
bad("tabs in a csv", GOOD.replace(",", "\t"), "t.csv", DATA, "line 1", "tabs", "--delimiter tab")
bad("bars", GOOD.replace(",", "|"), "t.csv", DATA, "line 1", "--delimiter '|'")
bad("commas in a tsv", lambda: Path("t.tsv").write_text(GOOD), "t.tsv", DATA, "t.tsv: line 1", "--delimiter ','")
bad("delimiter of two signs", GOOD, "t.csv --delimiter ;;", USAGE, "one sign", "';;'")
bad("wrong delimiter given", GOOD, "t.csv --delimiter ;", DATA, "line 1", "--delimiter ','")
bad("a line too long", edited(7, "1.5,u,a,b"), "t.csv", DATA, "line 7 has 4 cells", "3 columns", "quote")
bad("a line too short", edited(7, "1.5,u"), "t.csv", DATA, "line 7 has 2 cells", "'y'", "fill")
bad("a stray quote", edited(7, '1.5,"u,a'), "t.csv", DATA, "line 7", "stray quote")
bad("text after a quote", edited(7, '1.5,"u"v,a'), "t.csv", DATA, "line 7", "stray quote")
bad("a column twice", edited(1, "x,x,y"), "t.csv", DATA, "line 1", "'x' is there twice", "columns 1 and 2")
bad("a column without a name", edited(1, "x,,y"), "t.csv", DATA, "line 1", "column 2 has no name")

# archives and files of other kinds
bad("gzip as csv", gzip.compress(GOOD.encode()), "t.csv", DATA, "t.csv", "gzip", "unpack")
bad("spreadsheet as csv", b"PK\x03\x04" + b"0" * 90, "t.csv", DATA, "spreadsheet", "save the sheet as CSV")
bad("pickle as csv", pickle.dumps({"a": [1] * 9}, 4), "t.csv", DATA, "pickle", "never read")
bad("parquet as csv", b"PAR1" + b"0" * 90, "t.csv", DATA, "Parquet", "name it .parquet")
bad("old Excel as csv", b"\xd0\xcf\x11\xe0" + b"0" * 90, "t.csv", DATA, "Excel", "save the sheet as CSV")
for ending, fix in (("xlsx", "CSV"), ("zip", "unpack"), ("csv.gz", "unpack"), ("pkl", "numpy.savez"), ("json", "CSV")):
    bad(f"a .{ending}", lambda e=ending: Path(f"t.{e}").write_bytes(b"x"), f"t.{ending}", DATA, f"t.{ending}", fix)
bad("a single .npy", lambda: np.save("t.npy", np.zeros(3)), "t.npy", DATA, "t.npy", "numpy.savez")
bad("an unknown ending", lambda: Path("t.dat").write_text(GOOD), "t.dat", DATA, "t.dat", "file.csv")

# names and permissions
bad("no such file", nothing, "nowhere.csv", DATA, "nowhere.csv", "no such file")
bad("no such folder", nothing, "some/where", DATA, "some/where", "no such file")
bad("a slip in a name", nothing, "digist", USAGE, "'digist'", "did you mean 'digits'")
bad("no such test file", GOOD, "t.csv --test no.csv", DATA, "no.csv", "no such file")


def folder_as_table() -> None:
    Path("t.csv").write_text(GOOD)
    Path("d.csv").mkdir()


bad("a folder as test file", folder_as_table, "t.csv --test d.csv", DATA, "d.csv", "folder")


def unreadable() -> None:
    Path("t.csv").write_text(GOOD)
    Path("t.csv").chmod(0)


bad("no permission", unreadable, "t.csv", DATA, "t.csv", "permission denied", "chmod u+r")

# labels
bad("which column is the label", GOOD.replace(",y\n", ",z\n"), "t.csv", USAGE, "t.csv", "--label", "'x', 'c', 'z'")
bad("two usual labels", edited(1, "label,x,y"), "t.csv", USAGE, "--label", "'label'")
bad("no such label", GOOD, "t.csv --label specie", USAGE, "'specie'", "'x', 'c', 'y'")
bad("a slip in the label", GOOD.replace(",y\n", ",species\n"), "t.csv --label specie", USAGE, "did you mean 'species'")
bad("a label is empty", edited(9, "1.5,u,"), "t.csv", DATA, "line 9, column 'y' is empty", "fill it in")
bad("many labels are empty", labelled(["a", "b", ""]), "t.csv", DATA, "line 4", "and 12 more")
bad("a single class", labelled(["a"]), "t.csv", DATA, "column 'y'", "single class, 'a'")
bad("a single class NA", labelled(["NA"]), "t.csv", DATA, "single class, 'NA'")
bad("more classes than rows allow", labelled([f"c{i}" for i in range(40)]), "t.csv", DATA, "40 different labels in 40")
bad("a quantity", labelled([f"{i}.25" for i in range(40)]), "t.csv", DATA, "quantity", "choose another column")
bad("a rare class", labelled(["a", "b"] * 19 + ["01", "a"]), "t.csv", DATA, "class '01' has 1 row", "merge")
bad("True twice", labelled(["a", "b"] * 19 + ["True", "True"]), "t.csv", DATA, "class 'True' has 2 rows")
bad("two rows", "x,y\n1,a\n2,b\n", "t.csv", DATA, "column 'y'", "2 different labels in 2 rows")
bad("label by category", GOOD, "t.csv --categorical y", USAGE, "'y' is the label")
bad("label dropped", GOOD, "t.csv --drop y", USAGE, "'y' is the label")
bad("label as text", GOOD, "t.csv --text y", USAGE, "'y' is the label")

# inputs
bad("ISO dates", column(["2024-01-02", "2023-11-30"]), "t.csv", DATA, "line 2, column 'z'", "dates", "--drop z")
bad("other dates", column(["02/01/2024", "30/11/2023"]), "t.csv", DATA, "line 2, column 'z'", "dates", "weekday")
bad("dates and times", column(["2024-01-02 10:11:12"]), "t.csv", DATA, "column 'z'", "dates")
bad("times", column(["10:11", "9:30:01"]), "t.csv", DATA, "column 'z'", "times", "--drop z")
bad("a text among numbers", edited(30, "lots,u,a"), "t.csv", DATA, "line 30, column 'x'", "'lots'", "--categorical x")
bad("decimal commas", column(['"1,5"', '"2,25"']), "t.csv", DATA, "line 2, column 'z'", "decimal comma")
bad("infinity", edited(12, "inf,u,a"), "t.csv", DATA, "line 12, column 'x'", "infinity")
bad("a number too large", edited(12, "1e999,u,a"), "t.csv", DATA, "line 12, column 'x'", "infinity")
bad("underscores in numbers", edited(12, "1_000,u,a"), "t.csv", DATA, "line 12, column 'x'", "'1_000'")
bad("constant columns", "x,y\n" + "0,a\n0,b\n" * 20, "t.csv", DATA, "no column is left", "['x']")
bad("nothing but missing", "x,y\n" + "NA,a\nnan,b\n" * 20, "t.csv", DATA, "no column is left")
bad(
    "nothing but names",
    "x,y\n" + "".join(f"n{i},{'ab'[i % 2]}\n" for i in range(40)),
    "t.csv",
    DATA,
    "another in each row",
)
bad("every input dropped", GOOD, "t.csv --drop x c", USAGE, "no column is left", "'y'")
bad("no such text column", GOOD, "t.csv --text review", USAGE, "--text", "'review'")
bad("empty texts", column([""]), "t.csv --text z", DATA, "every text is empty", "--text")
bad("no such group", GOOD, "t.csv --group who", USAGE, "--group", "'who'")
bad("a group is empty", column(["p1", "p2", ""]), "t.csv --group z", DATA, "line 4, column 'z' is empty")
bad("two groups", column(["p1", "p2"]), "t.csv --group z", DATA, "2 groups", "at least 3")


# splits of one's own
def with_test(text: str) -> Callable[[], object]:
    return lambda: (Path("t.csv").write_text(GOOD), Path("own.csv").write_text(text))


bad("test without a column", with_test(GOOD.replace("x,c,y", "w,c,y")), "t.csv --test own.csv", DATA, "own.csv", "'x'")
bad("test with a new class", with_test(edited(3, "1,u,new")), "t.csv --test own.csv", DATA, "'new'", "training")
bad(
    "test with text for numbers",
    with_test(edited(3, "much,u,a")),
    "t.csv --test own.csv",
    DATA,
    "own.csv: line 3",
    "'x'",
)
bad("test without rows", with_test("x,c,y\n"), "t.csv --val own.csv", DATA, "own.csv", "no rows")


# Parquet
def parquet(**columns: object) -> Callable[[], object]:
    made = {"x": [float(i % 7) for i in range(40)], "y": ["a", "b"] * 20, **columns}
    return lambda: pyarrow.parquet.write_table(pyarrow.table(made), "t.parquet")


bad("no Parquet", lambda: Path("t.parquet").write_text(GOOD), "t.parquet", DATA, "t.parquet", "not a readable Parquet")
bad("dates in Parquet", parquet(z=pyarrow.array([1] * 40, pyarrow.timestamp("s"))), "t.parquet", DATA, "'z'", "dates")
bad("lists in Parquet", parquet(z=[[1, 2]] * 40), "t.parquet", DATA, "'z'", "list", "--drop z")
bad("a null label in Parquet", parquet(y=["a", None] * 20), "t.parquet", DATA, "row 1, column 'y' is empty")

# arrays
bad("no npz", lambda: Path("t.npz").write_text(GOOD), "t.npz", DATA, "t.npz", "not a readable .npz")
bad("npz without X", lambda: np.savez("t.npz", a=np.zeros(3)), "t.npz", DATA, "t.npz", "no array 'X'", "numpy.savez")
bad(
    "npz with objects",
    lambda: np.savez("t.npz", X=np.zeros((9, 2)), y=np.array([{}] * 9)),
    "t.npz",
    DATA,
    "'y'",
    "objects",
)
bad(
    "npz with NaN", lambda: np.savez("t.npz", X=np.full((9, 2), np.nan), y=[0, 1, 2] * 3), "t.npz", DATA, "row 0", "NaN"
)
bad("npz of two lengths", lambda: np.savez("t.npz", X=np.eye(9), y=[0, 1] * 4), "t.npz", DATA, "t.npz", "(9,)", "(8,)")
bad(
    "npz with odd splits",
    lambda: np.savez("t.npz", X=np.eye(9), y=[0, 1, 2] * 3, split=["all"] * 9),
    "t.npz",
    DATA,
    "'all'",
)


def lying() -> None:
    """An array whose header promises a terabyte."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (2**37, 1)})
    with zipfile.ZipFile("t.npz", "w") as archive:
        archive.writestr("X.npy", head.getvalue() + b"0" * 64)
        archive.writestr("y.npy", head.getvalue())


bad("npz that lies about its size", lying, "t.npz", DATA, "t.npz", "promises")


# folders of images
def folder(**files: bytes | None) -> Callable[[], object]:
    """Two classes of six pictures, then the files given ("__" stands for "/"); None removes one."""

    def made() -> None:
        for name, light in (("cat", 60), ("dog", 200)):
            for i in range(6):
                path = Path("pets", name, f"{i}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((9, 9, 3), light + i, np.uint8)).save(path)
        for key, content in files.items():
            path = Path("pets", key.replace("__", "/").replace("_png", ".png").replace("_txt", ".txt"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content or b"")

    return made


def png(width: int, height: int) -> bytes:
    """The first bytes of a picture that says it is of this size."""
    held = io.BytesIO()
    Image.new("1", (1, 1)).save(held, "PNG")
    start = held.getvalue()
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + start[24:29]
    return start[:12] + head + zlib.crc32(head).to_bytes(4, "big") + start[33:]


bad("an empty folder", lambda: Path("pets").mkdir(), "pets", DATA, "pets", "no class folders", "pets/cat/1.png")
bad("pictures without folders", folder(a_png=b"x"), "pets", DATA, "a.png", "beside the class folders")
bad("a class without pictures", folder(owl__a_txt=b"x"), "pets", DATA, "owl", "holds no pictures", "add some")
bad("an empty picture", folder(cat__a_png=b""), "pets", DATA, "a.png", "not a readable image", "remove it")
bad("a text as picture", folder(cat__a_png=b"hello" * 99), "pets", DATA, "a.png", "unknown format")
bad("half a picture", folder(cat__a_png=png(90, 90)), "pets", DATA, "a.png", "not a readable image")
bad("a huge picture", folder(cat__a_png=png(9000, 9000)), "pets", DATA, "a.png", "9000x9000", "50 million")
bad("a picture as a bomb", folder(cat__a_png=png(60000, 60000)), "pets", DATA, "a.png", "50 million", "smaller")
bad("pictures of no pixels", folder(), "pets --image-size 0", USAGE, "--image-size", "4 to 512")
bad("a column of a folder", folder(), "pets --label species", USAGE, "--label", "a folder of images")

# options
bad("an unknown model", GOOD, "t.csv --model mpl", USAGE, "'mpl'", "did you mean 'mlp'")
bad("a model for other data", GOOD, "t.csv --model conv", USAGE, "'conv' takes image", "mlp")
bad("an unknown setting", GOOD, "t.csv --set depht=3", USAGE, "'depht'", "width=128")
bad("a setting without a value", GOOD, "t.csv --set width", USAGE, "NAME=VALUE", "width=256")
bad("a model that is not there", GOOD, "t.csv --model nowhere.net:make", USAGE, "'nowhere'")
bad("pictures of a table", GOOD, "t.csv --augment", USAGE, "--augment is for images")
bad("frozen without a model", GOOD, "t.csv --freeze", USAGE, "--freeze needs", "hf:PATH")
bad("no epochs", GOOD, "t.csv --epochs 0", USAGE, "epochs", "at least 1")
bad("noise above 1", GOOD, "t.csv --label-noise 1.5", USAGE, "label_noise", "1.5")
bad("words of no length", GOOD, "t.csv --text c --max-length 0", USAGE, "--max-length", "at least 1")
bad("columns of a built-in set", nothing, "digits --label x", USAGE, "--label", "built in")


def test_there_are_96_bad_inputs() -> None:
    assert len(CASES) >= 96
    assert all(case.code in (USAGE, DATA) and case.words for case in CASES.values())


@pytest.mark.parametrize("name", CASES)
def test_D6_D8_a_bad_input_is_refused_in_words(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    monkeypatch.chdir(tmp_path)
    case.make()
    if name == "no permission" and os.access("t.csv", os.R_OK):
        pytest.skip("this user may read everything")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    said, printed = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
        code = cli.run(["compare", *case.arguments.split(), "--seeds", "1", "--engine", "inline"])
    message = said.getvalue()
    assert code == case.code, message
    assert printed.getvalue() == "" and "Traceback" not in message
    refusal = message.splitlines()[-1]
    assert len(message.splitlines()) <= 3 and len(refusal) < 500
    assert refusal.startswith("labelsmooth: ")
    assert [words for words in case.words if words not in refusal] == [], refusal
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
