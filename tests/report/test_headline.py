"""The top of a run's page: every sentence counted again from the files of the run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from handgrad.report import headline as module
from handgrad.report.headline import choice, headline, strip
from handgrad.runs.read import read_run
from handgrad.runs.record import NOT_SELECTED, BestEpoch, EvaluatedOn
from handgrad.score import wilson_interval
from report.pages import Node, Page
from report.run_folders import IMAGES, make_run


def top(folder: Path) -> Node:
    """Return the parsed headline of the run in *folder*."""
    page = Page(str(headline(read_run(folder))))
    assert page.faults == []
    return page.root


def written(folder: Path) -> str:
    """Return the headline of the run in *folder* as it is written, names of elements and all."""
    return str(headline(read_run(folder)))


def texts(node: Node, name: str, class_: str = "") -> list[str]:
    return [each.text for each in node.all(name, class_)]


def change(folder: Path, file: str, **values: Any) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_the_test_set_is_said_to_have_had_a_part_where_it_chose_and_only_there(tmp_path: Path) -> None:
    """Which images the epochs were counted on stands in the metrics, whatever the page says."""
    for holdout in (0, 200):
        folder = make_run(tmp_path, f"h{holdout}", holdout=holdout)
        on = {json.loads(line)["evaluation"]["on"] for line in (folder / "metrics.jsonl").read_text().splitlines()}
        said = texts(top(folder), "p", "quiet")[0]
        assert on == ({"holdout"} if holdout else {"test"})
        assert ("the test set was not used" in said) == (on == {"holdout"})
        assert ("by looking at the test set" in said) == (on == {"test"})
        assert ("looks too good" in said) == (on == {"test"})


def test_only_a_hold_out_is_said_to_keep_the_test_set_out() -> None:
    assert choice(EvaluatedOn.HOLDOUT) == "Chosen on training images that were kept apart; the test set was not used."
    assert choice(EvaluatedOn.TEST) == (
        "Chosen by looking at the test set, so it looks too good: it is not an estimate for other images."
    )


def test_the_cards_hold_the_last_and_the_best_epoch_with_their_counts(tmp_path: Path) -> None:
    folder = make_run(tmp_path, wrong=5)
    shown = top(folder)
    lines = [json.loads(line)["evaluation"]["correct"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    best = lines.index(max(lines)) + 1
    cards = shown.all("div", "cards")[0].all("div", "card")
    assert texts(shown, "h2") == ["Last epoch (4)", f"Best epoch ({best})"]
    assert texts(shown, "p", "figure") == ["99.37 %", f"{100 * max(lines) / IMAGES:.2f} %"]
    assert "first" in cards[0].classes and "first" not in cards[1].classes
    assert f"795 of {IMAGES} test images" in texts(cards[0], "p")
    assert f"{max(lines)} of {IMAGES} test images" in texts(cards[1], "p")
    low, high = wilson_interval(795, IMAGES)
    assert texts(cards[0], "b") == [f"{low:.2f} to {high:.2f} %"]
    assert any(each.startswith("95 % interval ") for each in texts(cards[0], "p"))
    # The parser reads names of elements in any case; what is written is in small letters.
    assert not re.search(r"<[^>]*[A-Z][^ =>]*[ >]", re.sub(r'"[^"]*"', "", written(folder)).replace("viewBox", ""))
    assert len(cards[0].all("svg", "strip")) == 1 and len(cards[1].all("svg")) == 0
    lead = texts(shown, "p", "lead")[0]
    assert lead == (
        f"After 4 epochs the network reads 795 of the 800 test images of MNIST and misreads 5. From this count, its "
        f"accuracy on other images of the same kind is estimated to be between {low:.2f} and {high:.2f} % (95 % Wilson "
        "interval). Another seed gives another figure; the interval does not include this."
    )
    assert texts(shown, "p", "notice") == []


def test_one_epoch_is_no_plural_and_kept_images_are_counted(tmp_path: Path) -> None:
    assert "After 1 epoch the" in texts(top(make_run(tmp_path, "one", epochs=1)), "p", "lead")[0]
    said = texts(top(make_run(tmp_path, "two", holdout=1200)), "p", "lead")[0]
    assert said.endswith("1,200 training images were kept apart for choosing; the network did not learn from them.")


def test_a_test_set_read_once_chose_nothing() -> None:
    best = BestEpoch(4, 795, IMAGES, NOT_SELECTED)
    page = Page(str(module.best_epoch(best))).root
    assert texts(page, "h2") == ["Read once"] and "card" in page.all("div")[0].classes
    assert texts(page, "p", "quiet") == [
        "The test set was read once, after the last epoch: nothing was chosen with it, not even the epoch."
    ]


def test_other_images_than_mnist_are_said_to_be_others(tmp_path: Path) -> None:
    drawn = texts(top(make_run(tmp_path, "drawn", dataset="drawn")), "p", "notice")
    assert drawn == [
        "dataset: drawn – these digits were drawn by the program itself, because no others were available. "
        "The figures say that training works; they say nothing about how well the network reads handwriting."
    ]
    other = texts(top(make_run(tmp_path, "other", dataset="idx-0123")), "p", "notice")
    text = "no published set, named by the hash of its content; the figures hold for these images only."
    assert other == [f"dataset: idx-0123 – {text}"]
    known = texts(top(make_run(tmp_path, "known", dataset="fashion")), "p", "notice")
    assert known == ["dataset: fashion – not MNIST; the figures hold for these images only."]


def test_a_diverged_run_says_where_it_ended_and_what_to_try(tmp_path: Path) -> None:
    folder = make_run(tmp_path, state="diverged", dataset="drawn")
    shown = top(folder)
    assert texts(shown, "h2") == ["This run diverged"]
    assert texts(shown, "p", "reason") == [json.loads((folder / "summary.json").read_text())["reason"]]
    said = texts(shown, "p")
    assert (
        "It has no result: 3 of 4 epochs were complete when the numbers stopped being finite. A mean over seeds counts it "
        "as failed."
    ) in said
    assert "Try a lower optimizer.learning_rate." in said and texts(shown, "code") == ["optimizer.learning_rate"]
    assert "alarm" in shown.all("div", "card")[0].classes
    assert len(texts(shown, "p", "lead")) == len(texts(shown, "p", "notice")) == 1
    none = top(make_run(tmp_path, "none", state="diverged", done=0))
    assert any("no epoch was complete when" in each for each in texts(none, "p"))
    assert texts(none, "p", "lead") == []


def test_an_unfinished_run_shows_how_to_go_on_and_how_far_it_is(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "a run", state="unfinished", holdout=200)
    shown = top(folder)
    assert texts(shown, "h2") == ["This run is not finished"]
    assert "Complete: 3 of 4 epochs. If nothing trains it now, continue with:" in texts(shown, "p")
    assert shlex.split(texts(shown, "code")[0]) == ["handgrad", "train", "--resume", str(folder)]
    assert "alarm" in shown.all("div", "card")[0].classes
    newest = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    count = newest["evaluation"]
    low, high = wilson_interval(count["correct"], count["total"])
    exact = 100 * count["correct"] / count["total"]
    # Three epochs of 3, 4 and 5 seconds.
    assert texts(shown, "p", "lead") == [
        f"Newest epoch (3): {exact:.2f} % on the hold-out ({count['correct']} of 200, 95 % interval {low:.2f} to "
        f"{high:.2f} %) after 12.0 s of training. This is not a final figure."
    ]


@pytest.mark.parametrize(
    ("correct", "total"),
    [(9_940, 10_000), (795, 800), (3, 800), (800, 800), (0, 800), (90, 100), (362, 362), (950, 1000)],
)
def test_the_strip_puts_bar_dot_and_ticks_where_their_numbers_are(correct: int, total: int) -> None:
    bounds, accuracy = wilson_interval(correct, total), 100 * correct / total
    (svg,) = Page(str(strip(bounds, accuracy))).root.all("svg")
    assert svg.all("title")[0].text == f"{accuracy:.2f} % with its 95 % interval, {bounds[0]:.2f} to {bounds[1]:.2f} %"
    ticks = {float(each.text): float(each.attributes["x"]) for each in svg.all("text")}
    lines = [float(each.attributes["x1"]) for each in svg.all("line")[1:]]
    assert list(ticks.values()) == lines and 2 <= len(ticks) <= 7 and max(ticks) <= 100
    assert all(each.attributes["x1"] == each.attributes["x2"] for each in svg.all("line")[1:])
    (first, at), (last, end) = min(ticks.items()), max(ticks.items())
    pixels = (end - at) / (last - first)

    def place(value: float) -> float:
        return at + (value - first) * pixels

    (bar,), (dot,) = svg.all("rect"), svg.all("circle")
    left, width = float(bar.attributes["x"]), float(bar.attributes["width"])
    assert left == pytest.approx(place(bounds[0]), abs=0.4)
    assert left + width == pytest.approx(place(bounds[1]), abs=0.6)
    assert float(dot.attributes["cx"]) == pytest.approx(place(accuracy), abs=0.4)
    assert left >= 8 and left + width <= 292.1 and width > 80
    # The axis lies through the middle of bar and dot, its numbers under it, all of it in a window of 300 by 40.
    (axis, *_), middle = svg.all("line"), float(dot.attributes["cy"])
    assert [axis.attributes[end] for end in ("x1", "y1", "x2", "y2")] == ["8", "18", "292", "18"]
    assert float(bar.attributes["y"]) + float(bar.attributes["height"]) / 2 == middle == 18
    assert all(each.attributes["text-anchor"] == "middle" and each.attributes["y"] == "36" for each in svg.all("text"))
    assert all((each.attributes["y1"], each.attributes["y2"]) == ("18", "23") for each in svg.all("line")[1:])
    assert svg.attributes["viewbox"] == "0 0 300 40" and (svg.attributes["role"], svg.classes) == ("img", ["strip"])
    assert bar.attributes["width"] == f"{width:.1f}".removesuffix(".0") or "." in bar.attributes["width"]
    assert len(bar.attributes["width"].partition(".")[2]) == 1 == len(dot.attributes["cx"].partition(".")[2])
    assert (float(bar.attributes["rx"]), float(dot.attributes["r"])) == (4, 6.5)
    assert (bar.classes, dot.classes, {tuple(each.classes) for each in svg.all("line")}) == (
        ["range"], ["here"], {("grid",)},
    )  # fmt: skip
    # Round steps: 1, 2 or 5 of a power of ten.
    step = sorted(ticks)[1] - sorted(ticks)[0]
    assert re.fullmatch(r"[125](\.0+)?e[+-]\d+", f"{step:.3e}")


@pytest.mark.parametrize(("holdout", "words"), [(0, "selected on the test set"), (200, "selected on the hold-out")])
def test_the_card_of_the_best_epoch_names_what_chose_it(tmp_path: Path, holdout: int, words: str) -> None:
    """No best figure without it: the line stands in the card, whatever the sentences below say."""
    assert texts(top(make_run(tmp_path, holdout=holdout)), "p", "chosen") == [words]
