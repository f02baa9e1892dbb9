"""What a verdict says of each condition, whole sentences: asked, found, met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handgrad.digits.training.recipe import Augmentation, Recipe
from handgrad.judge.network.assignment import (
    Accuracy,
    AfterPooling,
    Assignment,
    ClaimCounts,
    Layers,
    Range,
    Seeds,
    Training,
)
from handgrad.judge.network.conditions import accuracy, check, claim, parameters, training
from handgrad.judge.network.reached import at_line, mean_accuracy, seeds_to_settle
from handgrad.judge.verdict import (
    EpochAnswer,
    Examination,
    HiddenTensor,
    Requirement,
    SeedResult,
    UsedLayer,
    place_words,
)
from handgrad.score import wilson_interval

GOOD = Examination("Net", 500, (), 500, (), (), (8, 10), ())
HIDDEN = HiddenTensor("table", 19_600, "buffer"), HiddenTensor("fixed", 1_000, "constant")
TRAINED = Recipe(network="x", epochs=3, batch_size=64)


def answers(*correct: int, seed: int = 0, total: int = 10_000) -> SeedResult:
    return SeedResult(seed, tuple(EpochAnswer(epoch, each, total) for epoch, each in enumerate(correct, 1)), None)


def told(each: Requirement) -> tuple[str, str, str, bool | None]:
    return each.name, each.asked, each.found, each.met


def judged(assignment: Assignment, recipe: Recipe | None = None, **seen: object) -> dict[str, Requirement]:
    """Return the conditions by name, of a network that differs from a good one in what is given."""
    examination = replace(GOOD, **seen)  # type: ignore[arg-type]
    return {each.name: each for each in check(assignment, examination, recipe, [])}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("conv1", "conv1"),
        ("features.3", "layer features.3"),
        ("body.0.parametrizations.weight.original0", "layer body.0"),
    ],
)
def test_a_layer_is_named_as_its_author_knows_it(path: str, words: str) -> None:
    assert place_words(path) == words


@pytest.mark.parametrize(
    ("shape", "met"), [((8, 10), True), ((8, 9), False), ((8, 11), False), ((10,), False), ((8, 10, 1), False)]
)
def test_ten_scores_an_image_are_asked_of_every_network(shape: tuple[int, ...], met: bool) -> None:
    found = judged(Assignment(), output_shape=shape)["output"]
    assert told(found) == ("output", "10 scores per image", str(list(shape)), met)


def test_answers_that_depend_on_more_than_the_image_are_told_one_by_one() -> None:
    assert told(judged(Assignment())["answers"]) == (
        "answers", "depend only on the image", "the same alone, in any order and every time", True,
    )  # fmt: skip
    found = judged(Assignment(), problems=("one thing", "another"))["answers"]
    assert (found.found, found.met) == ("one thing; another", False)


@pytest.mark.parametrize(
    ("limits", "counted", "found", "met"),
    [
        (Range(fewer_than=500), 499, "499 parameters", True),
        (Range(fewer_than=500), 500, "500 parameters – limit 500, fc has 90", False),
        (Range(at_most=20_000), 20_000, "20,000 parameters", True),
        (Range(at_most=20_000), 20_001, "20,001 parameters – limit 20,000, fc has 90", False),
        (Range(at_least=600, at_most=700), 599, "599 parameters – 600 to 700 are asked", False),
        (Range(exactly=600), 601, "601 parameters – exactly 600 are asked", False),
    ],
)
def test_parameters_are_told_with_the_limit_that_they_miss(limits: Range, counted: int, found: str, met: bool) -> None:
    asked = Assignment(parameters=limits)
    (one,) = parameters(asked, replace(GOOD, counted=counted, largest="fc has 90"))
    assert told(one) == ("parameters", limits.words(), found, met)
    (bare,) = parameters(asked, replace(GOOD, counted=counted, largest=""))
    assert bare.found == found.removesuffix(", fc has 90")
    assert list(parameters(Assignment(), GOOD)) == []


def test_numbers_outside_the_parameters_are_each_told_with_their_place() -> None:
    (one,) = parameters(Assignment(parameters=Range(at_most=50_000)), replace(GOOD, counted=21_100, hidden=HIDDEN))
    assert one.met and one.found == (
        "21,100 parameters, 500 of them trained and 19,600 in a buffer (table), 1,000 in a constant (fixed)"
    )


def test_parameters_that_take_no_part_are_told_up_to_four_and_left_out_of_what_a_summary_prints() -> None:
    asked = Assignment(parameters=Range(at_most=500))
    for count, named in ((1, "a1"), (4, "a1, a2, a3, a4"), (5, "a1, a2, a3, a4 …")):
        idle = tuple((f"a{number + 1}", 10) for number in range(count))
        (one,) = parameters(asked, replace(GOOD, idle=idle))
        assert one.found == (
            f"500 parameters, of which {10 * count} ({named}) take no part; a summary that follows the images prints "
            f"{500 - 10 * count}"
        )


def test_the_mean_is_over_the_epochs_that_decide() -> None:
    asked = Assignment(accuracy=Accuracy(99.0))
    results = [answers(9_000, 9_950, seed=0), answers(9_970, seed=1), replace(answers(1), failed="x")]
    assert mean_accuracy(asked, results) == (9_950 + 9_970) / 200
    assert mean_accuracy(asked, results[2:]) is None and mean_accuracy(asked, []) is None
    lowest = Assignment(accuracy=Accuracy(99.0, "each-of-last", 2))
    # 95 of 100 is more than 9,000 of 10,000, though 95 is the smaller count.
    mixed = SeedResult(0, (EpochAnswer(1, 95, 100), EpochAnswer(2, 9_000, 10_000)), None)
    assert mean_accuracy(lowest, [mixed]) == 90.0


def layer(kind: str, path: str, detail: str = "", value: float | None = None) -> UsedLayer:
    return UsedLayer(kind, path, detail, value)  # type: ignore[arg-type]


def test_a_layer_that_is_asked_for_is_named_with_every_place_up_to_four() -> None:
    asked = Assignment(layers=Layers(required=["batch_norm"]))
    many = tuple(layer("batch_norm", f"norm{n}", "16 channels" if n == 1 else "") for n in range(1, 7))
    other = (layer("convolution", "conv"),)
    assert told(judged(asked, layers=many[:4] + other)["batch_norm"]) == (
        "batch_norm", "BatchNorm is used", "norm1 (16 channels), norm2, norm3, norm4", True,
    )  # fmt: skip
    assert judged(asked, layers=many)["batch_norm"].found == "norm1 (16 channels), norm2, norm3, norm4, 2 more"
    none = judged(asked, layers=other, defined_unused=("a (BatchNorm2d)", "b", "c (Dropout)"))["batch_norm"]
    assert (none.found, none.met) == (
        "none takes part in computing the output – defined but without effect: a (BatchNorm2d)", False,
    )  # fmt: skip
    assert judged(asked, layers=other)["batch_norm"].found == "none takes part in computing the output"


def test_a_pool_that_is_not_global_is_named_where_a_global_one_is_missed_and_only_there() -> None:
    pool = (layer("average_pooling", "features.3"),)
    asked = Assignment(layers=Layers(required=["global_average_pooling", "batch_norm"]))
    found = judged(asked, layers=pool)
    assert found["global_average_pooling"].found == (
        "none takes part in computing the output – layer features.3 does not average the whole map to one value"
    )
    assert found["batch_norm"].found == "none takes part in computing the output"


def test_a_dropout_that_drops_nothing_is_none_and_its_probability_is_exact() -> None:
    asked = Assignment(layers=Layers(required=["dropout"], dropout=0.1))
    off = (layer("dropout", "drop", "p=0", 0.0),)
    found = judged(asked, layers=off)
    assert [found[name].met for name in ("dropout", "dropout probability")] == [False, False]
    two = (layer("dropout", "drop1", "p=0.2", 0.2), layer("dropout", "2", "p=0.1", 0.1))
    found = judged(asked, layers=two)
    assert told(found["dropout probability"]) == (
        "dropout probability", "one dropout of exactly 0.1", "0.1 at layer 2", True,
    )  # fmt: skip
    wrong = judged(asked, layers=two[:1])["dropout probability"]
    assert (wrong.found, wrong.met) == ("0.2 at drop1", False)
    assert judged(asked, layers=())["dropout probability"].found == "none takes part in computing the output"
    near = (layer("dropout", "drop", "", 0.1 + 1e-12), layer("dropout", "d", "", 0.1 + 1e-8))
    assert judged(asked, layers=near)["dropout probability"].found == "0.1 at drop"
    assert judged(asked, layers=near[1:])["dropout probability"].met is False


def test_a_recipe_that_sets_dropout_sets_it_for_modules_and_not_for_functions() -> None:
    asked = Assignment(layers=Layers(required=["dropout"], dropout=0.3))
    both = (layer("dropout", "drop", "p=0.1", 0.1), layer("dropout", "function dropout", "p=0.1", 0.1))
    recipe = replace(TRAINED, dropout=0.3)
    found = judged(asked, recipe, layers=both)
    assert found["dropout"].found == "drop (p=0.3 by the recipe), function dropout (p=0.1)"
    assert (found["dropout probability"].found, found["dropout probability"].met) == ("0.3 at drop", True)
    assert judged(asked, TRAINED, layers=both)["dropout probability"].met is False
    norm = (layer("batch_norm", "norm"),)
    only = Assignment(layers=Layers(required=["batch_norm"]))
    assert judged(only, recipe, layers=norm)["batch_norm"].found == "norm"


def test_a_layer_that_is_forbidden_is_named_where_it_is() -> None:
    asked = Assignment(layers=Layers(forbidden=["fully_connected"]))
    used = (layer("fully_connected", "fc"), layer("convolution", "conv"))
    assert told(judged(asked, layers=used)["no fully_connected"]) == (
        "no fully_connected", "a fully connected layer is not used", "fc", False,
    )  # fmt: skip
    free = judged(asked, layers=used[1:])["no fully_connected"]
    assert (free.found, free.met) == ("none", True)


def test_what_the_recipe_says_is_told_with_its_unit_and_open_without_one() -> None:
    asked = Assignment(epochs=Range(at_most=3), training=Training(batch_size=64, rotation=7.5))
    recipe = replace(TRAINED, augmentation=Augmentation(rotation=7.5))
    assert [told(each) for each in training(asked, recipe, [])] == [
        ("epochs", "at most 3 epochs", "3 epochs", True),
        ("batch size", "exactly 64", "64", True),
        ("rotation", "random rotation of ±7.5°", "±7.5°", True),
    ]
    other = replace(recipe, epochs=4, batch_size=63, augmentation=Augmentation(rotation=8.0))
    assert [(each.found, each.met) for each in training(asked, other, [])] == [
        ("4 epochs", False), ("63", False), ("±8°", False),
    ]  # fmt: skip
    assert [(each.found, each.met) for each in training(asked, None, [])] == [
        ("not known before training", None), ("not known without a recipe", None), ("not known without a recipe", None),
    ]  # fmt: skip
    assert list(training(Assignment(), recipe, [])) == []


def test_epochs_that_were_really_trained_count_too_unless_the_training_failed() -> None:
    asked = Assignment(epochs=Range(at_most=3))
    five = answers(*[9_000] * 5)
    (found,) = training(asked, TRAINED, [answers(9_000), five])
    assert (found.found, found.met) == ("5 epochs", False)
    (found,) = training(asked, TRAINED, [replace(five, failed="no"), SeedResult(1, (), None)])
    assert (found.found, found.met) == ("3 epochs", True)
    (found,) = training(asked, None, [answers(9_000, 9_000)])
    assert (found.found, found.met) == ("2 epochs", True)


def test_no_answer_at_all_does_not_reach_a_line() -> None:
    line = Accuracy(99.4).share
    assert not at_line(EpochAnswer(1, 0, 0), line) and at_line(EpochAnswer(1, 1, 1), line)


def test_accuracy_is_told_with_count_epoch_interval_and_line() -> None:
    asked = Assignment(accuracy=Accuracy(99.0))
    low, high = wilson_interval(9_950, 10_000)
    found = accuracy(asked, None, [answers(9_000, 9_950)])
    figure = f"99.50 % in epoch 2 (9,950 of 10,000; 95 % interval {low:.2f} to {high:.2f} %)"
    assert told(found) == ("accuracy", "at least 99 % in the last epoch", figure, True)
    assert told(accuracy(asked, None, [])) == ("accuracy", "at least 99 % in the last epoch", "not trained", None)
    last = accuracy(asked, None, [answers(9_950, 9_000)])
    assert last.found.startswith("90.00 % in epoch 2 (") and not last.met
    some = Assignment(accuracy=Accuracy(99.0, "any"))
    assert accuracy(some, None, [answers(9_950, 9_000)]).found == (
        f"best 99.50 % in epoch 1 (9,950 of 10,000; 95 % interval {low:.2f} to {high:.2f} %), selected on the test set"
    )
    held = Assignment(accuracy=Accuracy(99.0, "each-of-last", 2))
    assert accuracy(held, None, [answers(9_000, 9_950, 9_970)]).found == (
        f"held in 2 of the last 2 epochs, lowest 99.50 % in epoch 2 (9,950 of 10,000; 95 % interval {low:.2f} to {high:.2f} %)"
    )


def test_several_seeds_are_told_each_and_counted() -> None:
    asked = Assignment(accuracy=Accuracy(99.0), seeds=Seeds(2, 3))
    results = [answers(9_950, seed=4), answers(9_000, seed=5), answers(9_960, seed=6)]
    found = accuracy(asked, None, results)
    assert found.asked == "at least 99 % in the last epoch, with 2 of 3 seeds"
    assert found.met and found.found.startswith("2 of 3 seeds: seed 4: 99.50 % in epoch 1 (")
    assert "; seed 5: 90.00 %" in found.found and "; seed 6: 99.60 %" in found.found
    part = accuracy(asked, None, results[:1])
    assert part.met is None and part.found.startswith("1 of 3 seeds: 99.50 %")
    failed = [replace(results[0], failed="the loss is nan"), results[2]]
    assert accuracy(asked, None, failed).found.startswith(
        "2 of 3 seeds: seed 4: training failed: the loss is nan; seed 6"
    )
    late = SeedResult(7, (EpochAnswer(1, 9_990, 10_000), EpochAnswer(3, 9_990, 10_000)), None)
    assert accuracy(Assignment(), None, [late]).found == "answers for only 2 epochs"


def test_near_the_line_the_seeds_measured_spread_counts_from_the_fourth_on() -> None:
    asked = Assignment(accuracy=Accuracy(99.4), seeds=Seeds(1, 1))
    few = [answers(9_930, seed=0), answers(9_940, seed=1), answers(9_941, seed=2)]
    mean = (99.30 + 99.40 + 99.41) / 3
    assert f"about {seeds_to_settle(mean, 99.4, 0.06)} seeds would decide it" in accuracy(asked, None, few).found
    wide = [answers(each, seed=each) for each in (9_910, 9_920, 9_950, 9_960)]
    # The sample's standard deviation by hand: deviations of 25, 15, 15 and 25 hundredths around 99.35.
    deviation = ((0.25**2 + 0.15**2 + 0.15**2 + 0.25**2) / 3) ** 0.5
    needed = seeds_to_settle(99.35, 99.4, deviation)
    assert needed is not None and f" – near the line: about {needed} seeds would decide it" in (
        accuracy(asked, None, wide).found
    )
    same = [answers(9_940, seed=seed) for seed in range(2)]
    assert accuracy(asked, None, same).found.endswith(" – near the line: no number of seeds would decide it")
    # A training that failed has no place in a mean.
    broken = [replace(answers(9_000, seed=8), failed="x"), SeedResult(9, (), "y"), answers(9_938)]
    assert f"about {seeds_to_settle(99.38, 99.4, 0.06)} seeds" in accuracy(asked, None, broken).found


def test_the_interval_reaches_the_line_at_its_very_ends() -> None:
    low, high = wilson_interval(9_930, 10_000)
    for line, near in ((high - 1e-6, True), (high + 1e-6, False), (low + 1e-6, True), (low - 1e-6, False)):
        found = accuracy(Assignment(accuracy=Accuracy(line)), None, [answers(9_930)]).found
        assert ("near the line" in found) is near


def test_two_seeds_are_the_fewest_and_a_thousand_the_most() -> None:
    assert seeds_to_settle(10.0, 99.4, 1e-6) == 2
    # With n seeds the half width is about 1.96 d / √n; at 1,000 it is 0.06206 d (t(999) = 1.9623).
    needed = seeds_to_settle(99.0, 99.4, 0.4 / 0.0622)
    assert needed is not None and 995 <= needed <= 997
    assert seeds_to_settle(99.0, 99.4, 0.4 / 0.0619) is None
    # t(999) / √1000 is 0.062055 and t(1000) / √1001 is 0.062024: here 1,001 seeds would do, and 1,000 do not.
    assert seeds_to_settle(99.0, 99.4, 0.4 / 0.06204) is None


AFTER = UsedLayer("fully_connected", "head", "1×1 on one position", after_pooling=True, on_one_position=True)
BESIDE = UsedLayer("fully_connected", "fc", "[10, 32]")


def test_a_convolution_after_pooling_counts_as_the_assignment_says_with_its_reason() -> None:
    layers = Layers(required=["convolution"], forbidden=["fully_connected"])
    usual = judged(Assignment(layers=layers), layers=(AFTER,))
    assert (usual["convolution"].met, usual["no fully_connected"].met) == (False, False)
    assert "1×1 on one position" in usual["no fully_connected"].found
    because = "it looks at one position"
    rule = AfterPooling(counts_as="convolution", because=because)
    other = judged(Assignment(layers=layers, convolution_after_pooling=rule), layers=(AFTER,))
    assert (other["convolution"].met, other["no fully_connected"].met) == (True, True)
    assert f"1×1 after pooling, counts as a convolution: {because}" in other["convolution"].found
    # Only that layer is read otherwise: one that is not a convolution stays what it is.
    both = judged(Assignment(layers=layers, convolution_after_pooling=rule), layers=(AFTER, BESIDE))
    assert both["no fully_connected"].met is False and "fc" in both["no fully_connected"].found
    reasoned = Assignment(layers=layers, convolution_after_pooling=AfterPooling(because=because))
    assert f"1×1 on one position: {because}" in judged(reasoned, layers=(AFTER,))["no fully_connected"].found


def test_the_claim_of_nothing_is_told_as_such() -> None:
    (found,) = claim(Assignment(claim=ClaimCounts("possible", required=True)), None)
    assert told(found) == (
        "claim", "an accuracy is claimed, and is likely or possible, compared with a training here",
        "nothing is claimed", False,
    )  # fmt: skip


def test_the_seeds_that_settle_it_are_the_fewest_whose_interval_leaves_the_line_out() -> None:
    """By the points of Student's t in a printed table, for a distance of one deviation and of two."""
    points = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365}
    for distance in (1.0, 2.0):
        fewest = next(n for n in range(2, 9) if points[n - 1] / n**0.5 < distance)
        assert seeds_to_settle(99.0, 99.0 + distance, 1.0) == fewest


@pytest.mark.parametrize(("correct", "met"), [(9_950, None), (9_900, None)])
def test_while_seeds_are_missing_the_accuracy_is_told_of_those_that_are_there(correct: int, met: bool | None) -> None:
    asked = Assignment(accuracy=Accuracy(99.4), seeds=Seeds(of=3, meet=2))
    found = accuracy(asked, None, [answers(correct)])
    assert (found.name, found.asked, found.met) == ("accuracy", f"{Accuracy(99.4).words()}, with 2 of 3 seeds", met)
    assert found.found.startswith("1 of 3 seeds: ")


def test_two_seeds_below_the_line_cannot_be_made_up_for_by_a_third() -> None:
    asked = Assignment(accuracy=Accuracy(99.4), seeds=Seeds(of=3, meet=2))
    found = accuracy(asked, None, [answers(9_900), answers(9_900, seed=1)])
    assert (found.name, found.met) == ("accuracy", False) and found.found.startswith("2 of 3 seeds: ")
