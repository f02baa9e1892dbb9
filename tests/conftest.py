"""Fixtures for several parts: disks that are full or read-only, where this machine lets a test mount them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """Answer to signals as a program does that was typed in a terminal.

    Whatever is started in the background or below nohup inherits that interrupts and hang-ups are ignored, and hands that on
    to each program that a test starts and means to interrupt.
    """
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (getattr(signal, "SIGHUP", None), signal.SIG_DFL),
    ):
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def mounted(place: Path, *command: str) -> None:
    """Mount something on *place*, or skip the test where that is not allowed."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *command, str(place)], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mount is not allowed here: {done.stderr.strip()}")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "tiny disk"
    try:
        mounted(place, "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    except FileNotFoundError:
        pytest.skip("no mount program here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder ``read only`` that shows ``real`` beside it, and takes no writes (as root, chmod would not do that)."""
    real, place = tmp_path / "real", tmp_path / "read only"
    real.mkdir()
    try:
        mounted(place, "--bind", str(real))
    except FileNotFoundError:
        pytest.skip("no mount program here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
