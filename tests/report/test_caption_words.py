"""Captions and sentences beside figures: each number in them is worked out again from the files of the run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from handgrad.report import curves, plots
from handgrad.report.answers import confusion, mistakes
from handgrad.report.compare import compare
from handgrad.report.comparison_page import comparison_page
from handgrad.report.digit_images import bars
from handgrad.report.setup import environment_section, recipe_section
from handgrad.runs.read import read_run
from report.run_folders import IMAGES, make_run


def epochs_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("holdout", [0, 200])
def test_the_words_of_the_curves_tell_first_and_last_epoch_and_what_was_evaluated(tmp_path: Path, holdout: int) -> None:
    folder = make_run(tmp_path, holdout=holdout)
    first, *_, last = epochs_of(folder)
    on = "hold-out" if holdout else "test set"
    accuracy, loss, _ = (chart.text for chart in curves.charts(read_run(folder)))
    evaluated, trained = ([each[side]["accuracy"] for each in (first, last)] for side in ("evaluation", "training"))
    assert accuracy == (
        f"Accuracy on the {on} from {evaluated[0]:.2f} % after epoch 1 to {evaluated[1]:.2f} % after epoch 4; "
        f"while training from {trained[0]:.2f} % to {trained[1]:.2f} %."
    )
    evaluated, trained = ([each[side]["loss"] for each in (first, last)] for side in ("evaluation", "training"))
    assert loss == (
        f"Loss on the {on} from {evaluated[0]:.4f} after epoch 1 to {evaluated[1]:.4f} after epoch 4; "
        f"while training from {trained[0]:.4f} to {trained[1]:.4f}."
    )


def test_the_words_of_the_learning_rate_tell_its_highest(tmp_path: Path) -> None:
    finished, stopped = make_run(tmp_path), make_run(tmp_path, "stopped", state="unfinished")
    kept = load_file(finished / "evidence.safetensors")
    # Up from the first step to a third of the way, down from there, as one cycle goes.
    steps = np.arange(len(kept["learning_rates"]), dtype=np.float32)
    rates_now = (0.05 - 0.001 * np.abs(steps - len(steps) // 3)).astype(np.float32)
    header = {"record": json.dumps({"format": 1, "run": finished.name})}
    (finished / "evidence.safetensors").write_bytes(save(kept | {"learning_rates": rates_now}, header))
    each_step = [float(rate) for rate in rates_now]
    assert len({each_step[0], max(each_step), each_step[-1]}) == 3
    said = curves.charts(read_run(finished))[2].text
    assert said == (
        f"Learning rate at each step: first {each_step[0]:.3g}, highest {max(each_step):.3g}, last {each_step[-1]:.3g}."
    )
    rates = [each["learning_rate"] for each in epochs_of(stopped)]
    said = curves.charts(read_run(stopped))[2].text
    assert said == (
        f"Learning rate at the last step of each epoch: first {rates[0]:.3g}, highest {max(rates):.3g}, "
        f"last {rates[-1]:.3g}."
    )


def test_confusions_are_counted_by_true_class_and_titled_by_what_was_misread(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path, wrong=30))
    assert run.evidence is not None
    found = load_file(run.path / "evidence.safetensors")
    labels = np.arange(IMAGES) % 10
    answers = run.evidence.answers
    assert "labels" not in found or (found["labels"] == labels).all()
    wrong = int((answers != labels).sum())
    assert wrong == 30
    figure = plots.confusion(run, run.evidence)
    assert figure.axes[0].get_title(loc="left") == f"30 of {IMAGES} test images misread"
    rows = re.findall(r"<tr>(.*?)</tr>", str(confusion(run.evidence, run.kind.classes)), re.DOTALL)[1:11]
    assert len(rows) == 10
    shares = []
    for true, row in enumerate(rows):
        cells = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        of_class = labels == true
        right = 100 * (answers[of_class] == true).mean()
        shares.append((100 * (labels[answers == true] == true).mean(), right))
        assert cells[-2:] == [f"{of_class.sum()}", f"{np.floor(100 * right + 1e-9) / 100:.2f} %"]
    # Were recall and precision the same here, this would tell nothing.
    assert any(abs(precision - recall) > 0.1 for precision, recall in shares)


def test_bars_are_full_for_the_answer_and_outlined_for_the_true_class() -> None:
    drawn = str(bars([0.05] * 3 + [0.5] + [0.05] * 3 + [0.2] + [0.05] * 2, 7))
    kinds = re.findall(r'<rect[^>]*class="([^"]*)"', drawn)
    heights = [float(height) for height in re.findall(r'<rect[^>]*height="([\d.]+)"', drawn)]
    assert len(kinds) == 10 and len(set(kinds)) == 3
    assert kinds.count(kinds[3]) == kinds.count(kinds[7]) == 1 and kinds[3] != kinds[7]
    assert heights[3] == max(heights) and heights[7] == sorted(heights)[-2]


def test_each_overlaid_line_ends_where_its_run_ended(tmp_path: Path) -> None:
    one, two = make_run(tmp_path, "one"), make_run(tmp_path, "two", recipe={"name": "other"}, wrong=60, epochs=3)
    page = comparison_page(compare([one, two]))
    ends = [epochs_of(folder)[-1] for folder in (one, two)]
    for title, side, what in (
        ("Accuracy, test set", "evaluation", "accuracy"),
        ("Loss, test set", "evaluation", "loss"),
        ("Accuracy, training", "training", "accuracy"),
        ("Loss, training", "training", "loss"),
    ):
        said = "; ".join(
            f"{name} ends at {each[side][what]:.4g}" for name, each in zip(("demo", "other"), ends, strict=True)
        )
        assert f"{title}: {said}." in page


@pytest.mark.parametrize(("holdout", "warned"), [(0, True), (200, False)])
def test_only_a_best_epoch_that_the_test_set_chose_is_said_to_flatter(
    tmp_path: Path, holdout: int, warned: bool
) -> None:
    page = comparison_page(
        compare([make_run(tmp_path, "one", holdout=holdout), make_run(tmp_path, "two", holdout=holdout)])
    )
    assert ("A best epoch that was selected on the test set looks too good" in page) is warned


def test_seconds_of_an_epoch_are_the_mean_and_the_data_is_told_as_it_was(tmp_path: Path) -> None:
    folder = make_run(tmp_path, holdout=200)
    seconds = [each["seconds_training"] for each in epochs_of(folder)]
    said = str(environment_section(read_run(folder)))
    assert f"{sum(seconds):.0f} s training ({sum(seconds) / 4:.1f} s per epoch), 1 s evaluating" in said.replace(
        ".0 s t", " s t"
    ).replace("1.0 s e", "1 s e")
    assert "200 training images" in said


def test_marked_values_are_those_that_differ_from_the_defaults(tmp_path: Path) -> None:
    said = str(recipe_section(read_run(make_run(tmp_path, recipe={"label_smoothing": 0.25}))))
    rows = re.findall(r"<tr>(.*?)</tr>", said, re.DOTALL)[1:]
    marked = {
        re.sub(r"<[^>]*>", "", re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)[0]) for row in rows if "<mark>" in row
    }
    assert {"label_smoothing", "batch_size", "epochs"} <= marked
    for row in rows:
        key, here, default = (re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row))
        assert (key in marked) == (here != default), key


def test_a_card_of_an_answer_outlines_the_true_class_and_names_both(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path, wrong=30))
    evidence = run.evidence
    assert evidence is not None
    said = str(mistakes(evidence, run.kind.classes))
    assert "Shown: all 30." in said
    cards = re.findall(r'<li class="wrong">(.*?)</li>', said, re.DOTALL)
    assert len(cards) == 30
    for card, index in zip(cards, evidence.mistake_index, strict=True):
        label, answer = int(evidence.labels[index]), int(evidence.answers[index])
        assert f"a {label}, misread as {answer}" in card and label != answer
        kinds = re.findall(r'<rect[^>]*class="([^"]*)"', card)
        others = {kind for digit, kind in enumerate(kinds) if digit not in (label, answer)}
        assert len(kinds) == 10 and len(others) == 1
        # As at the bars made up above: the true class has the look of one, the answer that of the other.
        drawn = re.findall(r'<rect[^>]*class="([^"]*)"', str(bars([0.05] * 3 + [0.5] + [0.05] * 3 + [0.2, 0, 0], 7)))
        assert (kinds[label], kinds[answer]) == (drawn[7], drawn[3])


def test_of_many_mistakes_the_surest_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path, wrong=60))
    evidence = run.evidence
    assert evidence is not None
    said = str(mistakes(evidence, run.kind.classes))
    assert "Shown: the 40 surest of 60." in said
    shares = [float(np.exp(evidence.log_probabilities[int(index)].max())) for index in evidence.mistake_index]
    assert shares == sorted(shares, reverse=True)
