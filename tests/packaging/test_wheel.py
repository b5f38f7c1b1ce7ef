"""The wheel and the source distribution: built, installed in a clean environment, and used there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import labelsmooth
from labelsmooth.kernels import _compiled

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
NATIVE = ROOT / "src" / "labelsmooth" / "kernels" / "native"
LIBRARY = f"labelsmooth/kernels/native/{_compiled.NAME}"
COMPILER = shutil.which("cmake") is not None and any(map(shutil.which, ("c++", "g++", "clang++")))


def done(command: list[str], **options: object) -> str:
    """What a command prints; its errors when it fails."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=280, **options)  # type: ignore[call-overload]
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return str(ran.stdout)


def wheel_of(source: Path, folder: Path, **environment: str) -> Path:
    """The wheel of a source, built with what is installed here: compiled objects of an earlier build are used again."""
    building = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    done(PIP + building, env={**os.environ, **environment})
    (wheel,) = folder.glob("labelsmooth-*.whl")
    return wheel


def clean_environment(folder: Path) -> Path:
    """An environment without labelsmooth, that finds torch and the others where the tests have them."""
    done([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    (site,) = folder.glob("lib/python*/site-packages")
    elsewhere = {str(Path(module.__file__).parents[1]) for module in map(__import__, ("torch", "numpy"))}
    (site / "elsewhere.pth").write_text("\n".join(sorted(elsewhere)), encoding="utf-8")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    building = "import sys; from scikit_build_core.build import build_sdist as build; build(sys.argv[1])"
    done([sys.executable, "-c", building, str(folder)], cwd=ROOT)
    (archive,) = folder.glob("labelsmooth-*.tar.gz")
    return archive


def test_a_wheel_is_for_every_python_and_one_platform(wheel: Path) -> None:
    """py3-none-platform: opened by ctypes, the kernel knows no Python; it does know its processor."""
    kind = "none-any" if not COMPILER else r"none-(linux|macosx)_\w+"
    assert re.fullmatch(rf"labelsmooth-{re.escape(labelsmooth.__version__)}-py3-{kind}\.whl", wheel.name)
    names = zipfile.ZipFile(wheel).namelist()
    assert (LIBRARY in names) == COMPILER
    assert {name.split("/")[0].split("-")[0] for name in names} == {"labelsmooth"}
    assert [name for name in names if name.endswith((".cpp", ".h", ".pyc", ".ipynb"))] == []


def test_a_wheel_installs_and_works_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    python = clean_environment(tmp_path / "clean")
    done([*PIP, "--python", str(python), "install", "--no-deps", "--no-index", "--no-compile", str(wheel)])
    without = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LABELSMOOTH_NATIVE")}
    kernel = "native_cpu" if COMPILER else "portable"
    said = done([str(python), str(Path(__file__).with_name("installed.py")), kernel], cwd=tmp_path, env=without)
    assert "installed: works" in said
    command = python.with_name("labelsmooth")
    assert done([str(command), "--version"], cwd=tmp_path, env=without) == f"labelsmooth {labelsmooth.__version__}\n"


def test_the_check_of_an_installation_sees_the_source_tree(tmp_path: Path) -> None:
    python = clean_environment(tmp_path / "clean")
    script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import installed; "
    beside = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run(
        [str(python), "-c", script + "installed.from_the_installation()"], env=beside, capture_output=True, text=True
    )
    assert ran.returncode != 0 and "imported from" in ran.stderr


@pytest.mark.skipif(not COMPILER, reason="there is no compiler to hide")
def test_sources_install_without_a_compiler(sources: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in filter(shutil.which, ("cmake", "ninja", "make")):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    wheel = wheel_of(sources, tmp_path / "wheel", PATH=str(tools), CC="/bin/false", CXX="/bin/false")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert LIBRARY not in zipfile.ZipFile(wheel).namelist()
    assert "labelsmooth/kernels/portable.py" in zipfile.ZipFile(wheel).namelist()


def test_sources_hold_what_a_build_needs(sources: Path) -> None:
    with tarfile.open(sources) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    native = "src/labelsmooth/kernels/native/"
    assert {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        f"{native}CMakeLists.txt",
        *(f"{native}{path.name}" for path in NATIVE.glob("*.h")),
    } <= names
    assert [name for name in names if name.endswith((".so", ".pyc")) or name.startswith(("build/", "runs/"))] == []
