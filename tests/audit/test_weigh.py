"""The words and distances of an audit against traces drawn from a model whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from handgrad.audit import SERIES, Trace, weigh
from handgrad.audit.page import audit_page, text_lines
from handgrad.errors import UsageError

EPOCHS = 15


def drawn(rng: np.random.Generator, level: float = 0.0, spread: float = 0.1, source: str = "run") -> Trace:
    """Return a trace whose errors halve every four epochs, times a factor of its own at each epoch."""
    series = {}
    for place, name in enumerate(SERIES):
        errors = 8 * 0.5 ** (np.arange(EPOCHS) / 4) * np.exp(level + spread * rng.standard_normal(EPOCHS))
        values = errors / 20 if place > 1 else 100 - errors
        series[name] = {epoch: float(value) for epoch, value in enumerate(values, 1)}
    return Trace(source, series)


def runs(rng: np.random.Generator, count: int, level: float = 0.0, spread: float = 0.1) -> list[tuple[int, Trace]]:
    return [(seed, drawn(rng, level, spread)) for seed in range(count)]


def test_one_more_seed_is_likely_in_ninety_five_of_a_hundred_figures() -> None:
    rng = np.random.default_rng(1)
    audits = [weigh(drawn(rng), {"true": runs(rng, 3)}) for _ in range(60)]
    likely = sum(audit.best.count("likely") for audit in audits)
    figures = sum(len(audit.best.figures) for audit in audits)
    # 3,600 figures; neighbours share their spread, so the count scatters a little more than a binomial one.
    assert 0.935 < likely / figures < 0.965
    assert sum(audit.best.count("outside") for audit in audits) / figures < 0.005


def test_what_the_recipe_cannot_give_is_outside() -> None:
    rng = np.random.default_rng(2)
    audit = weigh(drawn(rng, level=-1.2), {"true": runs(rng, 3)})
    assert audit.best.count("outside") > 0.9 * len(audit.best.figures)


def test_the_recipe_that_the_trace_came_from_is_nearest_and_noise_does_not_help_another() -> None:
    rng = np.random.default_rng(3)
    nearest = []
    for _ in range(20):
        candidates = {
            "true": runs(rng, 3),
            "worse": runs(rng, 3, level=0.3),
            "noisy": runs(rng, 3, level=0.3, spread=0.6),
        }
        nearest.append(weigh(drawn(rng), candidates).best.name)
    assert nearest.count("true") >= 19


def test_the_interval_is_that_of_the_formula() -> None:
    traces = [Trace("run", {"test accuracy": {1: 100 - np.exp(-place)}}) for place in (1.0, 1.2, 1.4)]
    audit = weigh(Trace("log", {"test accuracy": {1: 70.0}}), {"one": list(enumerate(traces))})
    figure = audit.best.figures[0]
    half = 4.3027 * 0.2 * np.sqrt(4 / 3)
    assert figure.mean == pytest.approx(100 - np.exp(-1.2))
    assert (figure.low, figure.high) == pytest.approx((100 - np.exp(-1.2 + half), 100 - np.exp(-1.2 - half)), abs=1e-3)
    # ln 30 = 3.4 lies 4.6 from the mean: more than four half widths.
    assert figure.word == "outside"
    assert audit.best.distance == pytest.approx((np.log(30) + 1.2) / 0.2, rel=1e-3)


def test_one_seed_is_too_few_and_epochs_must_meet() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(UsageError, match="at least 2"):
        weigh(drawn(rng), {"lonely": runs(rng, 1)})
    with pytest.raises(UsageError, match="no epoch in common"):
        weigh(Trace("log", {"test accuracy": {40: 99.0}}), {"short": runs(rng, 2)})


def test_page_and_terminal_say_what_was_weighed() -> None:
    rng = np.random.default_rng(5)
    audit = weigh(drawn(rng, source="<b>.txt"), {"true": runs(rng, 3), "far": runs(rng, 3, level=-1.5)})
    page, lines = audit_page(audit), text_lines(audit)
    assert "<b>" not in page and "&lt;b&gt;.txt" in page
    likely = audit.best.count("likely")
    assert lines[-1] == f"true explains it best: {likely} of 60 figures likely with it"
    assert page.count("<polygon") == 4, "a band for each series"
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:4]}
    assert rows["true"] == [
        "3",
        f"{audit.best.distance:.2f}",
        *(str(audit.best.count(w)) for w in ("likely", "possible", "outside")),
    ]
