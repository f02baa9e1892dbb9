"""The recipe that a hand-in trains with, as far as its text tells: optimizer, schedule, batch size, epochs, augmentation."""

from __future__ import annotations

import ast
from typing import Any

from handgrad.errors import counted
from handgrad.judge.handed_in.calls_found import SIGNATURES, Call, Found, calls_in, last_of
from handgrad.judge.handed_in.changes_found import CHANGES, find_changes
from handgrad.judge.handed_in.names import dotted
from handgrad.judge.handed_in.parsed import Source
from handgrad.judge.handed_in.project import Project
from handgrad.judge.handed_in.schedule_found import SCHEDULES, find_schedule
from handgrad.judge.handed_in.values import UnreadError, Value, Values

OPTIMIZERS = {"SGD": "sgd", "Adam": "adam", "AdamW": "adamw", "RMSprop": "rmsprop"}
# Named so that a hand-in is told what it uses and what is missing here, instead of "no optimizer".
UNLIKE = ("Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax", "LBFGS", "Rprop", "ASGD", "SparseAdam")
NAMED_EPOCHS = ("epochs", "num_epochs", "n_epochs", "epoch", "max_epochs", "nb_epochs", "no_epochs", "total_epochs")
MOST_EPOCHS = 10_000


def training_in(project: Project) -> Found:
    """Return the recipe that the main file, or a module of the hand-in, trains with."""
    found = Found()
    sources = dict.fromkeys([project.main, *filter(None, map(project.source, project.names()))])
    calls: list[Call] = []
    wanted = {*SIGNATURES, *UNLIKE, *SCHEDULES, *CHANGES}
    for source in sources:
        # The main file builds and trains; what it imports only fills what is missing there.
        calls = [*calls_in(source, wanted), *calls]
    _optimizer(calls, found)
    _batches(calls, found)
    _epochs(list(sources), found)
    find_schedule(calls, found)
    find_changes(calls, found)
    return found


def _optimizer(calls: list[Call], found: Found) -> None:
    call = last_of(calls, (*OPTIMIZERS, *UNLIKE))
    if call is None:
        found.unread.append("the optimizer")
        return
    if call.name in UNLIKE:
        found.unread.append(f"{call.name}, which cannot be trained with here")
        return
    table: dict[str, Any] = {"name": OPTIMIZERS[call.name]}
    # torch's defaults, which an author leaves out on purpose.
    usual: dict[str, float] = {"lr": 0.01 if call.name == "RMSprop" else 0.001}
    keys = {"lr": "learning_rate", "weight_decay": "weight_decay"}
    usual["weight_decay"] = 0.01 if call.name == "AdamW" else 0.0
    if call.name in ("SGD", "RMSprop"):
        keys["momentum"], usual["momentum"] = "momentum", 0.0
    if call.name == "RMSprop":
        keys["alpha"], usual["alpha"] = "beta2", 0.99
    for key, name in keys.items():
        value = call.arguments.get(key, usual[key])
        if call.lacks(key) or not isinstance(value, int | float):
            found.unread.append(f"the {'learning rate' if key == 'lr' else key.replace('_', ' ')} of {call.name}")
        else:
            table[name] = float(value)
    if call.name == "SGD":
        table["nesterov"] = bool(call.arguments.get("nesterov", False))
    _betas(call, table, found)
    found.unread += [
        f"{key} of {call.name}"
        for key in ("dampening", "amsgrad", "centered", "maximize")
        if call.arguments.get(key) or call.lacks(key)
    ]
    found.recipe["optimizer"] = table
    rate = f", rate {table['learning_rate']:g}" if "learning_rate" in table else ""
    momentum = f", momentum {table['momentum']:g}" if table.get("momentum") else ""
    decay = f", weight decay {table['weight_decay']:g}" if table.get("weight_decay") else ""
    found.words.append(f"{call.name}{rate}{momentum}{decay}")


def _betas(call: Call, table: dict[str, Any], found: Found) -> None:
    """Add Adam's two decays to *table*, torch's own where none are given."""
    betas: Value = call.arguments.get("betas", [0.9, 0.999])
    if call.name not in ("Adam", "AdamW"):
        return
    if not call.lacks("betas") and isinstance(betas, list) and len(betas) == 2:
        table["beta1"], table["beta2"] = map(float, betas)
    else:
        found.unread.append(f"betas of {call.name}")


def _batches(calls: list[Call], found: Found) -> None:
    loaders = [each for each in calls if each.name == "DataLoader"]
    train = [each for each in loaders if each.arguments.get("shuffle") is True or "train" in each.text.lower()]
    # ``DataLoader(test, shuffle=True)`` is met often enough, and is not a loader of the training.
    train = [each for each in train if "test" not in each.text.lower() or "train" in each.text.lower()] or train
    sizes = [each.arguments.get("batch_size") for each in train or loaders]
    sizes = [each for each in sizes if isinstance(each, int)]
    if sizes:
        found.recipe["batch_size"] = sizes[-1]
        found.words.append(f"batches of {sizes[-1]}")
    else:
        found.unread.append("the batch size")


def _epochs(sources: list[Source], found: Found) -> None:
    """Find the loop over epochs: ``for epoch in range(1, EPOCHS + 1)``, else a name that says epochs; the main file first."""
    # The loop that runs before a name that might: EPOCHS = 50 above a loop over 20 is an old setting.
    for count in (_looped, _named):
        for source in sources:
            counts = [each for each in count(source) if 1 <= each <= MOST_EPOCHS]
            if counts:
                found.recipe["epochs"] = counts[-1]
                found.words.append(counted(counts[-1], "epoch"))
                return
    found.unread.append("the number of epochs")


def _looped(source: Source) -> list[int]:
    """Return the lengths of the loops over epochs in *source*, in order."""
    values, counts = Values(source), list[int]()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.For) and "epoch" in ast.unparse(node.target).lower():
            for call in ast.walk(node.iter):
                if isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] in ("range", "trange"):
                    try:
                        bounds = [values.of(each) for each in call.args]
                    except UnreadError:
                        continue
                    # A step of 0 is the one thing that makes range raise.
                    if all(isinstance(each, int) for each in bounds) and bounds and bounds[2:] != [0]:
                        counts.append(len(range(*bounds[:3])))
    return counts


def _named(source: Source) -> list[int]:
    """Return the whole numbers under names that say epochs in *source*: also those given as ``run(epochs=20)``."""
    values, counts = Values(source), list[int]()
    given = [value for name, value in values.given.items() if name.rpartition(".")[2].lower() in NAMED_EPOCHS]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            given += [each.value for each in node.keywords if (each.arg or "").lower() in NAMED_EPOCHS]
    for each in given:
        try:
            value = values.of(each)
        except UnreadError:
            continue
        counts += [value] if isinstance(value, int) and not isinstance(value, bool) else []
    return counts
