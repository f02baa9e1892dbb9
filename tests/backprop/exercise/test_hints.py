"""What a task says beside an answer: the slips of reading by their names, and four digits that are enough."""

from __future__ import annotations

import math
from functools import cache

import pytest

from handgrad.backprop import Layer, Network, Sample, load_network, preset_names
from handgrad.backprop.exercise import Exercise, MistakeKind, Verdict, make_exercise, practice_plan
from handgrad.backprop.exercise.marking import digits_enough
from handgrad.backprop.workbook import Plan

make = cache(make_exercise)


def classic(seed: int = 7) -> Exercise:
    return make(load_network("classic"), seed)


def told(exercise: Exercise, name: str, value: float) -> str:
    mark = exercise.mark(exercise.answers | {name: value})[name]
    assert mark.verdict is Verdict.NOT_YET
    return mark.hint


def test_each_slip_of_reading_is_called_by_its_name() -> None:
    """Worked out here as a person would, without the program's expressions."""
    exercise = classic()
    v = exercise.values
    o1 = v["o1"]
    cases = {
        "dE/dw5": [
            (v["delta_o1"] * v["i1"], "wrong input: w5 starts at a_h1, not at i1"),
            (v["delta_o1"] * v["h1"], "wrong input: w5 starts at a_h1, not at h1"),
        ],
        "delta_o1": [((v["a_o1"] - v["t1"]) * o1 * (1 - o1), "forgotten derivative: the slope is a_o1 · (1 − a_o1)")],
        "o2": [(v["w7"] * v["h1"] + v["w8"] * v["h2"], "wrong input: take the activation a_h1, not h1")],
        "E1": [
            (0.5 * (v["t1"] - v["a_o1"]), "square left out: square the difference t1 − a_o1"),
            (v["a_o1"] - v["t1"], "square left out: square the difference t1 − a_o1"),
        ],
        "h1": [(10 * v["h1"], "tenfold: ten times too large"), (v["h1"] / 10, "tenfold: ten times too small")],
    }
    rough = next(n for n in ("delta_o1", "delta_o2", "dE/dw6") if abs(float(f"{v[n]:.2g}") - v[n]) > 0.01 * abs(v[n]))
    cases[rough] = [*cases.get(rough, []), (float(f"{v[rough]:.2g}"), "rounding: two digits are too few")]
    for name, wrong in cases.items():
        for value, words in wrong:
            assert told(exercise, name, value).startswith(words), (name, words, told(exercise, name, value))


def slips(exercise: Exercise) -> dict[tuple[str, float], str]:
    """By question and wrong answer: how the hint begins. Worked out as a person would, without the program's expressions."""
    v, bias = exercise.values, exercise.values.get("b2", 0.0)
    errors = {o: v[f"a_o{o}"] - v[f"t{o}"] for o in (1, 2)}
    slopes = {h: v[f"a_h{h}"] * (1 - v[f"a_h{h}"]) for h in (1, 2)}
    back = v["delta_o1"] * v["w5"] + v["delta_o2"] * v["w7"]
    found = {
        ("dE/dw5", v["delta_o1"] * v["i1"]): "wrong input",
        ("dE/dw5", v["delta_o1"] * v["h1"]): "wrong input",
        ("dE/dw8", v["delta_o2"] * v["h2"]): "wrong input",
        ("delta_o1", errors[1] * v["o1"] * (1 - v["o1"])): "forgotten derivative",
        ("delta_h1", back * v["h1"] * (1 - v["h1"])): "forgotten derivative",
        ("o1", v["w5"] * v["h1"] + v["w6"] * v["h2"] + bias): "wrong input",
        ("o2", v["w7"] * v["h1"] + v["w8"] * v["h2"] + bias): "wrong input",
        ("E1", -0.5 * errors[1]): "square left out",
        ("E2", errors[2]): "square left out",
        ("delta_h1", v["delta_o1"] * v["w5"] * slopes[1]): "only one path",
        ("delta_h2", v["delta_o2"] * v["w8"] * slopes[2]): "only one path",
    }
    for name in ("h1", "a_o1", "dE/dw1"):
        found |= {(name, 10 * v[name]): "tenfold", (name, v[name] / 10): "tenfold"}
    for name in ("delta_o1", "delta_o2", "dE/dw6", "E1"):
        two = float(f"{v[name]:.2g}")
        if abs(two - v[name]) > 1.01e-3 * abs(v[name]):
            found[name, two] = "rounding"
    return found


@pytest.mark.parametrize("name", ["classic", "classic-biased"])
@pytest.mark.parametrize("seed", range(6))
def test_every_slip_of_reading_is_named_in_tasks_of_many_seeds(name: str, seed: int) -> None:
    exercise = make(load_network(name), seed)
    unnamed = {
        (question, hint): told(exercise, question, value)
        for (question, value), hint in slips(exercise).items()
        if not told(exercise, question, value).startswith(hint)
    }
    assert unnamed == {}


def test_one_path_is_recognised_from_the_true_delta_where_another_stands_in_the_cell() -> None:
    exercise = classic()
    v = exercise.values
    slope = v["a_h1"] * (1 - v["a_h1"])
    answers = {"delta_o1": 0.9, "delta_h1": v["delta_o1"] * v["w5"] * slope}
    mark = exercise.mark(answers)["delta_h1"]
    assert mark.mistake is not None and mark.mistake.kind is MistakeKind.ONE_PATH


def to_four_digits(value: float) -> float:
    return float(f"{value:.4g}")


def refused(exercise: Exercise) -> list[str]:
    """Answers that are not right when each is rounded to four digits."""
    marks = exercise.mark({name: to_four_digits(value) for name, value in exercise.answers.items()})
    return [name for name, mark in marks.items() if mark.verdict is not Verdict.RIGHT]


def test_w4_of_seed_11_is_right_to_four_digits() -> None:
    exercise = classic(11)
    assert exercise.mark({"w4_next": 0.7192})["w4_next"].verdict is Verdict.RIGHT
    assert refused(exercise) == []


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name == "three-classes" else name for name in preset_names()]
)
def test_four_significant_digits_are_enough_for_every_seed(name: str) -> None:
    for seed in range(6):
        exercise = make(load_network(name), seed)
        assert refused(exercise) == [] and digits_enough(exercise.values, exercise.questions) == 4


@pytest.mark.long
@pytest.mark.parametrize("name", preset_names())
def test_four_significant_digits_are_enough_for_a_hundred_seeds(name: str) -> None:
    for seed in range(6, 106):
        assert refused(make_exercise(load_network(name), seed)) == [], seed


def test_an_unchanged_weight_is_never_right() -> None:
    for seed in range(4):
        exercise = classic(seed)
        for name in (f"w{number}" for number in range(1, 9)):
            mark = exercise.mark({f"{name}_next": exercise.values[name]})[f"{name}_next"]
            assert mark.verdict is Verdict.NOT_YET and mark.hint.startswith("no step made")


def test_a_task_whose_mistakes_never_all_show_is_made_without_those_that_do_not() -> None:
    """One layer of softmax: 3,072 draws, and none in which every mistake lies ten tolerances from the right answer."""
    layers, samples = (Layer(4, "softmax"),), (Sample((0.1, 0.2, 0.3, 0.4), (0.1, 0.2, 0.3, 0.4)),) * 2
    for loss in ("half-squared-error", "mean-squared-error", "softmax-cross-entropy"):
        exercise = make_exercise(Network("one layer", layers, samples, loss=loss), 3)
        assert all(len(found) >= 2 for found in exercise.mistakes.values())
        assert refused(exercise) == []


def cells(plan: Plan, sheet: str) -> list[str]:
    return [str(cell.formula) for cell in plan[sheet].cells.values() if cell.formula]


def test_the_progress_counts_answers_that_are_no_numbers_and_a_row_shows_its_rule_where_nothing_is_recognised() -> None:
    plan = practice_plan(classic())
    assert "no_number" in plan["Task"].names
    assert sum('"no number")' in formula for formula in cells(plan, "Task")) == 1
    rules = [formula for formula in cells(plan, "Answers") if formula.startswith("IF(OR(rules_shown=1,AND(")]
    assert len(rules) == len(classic().questions)


def test_rounding_keeps_its_digits() -> None:
    from handgrad.backprop.exercise.marking import _to_digits

    for value, digits, expected in (
        (0.71916, 4, 0.7192),
        (-0.0012345, 2, -0.0012),
        (123456.0, 4, 123500.0),
        (0.0, 4, 0.0),
    ):
        assert math.isclose(float(_to_digits(value, digits)), expected, rel_tol=1e-12, abs_tol=0.0)
