"""``handgrad backprop``: what it writes, what it prints, what it refuses."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from handgrad.backprop import BiasRule, load_network, preset_names, trace
from handgrad.backprop.network.network import biases_for
from handgrad.backprop.pictures.files import PICTURES
from handgrad.cli import main
from oracle.torch_network import TorchNetwork


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status_of(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(("backprop", *arguments))
    return ended.value.code


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on standard error of a command that is refused with status 2."""
    assert status_of(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    return line


def test_without_options_the_classic_book_is_written_and_named(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert status_of() == 0
    shown = capsys.readouterr().out
    assert "backprop.xlsx: open the sheet Network first" in shown
    assert "E_total 0.2425198573 before, 0.02916668024 after 100 steps" in shown
    book = openpyxl.load_workbook(here / "backprop.xlsx")
    assert book.sheetnames[0] == "Network"
    assert [path.name for path in here.iterdir()] == ["backprop.xlsx"]


def test_weights_learning_rate_steps_and_name_are_taken(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    weights = "0.3,0.5,-0.2,0.7,0.1,-0.6,0.3,-0.9"
    options = ("--weights", weights, "--learning-rate", "0.25", "--steps", "30", "--json")
    assert status_of("classic", *options, "--out", "mine.xlsx") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["files"] == ["mine.xlsx"] and (here / "mine.xlsx").is_file()
    assert record["network"]["weights"] == [float(text) for text in weights.split(",")]
    assert record["network"]["learning_rate"] == 0.25
    assert record["steps"] == 30 and len(record["values"]["E_total"]) == 31
    assert [record["values"][f"w{number}"][0] for number in (1, 8)] == [0.3, -0.9]


def test_json_alone_is_every_quantity_and_leaves_no_file(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert status_of("xor", "--json", "--steps", "5") == 0
    record = json.loads(capsys.readouterr().out)
    expected = trace(load_network("xor"), 5)
    assert record["values"] == {name: expected[name].tolist() for name in expected.names}
    assert {entry["name"] for entry in record["quantities"]} == set(expected.names)
    assert list(here.iterdir()) == []


def test_csv_alone_leaves_one_file_with_a_row_a_step(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert status_of("--csv", "steps.csv", "--steps", "12") == 0
    assert "every quantity of steps 0 to 12" in capsys.readouterr().out
    with (here / "steps.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 14 and rows[0][:3] == ["step", "t1", "t2"]
    assert [path.name for path in here.iterdir()] == ["steps.csv"]


@pytest.mark.parametrize("bias", ["none", "fixed", "neuron", "layer"])
@pytest.mark.parametrize("order", ["old-weights", "output-layer-first"])
def test_bias_rule_and_order_change_the_published_example(
    bias: str, order: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of("classic-biased", "--bias", bias, "--order", order, "--json", "--steps", "1") == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["network"]["bias"], record["network"]["order"]) == (bias, order)
    published = {
        ("fixed", "old-weights"): 0.29102777369360,
        ("neuron", "old-weights"): 0.28047144679143,
        ("layer", "old-weights"): 0.28575088669930,
        ("fixed", "output-layer-first"): 0.29102792390544,
        ("none", "old-weights"): 0.2354953779,
    }
    found = record["values"]["E_total"][1]
    if (bias, order) in published:
        assert found == pytest.approx(published[bias, order], abs=6e-11)
    network = load_network("classic-biased")
    changed = dataclasses.replace(network, bias=BiasRule(bias), biases=biases_for(network, BiasRule(bias)))
    twin = TorchNetwork(changed)
    after = twin.train(1) if order == "old-weights" else twin.output_first_step()
    weights, biases = after[: len(network.weights)], after[len(network.weights) :] or changed.biases
    moved = TorchNetwork(dataclasses.replace(changed, weights=tuple(weights), biases=tuple(biases)))
    assert found == pytest.approx(float(moved.error().detach()), abs=1e-14)


@pytest.mark.parametrize(("extra", "text"), [((), "README.md"), (("--tex",), "derivation.tex")])
def test_a_derivation_is_written_with_its_pictures_and_no_book(
    extra: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    assert status_of("three-classes", "--explain", "notes", *extra, "--steps", "10") == 0
    assert f"notes/{text}: the derivation" in capsys.readouterr().out
    pictures = {"network", "error", "rates", "rates-log", "rules", "paths", "descent"}
    assert {path.stem for path in (here / "notes").iterdir()} == pictures | {text.partition(".")[0]}
    assert [path.name for path in here.iterdir()] == ["notes"]


def test_pictures_and_derivation_may_share_a_folder(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert status_of("--explain", "notes", "--pictures", "notes", "--steps", "10") == 0
    capsys.readouterr()
    names = {path.name for path in (here / "notes").iterdir()}
    explained = {f"{name}.svg" for name in ("rules", "paths", "descent")}
    assert names == {"README.md", *explained, *(f"{name}.{form}" for name in PICTURES for form in ("png", "svg"))}


def test_the_rates_that_are_compared_can_be_chosen(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert status_of("--explain", "notes", "--rates", "0.3,3", "--steps", "10") == 0
    capsys.readouterr()
    text = (here / "notes" / "README.md").read_text(encoding="utf-8")
    compared = text.split("## 8. Learning rates")[1].split("## 9.")[0]
    assert re.findall(r"^\| ([\d.]+) \|", compared, re.MULTILINE) == ["0.3", "3"]


def test_the_list_tells_every_preset_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(preset_names())
    assert (
        "2-3-3 network, tanh then softmax, softmax cross entropy, a trained bias for each unit, 6 samples"
        in "".join(lines)
    )
    assert status_of("--list", "--json") == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(preset_names())


TAKEN = "exists – add --overwrite or choose another name"


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        ((), "backprop.xlsx"),
        (("--out", "mine.xlsx"), "mine.xlsx"),
        (("--csv", "mine.csv", "--out", "new.xlsx"), "mine.csv"),
        (("--explain", "notes"), "notes/network.svg"),
        (("--pictures", "notes", "--csv", "new.csv"), "notes/rates.png"),
    ],
)
def test_what_is_there_stays_until_overwriting_is_asked_for(
    arguments: tuple[str, ...], taken: str, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    path = here / taken
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    assert refused(capsys, *arguments) == f"error: {taken} {TAKEN}"
    assert path.read_text() == "mine"
    assert [found for found in here.rglob("*") if found.is_file()] == [path]
    assert status_of(*arguments, "--overwrite", "--steps", "5") == 0
    assert path.read_bytes() != b"mine"


def test_a_file_where_a_folder_is_wanted_is_left_alone(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "notes").write_text("mine")
    assert refused(capsys, "--explain", "notes") == "error: notes is not a folder – choose another name"
    assert (here / "notes").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("clasic",), 'unknown network "clasic" – did you mean "classic"?'),
        (("--weights", "1,2,3,4,5,6,7"), "--weights has 7 numbers – classic needs 8"),
        (("--weights", "1,2,three"), '--weights needs numbers with commas between – number 3 is "three"'),
        (("--weights", "1,nan"), '--weights needs numbers with commas between – number 2 is "nan"'),
        (("--weights", ""), '--weights needs numbers with commas between – number 1 is ""'),
        (("--bias", "neurons"), '--bias "neurons" is not known – did you mean "neuron"?'),
        (("--order", "old"), '--order "old" is not known – choose one of old-weights, output-layer-first'),
        (("--steps", "0"), "--steps must be a whole number from 1 to 10,000 – found 0"),
        (("--steps", "10001"), "--steps must be a whole number from 1 to 10,000 – found 10001"),
        (("--learning-rate", "-1"), "--learning-rate must be a finite number above 0 – found -1"),
        (("--learning-rate", "inf"), "--learning-rate must be a finite number above 0 – found inf"),
        (("--rates", "0.1,-2"), "--rates must be finite numbers above 0 – found -2"),
        (("--rates", "0.1,0.1"), "--rates needs 1 to 12 different numbers – found 0.1, 0.1"),
        (("--tex",), "--tex says how to write the derivation – found no --explain – add --explain DIR"),
        (("--out", "a.xlsx", "--csv", "a.xlsx"), "--out and --csv both name a.xlsx – choose different names"),
        (("missing.toml",), "missing.toml cannot be read: No such file or directory – give a preset or a TOML file"),
    ],
)
def test_what_cannot_be_meant_gets_one_line(
    arguments: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    assert refused(capsys, *arguments) == f"error: {line}"
    assert list(here.iterdir()) == []


def test_a_network_of_ones_own_is_read_from_a_file(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "mine.toml").write_text(
        'layers = [{units = 3, activation = "relu"}, {units = 1, activation = "identity"}]\n'
        "samples = [{inputs = [1, 2], targets = [3]}]\n"
    )
    assert status_of("mine.toml", "--json", "--steps", "2") == 0
    assert json.loads(capsys.readouterr().out)["network"]["name"] == "mine"


def test_a_training_that_overflows_is_told_as_diverged(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("diverging", "--learning-rate", "1e200", "--csv", "steps.csv", "--steps", "5") == 0
    assert "diverged at step" in capsys.readouterr().out


def run_python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_handgrad_brings_no_heavy_library_and_the_command_no_torch(here: Path) -> None:
    heavy = "print([name for name in ('torch', 'numpy', 'matplotlib', 'pydantic', 'sympy') if name in sys.modules])"
    assert run_python(f"import sys, handgrad; {heavy}") == "[]\n"
    program = f"import sys; from handgrad.cli import run; run(['backprop', '--explain', 'n', '--steps', '3']); {heavy}"
    assert "torch" not in run_python(program).splitlines()[-1]


@pytest.mark.parametrize(
    "first",
    [
        "import handgrad",
        "import handgrad.backprop",
        "from handgrad.backprop import load_network",
        "from handgrad import backprop",
        "import handgrad; from handgrad.backprop.graph.graph import Graph",
    ],
)
def test_the_verb_and_the_package_of_its_name_are_one_whatever_came_first(first: str) -> None:
    program = (
        f"{first}\nimport handgrad\nfrom handgrad.backprop import load_network\n"
        "result = handgrad.backprop('classic', steps=3)\n"
        "print(result.steps, handgrad.backprop.load_network is load_network, 'train' in dir(handgrad))"
    )
    assert run_python(program) == "3 True True\n"
