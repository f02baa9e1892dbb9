"""A network made again from what was written down of it, in a process where its author's code never ran.

Whatever the file claims of itself, and whatever it changes around it, this is what is counted, examined, trained and asked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.transcript.operations import operation
from handgrad.transcript.packing import DTYPES, MalformedError

WORDS = DTYPES | {"strided": torch.strided} | {
    str(each).removeprefix("torch."): each
    for each in (torch.contiguous_format, torch.channels_last, torch.preserve_format)
}  # fmt: skip
# The list comes from a process that ran a stranger's file: it is not to be walked for ever.
MOST_NODES = 20_000
LONGEST_PLACE = 200
STEPS = ("python.getitem", "python._set_grad_enabled", "python._enter_autocast", "python._exit_autocast")
"""What happens between the operations."""


class Part(nn.Module):
    """A place for parameters and buffers under the names that the author gave them.

    What is computed with them is computed in a call of it, so that those who look on know where they are.
    """

    def forward(self, compute: Callable[[], Any]) -> Any:
        """Return what *compute* returns."""
        return compute()


class Rebuilt(nn.Module):
    """The network that *plan* describes, holding *weights* (parameters, then buffers) and *constants*.

    Raises `MalformedError` for a plan that describes none.
    """

    def __init__(
        self, plan: Mapping[str, Any], weights: Sequence[Tensor], learns: Sequence[bool], constants: Sequence[Tensor]
    ) -> None:
        super().__init__()
        names = list(plan["parameters"]) + list(plan["buffers"])
        if len(names) != len(weights) or len(set(names)) != len(names):
            raise MalformedError("names and weights do not fit together")
        self._names = [str(name) for name in names]
        for index, (name, value) in enumerate(zip(self._names, weights, strict=True)):
            place, _, last = name.rpartition(".")
            parent = part_of(self, place)
            if index < len(plan["parameters"]):
                floating = value.is_floating_point()
                parent.register_parameter(last, nn.Parameter(value, requires_grad=bool(learns[index]) and floating))
            else:
                parent.register_buffer(last, value)
        self._constants = list(constants)
        self._owners = [name.rpartition(".")[0] for name in self._names]
        self._plans = {mode: checked_plan(plan[mode], len(names), len(constants)) for mode in ("training", "answering")}
        self._owned = {mode: owners(each["nodes"], self._owners) for mode, each in self._plans.items()}
        self._dropouts = self._add_dropouts()
        for each in self._plans.values():
            for place in each["places"]:
                add_place(self, place)
            each["places"] = [place if is_place(self, place) else "" for place in each["places"]]

    def _add_dropouts(self) -> dict[int, nn.Dropout]:
        """Return, by step, the dropouts of a training, each a module where the author had one."""
        plan, found = self._plans["training"], dict[int, nn.Dropout]()
        for index, (name, arguments, _) in enumerate(plan["nodes"]):
            if name != "aten.dropout.default" or arguments[2] is not True:
                continue
            place, share = plan["places"][index], float(arguments[1])
            there = self.get_submodule(place) if is_place(self, place) else None
            if isinstance(there, nn.Dropout) and there.p == share:
                found[index] = there  # one module that is called twice
                continue
            found[index] = nn.Dropout(share)
            parent, _, last = place.rpartition(".")
            if there is None and place and add_place(self, parent):
                owner = self.get_submodule(parent)
                if not hasattr(owner, last):
                    owner.add_module(last, found[index])
                    continue
            self.add_module(f"dropout {len(found)}{f' in {place}'.replace('.', ' ') if place else ''}", found[index])
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Return the output for *images* ``[n, 1, 28, 28]``."""
        mode = "training" if self.training else "answering"
        plan, batch = self._plans[mode], len(images)
        values: list[Any] = [value_at(self, name) for name in self._names]
        # Images stand behind the weights and before the steps: the numbers of the plan count so.
        values.append(images)
        before = torch.is_grad_enabled()
        try:
            for index, (name, arguments, named) in enumerate(plan["nodes"]):
                inputs = [real(each, values, batch) for each in arguments]
                keys = {key: real(each, values, batch) for key, each in named.items()}
                owner = self._owner([arguments, named], self._owned[mode], plan["places"][index])
                compute = partial(self._step, index, name, inputs, keys, plan)
                values.append(owner(compute) if owner is not None else compute())
        finally:
            torch.set_grad_enabled(before)
            # The innermost first, as `with` blocks end; also after an error, since autocast is the whole thread's.
            for each in reversed(values):
                leave(each)
        result = real(plan["output"], values, batch)
        if not isinstance(result, Tensor):
            raise MalformedError("the output is not a tensor")
        return result

    def _owner(self, arguments: Any, owned: Mapping[int, str], place: str) -> nn.Module | None:
        """Return the part whose parameter or buffer is among *arguments*, else the one that ran; None below no part."""
        path = next((owned[number] for number in references(arguments) if owned.get(number)), place)
        found = self.get_submodule(path) if path else None
        return found if isinstance(found, Part) else None

    def _step(self, index: int, name: str, inputs: list[Any], keys: dict[str, Any], plan: Mapping[str, Any]) -> Any:
        if name == "constant":
            return self._constants[plan["constants"][inputs[0]]]
        if name == "generator":
            # Without a seed torch's own chance is used, which goes on from pass to pass as the author's generator did.
            return None if inputs[0] is None else torch.Generator().manual_seed(inputs[0])
        if name == "python._enter_autocast":
            return entered(*inputs)
        if name == "python._exit_autocast":
            return leave(inputs[0])
        if name == "python.getitem":
            return operator.getitem(inputs[0], inputs[1])
        if name == "python._set_grad_enabled":
            # Only down: nobody switches it on who was not asked to learn.
            torch.set_grad_enabled(bool(inputs[0]) and not torch.is_inference_mode_enabled())
            return None
        if name == "aten.dropout.default":
            if inputs[2] is not True:
                return inputs[0]
            # In eval() a dropout that the author left on stays on, with the probability that was written down.
            return self._dropouts[index](inputs[0]) if self.training else F.dropout(inputs[0], inputs[1], True)
        return operation(name)(*inputs, **keys)


class Precision(torch.autocast):
    """Reduced precision that is in force from one step of the plan to another."""

    active = False


def entered(device: str, dtype: Any, enabled: bool, cached: bool) -> Precision:
    """Begin what ``with torch.autocast(…):`` began; one for another device does nothing here."""
    # Entered though it may be switched off: the step that ends it expects something to leave.
    precision = Precision("cpu", dtype=dtype, enabled=bool(enabled) and device == "cpu", cache_enabled=bool(cached))
    precision.__enter__()  # type: ignore[no-untyped-call]
    precision.active = True
    return precision


def leave(value: Any) -> None:
    """End *value* where it is a precision still in force."""
    if isinstance(value, Precision) and value.active:
        value.active = False
        value.__exit__(None, None, None)


def owners(nodes: Sequence[Any], places: Sequence[str]) -> dict[int, str]:
    """Return, by number, the part that each weight is in; one written in place goes on under the number of that step."""
    found = dict(enumerate(places))
    for index, (name, arguments, _) in enumerate(nodes):
        base, first = name.split(".")[1] if "." in name else "", references(arguments[:1])
        # `relu_` gives back what it was given: its result is still the weight's place.
        if base.endswith("_") and first and first[0] in found:
            found[len(places) + 1 + index] = found[first[0]]
    return found


def part_of(module: nn.Module, path: str) -> nn.Module:
    """Return the part of *module* at *path*, made where it is missing."""
    for name in path.split(".") if path else []:
        if not isinstance(module._modules.get(name), nn.Module):
            module.add_module(name, Part())
        found = module._modules[name]
        assert found is not None
        module = found
    return module


def is_place(module: nn.Module, path: str) -> bool:
    """Whether *module* has a part at *path*."""
    for name in path.split(".") if path else []:
        found = module._modules.get(name)
        if found is None:
            return False
        module = found
    return bool(path)


def add_place(module: nn.Module, path: str) -> bool:
    """Make the part at *path* where it is missing, and return whether there is one; a name that is taken stays as it is."""
    for name in path.split(".") if path else []:
        found = module._modules.get(name)
        if found is None:
            if not name or hasattr(module, name):
                return False
            module.add_module(name, Part())
            found = module._modules[name]
        if not isinstance(found, Part):
            return False
        module = found
    return True


def value_at(module: nn.Module, path: str) -> Tensor:
    """Return the parameter or buffer of *module* at *path*."""
    place, _, last = path.rpartition(".")
    parent = module.get_submodule(place)
    parameter = parent._parameters.get(last)
    found = parent._buffers.get(last) if parameter is None else parameter
    assert found is not None
    return found


def checked_plan(plan: Mapping[str, Any], inputs: int, constants: int) -> dict[str, Any]:
    """Return *plan* once every step is one that is known and uses only what comes before it."""
    nodes = plan["nodes"]
    if not isinstance(nodes, list) or len(nodes) > MOST_NODES:
        raise MalformedError(f"more than {MOST_NODES:,} steps")
    for index, (name, arguments, named) in enumerate(nodes):
        if name == "constant":
            if not 0 <= arguments[0] < len(plan["constants"]):
                raise MalformedError("a constant that is not there")
        elif name == "generator":
            if arguments[0] is not None and not (type(arguments[0]) is int and 0 <= arguments[0] < 2**63):
                raise MalformedError("a seed that is none")
        elif name not in STEPS:
            try:
                operation(name)
            except ValueError as error:
                raise MalformedError(str(error)) from error
        # The number of step i is inputs + 1 + i, images taking one: so this is every value before it and no other.
        if any(number > inputs + index for number in references([arguments, named])):
            raise MalformedError("a step that uses what comes after it")
    if any(not 0 <= number < constants for number in plan["constants"]):
        raise MalformedError("a constant that is not there")
    places = plan.get("places")
    if not isinstance(places, list) or len(places) != len(nodes):
        places = [""] * len(nodes)
    # They only name things, so one that is none is left out.
    places = [place if isinstance(place, str) and len(place) <= LONGEST_PLACE else "" for place in places]
    return {"nodes": nodes, "output": plan["output"], "constants": list(plan["constants"]), "places": places}


def references(value: Any) -> list[int]:
    """Return the numbers of all values that *value* uses."""
    if isinstance(value, list):
        return [number for each in value for number in references(each)]
    if isinstance(value, dict):
        if "value" in value:
            return [int(value["value"])]
        return [number for each in value.values() for number in references(each)]
    return []


def real(value: Any, values: Sequence[Any], batch: int) -> Any:
    """Return the argument that *value* stands for."""
    if isinstance(value, list):
        return [real(each, values, batch) for each in value]
    if not isinstance(value, dict):
        return value
    (word, content), *rest = value.items()
    if rest:
        raise MalformedError("an argument that is not known")
    if word == "value":
        return values[content]
    if word == "batch":
        return content * batch
    if word == "part":
        if batch % content:
            raise MalformedError(f"a batch of {batch} images cannot be shared out by {content}")
        return batch // content
    if word == "share":
        return content / batch
    if word == "torch":
        return WORDS[content]
    if word == "device":
        # Whatever device it was: here there is one.
        return torch.device("cpu")
    if word == "float":
        return float(content)
    raise MalformedError("an argument that is not known")
