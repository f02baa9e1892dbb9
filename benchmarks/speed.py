"""Makes tables and plot of docs/speed.md from what `usual_script.py`, `peers.py`, `steps.py` and `scaling.py` measured.

It measures nothing itself.

python benchmarks/speed.py
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import scaling
from reproduction import RESULTS, put_into

DOCUMENT = Path(__file__).parents[1] / "docs" / "speed.md"
PICTURE = DOCUMENT.parent / "pictures" / "scaling.png"
MARK = "<!-- made by benchmarks/speed.py: {} -->"
MISSING = "Not measured yet."
SHOWN = {
    "handgrad": "ours",
    "usual": "usual script",
    "usual-workers": "usual script, {} workers",
    "keras": "Keras",
    "lightning": "Lightning",
}
"""How the table names what it does not name as the benchmark does."""


def machine_line(record: dict[str, Any]) -> str:
    """Return versions, machine and rounds of *record* in a sentence."""
    machine, versions = record["machine"], {name: text for name, text in record["versions"].items() if text}
    told = ", ".join(f"{name} {text}" for name, text in versions.items() if name != "handgrad")
    return f"{record['rounds']} rounds on {machine['cores']} cores, {machine['platform']}; {told}."


def between(spread: dict[str, float]) -> str:
    """Return lowest and highest."""
    return f"{spread['lowest']:.2f} to {spread['highest']:.2f}"


def script_table(record: dict[str, Any]) -> str:
    """Return ours against the usual script and the lean one, a line per network."""
    lines = [
        "| network | batch | ours, s | usual, s | ratio: median (spread) | lean, s | ratio: median (spread) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in record["networks"]:
        seconds, ratio = row["seconds"], row["ratio"]
        cells = [f"{median(seconds['ours']):.2f}"]
        for side, found in ratio.items():
            cells += [f"{median(seconds[side]):.2f}", f"**{found['median']:.2f}** ({between(found)})"]
        lines.append(f"| `{row['network']}` | {row['batch_size']} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"An epoch of {record['images']:,} images. {machine_line(record)}"])


def peers_table(record: dict[str, Any]) -> str:
    """Return each tool's time, memory, start and lines, a line per network and tool."""
    lines = [
        "| network | tool | s per epoch (spread) | × ours | peak memory | first batch after | lines of code |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in record["networks"]:
        for tool, found in row["tools"].items():
            name, times = SHOWN.get(tool, tool).format(found["workers"]), found["times_ours"]
            seconds = found["seconds_an_epoch"]
            lines.append(
                f"| `{row['network']}` | {name} | {seconds['median']:.2f} ({between(seconds)}) "
                f"| {times['median']:.2f} | {found['peak_bytes']['median'] / 1e6:.0f} MB "
                f"| {found['seconds_to_first_batch']['median']:.1f} s | {found['lines']} |"
            )
    missing = f" Not installed: {', '.join(record['not_installed'])}." if record["not_installed"] else ""
    told = f"An epoch of {record['images']:,} images, the last of {record['epochs']}.{missing} {machine_line(record)}"
    return "\n".join([*lines, "", told])


def scaling_table(record: dict[str, Any]) -> str:
    """Return how time and memory grow with each of the series."""
    lines = [
        "| what grows | from … to | time | from … to | memory | from … to |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in record["series"].items():
        sizes, cells = found["sizes"], []
        for measure in ("time", "memory"):
            law, values = found[measure]["law"], found[measure]["median"]
            fit = "" if law["r_squared"] is None else f" (R² {law['r_squared']:.3f})"
            digits, unit = (2, "s") if measure == "time" else (0, "MB")
            ends = f"{values[0]:,.{digits}f} to {values[-1]:,.{digits}f} {unit}"
            cells += [f"size^{law['exponent']:.2f}{fit}", ends]
        lines.append(f"| {name} | {sizes[0]:,} to {sizes[-1]:,} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", machine_line(record)])


def steps_table(record: dict[str, Any]) -> str:
    """Return what taking layers together saves in both precisions, and where a step's time goes."""
    machine, kinds = record["machine"], list(record["networks"][0]["shares"])
    lines = [
        "| network | fp32, ms per step | gain of taking together | bf16, ms per step | gain of taking together | "
        + " | ".join(kinds)
        + " |",
        "|---" * (5 + len(kinds)) + "|",
    ]
    for row in record["networks"]:
        cells = []
        for times in row["seconds_a_step"].values():
            # By round: the two stood side by side, and a slow minute of the machine slows both.
            gains = sorted(alone / together for alone, together in zip(times["alone"], times["together"], strict=True))
            cells += [
                f"{1e3 * median(times['together']):.1f}",
                f"**{median(gains):.2f}** ({gains[0]:.2f} to {gains[-1]:.2f})",
            ]
        cells += [f"{100 * row['shares'][kind]:.0f} %" for kind in kinds]
        lines.append(f"| `{row['network']}` | {' | '.join(cells)} |")
    amx = "with" if machine["amx_bf16"] else "without"
    told = f"{machine['processor']}, {machine['threads']} threads, {amx} AMX; torch {machine['torch']}"
    seconds = [row["seconds_a_step"] for row in record["networks"]]
    times = sorted(median(each["fp32"]["alone"]) / median(each["bf16"]["alone"]) for each in seconds)
    relu = max(row["shares"]["ReLU"] for row in record["networks"])
    found = (
        f"One after the other, the layers are {times[0]:.2f} to {times[-1]:.2f} times as fast in bf16 as in fp32 on this "
        f"processor. All ReLUs of a network take at most {100 * relu:.0f} % of a step; joining them to their neighbours "
        "could not save more."
    )
    measured = f"{record['rounds']} rounds of {record['steps']} steps each way, in turns; {told}."
    return "\n".join([*lines, "", found, "", measured])


TABLES = {
    "usual_script": script_table,
    "usual_script_whole": script_table,
    "peers": peers_table,
    "steps": steps_table,
    "scaling": scaling_table,
}


def main() -> None:
    """Put every table into the document."""
    for name, table in TABLES.items():
        path = RESULTS / f"{name}.json"
        text = table(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else MISSING
        put_into(DOCUMENT, text, MARK.format(name))
        print(f"{name}\n{text}\n")
    if (RESULTS / "scaling.json").exists():
        scaling.draw(json.loads((RESULTS / "scaling.json").read_text(encoding="utf-8")), PICTURE)


if __name__ == "__main__":
    main()
