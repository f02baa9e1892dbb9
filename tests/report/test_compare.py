"""Runs side by side: equal ones in groups, unequal ones never as if they were comparable."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from handgrad.errors import DamagedRunError, UsageError
from handgrad.report.compare import compare, text_lines
from handgrad.report.comparison_page import write_comparison
from report.pages import Page, cells, section
from report.run_folders import make_run

SGD: dict[str, Any] = {"name": "sgd-run", "optimizer": {"name": "sgd", "learning_rate": 0.01}}
ADAM: dict[str, Any] = {"name": "adam-run", "optimizer": {"name": "adam", "learning_rate": 0.003}}


def seeds(root: Path, recipe: dict[str, Any], wrongs: list[int], **more: Any) -> list[Path]:
    """Make one run a seed of *recipe*."""
    return [
        make_run(root, f"{recipe['name']}-s{seed}", recipe=recipe, seed=seed, wrong=wrong, **more)
        for seed, wrong in enumerate(wrongs)
    ]


def test_seeds_of_one_recipe_make_a_group_with_mean_and_spread(tmp_path: Path) -> None:
    comparison = compare([*seeds(tmp_path, SGD, [5, 9, 4]), *seeds(tmp_path, ADAM, [12])])
    table = comparison.as_json()
    accuracies = [100 * (800 - wrong) / 800 for wrong in (5, 9, 4)]
    first, second = table["groups"]
    assert first["recipe"] == "sgd-run"
    assert first["accuracies"] == accuracies
    assert first["mean"] == pytest.approx(statistics.fmean(accuracies))
    assert first["sd"] == pytest.approx(statistics.stdev(accuracies))
    assert first["lowest"] == min(accuracies)
    half = 4.3027 * statistics.stdev(accuracies) / 3**0.5
    # Three seeds this far apart reach beyond what an accuracy can be: the interval ends there.
    assert first["mean"] + half > 100
    assert first["interval95"] == pytest.approx((first["mean"] - half, 100.0))
    assert (second["recipe"], second["n"], second["sd"]) == ("adam-run", 1, None)
    assert table["differences"] == {"optimizer.name": ["sgd", "adam"], "optimizer.learning_rate": ["0.01", "0.003"]}
    assert table["notes"] == []
    json.dumps(table, allow_nan=False)


def test_different_datasets_are_said_to_be_beyond_comparison(tmp_path: Path) -> None:
    one = make_run(tmp_path, "one", recipe=SGD)
    two = make_run(tmp_path, "two", recipe=SGD, dataset="drawn")
    comparison = compare([one, two])
    assert [group.label for group in comparison.groups] == ["sgd-run, dataset mnist", "sgd-run, dataset drawn"]
    lines = "\n".join(text_lines(comparison))
    assert "note: These runs used different datasets: drawn (647261776e00), mnist (6d6e69737400)" in lines
    assert "cannot be compared" in lines
    page = Page(write_comparison(comparison, tmp_path / "compare.html").read_text(encoding="utf-8"))
    assert "cannot be compared" in page.root.all("p", "notice")[0].text


def test_runs_that_differ_in_a_value_or_the_hold_out_are_no_seeds_of_one_recipe(tmp_path: Path) -> None:
    other = SGD | {"optimizer": {"name": "sgd", "learning_rate": 0.05}}
    paths = [
        make_run(tmp_path, "one", recipe=SGD),
        make_run(tmp_path, "two", recipe=other),
        make_run(tmp_path, "three", recipe=SGD, holdout=200),
    ]
    comparison = compare(paths)
    assert [group.label for group in comparison.groups] == [
        "sgd-run, optimizer.learning_rate=0.01, no hold-out",
        "sgd-run, optimizer.learning_rate=0.05, no hold-out",
        "sgd-run, optimizer.learning_rate=0.01, hold-out 200",
    ]
    assert any("Hold-outs differ" in note for note in comparison.notes)


def test_networks_of_one_name_but_another_source_are_two_groups(tmp_path: Path) -> None:
    paths = [make_run(tmp_path, name, recipe=SGD | {"network": "net.py:Net"}) for name in ("one", "two")]
    for number, path in enumerate(paths):
        (path / "network.py").write_text(f"# {number}")
    assert [group.label for group in compare(paths).groups] == ["sgd-run", "sgd-run (2)"]


def test_runs_without_a_result_are_listed_and_in_no_mean(tmp_path: Path) -> None:
    good = seeds(tmp_path, SGD, [5, 7])
    bad = make_run(tmp_path, "bad", recipe=SGD, seed=2, state="diverged")
    part = make_run(tmp_path, "part", recipe=SGD, seed=3, state="unfinished")
    comparison = compare([*good, bad, part])
    group = comparison.as_json()["groups"][0]
    assert group["n"] == 2
    assert [(failed["seed"], failed["state"]) for failed in group["failed"]] == [(2, "diverged"), (3, "unfinished")]
    text = "\n".join(text_lines(comparison))
    assert "seed 2 (diverged), seed 3 (unfinished)" in text
    assert "bad diverged: 3 of 4 epochs" in text


def test_a_seed_that_ran_twice_counts_once(tmp_path: Path) -> None:
    paths = [*seeds(tmp_path, SGD, [5, 9]), make_run(tmp_path, "again", recipe=SGD, seed=1, wrong=9)]
    comparison = compare(paths)
    assert comparison.as_json()["groups"][0]["seeds"] == [0, 1]
    assert any("again repeats seed 1" in note for note in comparison.notes)


def test_the_table_shows_the_figures_of_the_folders(tmp_path: Path) -> None:
    comparison = compare(
        [make_run(tmp_path, "one", recipe=SGD, wrong=5), make_run(tmp_path, "two", recipe=ADAM, wrong=60)]
    )
    lines = text_lines(comparison)
    assert lines[1].split()[:7] == ["sgd-run", "squeeze-16k", "16,452", "mnist", "0", "4/4", "99.37"]
    assert "92.50 %" in lines[2]
    assert "(3, test set)" in lines[1]
    assert lines[1].split()[-2:] == ["4.5", "complete"]


def test_the_page_overlays_every_run_and_loads_nothing(tmp_path: Path) -> None:
    paths = [*seeds(tmp_path, SGD, [5, 9]), *seeds(tmp_path, ADAM, [12], epochs=6)]
    page = Page(write_comparison(compare(paths), tmp_path / "compare.html").read_text(encoding="utf-8"))
    assert page.faults == []
    figures = section(page, "How they learned").all("figure")
    assert [figure.all("figcaption")[0].text for figure in figures] == [
        "Accuracy, test set",
        "Loss, test set",
        "Accuracy, training",
        "Loss, training",
    ]
    for figure in figures:
        lines = [len(curve.attributes["points"].split()) for curve in figure.all("polyline")]
        assert lines == [4, 4, 6]
    assert [item.text for item in page.root.all("ul", "legend")[0].all("li")] == ["sgd-run (2 runs)", "adam-run"]
    assert len(cells(section(page, "What they reached").all("table")[0])) == 3


def test_hostile_names_do_nothing_on_the_page_or_in_the_terminal(tmp_path: Path) -> None:
    name = "<script>x</script>\x1b[31m\n=cmd"
    comparison = compare(
        [make_run(tmp_path, "one", recipe=SGD | {"name": name}), make_run(tmp_path, "two", recipe=ADAM)]
    )
    page = Page(write_comparison(comparison, tmp_path / "compare.html").read_text(encoding="utf-8"))
    assert page.faults == []
    lines = text_lines(comparison)
    assert all(line.isprintable() for line in lines)
    assert lines[1].startswith("<script>x</script>\ufffd[31m =cmd")


def test_an_existing_page_is_replaced_only_on_request(tmp_path: Path) -> None:
    comparison = compare([make_run(tmp_path, "one", recipe=SGD), make_run(tmp_path, "two", recipe=ADAM)])
    path = tmp_path / "compare.html"
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"compare\.html exists – add --overwrite or choose another name"):
        write_comparison(comparison, path)
    assert path.read_text() == "mine"
    write_comparison(comparison, path, overwrite=True)
    assert path.read_text().startswith("<!DOCTYPE html>")


def test_the_folder_of_a_study_stands_for_its_runs_and_that_of_a_sweep_for_its_trials(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    for name in ("one", "two"):
        make_run(tmp_path / "study", name, recipe=SGD)
    swept = tmp_path / "sweep"
    for number in ("00000", "00001", "../chosen/00001"):
        (swept / "trials" / number).resolve().mkdir(parents=True)
        make_run(swept / "trials" / number, "run", recipe=ADAM)
    (swept / "sweep-plan.json").write_text("{}")
    comparison = compare([tmp_path / "study", swept])
    assert sorted(run.path.relative_to(tmp_path).as_posix() for _, run in comparison.runs) == [
        "study/one", "study/two", "sweep/trials/00000/run", "sweep/trials/00001/run",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="named twice"):
        compare([tmp_path / "study", tmp_path / "study" / "one"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty"):
        compare([tmp_path / "study", tmp_path / "empty"])


def test_one_run_or_one_named_twice_is_no_comparison(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "one")
    with pytest.raises(UsageError, match="compare needs at least two"):
        compare([folder])
    with pytest.raises(UsageError, match="named twice"):
        compare([folder, tmp_path / "." / "one"])


def test_a_damaged_run_stops_the_comparison(tmp_path: Path) -> None:
    one, two = make_run(tmp_path, "one"), make_run(tmp_path, "two")
    (two / "summary.json").write_text("{}")
    with pytest.raises(DamagedRunError, match=r"two/summary\.json: status is missing"):
        compare([one, two])
