"""Renders the book of every preset and option through LibreOffice and lays the sheets side by side, for reviewers.

    python tools/contact_sheets.py [FOLDER [presets | options | layers | tasks …]]

Needs soffice, pdftotext, pdftoppm and Pillow. Writes one PNG a group of options: a row a book, the first page of each sheet
beside the next; of a large network as far as that is among the pages looked at.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from handgrad.backprop import (
    BiasRule,
    Layer,
    Network,
    OverSamples,
    Sample,
    UpdateOrder,
    UpdateRule,
    load_network,
    preset_names,
)
from handgrad.backprop.exercise import exam_plan, key_plan, make_exercise, practice_plan
from handgrad.backprop.network.network import biases_for, weight_count
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from handgrad.backprop.workbook import Plan, workbook_bytes, workbook_plan

STEPS, PAGES, WIDTH, COLOURS = 30, 40, 460, 48
LABEL = 14
SHEETS = ("Network", "Derivation", "Training", "Learning rates", "Checks", "Conventions", "Task", "Answers", "Mistakes")
"""The sheets for readers; the working ones behind them are rows of numbers."""


def of_options() -> dict[str, dict[str, Network]]:
    """Return the networks of each group: every value of every option once."""
    classic, biased = load_network("classic"), load_network("classic-biased")
    four = dataclasses.replace(classic, samples=_four())
    groups: dict[str, dict[str, Network]] = {"presets": {name: load_network(name) for name in preset_names()}}
    groups["options"] = {
        **{f"order {one}": dataclasses.replace(biased, order=one) for one in UpdateOrder},
        **{f"bias {one}": dataclasses.replace(biased, bias=one, biases=biases_for(biased, one)) for one in BiasRule},
        **{f"update {one}": _updated(classic, one) for one in UpdateRule},
        "four samples, their mean": four,
        "four samples, their sum": dataclasses.replace(four, over_samples=OverSamples.SUM),
    }
    groups["layers"] = {
        **{f"activation {one}": _with_activation(classic, one) for one in ACTIVATIONS},
        **{f"loss {one}": _with_loss(classic, one) for one in LOSSES},
        "3-4-2": shaped((3, 4, 2)),
        "8-16-3": shaped((8, 16, 3)),
        "largest": shaped((8, 16, 16, 16, 16)),
    }
    return groups


def shaped(sizes: tuple[int, ...]) -> Network:
    """Return a network of these sizes with one sample."""
    inputs, targets = (tuple(round(0.1 + 0.8 * n / 16, 2) for n in range(count)) for count in (sizes[0], sizes[-1]))
    layers = tuple(
        Layer(units, "tanh" if number < len(sizes) - 2 else "sigmoid") for number, units in enumerate(sizes[1:])
    )
    return Network("-".join(map(str, sizes)), layers, (Sample(inputs, targets),), bias=BiasRule.NEURON)


def _four() -> tuple[Sample, ...]:
    return tuple(Sample((a, b), (max(a, b), 1 - a)) for a in (0.1, 0.9) for b in (0.2, 0.8))


def _updated(network: Network, rule: UpdateRule) -> Network:
    return dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule))


def _with_activation(network: Network, name: str) -> Network:
    layers = (Layer(2), Layer(2, name)) if name == "softmax" else (Layer(2, name), Layer(2))
    loss = "softmax-cross-entropy" if name == "softmax" else network.loss
    return dataclasses.replace(network, layers=layers, loss=loss, samples=(Sample((0.05, 0.1), (0.01, 0.99)),))


def _with_loss(network: Network, name: str) -> Network:
    needed = LOSSES[name].needs or "sigmoid"
    return dataclasses.replace(network, layers=(Layer(2), Layer(2, needed)), loss=name)


def books(wanted: set[str]) -> dict[str, dict[str, Plan]]:
    """Return the plans of each group by what they show."""
    found = {}
    for group, networks in of_options().items():
        if wanted and group not in wanted:
            continue
        small = {name: weight_count(one.sizes) < 100 for name, one in networks.items()}
        found[group] = {
            name: workbook_plan(one, steps=STEPS if small[name] else 3, **({} if small[name] else {"rates": (0.5,)}))
            for name, one in networks.items()
        }
    if wanted and "tasks" not in wanted:
        return found
    exercise = make_exercise(load_network("classic"), 11)
    found["tasks"] = {
        "practice": practice_plan(exercise),
        "test": exam_plan(exercise),
        "key": key_plan(exercise, test=True),
        "practice, two samples": practice_plan(make_exercise(load_network("xor"), 7)),
    }
    return found


def pages_of(plans: dict[str, Plan], folder: Path) -> dict[str, list[Image.Image]]:
    """Return the first page of each sheet of each book as LibreOffice prints them."""
    names = {name: folder / f"{number}.xlsx" for number, name in enumerate(plans)}
    for name, path in names.items():
        path.write_bytes(workbook_bytes(plans[name]))
    form = f'pdf:calc_pdf_Export:{{"PageRange":{{"type":"string","value":"1-{PAGES}"}}}}'
    office = ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", form]
    subprocess.run([*office, "--outdir", str(folder), *map(str, names.values())], check=True, capture_output=True)
    return {
        name: [page_image(path.with_suffix(".pdf"), page) for page in first_pages(path)] for name, path in names.items()
    }


def first_pages(path: Path) -> list[int]:
    """Return where each sheet begins: its name ends the line at the head of a page, and form feeds part the pages."""
    command = ["pdftotext", "-layout", str(path.with_suffix(".pdf")), "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    heads = [page.strip().partition("\n")[0].rstrip() for page in text.split("\f")]
    found = [next((n for n, head in enumerate(heads, 1) if head.endswith(f"  {sheet}")), None) for sheet in SHEETS]
    return [number for number in found if number is not None]


def page_image(pdf: Path, page: int) -> Image.Image:
    """Return one page as a picture."""
    picture = pdf.with_name(f"{pdf.stem}-{page}")
    size = ["-f", str(page), "-l", str(page), "-scale-to-x", str(WIDTH), "-scale-to-y", "-1"]
    subprocess.run(["pdftoppm", *size, "-png", "-singlefile", str(pdf), str(picture)], check=True)
    return Image.open(picture.with_suffix(".png")).convert("RGB")


def sheet_of(rows: dict[str, list[Image.Image]]) -> Image.Image:
    """Return pages side by side, a labelled row a book."""
    heights = [max(page.height for page in pages) + LABEL + 4 for pages in rows.values()]
    whole = Image.new("RGB", (max(map(len, rows.values())) * (WIDTH + 4), sum(heights)), "#8899aa")
    draw, top = ImageDraw.Draw(whole), 0
    for (name, pages), height in zip(rows.items(), heights, strict=True):
        draw.text((4, top + 1), name, fill="white")
        for number, page in enumerate(pages):
            whole.paste(page, (number * (WIDTH + 4), top + LABEL))
        top += height
    return whole.quantize(COLOURS)


def main(folder: Path, wanted: set[str]) -> None:
    """Write the contact sheets of these groups, or of all, into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for group, plans in books(wanted).items():
        with tempfile.TemporaryDirectory() as scratch:
            sheet = sheet_of(pages_of(plans, Path(scratch)))
        sheet.save(folder / f"{group}.png", optimize=True)
        print(folder / f"{group}.png", sheet.size, (folder / f"{group}.png").stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures/contact"), set(sys.argv[2:]))
