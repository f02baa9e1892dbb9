"""Only a checkpoint that is whole, of this run and of this version is used; every other is named and set aside."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from handgrad.errors import DamagedRunError, DiskError
from handgrad.runs import newest_checkpoint, save_checkpoint, set_aside
from handgrad.runs.checkpoints import sorted_checkpoints
from runs.run_files import RUN, checkpoint_bytes


def saved(folder: Path, epoch: int, step: int = 0, **changes: object) -> Path:
    return save_checkpoint(folder, epoch, step, checkpoint_bytes(epoch, step, **changes))  # type: ignore[arg-type]


def test_the_newest_checkpoint_is_returned_and_two_are_kept(tmp_path: Path) -> None:
    paths = [saved(tmp_path, epoch) for epoch in range(5)]
    found = newest_checkpoint(tmp_path, RUN)
    assert found is not None and (found.epoch, found.step, found.path) == (4, 0, paths[4]) and not found.passed_over
    assert set(tmp_path.iterdir()) == set(paths[3:])


def test_no_checkpoint_at_all_is_none(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path, RUN) is None
    assert newest_checkpoint(tmp_path / "missing", RUN) is None


def test_counters_sort_as_numbers_however_long_they_are(tmp_path: Path) -> None:
    """Half a million images in pairs make more steps than five digits hold."""
    for step in (99_999, 100_000, 250_000):
        saved(tmp_path, 1, step)
    found = newest_checkpoint(tmp_path, RUN)
    assert found is not None and found.step == 250_000


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_byte_is_found_and_the_checkpoint_before_is_used_and_the_damage_named(
    bit: int, tmp_path: Path
) -> None:
    before = saved(tmp_path, 1)
    whole = checkpoint_bytes(2, 0)
    for place in range(bit, len(whole), 8):
        path = saved(tmp_path, 2)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        found = newest_checkpoint(tmp_path, RUN)
        assert found is not None and found.path == before
        (reason,) = found.passed_over
        assert reason == f"checkpoint/{path.name} is damaged: its {len(whole)} bytes do not match the hash in its name"
        set_aside(found)
        assert not path.exists() and (tmp_path / f"damaged-{path.name}").read_bytes() == damaged


def test_every_truncation_and_an_empty_file_are_found(tmp_path: Path) -> None:
    before = saved(tmp_path, 1)
    whole = checkpoint_bytes(2, 0)
    for length in range(len(whole)):
        saved(tmp_path, 2).write_bytes(whole[:length])
        found = newest_checkpoint(tmp_path, RUN)
        assert found is not None and found.path == before and len(found.passed_over) == 1


def test_when_no_checkpoint_is_whole_the_run_the_run_is_damaged_and_each_is_named(tmp_path: Path) -> None:
    for epoch in (1, 2):
        path = saved(tmp_path, epoch)
        path.write_bytes(path.read_bytes()[:-1])
    names = sorted(tmp_path.iterdir())
    with pytest.raises(DamagedRunError) as caught:
        newest_checkpoint(tmp_path, RUN)
    assert all(path.name in str(caught.value) for path in names)
    assert str(caught.value).endswith("no checkpoint is whole, start a new run")
    assert sorted(tmp_path.iterdir()) == names


def test_a_checkpoint_of_another_run_is_not_used(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    saved(tmp_path, 9, run="another")
    found = newest_checkpoint(tmp_path, RUN)
    assert found is not None and found.epoch == 1
    assert f"belongs to run another, not to {RUN}" in found.passed_over[0]


def test_a_checkpoint_of_a_future_version_is_named_kept_and_passed_over(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    future = saved(tmp_path, 2, form=2)
    found = newest_checkpoint(tmp_path, RUN)
    assert found is not None and found.epoch == 1
    assert "has format 2, this version of handgrad reads 1" in found.passed_over[0]
    set_aside(found)
    assert future.with_name(f"damaged-{future.name}").exists() and newest_checkpoint(tmp_path, RUN) is not None


def test_a_checkpoint_renamed_to_another_epoch_is_found_out(tmp_path: Path) -> None:
    saved(tmp_path, 4)
    path = saved(tmp_path, 5)
    path.rename(path.with_name(path.name.replace("000005", "000019")))
    found = newest_checkpoint(tmp_path, RUN)
    assert found is not None and found.epoch == 4
    assert "was renamed: the counters inside say epoch and step (5, 0)" in found.passed_over[0]


def test_a_checkpoint_swapped_for_another_of_the_same_run_is_found_out(tmp_path: Path) -> None:
    first, second = saved(tmp_path, 4), saved(tmp_path, 5)
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two), second.write_bytes(one)
    with pytest.raises(DamagedRunError, match=r"000005-.* is damaged.*000004-.* is damaged"):
        newest_checkpoint(tmp_path, RUN)


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", b'{"__metadata__": {"record": "[]"}}', b"[" * 5000, b"\xff\xfe"])
def test_a_file_with_the_right_hash_and_no_record_is_refused(record: bytes, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, 0, len(record).to_bytes(8, "little") + record)
    with pytest.raises(DamagedRunError, match="holds no record of a training"):
        newest_checkpoint(tmp_path, RUN)


def test_a_file_with_higher_counters_never_pushes_out_what_was_just_saved(tmp_path: Path) -> None:
    """Two foreign files that sort as newest would else make the fresh one the third, and so the first to go."""
    foreign = [saved(tmp_path, epoch, run="another") for epoch in (98, 99)]
    mine = [saved(tmp_path, epoch) for epoch in (1, 2, 3)]
    assert set(sorted_checkpoints(tmp_path)) == {*foreign, *mine[1:]}
    found = newest_checkpoint(tmp_path, RUN)
    assert found is not None and found.path == mine[2] and len(found.passed_over) == 2


def test_the_old_checkpoint_stays_until_the_new_one_has_been_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [saved(tmp_path, 1), saved(tmp_path, 2)]

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="No space left on device"):
        saved(tmp_path, 3)
    assert sorted(tmp_path.iterdir()) == kept


def test_a_link_or_a_folder_in_the_place_of_a_checkpoint_is_named(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    path = saved(tmp_path, 2)
    path.unlink()
    path.mkdir()
    found = newest_checkpoint(tmp_path, RUN)
    assert found is not None and found.epoch == 1 and "cannot be read: Is a directory" in found.passed_over[0]
