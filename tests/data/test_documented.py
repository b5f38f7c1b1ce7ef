"""docs/data.md: its commands parse, and every option of data and models is explained there."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

from labelsmooth.cli import parser
from labelsmooth.data._load import _KINDS
from labelsmooth.models import names
from labelsmooth.options import DataOptions

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_commands_parse() -> None:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
    assert len(lines) >= 10
    for line in lines:
        assert parser().parse_args(shlex.split(line)[1:]).data


def test_every_option_and_model_is_explained() -> None:
    elsewhere = {"label_noise", "label_noise_val", "shift", "tokenizer"}
    options = {f"--{each.name.replace('_', '-')}" for each in fields(DataOptions) if each.name not in elsewhere}
    wanted = options | {"--model", "--set", "--freeze", "--head", "--augment"} | {f"`{name}`" for name in names()}
    assert {each for each in wanted if each not in PAGE} == set()


def test_every_kind_of_data_is_found_in_its_folder() -> None:
    folder = Path(__file__).parents[2] / "src" / "labelsmooth" / "data" / "kinds"
    assert sorted(_KINDS) == sorted(path.stem for path in folder.glob("[a-z]*.py"))
