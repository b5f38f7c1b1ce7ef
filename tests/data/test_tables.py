"""Tables: what a column is, what is done to it, and that all of it is found from the training rows alone."""

import csv
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from labelsmooth._checks import DataError
from labelsmooth.data import load

RNG = np.random.default_rng(3)
LABELS = ["NA", "None", "01", "1.0", "True"]


def records(rows=100):
    """A table with numbers, missing values, categories, a constant and labels that look like anything but text."""
    return [
        {
            "size": "" if i % 10 == 3 else f"{RNG.normal():.3f}",
            "weight": f"{10 + RNG.normal():.3f}",
            "colour": ["red", "blue", "", "green"][i % 4],
            "same": "x",
            "kind": LABELS[i % 5],
        }
        for i in range(rows)
    ]


def written(path: Path, rows, delimiter=",", encoding="utf-8", newline="\r\n"):
    with open(path, "w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator=newline)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def table(tmp_path):
    return written(tmp_path / "table.csv", records())


def by_id(data):
    """Inputs and class names of all rows in the order of the file."""
    splits = (data.train, data.val, data.test)
    order = np.argsort(np.concatenate([s.ids for s in splits]))
    labels = np.concatenate([s.labels for s in splits])[order]
    return np.concatenate([s.inputs for s in splits])[order], [data.classes[c] for c in labels]


def test_D5_labels_of_a_file_stay_text(table):
    data = load(str(table), label="kind")
    assert data.classes == sorted(LABELS)
    assert by_id(data)[1] == [LABELS[i % 5] for i in range(100)]


def test_columns_are_prepared_as_an_independent_computation_says(table):
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    data = load(str(table), label="kind")
    inputs, train = by_id(data)[0], data.train.ids
    assert data.kind == "table" and data.cardinalities == (5,) and inputs.shape == (100, 4)
    size = [float(r["size"]) if r["size"] else None for r in rows]
    median = np.median([size[i] for i in train if size[i] is not None])
    filled = np.array([median if s is None else s for s in size])
    weight = np.array([float(r["weight"]) for r in rows])
    for column, values in ((0, filled), (2, weight)):
        expected = (values - values[train].mean()) / values[train].std()
        np.testing.assert_allclose(inputs[:, column], expected, atol=1e-5)
    np.testing.assert_array_equal(inputs[:, 1], [s is None for s in size])
    places = {"": 1, "blue": 2, "green": 3, "red": 4}
    np.testing.assert_array_equal(inputs[:, 3], [places[r["colour"]] for r in rows])


def test_the_card_says_what_was_done_to_each_column(table):
    card = load(str(table), label="kind").card
    done = {column["name"]: column["done"] for column in card["columns"]}
    assert done["kind"] == "kept as text" and done["same"] == "left out: one value in all training rows"
    assert "set to the median" in done["size"] and "'missing' among them" in done["colour"]
    assert card["balance"]["01"] == {"train": 10, "val": 3, "test": 7}


def test_what_happens_outside_training_changes_nothing_in_training(tmp_path):
    rows = records()
    one = load(str(written(tmp_path / "one.csv", rows)), label="kind")
    outside = set(np.concatenate([one.val.ids, one.test.ids]).tolist())
    for i in outside:
        rows[i].update(size="1e6", weight="", colour="never seen", same="y")
    two = load(str(written(tmp_path / "two.csv", rows)), label="kind")
    np.testing.assert_array_equal(two.train.inputs, one.train.inputs)
    assert two.cardinalities == one.cardinalities
    assert set(two.test.inputs[:, 3]) == {0.0}
    median = np.median([float(rows[i]["weight"]) for i in one.train.ids])
    values = np.array([float(rows[i]["weight"]) for i in one.train.ids])
    np.testing.assert_allclose(two.test.inputs[:, 2], (median - values.mean()) / values.std(), atol=1e-5)
    assert two.fingerprint != one.fingerprint


def test_rare_and_new_categories_share_a_place(tmp_path):
    rows = records()
    for i, row in enumerate(rows):
        row["colour"] = f"only {i}" if i % 2 else row["colour"]
    data = load(str(written(tmp_path / "t.csv", rows)), label="kind")
    inputs = by_id(data)[0]
    assert set(inputs[1::2, 3]) == {0.0} and 0.0 not in inputs[::2, 3]


@pytest.mark.parametrize("delimiter, name", [(",", "t.csv"), ("\t", "t.tsv"), (";", "t.csv"), ("|", "t.txt")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_way_to_write_the_same_table_is_the_same_data(tmp_path, delimiter, name, encoding):
    rows = records(60)
    for row in rows:
        row["colour"] = row["colour"].replace("red", "grün") and f'"{row["colour"]}{delimiter}\nü"'
    plain = load(str(written(tmp_path / "plain.csv", rows)), label="kind")
    given = {"delimiter": delimiter} if delimiter in ";|" else {}
    path = written(tmp_path / name, rows, delimiter, encoding, "\n")
    same = load(str(path), label="kind", encoding=encoding, **given)
    assert same.fingerprint == plain.fingerprint


def test_parquet_gives_what_csv_gives(tmp_path):
    rows = records()
    one = load(str(written(tmp_path / "t.csv", rows)), label="kind")
    columns = {name: [row[name] or None for row in rows] for name in rows[0]}
    columns["size"] = [None if s is None else float(s) for s in columns["size"]]
    columns["weight"] = [float(w) for w in columns["weight"]]
    table = pyarrow.table(columns)
    table = table.set_column(2, "colour", table.column("colour").dictionary_encode())
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    two = load(str(tmp_path / "t.parquet"), label="kind")
    assert two.fingerprint == one.fingerprint
    np.testing.assert_array_equal(two.test.inputs, one.test.inputs)


@pytest.mark.parametrize("values, classes", [([3, 20, 1], ["1", "20", "3"]), ([True, False], ["False", "True"])])
def test_D5_parquet_labels_are_text(tmp_path, values, classes):
    columns = {"x": list(map(float, range(60))), "y": [values[i % len(values)] for i in range(60)]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    assert load(str(tmp_path / "t.parquet")).classes == classes


def test_codes_that_are_names_can_be_categories(tmp_path):
    rows = [{"post": ["01", "1", "10"][i % 3], "y": "ab"[i % 2]} for i in range(60)]
    path = str(written(tmp_path / "t.csv", rows))
    assert load(path).cardinalities == ()
    assert load(path, categorical="post").cardinalities == (4,)


def test_C19_a_group_is_in_one_split(tmp_path):
    rows = [{**row, "who": f"p{i // 5}"} for i, row in enumerate(records())]
    data = load(str(written(tmp_path / "t.csv", rows)), label="kind", group="who")
    sides = [set(split.groups.tolist()) for split in (data.train, data.val, data.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 20
    assert "who" not in [c["name"] for c in data.card["columns"] if c["kind"] in ("numbers", "categories")]


def test_given_splits_are_kept(tmp_path):
    rows, others = records(80), records(30)
    main, own = str(written(tmp_path / "t.csv", rows)), written(tmp_path / "own.csv", others)
    both = load(main, label="kind", test=own, val=own)
    assert both.train.ids.tolist() == list(range(80)) and len(both.val) == len(both.test) == 30
    one = load(main, label="kind", test=own)
    assert len(one.test) == 30 and len(one.train) + len(one.val) == 80 and abs(len(one.val) - 80 * 15 / 65) <= 2
    assert one.card["split"] == "test given; the rest train and val 50/15 by class"
    other = load(main, label="kind", val=own)
    assert len(other.val) == 30 and abs(len(other.test) - 80 * 35 / 85) <= 2


def test_columns_of_a_given_split_are_found_by_name(tmp_path):
    rows, others = records(80), records(30)
    main = str(written(tmp_path / "t.csv", rows))
    turned = [dict(reversed(list({**row, "more": "1"}.items()))) for row in others]
    one = load(main, label="kind", test=written(tmp_path / "a.csv", others))
    two = load(main, label="kind", test=written(tmp_path / "b.csv", turned))
    np.testing.assert_array_equal(one.test.inputs, two.test.inputs)


def test_a_group_on_two_sides_is_refused(tmp_path):
    rows = [{**row, "who": f"p{i // 5}"} for i, row in enumerate(records())]
    main, own = written(tmp_path / "t.csv", rows[:80]), written(tmp_path / "own.csv", rows[78:])
    with pytest.raises(DataError, match=r"group 'p15' is in the .* and in the test split"):
        load(str(main), label="kind", group="who", test=own)


def test_shifted_tables_keep_their_form(table):
    data = load(str(table), label="kind", shift=True)
    assert data.shifted.inputs.shape == data.test.inputs.shape
    moved = data.shifted.inputs != data.test.inputs
    assert moved[:, 2].all() and not moved[:, 1].any() and (moved[:, 0] == (data.test.inputs[:, 1] == 0)).all()
    changed = (data.shifted.inputs[:, 3] != data.test.inputs[:, 3]).mean()
    assert 0 < changed < 0.3 and set(data.shifted.inputs[:, 3]) <= set(range(5))


@pytest.mark.parametrize(
    "column, words",
    [
        (lambda i: i + 1, "counts the rows"),
        (lambda i: f"name {i}", "an identifier"),
    ],
)
def test_identifiers_are_warned_of(tmp_path, column, words):
    rows = [{**row, "id": column(i)} for i, row in enumerate(records())]
    (warning,) = load(str(written(tmp_path / "t.csv", rows)), label="kind").card["warnings"]
    assert words in warning and "--drop id" in warning
    assert load(str(written(tmp_path / "t.csv", rows)), label="kind", drop="id").card["warnings"] == []


def test_slips_of_the_pen_and_copies_are_warned_of(tmp_path):
    rows = [{"x": i % 7, "y": ["cat", "Cat ", "dog"][i % 3]} for i in range(90)]
    warnings = load(str(written(tmp_path / "t.csv", rows))).card["warnings"]
    assert len(warnings) == 2
    assert "83 of 90 rows" in warnings[0] and "'Cat ', 'cat'" in warnings[1]


def test_texts_become_numbers_of_training_words(tmp_path):
    rows = [{"a": f"Good, w{i}", "b": "BAD day" if i % 2 else "", "y": "ab"[i % 2]} for i in range(60)]
    data = load(str(written(tmp_path / "t.csv", rows)), text=["a", "b"])
    inputs = by_id(data)[0]
    assert data.kind == "text" and data.cardinalities == (5,)
    assert inputs[0].tolist() == [inputs[1, 0], inputs[1, 1], 0, -1, -1]
    assert sorted(inputs[1].tolist()) == [0, 1, 2, 3, 4]
    assert load(str(tmp_path / "t.csv"), text="a", max_length=2).train.inputs.shape[1] == 2
