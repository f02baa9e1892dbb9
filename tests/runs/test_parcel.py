"""A run folder that comes home as an archive: whole, verified, or not at all."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from pathlib import Path

import pytest

from handgrad.errors import DamagedRunError
from handgrad.runs import RunFolder, create_run
from handgrad.runs.parcel import Parcel, pack_run, runs_labelled, same_end, unpack_run


def finished(root: Path, label: str, weights: bytes = b"\1\2\3\4", run: str = "") -> RunFolder:
    """Make a run folder that looks finished to the code that knows nothing of digits."""
    made = create_run(root, label)
    made.write("recipe.toml", 'name = "small"\n')
    made.write_json("environment.json", {"run": run or made.path.name})
    header = f'{{"__metadata__": {{"run": "{run or made.path.name}"}}, "w": {{"data_offsets": [0, 4]}}}}'.encode()
    made.write("model.safetensors", struct.pack("<Q", len(header)) + header + weights)
    (made.path / "checkpoint/000001.safetensors").write_bytes(b"state")
    (made.path / ".lock").write_bytes(b"17")
    made.write_json("summary.json", {"files": made.hashes("recipe.toml", "environment.json", "model.safetensors")})
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_comes_home_with_every_file_but_its_lock(tmp_path: Path) -> None:
    there = finished(tmp_path / "there", "small-s3")
    home = unpack_run(pack_run(there.path), tmp_path / "home")
    assert home.name == there.path.name and [path.name for path in (tmp_path / "home").iterdir()] == [home.name]
    expected = files(there.path)
    del expected[".lock"]
    assert files(home) == expected
    again = unpack_run(pack_run(there.path), tmp_path / "home")
    assert again.name == f"{home.name}-2" and files(again) == expected


@pytest.mark.parametrize("place", [0, 600, 3000, -700])
def test_a_changed_byte_on_the_way_is_found_and_nothing_is_left(tmp_path: Path, place: int) -> None:
    parcel = pack_run(finished(tmp_path / "there", "small-s3").path)
    data = bytearray(parcel.data)
    data[place] ^= 1
    with pytest.raises(DamagedRunError, match="not as it was sent"):
        unpack_run(Parcel(parcel.name, bytes(data), parcel.sha256), tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_run_that_does_not_verify_gets_no_name(tmp_path: Path) -> None:
    there = finished(tmp_path / "there", "small-s3")
    (there.path / "model.safetensors").write_bytes(b"others")
    with pytest.raises(DamagedRunError, match="does not match the hash"):
        unpack_run(pack_run(there.path), tmp_path / "home")
    assert runs_labelled(tmp_path / "home", "small-s3") == []


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_an_archive_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = 3
        archive.addfile(member, io.BytesIO(b"bad"))
    data = packed.getvalue()
    with pytest.raises(DamagedRunError, match="it is refused"):
        unpack_run(Parcel("small-s3", data, hashlib.sha256(data).hexdigest()), tmp_path / "home")
    assert not (tmp_path / "outside").exists()


def test_runs_of_a_label_are_found_and_no_others(tmp_path: Path) -> None:
    wanted = [finished(tmp_path, "small-s1").path for _ in range(2)]
    finished(tmp_path, "small-s11")
    finished(tmp_path, "more-small-s1")
    assert [run.path for run in runs_labelled(tmp_path, "small-s1")] == sorted(wanted)


def test_two_runs_end_alike_whatever_they_are_called(tmp_path: Path) -> None:
    first, second = finished(tmp_path, "a", run="one"), finished(tmp_path, "b", run="other")
    assert same_end(first, second)
    assert not same_end(first, finished(tmp_path, "c", weights=b"\1\2\3\5"))
