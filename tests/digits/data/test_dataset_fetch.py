"""Fetching MNIST from good, bad and absent mirrors; none of them is further away than 127.0.0.1."""

from __future__ import annotations

import gzip
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pooch
import pytest

from digits.idx_folders import change, digit_arrays, file_name, idx_bytes, pretend_mnist
from digits.mirrors import Mirrors, closed_port, serve, stay_on_loopback
from handgrad.digits import prepare, run
from handgrad.digits.data import load as module
from handgrad.digits.data.fetch import default_cache, fetch_mnist
from handgrad.digits.data.idx_folder import read_folder
from handgrad.digits.data.load import load_dataset
from handgrad.digits.watcher import Silent
from handgrad.errors import DiskError, MissingError

FIRST = "train-images-idx3-ubyte.gz"


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    stay_on_loopback(monkeypatch)
    arrays = digit_arrays()
    pretend_mnist(monkeypatch, arrays)
    packed = {file_name(stem, ".gz"): gzip.compress(idx_bytes(values), mtime=0) for stem, values in arrays.items()}
    with serve(packed) as running:
        yield running


def test_the_guard_of_these_tests_stops_what_leaves_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    stay_on_loopback(monkeypatch)
    with socket.socket() as connection, pytest.raises(AssertionError, match="a test asked for"):
        connection.connect(("192.0.2.1", 80))


def test_a_good_mirror_fills_the_cache(tmp_path: Path, mirrors: Mirrors) -> None:
    cache = tmp_path / "new" / "cache"
    loaded = load_dataset(cache=cache, mirrors=[mirrors.at("good")])
    assert (loaded.name, loaded.notice) == ("mnist", None)
    assert sorted(path.name for path in cache.iterdir()) == sorted(mirrors.files)
    assert load_dataset(cache=cache, mirrors=[mirrors.at("good")]).sha256 == loaded.sha256
    assert len(mirrors.asked) == 4


@pytest.mark.parametrize("bad", ["missing", "portal", "half", "endless", "closed"])
def test_after_a_bad_mirror_the_next_is_asked(tmp_path: Path, mirrors: Mirrors, bad: str) -> None:
    first = mirrors.at(bad) if bad != "closed" else f"http://127.0.0.1:{closed_port()}/"
    fetch_mnist(tmp_path, mirrors=[first, mirrors.at("good")])
    assert read_folder(tmp_path, mnist_only=True).name == "mnist"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(mirrors.files)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("missing", "404 "),
        ("portal", f"sent something other than {FIRST}"),
        ("half", "broke off"),
        ("endless", f"sent something other than {FIRST}"),
    ],
)
def test_a_bad_mirror_leaves_nothing_and_is_quoted(tmp_path: Path, mirrors: Mirrors, bad: str, said: str) -> None:
    with pytest.raises(MissingError) as caught:
        fetch_mnist(tmp_path, mirrors=[mirrors.at(bad)])
    message = str(caught.value)
    address = mirrors.url.removeprefix("http://")
    assert message.startswith(f"{FIRST} could not be downloaded – {address}: {said}")
    assert f"put the four files of MNIST into {tmp_path}" in message and "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_each_mirror_is_asked_once_and_digits_are_drawn(
    tmp_path: Path, mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAWN_TRAINING", 40)
    monkeypatch.setattr(module, "DRAWN_TEST", 20)
    ports = [closed_port(), closed_port()]
    loaded = load_dataset(cache=tmp_path, mirrors=[f"http://127.0.0.1:{port}/mnist/" for port in ports])
    assert loaded.name == "drawn" and loaded.notice is not None and "\n" not in loaded.notice
    for port in ports:
        assert f"127.0.0.1:{port}: no connection" in loaded.notice
    assert f"put the four files of MNIST into {tmp_path}" in loaded.notice


def test_a_damaged_file_in_the_cache_is_fetched_again_and_only_that(tmp_path: Path, mirrors: Mirrors) -> None:
    fetch_mnist(tmp_path, mirrors=[mirrors.at("good")])
    change(tmp_path / FIRST, lambda data: data[:100])
    mirrors.asked.clear()
    assert load_dataset(cache=tmp_path, mirrors=[mirrors.at("good")]).name == "mnist"
    assert mirrors.asked == [f"/good/{FIRST}"]


def test_a_cache_that_cannot_be_written_is_an_error_of_the_disk(tmp_path: Path, mirrors: Mirrors) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskError, match=r"file/cache cannot be written – "):
        fetch_mnist(tmp_path / "file" / "cache", mirrors=[mirrors.at("good")])


def test_a_cache_that_the_system_refuses_leaves_drawn_digits(
    tmp_path: Path, mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAWN_TRAINING", 40)
    monkeypatch.setattr(module, "DRAWN_TEST", 20)
    loaded = load_dataset(cache=tmp_path / ("x" * 300), mirrors=[mirrors.at("good")])
    assert loaded.name == "drawn" and loaded.notice is not None and "\n" not in loaded.notice
    assert "File name too long" in loaded.notice and "cannot be written" in loaded.notice


def test_an_address_that_is_none_is_quoted(tmp_path: Path, mirrors: Mirrors) -> None:
    with pytest.raises(MissingError, match=r"could not be downloaded – .*ftp"):
        fetch_mnist(tmp_path, mirrors=["ftp://127.0.0.1/"])
    with pytest.raises(MissingError, match="no mirror given"):
        fetch_mnist(tmp_path, mirrors=[])


def test_fetching_prints_nothing_where_there_is_no_terminal(
    tmp_path: Path, mirrors: Mirrors, capfd: pytest.CaptureFixture[str]
) -> None:
    level = pooch.get_logger().level
    fetch_mnist(tmp_path, mirrors=[mirrors.at("missing"), mirrors.at("good")], progress=True)
    assert capfd.readouterr() == ("", "")
    assert pooch.get_logger().level == level != logging.ERROR


def test_the_bar_ends_at_the_size_of_the_four_files(
    tmp_path: Path, mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []

    class Bar:
        def __init__(self, total: int, **options: object) -> None:
            self.total, self.n = total, 0

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *reason: object) -> None:
            counted.append((self.n, self.total))

        def update(self, count: int) -> None:
            self.n += count

    monkeypatch.setattr("tqdm.tqdm", Bar)
    for asked in ([mirrors.at("portal"), mirrors.at("half"), mirrors.at("good")], [mirrors.at("good")]):
        fetch_mnist(tmp_path, mirrors=asked)
    size = sum(map(len, mirrors.files.values()))
    assert counted == [(size, size), (size, size)]


def test_the_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "handgrad" / "mnist"


class AskedError(Exception):
    """Raised in place of a download."""


@pytest.mark.parametrize("watcher", [None, Silent()])
def test_whoever_watches_a_training_sees_the_bar_of_its_download(
    watcher: Silent | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def asked(_: Path | None, **given: bool) -> None:
        raise AskedError(given["progress"])

    monkeypatch.setattr(prepare, "load_dataset", asked)
    with pytest.raises(AskedError, match=str(watcher is not None)):
        run.train("quick", out=tmp_path, watcher=watcher)
