"""What people type and write, wrong and right, and the one line that answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from digits.idx_folders import digit_arrays, write_folder
from digits.small_runs import NETWORK, write_network
from handgrad.cli import main


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to work in, with data, a network and a recipe of one epoch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HANDGRAD_DATA", raising=False)
    write_folder(tmp_path / "data", digit_arrays(200, 60), ending="")
    write_network(tmp_path)
    (tmp_path / "small.toml").write_text('network = "net.py:Net"\nepochs = 1\nbatch_size = 64\n')
    return tmp_path


SMALL = ["small.toml", "--data", "data", "--precision", "fp32", "--threads", "1"]


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process; return status, standard output and standard error."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    output, errors = capsys.readouterr()
    return int(ended.value.code or 0), output, errors


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that refuses *arguments* with status 2, before any folder is made."""
    status, output, errors = answer(capsys, *arguments)
    assert (status, output) == (2, ""), errors
    assert errors.startswith("error: ") and errors.count("\n") == 1
    assert not Path("runs").exists()
    return errors.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["quikc"], 'no recipe "quikc" – did you mean "quick"?'),
        (["gone.toml"], "gone.toml cannot be read: No such file or directory – give a shipped name or a TOML file"),
        (
            ["quick", "--set", "optimizer.learning_rte=0.1"],
            'quick.toml: optimizer.learning_rte is not known – did you mean "learning_rate"?',
        ),
        (
            ["quick", "--set", "momentum=0.9"],
            "quick.toml: momentum is not known – it belongs in [optimizer] (optimizer.momentum)",
        ),
        (["quick", "--set", "epocs=3"], 'quick.toml: epocs is not known – did you mean "epochs"?'),
        (["quick", "--set", "epochs"], '--set "epochs" – write KEY=VALUE, as in optimizer.learning_rate=0.05'),
        (["quick", "--set", "=3"], '--set "=3" – write KEY=VALUE, as in optimizer.learning_rate=0.05'),
        (["quick", "--set", "epochs.x=3"], '--set "epochs.x=3" – epochs is a value, not a section'),
        (["quick", "--set", "epochs=0"], "quick.toml: epochs is 0 – it must be at least 1 and at most 10000"),
        (
            ["quick", "--set", "epochs=1" + "0" * 400],
            "quick.toml: epochs is 100000000000… – it must be at least 1 and at most 10000",
        ),
        (
            ["quick", "--set", "optimizer.learning_rate=nan"],
            "quick.toml: optimizer.learning_rate is nan – it must be above 0 and at most 1e+09",
        ),
        (
            ["quick", "--set", "optimizer.learning_rate=-1"],
            "quick.toml: optimizer.learning_rate is -1 – it must be above 0 and at most 1e+09",
        ),
        (
            ["quick", "--set", "epochs=3\nbatch_size=2"],
            'quick.toml: epochs must be a whole number – found "3�batch_size=2"',
        ),
        (["quick", "--set", "network=squeze-16k"], 'network "squeze-16k" is not known – did you mean "squeeze-16k"?'),
        (["small.toml", "--data", "data", "--holdout", "200"], "holdout 200 – idx-"),
        (
            ["small.toml", "--data", "data", "--out", "small.toml"],
            "small.toml is not a folder – choose another for --out",
        ),
        (
            ["small.toml", "--data", "data", "--out", "small.toml/runs"],
            "small.toml/runs cannot be a folder: a part of it is a file",
        ),
        (["small.toml", "--data", "data", "--device", "gpu"], '--device "gpu" – choose one of auto, cpu, cuda'),
        (["small.toml", "--data", "data", "--precision", "fp8"], '--precision "fp8" – choose one of auto, fp32, bf16'),
        (["--resume", "gone"], "gone is not a run folder – found nothing there – `handgrad runs` lists them"),
        (["--resume", "small.toml"], "small.toml is not a run folder – found a file – `handgrad runs` lists them"),
        (
            ["--resume", "gone", "--seed", "3"],
            "--resume continues the run as it began – leave out --seed, or start a new run",
        ),
        (
            ["quick", "--resume", "gone"],
            "--resume continues the run as it began – leave out a recipe, or start a new run",
        ),
        (
            ["--resume", "gone", "--set", "epochs=30"],
            "--resume continues the run as it began – leave out --set, or start a new run",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    arguments: list[str], line: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, "train", *arguments).startswith(line)


@pytest.mark.parametrize("seed", ["-1", "2147483648", "abc", "1.5", "1e9"])
def test_a_seed_out_of_range_is_refused(seed: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--seed" in refused(capsys, "train", *SMALL, "--seed", seed)


@pytest.mark.parametrize("seeds", ["3,3", "-1", "abc", "1e9", "", "0..1000", "5..3", "1,", "0..", "٣", "1" * 5000])
def test_seeds_that_are_not_one_to_a_thousand_different_numbers_are_refused(
    seeds: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "study", "small.toml", "--data", "data", "--seeds", seeds)
    assert line.startswith("--seeds needs 1 to 1000 different whole numbers – found ")


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (("nn.Linear(6, 10)", "nn.Linear(6, 9)"), "net.py:Net returns [128, 9] – 10 classes are needed"),
        (("nn.Conv2d(4, 6, 3, stride=2)", "nn.Conv2d(4, 6, 15)"), "kernel 15 on a 12×12 map"),
        (("class Net", "class Other"), 'net.py has no "Net" – found Other'),
        (("import nn", "import nn nn"), "net.py: line 2: invalid syntax"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    edit: tuple[str, str], line: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit[0] in NETWORK
    write_network(place, NETWORK.replace(*edit))
    assert line in refused(capsys, "train", *SMALL)


@pytest.mark.parametrize(
    "name", ["../../tmp/x", "a/b", "..", "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "\x1b[31m", ""]
)
def test_a_name_that_could_do_harm_is_refused(name: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "small.toml").write_text(f'network = "net.py:Net"\nname = {json.dumps(name)}\n')
    line = refused(capsys, "train", *SMALL)
    assert (
        line.startswith(("small.toml: name is '", 'small.toml: name is "'))
        and " – use 1 to 60 letters, digits, spaces" in line
    )
    assert line.isprintable()


def test_a_name_of_three_hundred_characters_is_refused_and_not_repeated(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "train", *SMALL, "--set", f"name={'x' * 300}")
    assert line.startswith(f"small.toml: name is '{'x' * 20}… (300 characters)' – use 1 to 60 letters")


@pytest.mark.parametrize(
    "text", ["epochs = ", "[" * 5000, "epochs = " + "9" * 5000, "a = {" * 900, "\ufeffx", "network = 3"]
)
def test_a_recipe_that_is_no_recipe_is_refused(text: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "small.toml").write_text(text)
    assert refused(capsys, "train", *SMALL).startswith("small.toml: ")


@pytest.mark.parametrize("value", ["[" * 5000, "{a=" * 3000, "9" * 5000, "0x" + "9" * 5000, "1e9999"])
def test_a_setting_that_is_no_value_is_refused(value: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "train", *SMALL, "--set", f"epochs={value}").startswith("small.toml: epochs ")


def test_a_recipe_in_the_utf_16_of_a_windows_editor_is_read(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (place / "small.toml").read_text()
    for encoding in ("utf-16", "utf-8-sig"):
        (place / "small.toml").write_text(text, encoding=encoding)
        assert refused(capsys, "train", *SMALL, "--set", "epochs=0").startswith("small.toml: epochs is 0")
    (place / "net.py").write_text((place / "net.py").read_text(), encoding="utf-16")
    assert refused(capsys, "summary", "net.py:Net") == "net.py is UTF-16, which Python does not read – save it as UTF-8"


def test_a_recipe_that_is_not_text_or_a_folder_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "small.toml").write_bytes(b"\xff\x00")
    assert refused(capsys, "train", *SMALL).startswith(
        "small.toml cannot be read: byte 0 shows that it is not UTF-8 text – give"
    )
    (place / "folder.toml").mkdir()
    assert refused(capsys, "train", "folder.toml").startswith("folder.toml cannot be read: Is a directory – give")


def test_a_recipe_file_with_an_odd_name_trains_under_a_harmless_one(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = "été <b>=1 (copie).toml"
    (place / "small.toml").rename(place / odd)
    status, output, errors = answer(capsys, "train", odd, *SMALL[1:], "--json")
    assert status == 0, errors
    assert json.loads(output)["recipe"] == "été -b--1 -copie-"
    (folder,) = (place / "runs").iterdir()
    assert folder.name.endswith("-été--b--1--copie--s0")


def test_json_stands_alone_on_standard_output_and_no_control_character_is_printed(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output, errors = answer(capsys, "train", *SMALL, "--json")
    record = json.loads(output)
    assert status == 0 and output.count("\n") == 1 and record["status"] == "complete"
    assert all(line.isprintable() for line in errors.splitlines()), errors
    assert "epoch 1/1 loss=" in errors
    again, output, errors = answer(capsys, "train", "--resume", record["path"], "--json")
    assert again == 0 and json.loads(output)["last_epoch"] == record["last_epoch"]
    assert f"already complete (1 epoch): {record['path']}" in errors
    status, output, errors = answer(capsys, "study", *SMALL[:5], "--seeds", "1,2", "--jobs", "1", "--json")
    assert status == 0 and json.loads(output)["n"] == 2
    assert all(line.isprintable() for line in errors.splitlines()), errors


def test_a_study_of_seeds_that_all_diverge_lists_them_and_ends_with_status_seven(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = ["--set", "optimizer.learning_rate=1e9", "--set", "optimizer.momentum=0"]
    status, output, errors = answer(capsys, "study", *SMALL[:5], *wild, "--seeds", "1,2", "--jobs", "1")
    assert status == 7
    assert "failed, seed 1: " in output and "failed, seed 2: " in output
    assert errors.splitlines()[-1].startswith("error: no seed of small finished – seed 1: ")


def test_a_diverged_run_and_a_damaged_one_have_their_status(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wild = ["--set", "optimizer.learning_rate=1e9", "--set", "optimizer.momentum=0"]
    status, _, errors = answer(capsys, "train", *SMALL, *wild)
    assert status == 7 and "no longer finite – epoch 1, step" in errors
    (folder,) = (place / "runs").iterdir()
    (folder / "environment.json").write_text("{")
    status, output, errors = answer(capsys, "train", "--resume", str(folder))
    assert (status, output) == (4, "")
    assert errors.startswith(f"error: {folder}/environment.json was damaged or changed: it is not JSON any more – ")


def test_the_list_of_recipes_needs_no_torch() -> None:
    program = "import sys; from handgrad.cli import run; run(['train', '--list']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
    assert ["record-3k", "orbit-3k", "2,974", "12"] in [line.split() for line in done.stdout.splitlines()]
