"""The schedule of a hand-in's learning rate, as a recipe has it, or as a rate for each epoch where no recipe has."""

from __future__ import annotations

from typing import Any

from handgrad.errors import counted
from handgrad.judge.handed_in.calls_found import Call, Found, last_of

SCHEDULES = (
    "StepLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LinearLR",
    "PolynomialLR",
    "LambdaLR",
    "MultiplicativeLR",
    "CyclicLR",
    "SequentialLR",
    "ChainedScheduler",
)
BY_EPOCH = ("CosineAnnealingLR", "CosineAnnealingWarmRestarts", "LinearLR", "PolynomialLR")
"""Schedules that torch steps through here, once per epoch."""
MANY = 50
"""A ``T_max`` of more epochs than so many times the training's counts steps."""


def find_schedule(calls: list[Call], found: Found) -> None:
    """Add the schedule to *found*, whose optimizer and epochs are known by now."""
    call = last_of(calls, SCHEDULES)
    found.recipe["schedule"] = {"name": "constant"}
    if call is None:
        return
    # What a recipe can say in its own words; everything else is stepped through, or told as not read.
    known = {
        "StepLR": _steps,
        "ExponentialLR": _each_epoch,
        "MultiStepLR": _milestones,
        "OneCycleLR": _one_cycle,
        "ReduceLROnPlateau": _plateau,
    }
    words = known[call.name](call, found) if call.name in known else _by_epoch(call, found)
    if words:
        found.words.append(words)
    else:
        found.recipe["schedule"] = {"name": "constant"}
        found.unread.append(f"{call.name}, for which the rate stays as it is")


def _number(call: Call, key: str, usual: float) -> float:
    """Return an argument, or *usual* where it is left out or not written out; the second is told."""
    value = call.arguments.get(key, usual)
    return float(value) if isinstance(value, int | float) else usual


def _steps(call: Call, found: Found) -> str:
    every = call.arguments.get("step_size")
    if not isinstance(every, int) or call.lacks("gamma"):
        return ""
    factor = _number(call, "gamma", 0.1)
    found.recipe["schedule"] = {"name": "step", "every": every, "factor": factor}
    return f"StepLR every {counted(every, 'epoch')} by {factor:g}"


def _each_epoch(call: Call, found: Found) -> str:
    if call.lacks("gamma") or not isinstance(call.arguments.get("gamma"), int | float):
        return ""
    factor = _number(call, "gamma", 1.0)
    found.recipe["schedule"] = {"name": "step", "every": 1, "factor": factor}
    return f"ExponentialLR, each epoch by {factor:g}"


def _milestones(call: Call, found: Found) -> str:
    milestones = call.arguments.get("milestones")
    whole = isinstance(milestones, list) and all(isinstance(each, int) for each in milestones)
    if not whole or not milestones or call.lacks("gamma"):
        return ""
    factor = _number(call, "gamma", 0.1)
    # torch drops once more for a milestone that is named twice; nobody means that.
    places = sorted({each for each in milestones if each > 0})
    found.recipe["schedule"] = {"name": "step", "milestones": places, "factor": factor}
    return f"MultiStepLR at {', '.join(map(str, places))} by {factor:g}"


def _one_cycle(call: Call, found: Found) -> str:
    """Return the words of a OneCycleLR; its rate is the peak, whatever the optimizer was given."""
    given, optimizer = call.arguments, found.recipe.setdefault("optimizer", {})
    table: dict[str, Any] = {"name": "one-cycle", "warmup": _number(call, "pct_start", 0.3)}
    first = _number(call, "div_factor", 25.0)
    # Nine decimals, so that a division does not show its last bits in a recipe that a person reads.
    table["start"] = round(1 / first, 9)
    table["end"] = 1 / (first * _number(call, "final_div_factor", 1e4))
    if given.get("anneal_strategy") == "linear":
        table["shape"] = "linear"
    found.unread += [
        f"{key} of OneCycleLR" for key in ("pct_start", "div_factor", "final_div_factor") if call.lacks(key)
    ]
    words = "OneCycleLR"
    if isinstance(given.get("max_lr"), int | float):
        optimizer["learning_rate"] = float(given["max_lr"])
        words += f" up to {given['max_lr']:g}"
    else:
        optimizer.pop("learning_rate", None)
        found.unread.append("the highest rate of OneCycleLR")
    if given.get("three_phase") is True:
        found.unread.append("the third phase of OneCycleLR")
    # torch's own default is True, and moves the momentum against the rate.
    if given.get("cycle_momentum", True) and optimizer.get("momentum"):
        found.unread.append("the momentum, which OneCycleLR changes and which is fixed here")
    if not optimizer:
        del found.recipe["optimizer"]
    found.recipe["schedule"] = table
    return words


def _plateau(call: Call, found: Found) -> str:
    """Return the words of a ReduceLROnPlateau, which goes by the loss on the training images here."""
    keys = ("factor", "patience", "threshold", "cooldown", "min_lr")
    # A list has a rate for each group of parameters, and a recipe has one group.
    odd = isinstance(call.arguments.get("min_lr"), list) or call.arguments.get("threshold_mode", "rel") != "rel"
    if odd or any(call.lacks(key) for key in keys):
        return ""
    usual = (0.1, 10, 1e-4, 0, 0.0)
    table: dict[str, Any] = {key: _number(call, key, value) for key, value in zip(keys, usual, strict=True)}
    table |= {key: int(table[key]) for key in ("patience", "cooldown")}
    found.beyond["plateau"] = table
    return (
        f"ReduceLROnPlateau by {table['factor']:g} after {counted(table['patience'], 'epoch')} "
        "(here by the training loss, because the test labels are not available in training)"
    )


def _by_epoch(call: Call, found: Found) -> str:
    """Return the words of a schedule whose rates torch itself gives, one per epoch; "" where they cannot be told."""
    epochs, peak = found.recipe.get("epochs"), found.recipe.get("optimizer", {}).get("learning_rate")
    if call.name == "CosineAnnealingLR" and _whole_run(call, epochs, found):
        found.recipe["schedule"] = {"name": "cosine"}
        least = call.arguments.get("eta_min")
        if peak and isinstance(least, int | float):
            found.recipe["schedule"]["end"] = min(1.0, float(least) / peak)
        return "CosineAnnealingLR over the whole run"
    if (
        call.name not in BY_EPOCH
        or not epochs
        or not peak
        or {*call.unread} - {"optimizer", "verbose"}
        # Bounded, because the text is a stranger's and each epoch is a step of torch's here.
        or epochs > 1000
    ):
        return ""
    import torch

    given = {key: value for key, value in call.arguments.items() if key not in ("optimizer", "verbose")}
    try:
        weight = torch.zeros(1, requires_grad=True)
        # torch's own schedule moves a rate that drives nothing: the formulas of a dozen classes need not be written a
        # second time.
        optimizer = torch.optim.SGD([weight], lr=peak)
        schedule = getattr(torch.optim.lr_scheduler, call.name)(optimizer, **given)
        rates = []
        for _ in range(epochs):
            rates.append(optimizer.param_groups[0]["lr"] / peak)
            optimizer.step()
            schedule.step()
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return ""  # arguments that torch refuses, too
    # Not a number fails both comparisons, and a rate that explodes would end the training here with a fault not its
    # own.
    if not all(0 <= each <= 1e6 for each in rates):
        return ""
    found.beyond["rates"] = [round(each, 12) for each in rates]
    named = ", ".join(f"{key} {value:g}" for key, value in given.items() if isinstance(value, int | float))
    return f"{call.name} ({named}), one rate per epoch"


def _whole_run(call: Call, epochs: int | None, found: Found) -> bool:
    """Whether half a cosine spans the training: by epochs, or by steps where ``T_max`` counts those."""
    length = call.arguments.get("T_max")
    if not isinstance(length, int | float):
        # ``EPOCHS * len(train_loader)``: nobody writes that for less than the whole.
        return True
    if epochs is None or length == epochs:
        return True
    # Rounded up: the last batch of an epoch is smaller, and is a step.
    steps = epochs * -(-60_000 // max(found.recipe.get("batch_size", 128), 1))
    return length > MANY * epochs and abs(length - steps) < 0.1 * steps
