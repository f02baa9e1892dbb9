"""``handgrad data``: what it shows, what it fetches, what it refuses."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from digits.idx_folders import digit_arrays, file_name, idx_bytes, pretend_mnist, write_folder
from digits.mirrors import Mirrors, serve, stay_on_loopback
from handgrad.cli import main
from handgrad.digits.data.load import load_dataset


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache of this test alone, and no folder named by the environment."""
    stay_on_loopback(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HANDGRAD_DATA", raising=False)
    return tmp_path / "cache" / "handgrad" / "mnist"


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    arrays = digit_arrays()
    pretend_mnist(monkeypatch, arrays)
    packed = {file_name(stem, ".gz"): gzip.compress(idx_bytes(values), mtime=0) for stem, values in arrays.items()}
    with serve(packed) as running:
        yield running


def handgrad(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Run the command line and return status, standard output and standard error."""
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    output = capfd.readouterr()
    return int(left.value.code or 0), output.out, output.err


def test_with_nothing_there_it_says_where_it_looked_and_what_to_do(
    cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, err = handgrad(capfd, "data")
    assert (status, err) == (0, "")
    assert str(cache) in out and "found      nothing" in out and "handgrad data --fetch" in out
    assert out.count("https://") == 2
    assert json.loads(handgrad(capfd, "data", "--json")[1])["name"] is None


def test_fetch_fills_the_cache_and_shows_it(cache: Path, mirrors: Mirrors, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = handgrad(capfd, "data", "--fetch", "--mirror", mirrors.at("good"))
    assert (status, err) == (0, "")
    assert "mnist: 60 training images, 20 test images" in out and out.count("SHA-256 is MNIST's") == 4
    assert handgrad(capfd, "data")[1] == out
    assert sorted(path.name for path in cache.iterdir()) == sorted(mirrors.files)


def test_fetch_without_a_mirror_that_answers_has_status_3(
    cache: Path, mirrors: Mirrors, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, err = handgrad(capfd, "data", "--fetch", "--mirror", mirrors.at("missing"))
    assert (status, out) == (3, "")
    assert (
        err.startswith("error: train-images-idx3-ubyte.gz could not be downloaded – 127.0.0.1:") and str(cache) in err
    )


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_named_folder_is_shown_as_it_is_loaded(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_folder(tmp_path / "other", digit_arrays())
    if way == "variable":
        monkeypatch.setenv("HANDGRAD_DATA", str(folder))
    status, out, _ = handgrad(capfd, "data", "--json", *(["--data", folder] if way == "option" else []))
    record, loaded = json.loads(out), load_dataset(folder)
    assert (status, record["source"], record["folder"]) == (0, "folder", str(folder))
    assert (record["name"], record["sha256"]) == (loaded.name, loaded.sha256)
    assert [(file["items"], file["is_mnist"]) for file in record["files"]] == [(60, False)] * 2 + [(20, False)] * 2
    assert [file["bytes"] for file in record["files"]] == [
        (folder / file["file"]).stat().st_size for file in record["files"]
    ]
    assert f"This is not MNIST; results say dataset: {loaded.name}." in handgrad(capfd, "data", "--data", folder)[1]


def test_the_option_goes_before_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path / "variable"))
    folder = write_folder(tmp_path / "option", digit_arrays())
    assert str(folder) in handgrad(capfd, "data", "--data", folder)[1]
    status, _, err = handgrad(capfd, "data")
    assert status == 3 and "variable is not a folder – found nothing there" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fetch", "--data", "x"], "--fetch fills the cache, --data names another folder"),
        (["--mirror", "http://127.0.0.1/"], "found no --fetch"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, err = handgrad(capfd, "data", *arguments)
    assert (status, out) == (2, "") and said in err and err.count("\n") == 1


def test_a_damaged_cache_has_status_3(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_folder(cache, digit_arrays())
    status, out, err = handgrad(capfd, "data")
    assert (status, out) == (3, "") and "expected MNIST's training images" in err
