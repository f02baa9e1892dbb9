"""What a program in the child process can reach, use and leave behind, at each level of isolation that works here."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from handgrad.errors import MissingError
from handgrad.judge.network.jobs import PREPARED, Clock, Context, NotMetError, NoVerdictError, check_ended
from handgrad.judge.network.judging import sandbox
from handgrad.judge.sandbox import run as isolation
from handgrad.judge.sandbox import warm
from handgrad.judge.sandbox.frames import FrameError, FrameReader, packed_frame
from handgrad.judge.sandbox.run import ENDING, LEVELS, Job, Level, Limits, Outcome, isolation_level, run

SOON = Limits(seconds=20.0, memory=256 << 20)


def works(level: Level) -> bool:
    """Whether *level* can be had here."""
    if level.drop == "user" and os.geteuid() != 0:
        return False
    return run(Job("pass"), SOON, level).status == 0


WORKING = [level for level in LEVELS if works(level)]
SANDBOXED = [level for level in WORKING if level.sandboxed]
every_level = pytest.mark.parametrize("level", WORKING, ids=lambda level: level.name)
every_sandbox = pytest.mark.parametrize("level", SANDBOXED, ids=lambda level: level.name)


@pytest.fixture(autouse=True, scope="module")
def with_torch() -> None:
    """Have every program here run in a copy of a process that holds torch: no limit may count that against a program."""
    assert run(Job("pass", prepared=PREPARED), SOON).status == 0


def outcome_of(code: str, level: Level, limits: Limits = SOON, folder: Path | None = None) -> Outcome:
    """Run *code* at *level*."""
    return run(Job(code, folder), limits, level)


@every_level
def test_nothing_of_the_parents_environment_gets_in(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDGRAD_DATA", "/somewhere")
    outcome = outcome_of("import os; print(sorted(os.environ))", level)
    assert "HANDGRAD" not in outcome.text and "HOME" in outcome.text, outcome


@every_level
def test_home_and_working_folder_are_empty_and_gone_afterwards(level: Level) -> None:
    outcome = outcome_of("import os; print(os.getcwd() == os.environ['HOME'], os.listdir('.'), os.getcwd())", level)
    same, listing, place = outcome.text.split(maxsplit=2)
    assert (same, listing) == ("True", "[]") and not Path(place.strip()).exists()


@every_level
def test_frames_arrive_beside_what_is_printed(level: Level) -> None:
    code = (
        "from handgrad.judge.sandbox.frames import packed_frame\nimport os\nprint('talk')\n"
        "os.write(answers, packed_frame('a', b'xyz', n=1))"
    )
    outcome = outcome_of(code, level)
    assert [(each.kind, each.head["n"], each.body) for each in outcome.frames] == [("a", 1, b"xyz")], outcome
    assert outcome.text == "talk\n"


@every_level
def test_a_program_that_never_ends_is_ended_in_time_with_all_that_it_started(level: Level) -> None:
    code = (
        "import os, time\nfor n in range(3): os.fork()\n"
        "os.setsid() if os.getpid() != os.getpgid(0) else None\ntime.sleep(60)"
    )
    outcome = outcome_of(code, level, Limits(seconds=2.0))
    assert outcome.ended == "time" and outcome.seconds < 4.0
    assert not alive("time.sleep(60)")


@every_level
def test_a_daemon_does_not_outlive_the_program(level: Level) -> None:
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0:\n        time.sleep(61)\n    os._exit(0)\n"
        "time.sleep(0.3)"
    )
    outcome = outcome_of(code, level)
    assert outcome.ended == "itself" and not alive("time.sleep(61)")


def alive(words: str) -> bool:
    """Whether a process with *words* in its arguments is there, other than a zombie."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and words.encode() in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


@every_level
def test_memory_processes_files_and_output_are_limited(level: Level) -> None:
    small = Limits(seconds=20.0, memory=100 << 20, processes=10, file_size=1 << 20, answers=1 << 20, text=1 << 20)
    assert outcome_of("x = bytearray(150 << 20)\nimport time; time.sleep(20)", level, small).ended == "memory"
    forks = "import os, time\nfor n in range(4):\n    try: os.fork()\n"
    forks += "    except OSError: print('no more', flush=True)\ntime.sleep(20)"
    many = outcome_of(forks, level, Limits(seconds=5.0, processes=10))
    assert many.ended == "processes" or "no more" in many.text, many
    giant = outcome_of("open('giant', 'wb').write(bytes(2 << 20))", level, small)
    assert giant.status != 0
    assert outcome_of("while True: print('x' * 9999)", level, small).ended == "output"
    assert outcome_of("import os\nwhile True: os.write(answers, b'HGJ1' + bytes(8))", level, small).ended in (
        "output",
        "form",
    )


@every_sandbox
def test_files_processes_and_network_are_out_of_reach(level: Level, tmp_path: Path) -> None:
    secret = tmp_path / "labels"
    secret.write_text("7")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"""
import os, socket
def tried(what):
    try:
        return what()
    except BaseException as error:
        return type(error).__name__
print(tried(lambda: open({str(secret)!r}).read()), tried(lambda: open('/etc/passwd').read()))
print(tried(lambda: socket.create_connection(('127.0.0.1', {port}), 1)))
print(tried(lambda: os.kill({os.getpid()}, 0)), sorted(p for p in os.listdir('/proc') if p.isdecimal()))
for place in ('/', '/usr', '/dev', '/proc/sys/kernel', '/tmp'):
    print(place, tried(lambda: open(place + '/x', 'w')))
print('capabilities', [l.split()[1] for l in open('/proc/self/status') if l.startswith('CapEff')])
"""
        text = outcome_of(code, level).text
    assert "7" not in text.splitlines()[0] and "root:" not in text, text
    assert "ConnectionRefusedError" in text or "OSError" in text, text
    assert "ProcessLookupError" in text and "['1', '2']" in text, text
    assert "TextIOWrapper" not in text, text
    assert "['0000000000000000']" in text, text


@every_sandbox
def test_a_job_can_be_read_and_not_changed(level: Level, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "a").write_text("hello")
    for path in (folder, folder / "a"):
        path.chmod(0o777)
    text = outcome_of("print(open(folder + '/a').read()); open(folder + '/a', 'w')", level, folder=folder).text
    assert "hello" in text and "Read-only file system" in text
    assert (folder / "a").read_text() == "hello"


@every_sandbox
def test_the_disk_is_limited(level: Level) -> None:
    code = "for n in range(100): open(f'f{n}', 'wb').write(bytes(1 << 20))"
    assert "No space left" in outcome_of(code, level, Limits(seconds=20.0, disk=8 << 20)).text


def test_a_required_sandbox_is_refused_where_there_is_none() -> None:
    with pytest.raises(MissingError, match="no sandbox – namespaces cannot be made here"):
        sandbox(LEVELS[-1], True)
    assert sandbox(LEVELS[-1], False) is LEVELS[-1]


def test_the_best_level_that_works_is_taken_and_the_rest_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isolation_level() == WORKING[0]
    broken = Level("broken", "broken", ("no such namespace",), "rights")
    monkeypatch.setattr(isolation, "LEVELS", (broken, LEVELS[-1]))
    isolation._working_level.cache_clear()
    try:
        assert isolation_level() is LEVELS[-1]
    finally:
        isolation._working_level.cache_clear()


def test_a_program_is_not_run_where_its_walls_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    # A root that shows a path which is not there: setting up fails, and the program must not start without it.
    monkeypatch.setattr(isolation, "_shown", lambda: ("/no such folder",))
    for level in SANDBOXED:
        outcome = outcome_of("print('ran')", level)
        assert outcome.status == 97 and "not isolated" in outcome.text and "ran" not in outcome.text


@pytest.mark.long
def test_walls_that_are_slow_in_the_making_do_not_make_a_judgement_longer_than_its_limit() -> None:
    run(Job("pass"), SOON)
    warm = warm_processes()[0]
    os.kill(warm, signal.SIGSTOP)
    try:
        began = time.monotonic()
        outcome = run(Job("pass"), Limits(seconds=1.0, whole=1.5))
        assert outcome.ended == "start"
        assert 1.4 < time.monotonic() - began < 3.5 + ENDING
    finally:
        os.kill(warm, signal.SIGCONT)


def warm_processes() -> list[int]:
    """Return the warm processes that this one has started."""
    return [each.process.pid for each in warm._running]


def test_a_slow_start_is_no_fault_of_the_file() -> None:
    for seconds, error in ((1.0, NoVerdictError), (9.0, NotMetError)):
        context = Context(LEVELS[-1], Limits(), Clock(10.0, time.monotonic()))
        with pytest.raises(error):
            check_ended(Outcome("time", None, (), "", seconds), context, 10.0)


@pytest.mark.parametrize(("scarce", "error"), [(False, NotMetError), (True, NoVerdictError)])
def test_little_memory_is_no_fault_of_the_file(error: type[Exception], *, scarce: bool) -> None:
    limits = Limits(memory=1 << 30, scarce=scarce)
    with pytest.raises(error, match="takes more than 1,024 MiB of memory"):
        check_ended(Outcome("memory", None, (), "", 1.0), Context(LEVELS[-1], limits, Clock.start(10.0)), 10.0)


@pytest.mark.parametrize("cut", range(1, 40, 7))
def test_a_frame_cut_anywhere_waits_for_its_rest(cut: int) -> None:
    data, reader = packed_frame("a", b"12345", x=[1.5]), FrameReader()
    assert reader.feed(data[:cut]) == []
    (frame,) = reader.feed(data[cut:])
    assert frame.head == {"kind": "a", "x": [1.5]} and frame.body == b"12345"


@pytest.mark.parametrize(
    "data", [b"x" * 12, b"HGJ1" + b"\xff" * 8, b"HGJ1\x01\0\0\0\0\0\0\0[", b"HGJ1\x02\0\0\0\0\0\0\0[]"]
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError, match="not in the agreed form"):
        FrameReader().feed(data)
