"""A network's modules, parameters and buffers as they are really registered, whatever a subclass says of itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from torch import Tensor, nn


def place_of(tensor: Tensor) -> int:
    """Return what tells blocks of memory apart, as long as a tensor on each is alive."""
    try:
        # The address of the storage object and not of its data: empty tensors all have data at 0.
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # sparse tensors have no such block
        return id(tensor)


def registered(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Return paths and modules as they are really registered, whatever ``modules()`` of a subclass says."""
    seen: set[int] = set()
    waiting: list[tuple[str, nn.Module]] = [("", module)]
    while waiting:
        path, each = waiting.pop(0)
        # A module may hold itself, or another twice.
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield path, each
        children = vars(each).get("_modules") or {}
        waiting += [
            (f"{path}.{name}" if path else name, child) for name, child in children.items() if child is not None
        ]


def module_paths(module: nn.Module) -> dict[int, tuple[str, bool]]:
    """Return, by identity, the path of each module and whether it has no children (parametrizations apart)."""
    return {
        id(each): (path, not {name for name, _ in (vars(each).get("_modules") or {}).items()} - {"parametrizations"})
        for path, each in registered(module)
    }


def parameters_of(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that are really registered, each once, by path; ``parameters()`` of a subclass is not asked."""
    found: dict[str, nn.Parameter] = {}
    seen: set[int] = set()
    for path, each in registered(module):
        for name, parameter in (vars(each).get("_parameters") or {}).items():
            # By identity: tied weights are one parameter under two paths.
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                found[f"{path}.{name}" if path else name] = parameter
    return found


def count_once(parameters: Collection[Tensor]) -> int:
    """Return how many numbers *parameters* hold together, memory that two of them share counted once."""
    blocks: dict[int, list[Tensor]] = {}
    for each in parameters:
        blocks.setdefault(place_of(each), []).append(each)
    return sum(
        # The smaller of both: views may overlap, and a view may show only a part of its block.
        min(group[0].untyped_storage().nbytes() // group[0].element_size(), sum(each.numel() for each in group))
        for group in blocks.values()
    )


def buffers_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the buffers that are really registered, by path."""
    return {
        f"{path}.{name}" if path else name: buffer
        for path, each in registered(module)
        for name, buffer in (vars(each).get("_buffers") or {}).items()
        if buffer is not None
    }
