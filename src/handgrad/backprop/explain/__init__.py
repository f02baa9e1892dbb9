"""Writes the derivation of a training step: Markdown or LaTeX, with its pictures beside it.

The sections make a document (plain data), a writer makes the text: ``forward``, ``backward``, ``training`` and
``conventions_section`` know the mathematics, ``markdown`` and ``tex`` know the markup, and neither knows the other.
"""

from __future__ import annotations

from pathlib import Path

from handgrad.backprop.explain.backward import backward, check
from handgrad.backprop.explain.conventions_section import conventions_section
from handgrad.backprop.explain.document import Document
from handgrad.backprop.explain.equations import Equations
from handgrad.backprop.explain.forward import described, error, forward, opening
from handgrad.backprop.explain.markdown import write_markdown
from handgrad.backprop.explain.scope import Scope, working_units
from handgrad.backprop.explain.tex import write_tex
from handgrad.backprop.explain.training import all_values, rates, training, update
from handgrad.backprop.simulate import RateSweep, Trace
from handgrad.files import check_free, make_folder, write_whole

__all__ = ["derivation", "explanation_paths", "write_explanation"]

PICTURES = ("rules", "network", "paths", "descent", "error", "rates", "rates-log")


def derivation(done: Trace, sweep: RateSweep) -> Document:
    """Return the derivation of the first step of a training, with its first rows and the learning rates compared.

    ``done`` must hold every quantity (``trace(network, steps)``).
    """
    scope, write = _first_step(done)
    return Document(
        (
            *opening(scope),
            *described(scope),
            *forward(scope, write),
            *error(scope, write),
            *backward(scope, write),
            *check(scope, write),
            *update(scope, write),
            *training(scope, done),
            *rates(scope, write, sweep),
            *conventions_section(scope),
            *all_values(scope, write),
        )
    )


def _first_step(done: Trace) -> tuple[Scope, Equations]:
    """Return what is shown of the first row, and what writes it."""
    row = done.row(0)
    return Scope(done.graph, working_units(done.graph, row)), Equations(done.graph, row)


def explanation_paths(folder: Path, tex: bool = False) -> tuple[Path, ...]:
    """Return the files that :func:`write_explanation` writes, the text first."""
    text, form = ("derivation.tex", "pdf") if tex else ("README.md", "svg")
    return (folder / text, *(folder / f"{name}.{form}" for name in PICTURES))


def write_explanation(
    done: Trace, sweep: RateSweep, folder: Path, *, tex: bool = False, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write ``README.md`` with SVG pictures, or ``derivation.tex`` with PDF pictures, into the folder.

    Raises :class:`UsageError` where one of the files exists (nothing is written then), ``DiskError`` where the disk
    refuses.
    """
    # Here, because these load matplotlib, which is slow and which a derivation without its files does not need.
    from handgrad.backprop.explain.glance import glance_figure
    from handgrad.backprop.pictures.descent import descent_figure
    from handgrad.backprop.pictures.files import draw_pictures, figure_bytes
    from handgrad.backprop.pictures.paths import paths_figure

    paths = explanation_paths(folder, tex)
    check_free(*paths, overwrite=overwrite, new_folder=True)
    make_folder(folder)
    document = derivation(done, sweep)
    text = write_tex(document) if tex else write_markdown(document)
    scope, write = _first_step(done)
    row = done.row(0)
    figures = {
        "rules": glance_figure(scope, write),
        "paths": paths_figure(done.graph, row, scope.unit_of),
        "descent": descent_figure(done.graph, row),
        **draw_pictures(done, sweep),
    }
    for path in paths[1:]:
        write_whole(path, figure_bytes(figures[path.stem], path.suffix[1:]))
    write_whole(paths[0], text.encode())
    return paths
