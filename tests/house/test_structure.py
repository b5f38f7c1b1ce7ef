"""The house: imports go down, files and functions stay small, no comparison in a test is thrown away."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "labelsmooth"
FLOORS = {
    "_checks": 0, "_files": 0, "_terminal": 0, "_notices": 0, "_modes": 0,
    "_blocked": 0.3, "_delimited": 0.3, "_named": 0.3,
    "_arrays": 0.5, "_progress": 0.5, "options": 0.5, "_web": 0.5,
    "formats": 0.7,
    "targets": 1, "predictions": 1,
    "schemes": 2, "kernels": 2, "calibration": 2, "data": 2,
    "losses": 3, "models": 3,
    "parallel": 3.5,
    "rivals": 4, "audit": 4, "bench": 4,
    "methods": 5, "augmentation": 5, "integrations": 5,
    "training": 6,
    "comparison": 7,
    "report": 8, "lesson": 8,
    "_comparison": 8.5,
    "workflows": 9,
    "dry_run": 9.2,
    "tuning": 9.5,
    "cli": 10,
    "__main__": 11,
}  # fmt: skip
COMPARISONS = {"allclose", "isclose", "equal", "array_equal", "isinstance", "all", "any", "approx"}


def python_files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    assert found, f"no Python files under {folder}"
    return found


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> list[tuple[list[str], int]]:
    """Every labelsmooth module a file imports, anywhere in it, as its parts after `labelsmooth`."""
    package = ["labelsmooth", *path.relative_to(SOURCE).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name.split("."), node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            found += [([*module, alias.name], node.lineno) for alias in node.names]
    return [(parts[1:], line) for parts, line in found if parts[0] == "labelsmooth" and len(parts) > 1]


def upward(path: Path) -> list[str]:
    here = room(path)
    if here == "__init__":
        return []
    return [
        f"{path.relative_to(ROOT)}:{line}: {here} [{FLOORS[here]}] imports {parts[0]} [{FLOORS[parts[0]]}]"
        for parts, line in imported_modules(path)
        if parts[0] in FLOORS and parts[0] != here and FLOORS[parts[0]] >= FLOORS[here]
    ]


def test_every_room_has_a_floor() -> None:
    rooms = {room(path) for path in python_files(SOURCE)} - {"__init__"}
    assert rooms <= set(FLOORS), f"rooms without a floor: {sorted(rooms - set(FLOORS))}"


def test_imports_go_downwards() -> None:
    assert [line for path in python_files(SOURCE) for line in upward(path)] == []


def test_an_upward_import_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "src" / "labelsmooth"
    source.mkdir(parents=True)
    (source / "targets.py").write_text("def f():\n    from .cli import main\n", encoding="utf-8")
    monkeypatch.setitem(globals(), "SOURCE", source)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert len(upward(source / "targets.py")) == 1


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = ast.get_docstring(node, clean=False)
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_functions_are_short() -> None:
    sizes = sorted(body_lines(node) for path in python_files(SOURCE) for node in functions(path))
    assert sizes[len(sizes) // 2] <= 10
    assert sizes[int(len(sizes) * 0.9)] <= 30
    assert sizes[-1] <= 60


def test_files_are_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(SOURCE)}
    assert {str(path): n for path, n in lines.items() if n > 300} == {}


def dropped(node: ast.AST) -> bool:
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, ast.Compare):
        return True
    if not isinstance(value, ast.Call):
        return False
    name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    return name in COMPARISONS


def test_no_test_drops_a_comparison() -> None:
    places = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files(ROOT / "tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if dropped(node)
    ]
    assert places == []


def test_a_dropped_comparison_is_seen() -> None:
    tree = ast.parse("torch.allclose(a, b)\na == b\nassert a == b\ntorch.testing.assert_close(a, b)")
    assert [dropped(node) for node in tree.body] == [True, True, False, False]


def test_no_assert_and_no_bare_except_in_the_package() -> None:
    places = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files(SOURCE)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert) or (isinstance(node, ast.ExceptHandler) and node.type is None)
    ]
    assert places == []
