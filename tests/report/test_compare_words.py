"""What a comparison prints and what it gives as JSON, whole, with every figure worked out from the files."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handgrad.errors import UsageError
from handgrad.report.compare import GROUP_HEAD, Comparison, compare, text_lines
from handgrad.report.run_cells import HEAD
from handgrad.runs.record import NOT_SELECTED
from handgrad.score import wilson_interval
from report.run_folders import IMAGES, change_json, make_run

SGD: dict[str, Any] = {"name": "sgd-run", "note": "first", "optimizer": {"name": "sgd", "learning_rate": 0.01}}
ADAM: dict[str, Any] = {"name": "adam-run", "optimizer": {"name": "adam", "learning_rate": 0.003}}


def columns(comparison: Comparison, head: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of the printed table under *head*, each cell by its column's name, cut where the heads stand."""
    lines = text_lines(comparison)
    first = next(number for number, line in enumerate(lines) if line.split()[:1] == ["recipe"] and head[-1] in line)
    table = lines[first : next((n for n, line in enumerate(lines) if n > first and not line), len(lines))]
    ends: list[tuple[int, int]] = []
    at = 0
    for name in head:
        start = table[0].index(name, at)
        at = start + len(name)
        ends.append((start, at))
    found = []
    for line in table[1:]:
        cells = {}
        for name, (start, end) in zip(head, ends, strict=True):
            # A column reaches as far to either side of its head as there are no two spaces.
            left, right = start, end
            while left > 0 and line[max(0, left - 2) : left] not in ("  ", ""):
                left -= 1
            while right < len(line) and line[right : right + 2] != "  ":
                right += 1
            cells[name] = line[left:right].strip()
        found.append(cells)
    return found


def test_every_cell_of_a_run_is_what_its_folder_says(tmp_path: Path) -> None:
    one = make_run(tmp_path, "one", recipe=SGD, wrong=5)
    two = make_run(tmp_path, "two", recipe=ADAM, wrong=60, seed=7, holdout=200)
    bad = make_run(tmp_path, "bad", recipe=ADAM | {"name": "b"}, state="diverged", done=0, layers=False)
    first, second, third = columns(compare([one, two, bad]), HEAD)
    low, high = wilson_interval(795, IMAGES)
    # Epochs of 3, 4, 5 and 6 seconds; the third is best by two images.
    assert first == {
        "recipe": "sgd-run", "network": "squeeze-16k", "parameters": "16,452", "dataset": "mnist", "seed": "0",
        "epochs": "4/4", "last epoch": "99.37 %", "95 % interval": f"{low:.2f} to {high:.2f} %",
        "best epoch (selected on)": "99.62 % (3, test set)", "s/epoch": "4.5", "state": "complete",
    }  # fmt: skip
    best = json.loads((two / "summary.json").read_text())["best_epoch"]
    assert (second["seed"], second["last epoch"]) == ("7", "92.50 %")
    assert second["best epoch (selected on)"].endswith(f"({best['epoch']}, hold-out)")
    empty = ("parameters", "epochs", "last epoch", "95 % interval", "best epoch (selected on)", "s/epoch")
    assert [third[name] for name in empty] == [
        "–", "0/4", "–", "–", "–", "–",
    ]  # fmt: skip
    assert third["state"] == "diverged"


def test_a_group_is_told_with_mean_spread_lowest_and_what_failed(tmp_path: Path) -> None:
    wrongs = [5, 9, 4]
    paths = [make_run(tmp_path, f"s{n}", recipe=SGD, seed=n, wrong=wrong) for n, wrong in enumerate(wrongs)]
    paths += [make_run(tmp_path, "d", recipe=SGD, seed=3, state="diverged")]
    paths += [make_run(tmp_path, "a", recipe=ADAM, wrong=12)]
    paths += [make_run(tmp_path, "u", recipe=ADAM | {"name": "none", "label_smoothing": 0.1}, state="unfinished")]
    first, second, third = columns(compare(paths), GROUP_HEAD)
    accuracies = [100 * (IMAGES - wrong) / IMAGES for wrong in wrongs]
    mean, sd = statistics.fmean(accuracies), statistics.stdev(accuracies)
    half = 4.30265 * sd / 3**0.5  # Student's t with two degrees of freedom
    assert first == {
        "recipe": "sgd-run", "n": "3", "mean": f"{mean:.3f} %", "sd": f"{sd:.3f}", "lowest": f"{min(accuracies):.2f} %",
        "95 % interval of the mean": f"{mean - half:.3f} to {min(100, mean + half):.3f} %",
        "without result": "seed 3 (diverged)",
    }  # fmt: skip
    assert second == {
        "recipe": "adam-run", "n": "1", "mean": "98.500 %", "sd": "–", "lowest": "98.50 %",
        "95 % interval of the mean": "–", "without result": "none",
    }  # fmt: skip
    assert third == {
        "recipe": "none", "n": "0", "mean": "–", "sd": "–", "lowest": "–", "95 % interval of the mean": "–",
        "without result": "seed 0 (unfinished)",
    }  # fmt: skip
    lines = text_lines(compare(paths))
    head = next(line for line in lines if "without result" in line)
    row = next(line for line in lines[lines.index(head) :] if line.startswith("sgd-run"))
    # Numbers end under their head; the interval, which is none, begins there.
    for name, cell in (
        ("n", "  3"),
        ("mean", f"{mean:.3f} %"),
        ("sd", f"{sd:.3f}"),
        ("lowest", f"{min(accuracies):.2f} %"),
    ):
        end = head.index(f" {name}") + len(name) + 1
        assert row[:end].endswith(cell)
    assert row.index(f"{mean - half:.3f} to") == head.index("95 % interval of the mean")


def test_without_seeds_of_one_recipe_there_is_no_table_of_groups_and_without_differences_none_of_them(
    tmp_path: Path,
) -> None:
    two = [make_run(tmp_path, "one", recipe=SGD), make_run(tmp_path, "two", recipe=ADAM)]
    lines = text_lines(compare(two))
    assert not any("interval of the mean" in line for line in lines)
    assert [line.split() for line in lines[-3:]] == [
        ["differs", "sgd-run", "adam-run"],
        ["optimizer.name", "sgd", "adam"],
        ["optimizer.learning_rate", "0.01", "0.003"],
    ]
    seeds = [two[0], make_run(tmp_path, "three", recipe=SGD, seed=1)]
    lines = text_lines(compare(seeds))
    assert any("interval of the mean" in line for line in lines) and not any("differs" in line for line in lines)


def test_the_json_holds_every_run_whole(tmp_path: Path) -> None:
    one = make_run(tmp_path, "one", recipe=SGD, wrong=5)
    part = make_run(tmp_path, "part", recipe=ADAM, seed=2, state="unfinished", dataset="drawn", holdout=200)
    table = compare([one, part]).as_json()
    assert set(table) == {"runs", "groups", "differences", "notes"}
    summary = json.loads((one / "summary.json").read_text())
    assert table["runs"][0] == {
        "run": "one", "path": str(one), "state": "complete", "recipe": "sgd-run, dataset mnist, no hold-out"
        if "," in table["runs"][0]["recipe"] else "sgd-run", "network": "squeeze-16k", "parameters": 16_452,
        "dataset": "mnist", "holdout": 0, "seed": 0, "epochs": 4, "planned": 4, "last_epoch": summary["last_epoch"],
        "best_epoch": summary["best_epoch"], "seconds_an_epoch": 4.5,
    }  # fmt: skip
    assert table["runs"][1] | {"parameters": 0} == {
        "run": "part", "path": str(part), "state": "unfinished", "recipe": "adam-run", "network": "squeeze-16k",
        "parameters": 0, "dataset": "drawn", "holdout": 200, "seed": 2, "epochs": 3, "planned": 4, "last_epoch": None,
        "best_epoch": None, "seconds_an_epoch": 4.0,
    }  # fmt: skip
    assert table["groups"][1] == {
        "recipe": "adam-run", "seeds": [], "accuracies": [], "n": 0,
        "failed": [{"seed": 2, "run": "part", "state": "unfinished"}],
    }  # fmt: skip
    assert table["differences"] == {"optimizer.name": ["sgd", "adam"], "optimizer.learning_rate": ["0.01", "0.003"]}


def test_notes_and_names_make_no_two_recipes_of_one_and_seeds_stand_in_order(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path, f"s{seed}", recipe=SGD | {"name": name, "note": note}, seed=seed)
        for seed, name, note in ((2, "sgd-run", "a"), (0, "other", "b"), (1, "sgd-run", "c"))
    ]
    (group,) = compare(paths).groups
    assert [run.seed for run in group.runs] == [0, 1, 2]


def test_the_order_of_the_lines_in_a_recipe_makes_no_other_recipe(tmp_path: Path) -> None:
    one, two = (make_run(tmp_path, name, recipe=SGD, state="unfinished") for name in ("one", "two"))
    lines = (two / "recipe.toml").read_text().split("\n[")[0].splitlines()
    rest = (two / "recipe.toml").read_text()[len("\n".join(lines)) :]
    (two / "recipe.toml").write_text("\n".join(reversed(lines)).strip() + "\n" + rest)
    assert len(compare([one, two]).groups) == 1


def test_what_keeps_figures_from_being_compared_is_said_and_nothing_else(tmp_path: Path) -> None:
    one = make_run(tmp_path, "one", recipe=SGD)
    other = make_run(tmp_path, "other", recipe=ADAM)
    assert compare([one, other]).notes == ()
    change_json(other / "environment.json", device_name="another")
    assert compare([one, other]).notes == (
        "Devices, precisions or threads differ: the seconds per epoch cannot be compared.",
    )
    drawn = make_run(tmp_path, "drawn", recipe=ADAM | {"name": "d"}, dataset="drawn", holdout=100)
    part = make_run(tmp_path, "part", recipe=ADAM | {"name": "p"}, state="unfinished")
    assert compare([one, drawn, part]).notes == (
        "These runs used different datasets: drawn (647261776e00), mnist (6d6e69737400). Their accuracies cannot be "
        "compared with one another.",
        "dataset: drawn – digits that the program drew itself; the figures say nothing about handwriting.",
        "Hold-outs differ: the runs trained on different numbers of images, and their curves were measured on different "
        "images.",
        "part is not finished: 3 of 4 epochs. It has no result and no mean includes it.",
    )
    again = make_run(tmp_path, "again", recipe=SGD, wrong=7)
    found = compare([one, again])
    assert found.notes == ("again repeats seed 0 of sgd-run; the mean counts each seed once.",)
    assert found.as_json()["groups"][0]["accuracies"] == [100 * 795 / 800]


def test_three_networks_of_one_name_are_numbered(tmp_path: Path) -> None:
    paths = [make_run(tmp_path, name, recipe=SGD | {"network": "net.py:Net"}) for name in ("one", "two", "three")]
    for number, path in enumerate(paths):
        (path / "network.py").write_text(f"# {number}")
    assert [group.label for group in compare(paths).groups] == ["sgd-run", "sgd-run (2)", "sgd-run (3)"]


def test_a_refusal_says_what_was_given(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "one")
    for paths in ([], [folder]):
        with pytest.raises(UsageError, match="compare needs at least two"):
            compare(paths)


def test_a_long_note_is_told_whole(tmp_path: Path) -> None:
    comparison = compare([make_run(tmp_path, "one", recipe=SGD), make_run(tmp_path, "two", recipe=ADAM)])
    note = "these seconds cannot be compared " * 20
    assert text_lines(replace(comparison, notes=(note,)))[-1] == f"note: {note.strip()}"


def test_a_notebook_shows_the_curves_of_the_runs_and_a_network_without_its_folders(tmp_path: Path) -> None:
    folders = [
        make_run(tmp_path, "one", recipe=SGD | {"network": "C:\\Users\\a\\net.py:Net"}),
        make_run(tmp_path, "two", recipe=ADAM | {"network": "/home/b/other.py:Net"}),
    ]
    for folder, network in zip(folders, ("C:\\Users\\a\\net.py:Net", "/home/b/other.py:Net"), strict=True):
        change_json(folder / "summary.json", network=network)
    comparison = compare(folders)
    view = comparison.view()
    for row, whole in zip(view.rows, columns(comparison, HEAD), strict=True):
        shown = dict(zip(view.head, row, strict=True))
        assert shown.pop("network") == whole["network"].replace("\\", "/").rpartition("/")[2]
        assert shown == {name: whole[name] for name in shown} and len(shown) > 4
    assert [row[view.head.index("network")] for row in view.rows] == ["net.py:Net", "other.py:Net"]
    assert [curve.name for curve in view.curves] == [f"{row['recipe']}, seed 0" for row in columns(comparison, HEAD)]
    for folder, curve in zip(folders, view.curves, strict=True):
        epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert list(curve.x) == [each["epoch"] for each in epochs]
        assert list(curve.y) == [each["evaluation"]["accuracy"] for each in epochs]


def test_a_notebook_is_told_means_differences_and_notes(tmp_path: Path) -> None:
    paths = [make_run(tmp_path, f"s{seed}", recipe=SGD, seed=seed, wrong=5 + seed) for seed in range(3)]
    drawn = make_run(tmp_path, "drawn", recipe=ADAM, dataset="drawn")
    comparison = compare([*paths, drawn])
    lines = comparison.view().lines
    accuracies = [100 * (IMAGES - 5 - seed) / IMAGES for seed in range(3)]
    spread = comparison.groups[0].as_json()
    assert lines[0] == (
        f"{comparison.groups[0].label}: mean {statistics.fmean(accuracies):.3f} %, sd {statistics.stdev(accuracies):.3f}, "
        f"95 % interval of the mean {spread['interval95'][0]:.3f} to {spread['interval95'][1]:.3f} %"
    )
    # Of one run there is no mean to tell.
    assert not any(line.startswith(f"{comparison.groups[1].label}: mean") for line in lines)
    whole = columns(comparison, HEAD)
    assert comparison.view().columns == {name: [row[name] for row in whole] for name in HEAD}
    assert any(line.startswith("optimizer.name: sgd · adam") for line in lines)
    assert lines[-len(comparison.notes) :] == comparison.notes != ()
    # Printed, the table of the groups follows that of the runs and takes nothing away.
    printed = text_lines(comparison)
    assert len(columns(comparison, HEAD)) == 4 and len(columns(comparison, GROUP_HEAD)) == 2
    assert printed[0].split()[:2] == ["recipe", "network"]


def test_an_epoch_that_nothing_chose_is_told_as_not_selected(tmp_path: Path) -> None:
    once, usual = make_run(tmp_path, "once", recipe=SGD), make_run(tmp_path, "usual", recipe=ADAM)
    best = json.loads((once / "summary.json").read_text())["best_epoch"]
    change_json(once / "summary.json", best_epoch=best | {"selected_on": NOT_SELECTED})
    first, second = columns(compare([once, usual]), HEAD)
    assert first["best epoch (selected on)"].endswith("not selected)")
    assert second["best epoch (selected on)"].endswith("test set)")


def test_two_seeds_have_a_spread_and_one_has_none(tmp_path: Path) -> None:
    pair = [make_run(tmp_path, f"s{seed}", recipe=SGD, seed=seed, wrong=5 + 3 * seed) for seed in range(2)]
    comparison = compare([*pair, make_run(tmp_path, "alone", recipe=ADAM)])
    two, one = columns(comparison, GROUP_HEAD)
    accuracies = [100 * (IMAGES - wrong) / IMAGES for wrong in (5, 8)]
    mean, sd = statistics.fmean(accuracies), statistics.stdev(accuracies)
    half = 12.7062 * sd / 2**0.5  # Student's t for one degree of freedom, from a table
    assert [two[name] for name in GROUP_HEAD[2:4]] == [f"{mean:.3f} %", f"{sd:.3f}"]
    assert f"{mean - half:.3f} to {min(100, mean + half):.3f} %" in two.values()
    assert one[GROUP_HEAD[3]] == "–"


def test_another_network_is_the_first_thing_that_sets_recipes_apart(tmp_path: Path) -> None:
    one, two = make_run(tmp_path, "one", recipe=SGD), make_run(tmp_path, "two", recipe=SGD | {"name": "b"})
    for folder, network in ((one, "squeeze-16k"), (two, "gap10-17k")):
        recipe = (folder / "recipe.toml").read_text().replace('network = "squeeze-16k"', f'network = "{network}"')
        (folder / "recipe.toml").write_text(recipe)
        change_json(folder / "summary.json", network=network)
    assert dict(compare([one, two]).differences)["network"] == ("squeeze-16k", "gap10-17k")


def test_in_json_an_epoch_that_nothing_chose_names_nothing(tmp_path: Path) -> None:
    once, usual = make_run(tmp_path, "once", recipe=SGD), make_run(tmp_path, "usual", recipe=ADAM)
    best = json.loads((once / "summary.json").read_text())["best_epoch"]
    change_json(once / "summary.json", best_epoch=best | {"selected_on": NOT_SELECTED})
    first, second = (run["best_epoch"]["selected_on"] for run in compare([once, usual]).as_json()["runs"])
    assert (first, second) == ("", "test set")
