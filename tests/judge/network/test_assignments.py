"""Assignments: the presets say what they should, a file of its own works, and a bad one gets one line."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from handgrad.cli import run
from handgrad.digits.training.recipe import Recipe
from handgrad.errors import UsageError
from handgrad.judge.network.assignment import HANDED_IN, Accuracy, Layers, Range, Training
from handgrad.judge.network.assignment_file import load_assignment, parse_assignment, shipped_assignments
from handgrad.judge.network.conditions import training

FOUR = ["batch_norm", "dropout", "fully_connected", "global_average_pooling"]
PRESETS = {
    "under-20k": (Range(fewer_than=20_000), Range(fewer_than=20), Accuracy(99.4), Layers(FOUR), Training()),
    "exact-19": (
        Range(at_least=12_000, at_most=18_000),
        Range(exactly=19),
        Accuracy(99.4),
        Layers(FOUR, dropout=0.069),
        Training(batch_size=128, rotation=5.0),
    ),
    "under-10k": (
        Range(fewer_than=10_000),
        Range(at_most=15),
        Accuracy(99.4),
        Layers(forbidden=["fully_connected"]),
        Training(),
    ),
    "under-8k": (
        Range(fewer_than=8_000),
        Range(at_most=15),
        Accuracy(99.4, "each-of-last", 5),
        Layers(),
        Training(),
    ),
}


def test_the_shipped_assignments_are_the_four_presets() -> None:
    assert shipped_assignments() == sorted(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_asks_what_it_is_known_for(name: str) -> None:
    found = load_assignment(name)
    assert (found.parameters, found.epochs, found.accuracy, found.layers, found.training) == PRESETS[name]
    assert found.name == name
    assert found.note


@pytest.mark.parametrize("name", PRESETS)
def test_the_recipe_of_a_preset_keeps_to_its_own_conditions(name: str) -> None:
    assignment = load_assignment(name)
    assert assignment.recipe.network == HANDED_IN
    assert all(each.met for each in training(assignment, assignment.recipe, []))


def test_limits_hold_at_their_edges() -> None:
    assert Range(fewer_than=20_000).allows(19_999)
    assert not Range(fewer_than=20_000).allows(20_000)
    assert Range(at_least=12_000, at_most=18_000).allows(12_000)
    assert Range(at_least=12_000, at_most=18_000).allows(18_000)
    assert not Range(at_least=12_000, at_most=18_000).allows(18_001)
    assert not Range(at_least=12_000, at_most=18_000).allows(11_999)
    assert [Range(exactly=19).allows(epochs) for epochs in (18, 19, 20)] == [False, True, False]


def test_a_line_is_the_fraction_that_its_digits_say() -> None:
    # In binary 99.4 is a little more than 994/1000, and exactly 9,940 of 10,000 would miss it.
    assert Accuracy(99.4).share == Fraction(994, 1000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parameters = { fewer_then = 3 }", 'parameters.fewer_then is not known – did you mean "fewer_than"?'),
        ("paramters = 3", 'paramters is not known – did you mean "parameters"?'),
        ("parameters = { at_most = true }", "parameters.at_most must be a whole number – found true"),
        ("parameters = { at_most = 0 }", "parameters.at_most is 0 – it must be at least 1 and at most 1e+09"),
        ("epochs = { exactly = 19, at_most = 3 }", "epochs.exactly goes with no other limit – leave the others out"),
        ("epochs = { at_least = 5, fewer_than = 5 }", "epochs.at_least 5 is not below the upper limit"),
        ("accuracy = { at_least = 994.0 }", "accuracy.at_least is 994 – it must be above 0 and at most 100"),
        ('accuracy = { held = "last", epochs = 5 }', 'accuracy.epochs goes with held = "each-of-last" – leave it out'),
        (
            'layers = { required = ["bach_norm"] }',
            'layers.required.1 "bach_norm" is not known – did you mean "batch_norm"?',
        ),
        (
            'layers = { required = ["dropout"], forbidden = ["dropout"] }',
            "layers.dropout is required and forbidden – keep one",
        ),
        ("seeds = { meet = 3, of = 2 }", "seeds.meet is 3 – it must be at least 1 and at most 2"),
        ('[recipe]\nnetwork = "stem-16k"', "recipe.network is given – leave it out"),
        ("[recipe.optimizer]\nlearning_rte = 3", 'recipe.optimizer.learning_rte is not known – did you mean "learning'),
        ('name = "../x"', "name is '../x' – use 1 to 60 letters"),
        ("x = [", "a ], a quote or a value is missing"),
        ("fewer_than = 3", "fewer_than is not known – it belongs in [parameters] (parameters.fewer_than)"),
        ("x = " + "[" * 5000, "brackets nested too deeply – it must be TOML"),
        ("parameters = { at_most = " + "9" * 5000 + " }", "a number has more than 4,300 digits – it must be TOML"),
    ],
)
def test_a_bad_assignment_gets_one_line_with_file_key_and_what_to_do(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_assignment(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match=r'no assignment "under-21k" – did you mean "under-20k"\?'):
        load_assignment("under-21k")


def test_a_file_of_ones_own_takes_its_name_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "week 3.toml"
    file.write_text("parameters = { at_most = 500 }\nseeds = { meet = 2, of = 3 }\n[recipe]\nepochs = 3\n", "utf-8")
    assignment = load_assignment(file)
    assert assignment.name == "week 3"
    assert assignment.recipe == Recipe(network=HANDED_IN, epochs=3)
    assert assignment.words() == [
        "at most 500 parameters that take part in computing the output",
        "at least 99.4 % in the last epoch, with 2 of 3 seeds",
    ]


def test_the_command_lists_every_preset_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assignments"]) == 0
    shown = capsys.readouterr().out
    for name in PRESETS:
        assert name in shown
        assert all(f"  {sentence}\n" in shown for sentence in load_assignment(name).words())


def test_the_command_gives_the_records_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assignments", "exact-19", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["parameters"] == {"fewer_than": None, "at_most": 18_000, "at_least": 12_000, "exactly": None}
    assert record["recipe"]["batch_size"] == 128
    assert "a batch size of exactly 128" in record["words"]
