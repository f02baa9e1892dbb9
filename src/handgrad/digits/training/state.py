"""A training's state as safetensors bytes and back: weights, BatchNorm statistics, optimizer, average, counters."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from handgrad.digits.training.loop import State
from handgrad.digits.training.meter import Meter
from handgrad.errors import DamagedRunError, DivergedError


def pack(state: State, record: dict[str, Any], best: Mapping[str, Tensor]) -> bytes:
    """Return *state* and the *best* weights so far as safetensors bytes that carry *record* (JSON) in their header.

    Raises `DivergedError` when anything in it is no longer a finite number: such a state must not replace a good one.
    """
    tensors = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    if state.average is not None:
        tensors |= {f"average.{name}": value for name, value in state.average.state_dict().items()}
    for index, values in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items() if isinstance(value, Tensor)}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    loss, correct, seen = state.meter.totals()
    # Here too, although the loop looks at every step: on CUDA its look lags, and a checkpoint of NaN would replace a
    # good one.
    broken = next((name for name, value in tensors.items() if not bool(torch.isfinite(value).all())), None)
    if broken or not math.isfinite(loss):
        raise DivergedError(f"{broken or 'the loss'} is no longer finite – epoch {state.epoch}, step {state.step}")
    counters = {"epoch": state.epoch, "step": state.step, "loss": loss, "correct": correct, "seen": seen}
    return packed(tensors, record | {"counters": counters | {"seconds": state.seconds}})


def packed(tensors: dict[str, Tensor], record: dict[str, Any]) -> bytes:
    """Return *tensors* (moved to the CPU, made contiguous) and *record* as safetensors bytes."""
    # safetensors takes contiguous tensors alone, and kernels here lie channels last.
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    # allow_nan=False: JSON has no NaN, and a record that only Python reads back is not plain data.
    return save(plain, metadata={"record": json.dumps(record, allow_nan=False)})


def restore(state: State, data: bytes, counters: dict[str, Any]) -> dict[str, Tensor]:
    """Put the state packed in *data* into a freshly begun *state* of the same recipe; return the best weights.

    Raises `DamagedRunError` when the tensors are not those of this network and optimizer.
    """
    try:
        tensors = load(data)
        load_module(state.network, tensors, "network.")
        if state.average is not None:
            load_module(state.average, tensors, "average.")
        restore_optimizer(state.optimizer, tensors)
    # What torch and safetensors raise for tensors of another network: the file is whole (its hash was checked), it
    # belongs elsewhere.
    except (SafetensorError, RuntimeError, LookupError, ValueError) as error:
        raise DamagedRunError(f"checkpoint does not fit the recipe: {error} – start a new run") from error
    device = state.meter.sums.device
    state.epoch, state.step, state.seconds = counters["epoch"], counters["step"], counters["seconds"]
    state.meter = Meter(device, counters["loss"], counters["correct"], counters["seen"])
    return with_prefix(tensors, "best.")


def load_module(module: nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    """Load every tensor that begins with *prefix* into *module*, none missing, none left over."""
    module.load_state_dict(with_prefix(tensors, prefix))


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with *prefix*, under the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Load the optimizer's tensors; its settings are the recipe's, set when it was made.

    What belongs to a weight gets the weight's memory layout, as in the run that was never stopped: a step over mixed layouts
    takes another path through torch's kernels, and may round differently.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    saved: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, quantity = name.split(".", 2)
            like = parameters[int(index)]
            laid_out = torch.empty_like(like).copy_(value) if value.shape == like.shape and value.dim() else value
            saved.setdefault(int(index), {})[quantity] = laid_out.detach()
    # The settings of now, not those of then: a recipe that changed is refused elsewhere, with a better word.
    optimizer.load_state_dict({"state": saved, "param_groups": optimizer.state_dict()["param_groups"]})
