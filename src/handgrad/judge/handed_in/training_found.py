"""The recipe that a hand-in trains with, as far as its text tells: optimizer, schedule, batch size, epochs, augmentation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.project import Project
from handgrad.judge.handed_in.values import UnreadError, Value, Values

OPTIMIZERS = {"SGD": "sgd", "Adam": "adam", "AdamW": "adamw", "RMSprop": "rmsprop"}
UNLIKE = ("Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax", "LBFGS", "Rprop")
SCHEDULES = (
    "StepLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LambdaLR",
)
PLAIN = ("Compose", "ToTensor", "Normalize", "ToPILImage", "RandomApply", "PILToTensor", "ConvertImageDtype", "Resize")
CHANGES = (
    "RandomRotation",
    "RandomAffine",
    "RandomCrop",
    "ColorJitter",
    "CenterCrop",
    "RandomErasing",
    "RandomPerspective",
)
MEAN, SPREAD = 0.1307, 0.3081


@dataclass
class Found:
    """What was read: ``recipe`` a table in the form of a recipe, ``words`` what a reader is shown, ``unread`` what was not."""

    recipe: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Call:
    """A call by the last part of its name, with the value of each argument that can be read."""

    name: str
    line: int
    arguments: dict[str, Value]
    text: str
    unread: tuple[str, ...]


def training_in(project: Project) -> Found:
    """Return the recipe that the main file, or a module of the hand-in, trains with."""
    found = Found()
    sources = [project.main, *(each for each in map(project.source, project.names()) if each is not None)]
    calls: list[_Call] = []
    for source in dict.fromkeys(map(id, sources)):
        each = next(other for other in sources if id(other) == source)
        # The main file builds and trains; what it imports only fills what is missing there.
        calls = [*_calls(each, Values(each)), *calls]
    _optimizer(calls, found)
    _schedule(calls, found)
    _batches(calls, found)
    _augmentation(calls, found)
    _epochs(project.main, found)
    return found


SIGNATURES: dict[str, tuple[str, ...]] = {
    "SGD": ("params", "lr", "momentum", "dampening", "weight_decay", "nesterov"),
    "Adam": ("params", "lr", "betas", "eps", "weight_decay"),
    "AdamW": ("params", "lr", "betas", "eps", "weight_decay"),
    "RMSprop": ("params", "lr", "alpha", "eps", "weight_decay", "momentum"),
    "StepLR": ("optimizer", "step_size", "gamma"),
    "MultiStepLR": ("optimizer", "milestones", "gamma"),
    "OneCycleLR": ("optimizer", "max_lr", "total_steps", "epochs", "steps_per_epoch", "pct_start", "anneal_strategy"),
    "CosineAnnealingLR": ("optimizer", "T_max", "eta_min"),
    "DataLoader": ("dataset", "batch_size", "shuffle"),
    "RandomRotation": ("degrees",),
    "RandomAffine": ("degrees", "translate", "scale", "shear"),
    "RandomCrop": ("size", "padding"),
    "Normalize": ("mean", "std"),
}
"""The first arguments of each call, by name, as torch and torchvision declare them."""


def _calls(source: Source, values: Values) -> Iterator[_Call]:
    """Return the calls in *source* that tell of a training, in the order of the file."""
    wanted = {*SIGNATURES, *UNLIKE, *SCHEDULES, *CHANGES}
    nodes = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    for node in sorted(nodes, key=lambda each: (each.lineno, each.col_offset)):
        name = dotted(node.func).rpartition(".")[2]
        if name not in wanted:
            continue
        given = dict(zip(SIGNATURES.get(name, ()), node.args, strict=False))
        for keyword in node.keywords:
            given |= {keyword.arg: keyword.value} if keyword.arg else values.table(keyword.value)
        arguments, unread = {}, []
        for key, value in given.items():
            try:
                arguments[key] = values.of(value)
            except UnreadError:
                unread.append(key)
        yield _Call(name, node.lineno, arguments, ast.unparse(node)[:120], tuple(unread))


def _last(calls: list[_Call], names: tuple[str, ...]) -> _Call | None:
    """Return the last call of one of *names*."""
    return next((each for each in reversed(calls) if each.name in names), None)


def _optimizer(calls: list[_Call], found: Found) -> None:
    call = _last(calls, (*OPTIMIZERS, *UNLIKE))
    if call is None:
        found.unread.append("the optimizer")
        return
    if call.name in UNLIKE:
        found.unread.append(f"{call.name}, which cannot be trained with here")
        return
    table: dict[str, Any] = {"name": OPTIMIZERS[call.name]}
    usual = {"sgd": 0.001, "rmsprop": 0.01}.get(table["name"], 0.001)
    if "lr" in call.unread:
        found.unread.append(f"the learning rate of {call.name}")
    else:
        table["learning_rate"] = float(call.arguments.get("lr", usual))
    if call.name in ("SGD", "RMSprop"):
        table["momentum"] = float(call.arguments.get("momentum", 0.0))
    if call.name == "RMSprop":
        table["beta2"] = float(call.arguments.get("alpha", 0.99))
    if call.name == "SGD":
        table["nesterov"] = bool(call.arguments.get("nesterov", False))
    table["weight_decay"] = float(call.arguments.get("weight_decay", 0.01 if call.name == "AdamW" else 0.0))
    betas = call.arguments.get("betas")
    if call.name in ("Adam", "AdamW") and isinstance(betas, list) and len(betas) == 2:
        table["beta1"], table["beta2"] = map(float, betas)
    found.recipe["optimizer"] = table
    rate = f", rate {table['learning_rate']:g}" if "learning_rate" in table else ""
    momentum = f", momentum {table['momentum']:g}" if table.get("momentum") else ""
    decay = f", weight decay {table['weight_decay']:g}" if table["weight_decay"] else ""
    found.words.append(f"{call.name}{rate}{momentum}{decay}")


def _schedule(calls: list[_Call], found: Found) -> None:
    call = _last(calls, SCHEDULES)
    found.recipe["schedule"] = {"name": "constant"}
    if call is None:
        return
    given = call.arguments
    if call.name == "StepLR" and isinstance(given.get("step_size"), int):
        table = {"name": "step", "every": given["step_size"], "factor": float(given.get("gamma", 0.1))}
        words = f"StepLR every {table['every']} epochs by {table['factor']:g}"
    elif call.name == "OneCycleLR":
        table, words = {"name": "one-cycle", "warmup": float(given.get("pct_start", 0.3))}, "OneCycleLR"
        if isinstance(given.get("max_lr"), int | float) and "optimizer" in found.recipe:
            found.recipe["optimizer"]["learning_rate"] = float(given["max_lr"])
            words += f" up to {given['max_lr']:g}"
        if given.get("anneal_strategy") == "linear":
            table["shape"] = "linear"
    elif call.name == "CosineAnnealingLR":
        table, words = {"name": "cosine"}, "CosineAnnealingLR"
        peak = found.recipe.get("optimizer", {}).get("learning_rate")
        if peak and isinstance(given.get("eta_min"), int | float):
            table["end"] = min(1.0, float(given["eta_min"]) / peak)
    elif call.name == "MultiStepLR" and (every := _even(given.get("milestones"))):
        table = {"name": "step", "every": every, "factor": float(given.get("gamma", 0.1))}
        words = f"MultiStepLR at {', '.join(map(str, given['milestones']))} by {table['factor']:g}"
    else:
        found.unread.append(f"{call.name}, for which the rate stays as it is")
        return
    found.recipe["schedule"] = table
    found.words.append(words)


def _even(milestones: Value) -> int:
    """Return the distance of milestones that are multiples of it, 0 where they are none."""
    if not isinstance(milestones, list) or not milestones or not all(isinstance(each, int) for each in milestones):
        return 0
    every = milestones[0]
    return every if milestones == [every * turn for turn in range(1, len(milestones) + 1)] else 0


def _batches(calls: list[_Call], found: Found) -> None:
    loaders = [each for each in calls if each.name == "DataLoader"]
    train = [each for each in loaders if each.arguments.get("shuffle") is True or "train" in each.text.lower()]
    sizes = [each.arguments.get("batch_size") for each in train or loaders]
    sizes = [each for each in sizes if isinstance(each, int)]
    if sizes:
        found.recipe["batch_size"] = sizes[-1]
        found.words.append(f"batches of {sizes[-1]}")
    else:
        found.unread.append("the batch size")


def _augmentation(calls: list[_Call], found: Found) -> None:
    table: dict[str, float] = {}
    for call in calls:
        given = call.arguments
        if call.name in ("RandomRotation", "RandomAffine"):
            degrees = given.get("degrees", 0)
            turn = max(map(abs, degrees)) if isinstance(degrees, list) and degrees else abs(degrees or 0)
            table["rotation"] = max(table.get("rotation", 0.0), float(turn))
        if call.name == "RandomAffine":
            table |= _affine(given)
        elif call.name == "RandomCrop" and isinstance(given.get("padding"), int):
            table["shift"] = float(given["padding"])
        elif call.name in CHANGES and call.name not in ("RandomRotation", "RandomAffine", "RandomCrop"):
            found.unread.append(f"{call.name}, which is left out here")
        elif call.name == "Normalize" and not _usual(given):
            found.unread.append("its own Normalize; images are normalised with mean 0.1307 and deviation 0.3081 here")
    table = {name: value for name, value in table.items() if value}
    found.recipe["augmentation"] = table
    if table:
        shown = {"rotation": "°", "shift": " pixels", "scale": "", "shear": "°"}
        found.words.append(", ".join(f"{name} ±{value:g}{shown[name]}" for name, value in table.items()))


def _affine(given: dict[str, Value]) -> dict[str, float]:
    """Return shift, scale and shear of a RandomAffine, as limits to both sides."""
    table: dict[str, float] = {}
    translate, scale, shear = given.get("translate"), given.get("scale"), given.get("shear")
    if isinstance(translate, list) and translate:
        table["shift"] = round(28 * float(max(translate)), 6)
    if isinstance(scale, list) and len(scale) == 2:
        table["scale"] = round(max(abs(1 - float(each)) for each in scale), 6)
    if isinstance(shear, int | float):
        table["shear"] = float(abs(shear))
    elif isinstance(shear, list) and shear:
        table["shear"] = float(max(map(abs, shear)))
    return table


def _usual(given: dict[str, Value]) -> bool:
    """Whether images are normalised as here, up to rounding."""
    mean, spread = given.get("mean"), given.get("std")
    first: list[Any] = [each[0] if isinstance(each, list) and each else each for each in (mean, spread)]
    known = all(isinstance(each, int | float) for each in first)
    return not known or (abs(first[0] - MEAN) < 0.01 and abs(first[1] - SPREAD) < 0.01)


def _epochs(source: Source, found: Found) -> None:
    """Find the loop over epochs: ``for epoch in range(1, EPOCHS + 1)``, else a name that says epochs."""
    values = Values(source)
    counts: list[int] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.For) and "epoch" in ast.unparse(node.target).lower():
            for call in ast.walk(node.iter):
                if isinstance(call, ast.Call) and dotted(call.func) in ("range", "trange"):
                    try:
                        bounds = [values.of(each) for each in call.args]
                    except UnreadError:
                        continue
                    if all(isinstance(each, int) for each in bounds) and bounds:
                        counts.append(len(range(*bounds[:3])))
    named = [
        name
        for name in values.given
        if name.rpartition(".")[2].lower() in ("epochs", "num_epochs", "n_epochs", "epoch", "max_epochs")
    ]
    for name in named if not counts else []:
        try:
            value = values.of(values.given[name])
        except UnreadError:
            continue
        counts += [value] if isinstance(value, int) else []
    counts = [each for each in counts if 1 <= each <= 10_000]
    if counts:
        found.recipe["epochs"] = counts[-1]
        found.words.append(f"{counts[-1]} epochs")
    else:
        found.unread.append("the number of epochs")
