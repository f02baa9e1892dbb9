"""What ``--over`` may say, and the one line that answers what it may not."""

from __future__ import annotations

import pytest

from handgrad.digits.sweep.settings import parse_over, parse_overs, recipe_with
from handgrad.errors import UsageError
from handgrad.runs.sweep import Over


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("batch_size=64,128,256", Over("batch_size", "list", (64, 128, 256))),
        ("optimizer.learning_rate=log:0.003..0.1", Over("optimizer.learning_rate", "log", (), 0.003, 0.1)),
        ("optimizer.learning_rate=log:1e-4..1e-1", Over("optimizer.learning_rate", "log", (), 1e-4, 0.1)),
        ("dropout=0.0..0.2", Over("dropout", "float", (), 0.0, 0.2)),
        ("epochs=2..8", Over("epochs", "int", (), 2, 8)),
        ("epochs=int:2..8", Over("epochs", "int", (), 2, 8)),
        ("augmentation.shift=-1..1.5", Over("augmentation.shift", "float", (), -1, 1.5)),
        ("network=stem-16k,narrow-5k", Over("network", "list", ("stem-16k", "narrow-5k"))),
        ("recipe=quick,record-time", Over("recipe", "list", ("quick", "record-time"))),
        ("drop_last=true,false", Over("drop_last", "list", (True, False))),
        ("dropout=0.1", Over("dropout", "list", (0.1,))),
    ],
)
def test_a_list_and_every_kind_of_range_is_read(text: str, expected: Over) -> None:
    assert parse_over(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("batch_size", "write KEY=VALUES"),
        ("=1,2", "write KEY=VALUES"),
        ("batch_size=", "write KEY=VALUES"),
        ("batch_size=64,64", "must be different"),
        ("dropout=0.3..0.1", "from a smaller to a larger number"),
        ("dropout=log:0..0.1", "above 0"),
        ("epochs=int:1.5..4", "whole numbers"),
        ("epochs=a..b", '"a" is not a number'),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_over(text)


def test_a_key_is_named_once_and_one_is_needed() -> None:
    for texts in ([], ["epochs=1,2", "epochs=3,4"]):
        with pytest.raises(UsageError, match="each key once"):
            parse_overs(texts)


def test_settings_go_over_overrides_and_the_recipe_may_be_one_of_them() -> None:
    found = recipe_with(
        "quick", ["epochs=3"], {"recipe": "record-time", "batch_size": 32, "drop_last": True, "dropout": 0.1}
    )
    assert (found.network, found.epochs, found.batch_size, found.drop_last, found.dropout) == (
        "swift-16k",
        3,
        32,
        True,
        0.1,
    )
    with pytest.raises(UsageError, match="batch_size is 1 "):
        recipe_with("quick", [], {"batch_size": 1})
