"""How often a search has looked at the test split: written down before each look, told with every later one."""

from __future__ import annotations

from typing import Any

from ..._checks import DataError
from ..store import RunFolder

NAME = "test_readings.json"
_FIELDS = {"trials": int, "candidates": int, "hard": str, "smooth": str}
Reading = dict[str, Any]


def remember(folder: RunFolder, reading: Reading) -> list[Reading]:
    """Write down that the test split is about to be read for this pair; return the earlier readings.

    The same search over the same files reads the same numbers again, which is no further look.
    """
    known = _known(folder)
    if reading not in known:
        folder.write_json(NAME, [*known, reading])
    return [each for each in known if each != reading]


def _known(folder: RunFolder) -> list[Reading]:
    if not (folder.path / NAME).exists():
        return _told(folder)
    found = folder.read_json(NAME)
    if not isinstance(found, list) or not all(map(_is_reading, found)):
        raise DataError(
            f"{folder.path / NAME} is not what a search writes: expected what was chosen at each reading of the test "
            "split; bring the old file back, or search anew in another folder with --out"
        )
    return found


def _told(folder: RunFolder) -> list[Reading]:
    """The reading that results.json tells of, where the list is gone or an earlier version wrote none."""
    if not (folder.path / "results.json").exists():
        return []
    tuning = folder.results().get("tuning")
    if not isinstance(tuning, dict):
        return []
    tried = tuning.get("candidates")
    if not isinstance(tried, list) or not all(isinstance(line, dict) for line in tried):
        return []
    pair = {line.get("chosen"): line.get("method") for line in tried}
    reading = {"trials": tuning.get("trials"), "candidates": len(tried)}
    found = {**reading, "hard": pair.get("hard"), "smooth": pair.get("smooth")}
    return [found] if _is_reading(found) else []


def _is_reading(each: Any) -> bool:
    return isinstance(each, dict) and {name: type(value) for name, value in each.items()} == _FIELDS


def note(earlier: list[Reading]) -> str:
    """What a verdict has to say of earlier looks."""
    looks = "; ".join(
        f"at {each['trials']} trials, after {each['candidates']} candidates, "
        f"for {each['hard']!r} and {each['smooth']!r}"
        for each in earlier
    )
    return (
        f"the test split had been read before in this search ({looks}), so this verdict is no first look: who goes on "
        "until a verdict pleases finds one by chance more often than the rule allows for"
    )
