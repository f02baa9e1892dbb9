"""Reads a network from TOML: unknown keys, wrong types and wrong numbers are refused in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from handgrad.backprop.network.network import (
    BiasRule,
    Layer,
    Network,
    OverSamples,
    Sample,
    Update,
    UpdateOrder,
    UpdateRule,
)
from handgrad.errors import UsageError, did_you_mean
from handgrad.text import quoted

MAX_BYTES = 1_000_000


def _word(choices: type[StrEnum]) -> Callable[[Any], StrEnum]:
    def read(value: Any) -> StrEnum:
        if not isinstance(value, str):
            raise ValueError(f"must be a text – found {quoted(value)}")
        if value not in list(choices):
            hint = did_you_mean(value, list(choices)) or f" – choose one of {', '.join(choices)}"
            raise ValueError(f"{quoted(value)} is not known{hint}")
        return choices(value)

    return read


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Layer(_Table):
    units: int
    activation: str = "sigmoid"


class _Sample(_Table):
    inputs: list[float]
    targets: list[float]


class _Update(_Table):
    rule: Annotated[UpdateRule, BeforeValidator(_word(UpdateRule))] = UpdateRule.GRADIENT_DESCENT
    momentum: float = Update().momentum
    beta1: float = Update().beta1
    beta2: float = Update().beta2
    epsilon: float = Update().epsilon


class _Network(_Table):
    name: str | None = None
    loss: str = "half-squared-error"
    bias: Annotated[BiasRule, BeforeValidator(_word(BiasRule))] = BiasRule.NONE
    learning_rate: float = 0.5
    order: Annotated[UpdateOrder, BeforeValidator(_word(UpdateOrder))] = UpdateOrder.OLD_WEIGHTS
    over_samples: Annotated[OverSamples, BeforeValidator(_word(OverSamples))] = OverSamples.MEAN
    seed: int = 0
    weights: list[float] = Field(default_factory=list)
    biases: list[float] = Field(default_factory=list)
    update: _Update = Field(default_factory=_Update)
    layers: list[_Layer]
    samples: list[_Sample]


def read_network(path: Path) -> Network:
    """Read a TOML file.

    Raises :class:`UsageError`, one line that begins with the file's name, for anything wrong in it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{path} – no such file – give a preset or a TOML file") from None
    except OSError as error:
        raise UsageError(f"{path} – cannot be read ({error.strerror}) – give a preset or a TOML file") from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path.name}: more than {MAX_BYTES:,} bytes – a network for a sheet is a short file")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name}: byte {error.start} is not UTF-8 text – save it as UTF-8") from None
    return parse_network(text, source=path.name, default_name=path.stem)


def parse_network(text: str, source: str = "network", default_name: str = "network") -> Network:
    """Return a network from TOML text; ``source`` begins each message, ``default_name`` names a network without a name."""
    try:
        table = tomllib.loads(text)
        form = _Network.model_validate(table)
        return _network(form, default_name)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: not TOML – {error}") from None
    except RecursionError:
        raise UsageError(f"{source}: not TOML that can be meant – nested too deeply") from None
    except ValidationError as error:
        raise UsageError(f"{source}: {_first_problem(error)}") from None
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None


def _network(form: _Network, default_name: str) -> Network:
    return Network(
        name=default_name if form.name is None else form.name,
        layers=tuple(Layer(layer.units, layer.activation) for layer in form.layers),
        samples=tuple(Sample(tuple(sample.inputs), tuple(sample.targets)) for sample in form.samples),
        loss=form.loss,
        bias=form.bias,
        weights=tuple(form.weights),
        biases=tuple(form.biases),
        learning_rate=form.learning_rate,
        update=Update(**form.update.model_dump()),
        order=form.order,
        over_samples=form.over_samples,
        seed=form.seed,
    )


_TABLES: dict[str, type[_Table]] = {"layers": _Layer, "samples": _Sample, "update": _Update}


def _first_problem(error: ValidationError) -> str:
    """Return the first problem in one line, and how many more there are."""
    problems = error.errors(include_url=False)
    problem = problems[0]
    spot = problem["loc"]
    where = ".".join(str(part + 1) if isinstance(part, int) else quoted(part).strip('"') for part in spot)
    match problem["type"]:
        case "extra_forbidden":
            fields = _TABLES.get(str(spot[0]), _Network) if len(spot) > 1 else _Network
            known = list(fields.model_fields)
            line = f"{where} is not known" + (did_you_mean(str(spot[-1]), known) or f" – known are {', '.join(known)}")
        case "missing":
            line = f"{where} is missing – add it"
        case "value_error":
            line = f"{where} {problem['msg'].removeprefix('Value error, ')}"
        case _:
            wanted = problem["msg"].removeprefix("Input should be ")
            line = f"{where} should be {wanted} – found {quoted(problem['input'])}"
    more = len(problems) - 1
    return line + (f" (and {more} more like it)" if more else "")
