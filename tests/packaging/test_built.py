"""Wheel and sdist as they would be released: built here, the wheel installed into a new environment, and used there."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel made from it."""
    pytest.importorskip("hatchling")
    place = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build"]
    subprocess.run([*build, "-t", "sdist", "-d", str(place)], cwd=ROOT, check=True, capture_output=True)
    (source,) = place.glob("*.tar.gz")
    with tarfile.open(source) as file:
        file.extractall(place / "source", filter="data")
    (unpacked,) = (place / "source").iterdir()
    subprocess.run([*build, "-t", "wheel", "-d", str(place)], cwd=unpacked, check=True, capture_output=True)
    return place


@pytest.fixture(scope="module")
def python(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment that holds the wheel, and sees the libraries of this one behind it."""
    place = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    python = place / "bin" / "python"
    (wheel,) = dist.glob("*.whl")
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    libraries = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    # The .pth files of this environment are not read from there, so its own handgrad stays out of sight.
    folders = dict.fromkeys([sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("-packages"))])
    (Path(libraries) / "libraries.pth").write_text("\n".join(folders))
    return python


def run(python: Path, *arguments: str, folder: Path, **environment: str) -> str:
    """Return what *python* prints in *folder*, with nothing of this process's environment."""
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [str(python), *arguments], cwd=folder, env=known | environment, capture_output=True, text=True, check=False
    )
    # What pytest found stands in its standard output.
    assert done.returncode == 0, f"{done.stdout[-4000:]}{done.stderr}"
    return done.stdout


def test_the_sdist_holds_source_tests_and_documents_and_no_measurements(dist: Path) -> None:
    (source,) = dist.glob("*.tar.gz")
    with tarfile.open(source) as file:
        names = [name.partition("/")[2] for name in file.getnames()]
    for wanted in (
        "src/handgrad/__init__.py",
        "tests/conftest.py",
        "docs/workbook.md",
        "README.md",
        "LICENSE",
        "Makefile",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("benchmarks/results", ".ci", ".github", ".venv", "runs"))]


def test_the_wheel_holds_every_file_of_the_package_and_no_other(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
    own = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert held == {name.removeprefix("src/") for name in own.splitlines()}


def test_the_wheel_does_its_work_in_a_new_environment_without_write_access_to_it(python: Path, tmp_path: Path) -> None:
    where = run(python, "-c", "import handgrad; print(handgrad.__file__)", folder=tmp_path)
    assert where.startswith(str(python.parents[1]))
    run(python, "-m", "handgrad", "backprop", folder=tmp_path)
    assert (tmp_path / "backprop.xlsx").stat().st_size > 20_000
    (tmp_path / "small.toml").write_text('network = "tiny-5k"\nepochs = 1\n')
    run(python, "-m", "handgrad", "doctor", folder=tmp_path)


@pytest.mark.timeout(1800)  # some four hundred tests in one process: more than a single test may take
def test_the_tests_pass_against_the_wheel(python: Path) -> None:
    """The tests of the commands and of the documents: they use every room of the house."""
    paths = ["tests/cli", "tests/test_imports.py", "tests/test_documents.py", "tests/contract"]
    # The tests stand in the project's folder, where the source must not be found before the wheel.
    where = run(python, "-c", "import handgrad; print(handgrad.__file__)", folder=ROOT)
    assert where.startswith(str(python.parents[1]))
    options = ["-p", "no:cacheprovider", "-x", "-q"]
    run(python, "-m", "pytest", *options, *paths, folder=ROOT, OMP_NUM_THREADS="1")
