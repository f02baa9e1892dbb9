"""From the JSON of a run folder back to the records of `handgrad.runs.record`, every value checked."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from handgrad.errors import DamagedRunError

if TYPE_CHECKING:
    import pydantic

    from handgrad.runs.record import Stored

Record = TypeVar("Record", bound="Stored")


def read_stored(kind: type[Record], value: Any, place: str) -> Record:
    """Return *value*, parsed JSON, as a record of *kind*; raises `DamagedRunError` with *place*, key and what is wrong."""
    # Here, because the training core makes these records and must run without pydantic.
    import pydantic

    try:
        # Not in pydantic's strict mode, which would refuse JSON's lists for our tuples.
        found: Record = _adapter(cast(Hashable, kind)).validate_python(value)
        return found
    except pydantic.ValidationError as error:
        reason = _first_fault(error)
        raise DamagedRunError(
            f"{place}: {reason} – it was changed or damaged, restore it from a copy or start a new run"
        ) from error


@cache  # making one takes milliseconds, and a list of runs needs a thousand
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    """Return what checks values against the record *kind*."""
    import pydantic

    return pydantic.TypeAdapter(kind)


def _first_fault(error: pydantic.ValidationError) -> str:
    """Return the first thing that is wrong, with the path of its key."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"{where} is missing"
    if fault["type"] == "value_error":
        return f"{where}: {fault['ctx']['error']}" if where else str(fault["ctx"]["error"])
    found = f"{fault['input']!r:.40}"
    return f"{where or 'the content'} is {found} – {fault['msg'][:1].lower()}{fault['msg'][1:]}"
