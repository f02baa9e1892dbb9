"""Run folders: names that never collide, one process at a time, and files that prove what is in them."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from handgrad.errors import BusyRunError, DamagedRunError, DiskError, UsageError
from handgrad.files import disk_error
from handgrad.runs import RunFolder, create_run, find_runs, folder, open_run
from runs.run_files import hold


@pytest.fixture
def complete(tmp_path: Path) -> RunFolder:
    """A run folder that looks finished to the code that knows nothing of digits."""
    made = create_run(tmp_path, "small")
    made.write("recipe.toml", 'name = "small"\n')
    made.write_json("environment.json", {"run": made.path.name, "seed": 3, "machine": {"threads": 2}})
    made.write_metrics([{"epoch": 1, "loss": 0.25}, {"epoch": 2, "loss": 0.125}])
    made.write("model.safetensors", b"weights")
    files = made.hashes("recipe.toml", "environment.json", "metrics.jsonl", "model.safetensors")
    made.write_json("summary.json", {"status": "complete", "accuracy": 99.5, "files": files})
    return made


def test_fifty_runs_begun_at_one_instant_get_fifty_names(tmp_path: Path) -> None:
    with ThreadPoolExecutor(50) as pool:
        paths = list(pool.map(lambda _: create_run(tmp_path / "new" / "root", "same").path, range(50)))
    assert len(set(paths)) == 50 and all((path / "checkpoint").is_dir() for path in paths)


def test_two_runs_in_one_second_and_a_clock_set_back_get_names_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        hours = 12

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2026, 1, 1, cls.hours)

    monkeypatch.setattr(folder, "datetime", Clock)
    names = [create_run(tmp_path, "r").path.name for _ in range(2)]
    Clock.hours = 11
    names.append(create_run(tmp_path, "r").path.name)
    Clock.hours = 12
    names.append(create_run(tmp_path, "r").path.name)
    assert names == ["20260101-120000-r", "20260101-120000-r-2", "20260101-110000-r", "20260101-120000-r-3"]


@pytest.mark.parametrize(
    "label",
    ["../../etc/passwd", "/etc", "..", "a/b", "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "x" * 300, "\n", ""],
)
def test_a_label_can_do_no_harm_as_a_name(label: str, tmp_path: Path) -> None:
    made = create_run(tmp_path / "root", label)
    assert made.path.parent == tmp_path / "root" and [*(tmp_path / "root").iterdir()] == [made.path]
    assert not set(made.path.name) & set("/<>=|' \n") and len(made.path.name) < 120


def test_letters_of_any_alphabet_stay_in_a_name(tmp_path: Path) -> None:
    assert create_run(tmp_path, "дерево-été_1.0").path.name.endswith("-дерево-été_1.0")


def test_a_root_that_is_a_file_or_below_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file is not a folder – choose another for --out"):
        create_run(tmp_path / "file", "r")
    with pytest.raises(UsageError, match=r"a part of it is a file – choose another for --out"):
        create_run(tmp_path / "file" / "runs", "r")
    with pytest.raises(UsageError, match="is not UTF-8 – choose another name for --out"):
        create_run(tmp_path / "\udcff", "r")


def test_a_read_only_root_is_refused_before_anything_is_made(read_only: Path) -> None:
    with pytest.raises(DiskError, match=r"Read-only file system – choose another folder$"):
        create_run(read_only, "r")


def test_a_read_only_run_cannot_be_locked(read_only: Path) -> None:
    made = create_run(read_only.parent / "real", "r")
    with pytest.raises(DiskError, match="Read-only file system"), RunFolder(read_only / made.path.name).locked():
        pass


def test_the_second_process_is_refused_with_the_id_of_the_first(tmp_path: Path) -> None:
    made = create_run(tmp_path, "r")
    holder = hold(made.path)
    with pytest.raises(BusyRunError) as caught, made.locked():
        pass
    assert str(caught.value) == f"{made.path} is in use by process {holder.pid} – wait for it or end it"
    holder.communicate()
    with made.locked():
        assert (made.path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_killed_holder_leaves_the_folder_free(tmp_path: Path) -> None:
    made = create_run(tmp_path, "r")
    holder = hold(made.path)
    holder.kill()
    holder.communicate()
    with made.locked():
        pass


def test_the_id_of_a_holder_before_is_not_taken_for_the_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between taking the lock and writing its id a holder shows the id of one that may be dead."""
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    made = create_run(tmp_path, "r")
    holder = hold(made.path)
    (made.path / "lock").write_text(dead.stdout)
    monkeypatch.setattr(time, "sleep", lambda seconds: (made.path / "lock").write_text(f"{holder.pid}\n"))
    with pytest.raises(BusyRunError, match=f"in use by process {holder.pid} "), made.locked():
        pass
    holder.communicate()


def contend(path: Path, instant: float) -> str:
    """Take the lock at *instant* and hold it until the three others have been refused, however late they come."""
    refused = path.parent / f"refused-{instant}"
    refused.mkdir(exist_ok=True)
    time.sleep(max(0.0, instant - time.time()))
    try:
        with RunFolder(path).locked():
            end = time.monotonic() + 60
            while len(list(refused.iterdir())) < 3 and time.monotonic() < end:
                time.sleep(0.02)
            return f"held {os.getpid()}"
    except BusyRunError as error:
        (refused / str(os.getpid())).touch()
        return str(error)


def test_of_processes_released_at_one_instant_one_goes_on_and_the_others_name_it(tmp_path: Path) -> None:
    made = create_run(tmp_path, "r")
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(abs, range(8)))
        for _ in range(3):
            answers = list(pool.map(contend, [made.path] * 4, [time.time() + 0.5] * 4))
            (winner,) = [answer.split()[1] for answer in answers if answer.startswith("held")]
            assert sum(f"is in use by process {winner} " in answer for answer in answers) == 3, answers


def test_what_a_killed_process_left_half_written_goes_when_the_lock_is_taken(tmp_path: Path) -> None:
    made = create_run(tmp_path, "r")
    strays = [made.path / ".writing-123-summary.json", made.checkpoints / ".writing-9-000001-00000-aa.safetensors"]
    for stray in strays:
        stray.write_bytes(b"half")
    with made.locked():
        assert not any(stray.exists() for stray in strays)


def test_a_whole_folder_opens_and_is_listed(complete: RunFolder) -> None:
    assert open_run(complete.path) == complete and complete.complete
    assert [found.name for found in find_runs(complete.path.parent)] == [complete.path.name]
    assert complete.metrics()[1]["loss"] == 0.125


@pytest.mark.parametrize(
    "name", ["environment.json", "summary.json", "recipe.toml", "metrics.jsonl", "model.safetensors"]
)
def test_no_flipped_bit_and_no_truncation_of_a_complete_run_goes_unseen(name: str, complete: RunFolder) -> None:
    path = complete.path / name
    whole = path.read_bytes()
    changed = [
        whole[:place] + bytes([whole[place] ^ (1 << (place % 8))]) + whole[place + 1 :] for place in range(len(whole))
    ]
    unseen = []
    for content in [*changed, *(whole[:length] for length in range(len(whole)))]:
        path.write_bytes(content)
        try:
            open_run(complete.path)
        except DamagedRunError as error:
            assert name in str(error)
        else:
            unseen.append(content)
    # What stays: JSON that says the same in other characters, and the name of the hash itself, which then proves nothing.
    assert all(says_the_same(content, whole) for content in unseen), unseen


def says_the_same(content: bytes, whole: bytes) -> bool:
    found, expected = json.loads(content), json.loads(whole)
    return all(found[key] == value for key, value in expected.items() if key != folder.SEAL)


def test_a_file_that_says_something_else_is_not_taken_for_the_same(complete: RunFolder) -> None:
    whole = (complete.path / "summary.json").read_bytes()
    assert not says_the_same(whole.replace(b"99.5", b"99.6"), whole)


def test_a_missing_part_is_named(complete: RunFolder) -> None:
    for name in ("environment.json", "recipe.toml", "model.safetensors"):
        content = (complete.path / name).read_bytes()
        (complete.path / name).unlink()
        with pytest.raises(DamagedRunError, match=rf"{name} cannot be read: No such file or directory – restore it"):
            open_run(complete.path)
        (complete.path / name).write_bytes(content)


def test_a_record_larger_than_any_is_refused_before_it_is_read(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_json("summary.json", {"status": "complete"})
    with (tmp_path / "summary.json").open("r+b") as file:
        file.truncate(folder.LARGEST_RECORD + 1)  # a hole: it takes no room on the disk
    with pytest.raises(DamagedRunError, match="more than 64 MB, which no record has"):
        run.read_json("summary.json")


def test_damaged_metrics_of_an_unfinished_run_say_that_resuming_mends_them(tmp_path: Path) -> None:
    made = create_run(tmp_path, "r")
    made.write("metrics.jsonl", '{"epoch": 1}\n{"epo')
    with pytest.raises(DamagedRunError, match=r"metrics.jsonl cannot be read: .* – resume the run to write it again"):
        made.metrics()


def test_a_missing_folder_and_a_file_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file is not a run folder – found a file"):
        open_run(tmp_path / "file")
    with pytest.raises(UsageError, match=r"gone is not a run folder – found nothing there"):
        open_run(tmp_path / "gone")
    assert find_runs(tmp_path / "gone") == []


def test_the_folder_above_runs_is_told_from_a_run_and_says_what_can_be_resumed(tmp_path: Path) -> None:
    def refusal() -> str:
        with pytest.raises(UsageError) as caught:
            open_run(tmp_path)
        return str(caught.value)

    assert refusal() == f"{tmp_path} is not a run folder – found no recipe.toml in it – `handgrad runs` lists them"
    ended, under_way = tmp_path / "a", tmp_path / "study/b"
    for run in (ended, under_way):
        run.mkdir(parents=True)
        (run / "environment.json").write_text("{}")
    (ended / "summary.json").write_text("{}")
    assert refusal().endswith(f"found 2 runs in it – name one of them; to be resumed: {under_way}")
    (under_way / "summary.json").write_text("{}")
    assert refusal().endswith(f"found 2 runs in it, all of them ended – name one of them, as {under_way}")


def test_a_folder_is_called_gone_only_where_it_is(tmp_path: Path) -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory")
    assert "the folder is gone" in str(disk_error(tmp_path / "gone/file", 0, error))
    assert "the folder is gone" not in str(disk_error(tmp_path / "file", 0, error))
