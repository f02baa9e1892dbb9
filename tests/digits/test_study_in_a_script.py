"""A study called by somebody's script, as README shows it: without asking whether the script is the main program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from digits.idx_folders import digit_arrays, write_folder
from digits.small_runs import write_network

STUDY = 'handgrad.study("small.toml", seeds=range(2), data="data", jobs=2).n'
SCRIPT = f'import handgrad\nprint("begun")\nprint({STUDY})\n'
STARTED = "import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
IN_A_CHILD = f"""import multiprocessing
def look():
    import handgrad
    print("begun")
    print({STUDY})
if __name__ == "__main__":
    multiprocessing.set_start_method("{{method}}")
    child = multiprocessing.Process(target=look, daemon={{daemon}})
    child.start()
    child.join()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with data, a network and a recipe of one epoch."""
    write_folder(tmp_path / "data", digit_arrays(200, 60), ending="")
    write_network(tmp_path)
    (tmp_path / "small.toml").write_text('network = "net.py:Net"\nepochs = 1\nbatch_size = 64\n')
    return tmp_path


def check(place: Path, script: str, *, piped: bool = False) -> None:
    """Run *script* and see that it ran once, trained both seeds and had nothing to complain of."""
    (place / "script.py").write_text(script)
    command = [sys.executable, "-W", "error::RuntimeWarning", "-" if piped else "script.py"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, input=script if piped else "", capture_output=True, text=True, cwd=place, timeout=240, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\n2\n", "")


def test_a_file_that_calls_study_runs_once(place: Path) -> None:
    check(place, SCRIPT)


@pytest.mark.long
@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_it_runs_once_whatever_the_start_method(place: Path, method: str) -> None:
    check(place, STARTED.format(method=method) + SCRIPT)
    check(place, STARTED.format(method=method) + SCRIPT, piped=True)


@pytest.mark.long
@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
@pytest.mark.parametrize("daemon", [False, True])
def test_it_runs_in_a_child_even_one_that_may_have_no_children(place: Path, method: str, daemon: bool) -> None:
    check(place, IN_A_CHILD.format(method=method, daemon=daemon))


@pytest.mark.long
def test_it_runs_in_an_interactive_session_as_in_a_notebook(place: Path) -> None:
    check(
        place,
        f"import code\ncode.InteractiveInterpreter({{'__name__': '__main__'}}).runsource({SCRIPT!r}, symbol='exec')\n",
    )
