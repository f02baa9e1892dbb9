"""Tasks: their numbers, their answers against autograd, the mistakes they name, and how answers are judged."""

from __future__ import annotations

import random
from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handgrad.backprop import (
    BiasRule,
    Layer,
    Network,
    OverSamples,
    Sample,
    Update,
    UpdateOrder,
    UpdateRule,
    load_network,
    preset_names,
)
from handgrad.backprop.exercise import Exercise, MistakeKind, Verdict, make_exercise
from handgrad.backprop.exercise.marking import APART, TOLERANCE, mistake_tolerance, tolerance
from handgrad.backprop.exercise.questions import Section, rule
from handgrad.backprop.mistakes.of_an_answer import Mistake
from handgrad.backprop.verb import adapt
from handgrad.errors import UsageError
from oracle.drawn_networks import networks
from oracle.torch_network import ACTIVATIONS, TorchNetwork

SEEDS = (0, 7)
OLD = "a task asks for gradients from the old weights, use old-weights"
make = cache(make_exercise)


def exercises() -> list[Exercise]:
    return [make(load_network(name), seed) for name in preset_names() for seed in SEEDS]


def base_of(exercise: Exercise, name: str) -> float | None:
    (question,) = (q for q in exercise.questions if q.name == name)
    return None if question.base is None else exercise.values[question.base]


def disagreements(exercise: Exercise) -> list[str]:
    """Answers that torch, given the task's numbers, finds otherwise (relative to their size or to 1, 1e-12)."""
    network = exercise.network
    twin, expected = TorchNetwork(network), dict[str, float]()
    zs = twin.pre_activations()
    # A delta belongs to the error of its own sample; torch differentiates their mean.
    samples = len(network.samples) if network.over_samples is OverSamples.MEAN else 1
    deltas = torch.autograd.grad(twin.error(zs[-1]), zs)
    for layer, (z, delta) in enumerate(zip(zs, deltas, strict=True), start=1):
        a = ACTIVATIONS[network.layers[layer - 1].activation](z)
        for kind, table in (("pre-activation", z.detach()), ("activation", a.detach()), ("delta", samples * delta)):
            for quantity in exercise.graph:
                if quantity.kind == kind and quantity.layer == layer and not quantity.name.endswith("_next"):
                    expected[quantity.name] = float(table[(quantity.sample or 1) - 1, (quantity.unit or 1) - 1])
    expected["E_total"] = float(twin.error().detach())
    names = exercise.graph.parameters
    expected |= {f"dE/d{name}": value for name, value in zip(names, twin.gradient(), strict=True)}
    expected |= {f"{name}_next": value for name, value in zip(names, twin.train(1), strict=True)}
    expected["E_total_next"] = float(twin.error().detach())
    asked = [name for name in exercise.answers if name in expected]
    compared = {q.section for q in exercise.questions if q.name in asked}
    assert compared >= set(Section) - {Section.ERROR}, "a section was not compared"
    found = exercise.answers
    return [n for n in asked if abs(found[n] - expected[n]) > 1e-12 * max(1.0, abs(expected[n]))]


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("seed", SEEDS)
def test_answers_are_those_of_autograd(name: str, seed: int) -> None:
    assert disagreements(make(load_network(name), seed)) == []


def test_the_comparison_with_autograd_finds_a_wrong_answer() -> None:
    exercise = make_exercise(load_network("classic"), 7)
    exercise.values["dE/dw3"] += 1e-9
    assert disagreements(exercise) == ["dE/dw3"]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(), st.integers(0, 2**32 - 1))
def test_any_network_of_moderate_size_makes_a_task_with_the_answers_of_autograd(network: Network, seed: int) -> None:
    try:
        exercise = make_exercise(network, seed)
    except UsageError as refused:
        assert "limit 120" in str(refused)
        return
    assert disagreements(exercise) == []
    assert too_near(exercise) == []


@pytest.mark.parametrize("rule", UpdateRule)
def test_a_bias_that_a_whole_softmax_shares_is_not_asked_for_under_any_rule(rule: UpdateRule) -> None:
    """Its derivative is 0, whatever the numbers; Adam divides what rounding leaves of it by next to nothing."""
    sample = Sample((-1.38,), (0.7, 0.3))
    network = Network(
        "shared", (Layer(2, "softmax"),), (sample,), loss="softmax-cross-entropy", bias=BiasRule.LAYER,
        update=Update(rule=rule, epsilon=1e-6),
    )  # fmt: skip
    exercise = make_exercise(network, 0)
    assert "dE/db1" not in exercise.answers and "b1_next" not in exercise.answers
    assert "w1_next" in exercise.answers and disagreements(exercise) == []


def too_near(exercise: Exercise) -> list[str]:
    """Mistakes nearer to the right answer than promised."""
    return [
        f"{name}: {mistake.words}"
        for name, values in exercise.mistake_values.items()
        for mistake, value in zip(exercise.mistakes[name], values, strict=True)
        if abs(value - exercise.answers[name])
        < APART * tolerance(exercise.answers[name], base_of(exercise, name)) * (1 - 1e-9)
    ]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(preset_names()), st.integers(0, 2**32 - 1))
def test_numbers_are_sensible_whatever_the_seed(name: str, seed: int) -> None:
    exercise = make_exercise(load_network(name), seed)
    network = exercise.network
    given_numbers = [*network.weights, *network.biases, network.learning_rate]
    given_numbers += [value for sample in network.samples for value in (*sample.inputs, *sample.targets)]
    assert all(round(value, 2) == value and 0.03 < abs(value) <= 1 for value in given_numbers)
    assert too_near(exercise) == []
    assert min(map(abs, exercise.answers.values())) >= 1e-3
    for quantity in exercise.graph:
        if quantity.kind == "activation" and network.layers[(quantity.layer or 1) - 1].activation == "sigmoid":
            assert 0.1 < exercise.values[quantity.name] < 0.9
    marks = exercise.mark(
        {n: float(f"{value:.4g}") for n, value in exercise.answers.items() if not n.endswith("_next")}
    )
    assert {mark.verdict for n, mark in marks.items() if not n.endswith("_next")} == {Verdict.RIGHT}


def test_a_mistake_that_lies_too_near_is_found_by_the_check() -> None:
    exercise = make_exercise(load_network("classic"), 7)
    name = "delta_h1"
    exercise.mistake_values[name] = (exercise.answers[name] * 1.004, *exercise.mistake_values[name][1:])
    assert len(too_near(exercise)) == 1


def test_the_same_seed_gives_the_same_task_and_another_seed_another() -> None:
    """A changed number here means that teachers' seeds give other tasks than before: raise FORMAT then."""
    exercise = make(load_network("classic"), 7)
    assert exercise == make_exercise(load_network("classic"), 7)
    assert exercise.identifier == "classic-7-71148366"
    assert exercise.network.weights == (-0.64, -0.5, -0.35, 0.92, 0.18, 0.3, 0.65, 0.7)
    assert len({make(load_network("classic"), seed).network.weights for seed in range(6)}) == 6


K = MistakeKind
KINDS_OF_CLASSIC = {
    K.SIGN, K.DERIVATIVE, K.NEW_WEIGHTS, K.SWAPPED, K.FACTOR_HALF, K.ONE_PATH, K.ACTIVATION, K.CHAIN, K.SAMPLES, K.RATE,
    K.NO_STEP, K.HUNDREDFOLD,
}  # fmt: skip


def named(exercise: Exercise) -> list[tuple[Mistake, Mistake | None]]:
    """Each mistake made alone, all other answers right, with what is recognised."""
    pairs: list[tuple[Mistake, Mistake | None]] = []
    for name, values in exercise.mistake_values.items():
        for made, value in zip(exercise.mistakes[name], values, strict=True):
            mark = exercise.mark(exercise.answers | {name: value})[name]
            assert mark.verdict is Verdict.NOT_YET, (name, made.words)
            pairs.append((made, mark.mistake))
    return pairs


@pytest.mark.parametrize("name", ["classic", pytest.param("xor", marks=pytest.mark.long)])
def test_every_planted_mistake_is_called_by_its_name(name: str) -> None:
    pairs = named(make(load_network(name), 7))
    assert {made.kind for made, _ in pairs} >= (KINDS_OF_CLASSIC if name == "classic" else {MistakeKind.BIAS})
    wrong = [(made.of, made.words, found) for made, found in pairs if found is None or found.kind is not made.kind]
    assert wrong == []
    assert len(pairs) > 190


def test_swapped_weights_and_new_weights_are_what_a_person_would_compute() -> None:
    """The famous mistakes, worked out here without the program's expressions."""
    exercise = make(load_network("classic"), 7)
    v = exercise.values
    slope = v["a_h1"] * (1 - v["a_h1"])
    cases = {
        MistakeKind.SWAPPED: (v["delta_o1"] * v["w5"] + v["delta_o2"] * v["w6"]) * slope,
        MistakeKind.NEW_WEIGHTS: (v["delta_o1"] * v["w5_next"] + v["delta_o2"] * v["w7_next"]) * slope,
        MistakeKind.DERIVATIVE: v["delta_o1"] * v["w5"] + v["delta_o2"] * v["w7"],
        MistakeKind.ONE_PATH: v["delta_o1"] * v["w5"] * slope,
        MistakeKind.FACTOR_HALF: 2 * v["delta_h1"],
        MistakeKind.SIGN: -v["delta_h1"],
    }
    for kind, value in cases.items():
        mark = exercise.mark({"delta_h1": float(f"{value:.5g}")})["delta_h1"]
        assert mark.mistake is not None and mark.mistake.kind is kind
    plain = exercise.mark({"E1": (v["t1"] - v["a_o1"]) ** 2, "w5_next": v["w5"] + v["learning_rate"] * v["dE/dw5"]})
    assert plain["E1"].hint.startswith("missing factor ½") and plain["w5_next"].hint.startswith("sign")


def test_what_follows_from_a_wrong_answer_is_no_second_mistake() -> None:
    exercise = make(load_network("classic"), 7)
    v = exercise.values
    wrong = -v["delta_o1"]
    answers = {
        "delta_o1": wrong,
        "dE/dw5": wrong * v["a_h1"],
        "w5_next": v["w5"] - v["learning_rate"] * wrong * v["a_h1"],
    }
    marks = exercise.mark(answers)
    assert marks["delta_o1"].verdict is Verdict.NOT_YET and marks["delta_o1"].hint.startswith("sign")
    assert marks["dE/dw5"].verdict is Verdict.FOLLOWS and marks["dE/dw5"].hint == "right from your own δ_o1"
    assert marks["w5_next"].verdict is Verdict.FOLLOWS and marks["w5_next"].hint == "right from your own ∂E/∂w5"
    assert exercise.mark({"dE/dw5": wrong * v["a_h1"]})["dE/dw5"].hint.startswith("sign")


def test_text_and_nothing_are_neither_right_nor_wrong() -> None:
    marks = make(load_network("classic"), 7).mark({"h1": "half", "h2": None, "o1": "", "o2": float("nan")})
    verdicts = [marks[name].verdict for name in ("h1", "h2", "o1", "o2", "a_h1")]
    assert verdicts == ["no number", "", "", "no number", ""]


def test_rounding_too_early_is_told_from_being_wrong() -> None:
    exercise = make(load_network("classic"), 7)
    marks = exercise.mark({"h1": exercise.values["h1"] * 1.003, "h2": exercise.values["h2"] * 1.02})
    assert marks["h1"].hint.startswith("rounding") and marks["h2"].hint == ""


def test_random_wrong_numbers_are_seldom_given_a_false_diagnosis() -> None:
    generator, told, tried = random.Random(1), 0, 0
    for exercise in (make(load_network(name), 7) for name in ("classic", "xor")):
        for _ in range(12):
            made_up = {n: v * generator.uniform(-3, 3) for n, v in exercise.answers.items()}
            # One wrong answer among right ones, as where a hint matters; the others would only make it "follow".
            for name in generator.sample(sorted(made_up), 8):
                mark = exercise.mark(exercise.answers | {name: made_up[name]})[name]
                tried += mark.verdict is Verdict.NOT_YET
                told += mark.mistake is not None
    assert tried > 150 and told / tried < 0.05, (told, tried)


def test_a_mistake_is_named_only_near_its_own_value() -> None:
    assert mistake_tolerance(2.0, 1.0, None) == 2 * TOLERANCE * 2.0
    assert mistake_tolerance(0.5, 0.52, 0.5) == pytest.approx(min(2 * TOLERANCE * 0.5, 0.1 * 0.02))


def test_a_network_with_many_samples_gives_a_task_of_two() -> None:
    assert len(make(load_network("three-classes"), 7).network.samples) == 2


def test_what_is_zero_by_its_nature_is_not_asked() -> None:
    """A bias shared by a softmax layer moves nothing: its derivative is 0 for any numbers."""
    network = Network(
        "shared", (Layer(2), Layer(3, "softmax")), (Sample((0.1, 0.2), (1.0, 0.0, 0.0)),),
        loss="softmax-cross-entropy", bias=BiasRule.LAYER,
    )  # fmt: skip
    answers = make_exercise(network, 1).answers
    assert "dE/db1" in answers and "dE/db2" not in answers and "b2_next" not in answers


def test_a_rule_speaks_only_of_what_is_asked_or_given() -> None:
    xor, diverging = make(load_network("xor"), 7).graph, make(load_network("diverging"), 7).graph
    assert rule(xor, "E_total") == "(E1[1] + E1[2]) / 2"
    assert rule(diverging, "E1") == "0.5 · (t1 − o1)²"
    assert rule(xor, "delta_h1[2]") == "(δ_o1[2] · w5) · (1 − a_h1[2]²)"


def test_a_unit_that_only_repeats_its_net_input_is_not_asked_twice() -> None:
    answers = make(load_network("diverging"), 7).answers
    assert "a_h1" in answers and "a_o1" not in answers


@pytest.mark.parametrize(
    ("network", "seed", "line"),
    [
        ("classic", -1, "seed must be a whole number from 0 to 4,294,967,295 – found -1"),
        ("classic", 2**32, "seed must be a whole number from 0 to 4,294,967,295 – found 4294967296"),
        ("output-first", 0, f"classic: order output-layer-first – {OLD}"),
        ("large", 0, "large: a task of 372 blanks – limit 120, take fewer units, layers or samples"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_task_is_refused(network: str, seed: int, line: str) -> None:
    if network == "large":
        described = Network("large", (Layer(10), Layer(10)), (Sample((0.1,) * 5, (0.5,) * 10),))
    else:
        described = adapt(
            load_network("classic"), order=UpdateOrder.OUTPUT_FIRST if network == "output-first" else None
        )
    with pytest.raises(UsageError) as refused:
        make_exercise(described, seed)
    assert str(refused.value) == line
