"""How to use the network of a run: the lines that load and ask it, what it takes, and what was exported of it."""

from __future__ import annotations

import json
import shlex
from typing import Any

from handgrad.html.markup import Markup, joined, table, tag
from handgrad.runs.folder import EXPORTED, EXPORTS
from handgrad.runs.kind import DIGITS
from handgrad.runs.read import Run

TAKES = (
    "It takes raw bytes: 28×28, ink 255 on ground 0, the digit fitted into 20×20 with its centre of mass in the middle; the "
    "normalisation, (byte / 255 − 0.1307) / 0.3081, is done inside. network.module, the plain PyTorch module, takes normalised "
    "images of shape [n, 1, 28, 28]: to feed it with bytes that are only divided by 255 is the usual mistake, and "
    "it still gives an answer."
)


def use_section(run: Run) -> Markup | None:
    """Return the section *Use it* of a complete run, None for any other."""
    if run.result is None:
        return None
    place, kind = str(run.path), run.kind
    shape = f"uint8 [n, {', '.join(map(str, kind.bytes_shape))}]"
    python = f"import handgrad\nnetwork = handgrad.load({place!r})\ndigits, probabilities = network.predict(images)  # {shape}"
    if kind != DIGITS:
        numbers = ", ".join(map(str, kind.shape))
        takes = (
            f"It takes raw bytes, {kind.words}; the normalisation, (byte / 255 − {kind.mean:g}) / {kind.deviation:g}, is done "
            f"inside. network.module, the plain PyTorch module, takes normalised images of shape [n, {numbers}]."
        )
        line = f"classes = network.kind.classes  # the names: {', '.join(kind.classes[:3])}, …"
        exports = exported_table(run) if kind.shape == DIGITS.shape and kind.count == DIGITS.count else None
        return joined(tag("pre", tag("code", f"{python}\n{line}")), tag("p", takes), exports)
    python += ", or a photograph's path"
    shell = f"handgrad predict {shlex.quote(place)} photo.jpg"
    return joined(
        tag("pre", tag("code", python)),
        tag("pre", tag("code", shell)),
        tag("p", TAKES),
        exported_table(run),
    )


def exported_table(run: Run) -> Markup:
    """Return what was exported into the run's own folder, with its proof; or how to do so."""
    rows: list[list[object]] = [
        [tag("a", each["file"], href=f"{EXPORTS}/{each['file']}"), f"{each['bytes']:,}", each["sentence"]]
        for each in exported(run)
    ]
    if rows:
        return table(["exported", "bytes", "proven before it was written"], rows, class_="facts")
    line = f"handgrad export {shlex.quote(str(run.path))} --to c"
    return tag("p", "To take it elsewhere (c, onnx, xlsx or hub): ", tag("code", line))


def exported(run: Run) -> list[dict[str, Any]]:
    """Return what the run's list of exports holds and is still there; a damaged list is none."""
    place = run.path / EXPORTS / EXPORTED
    try:
        listed = json.loads(place.read_text(encoding="utf-8"))
        return [
            {"file": str(each["file"]), "bytes": int(each["bytes"]), "sentence": str(each["sentence"])}
            for each in listed
            # A name with a folder in it would lead out of the run.
            if "/" not in str(each["file"]) and (run.path / EXPORTS / str(each["file"])).exists()
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return []
