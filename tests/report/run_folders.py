"""Small run folders as a training leaves them, made without one; every number in them follows from a seed."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from safetensors.numpy import save

from handgrad.digits.training.recipe import Recipe
from handgrad.runs import save_checkpoint
from handgrad.score import wilson_interval

IMAGES = 800
BATCH = 50
TRAINING = 1000


def make_run(
    root: Path,
    name: str = "20260304-050607-demo-s0",
    *,
    state: str = "complete",
    seed: int = 0,
    epochs: int = 4,
    done: int | None = None,
    wrong: int = 5,
    dataset: str = "mnist",
    holdout: int = 0,
    recipe: dict[str, Any] | None = None,
    layers: bool = True,
) -> Path:
    """Write a run folder below *root* and return it; *wrong* of 800 test images are misread at the end."""
    folder = root / name
    (folder / "checkpoint").mkdir(parents=True)
    table = {key: value for key, value in asdict(Recipe("squeeze-16k")).items() if value is not None}
    table |= {"name": "demo", "epochs": epochs, "batch_size": BATCH} | (recipe or {})
    (folder / "recipe.toml").write_text(tomli_w.dumps(table))
    write_json(folder / "environment.json", environment(name, seed, dataset, holdout))
    done = epochs if done is None and state == "complete" else done if done is not None else max(1, epochs - 1)
    lines = [epoch_line(number, done, holdout, wrong) for number in range(1, done + 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if layers:
        write_json(folder / "layers.json", LAYERS)
    record = {"format": 1, "run": name, "recipe": table, "epochs": lines, "counters": {"epoch": done, "step": 0}}
    save_checkpoint(
        folder / "checkpoint", done, 0, save({"weights": np.zeros(3, np.float32)}, {"record": json.dumps(record)})
    )
    if state == "complete":
        finish(folder, name, table, seed, lines, wrong, holdout, dataset)
    if state == "diverged":
        reason = f"the loss is nan – epoch {done + 1}, step 3, learning rate 1e+06"
        ended = {"status": "diverged", "run": name, "recipe": table["name"], "seed": seed, "reason": reason}
        write_json(folder / "summary.json", ended | {"epochs": done})
    return folder


def environment(name: str, seed: int, dataset: str, holdout: int) -> dict[str, Any]:
    """Return ``environment.json``."""
    return {
        "format": 1,
        "run": name,
        "seed": seed,
        "dataset": dataset,
        "dataset_sha256": dataset.encode().hex().ljust(64, "0"),
        "data": "/data/my digits",
        "holdout": holdout,
        "machine": {"device": "cpu", "precision": "fp32", "threads": 2},
        "device_name": "AVX2 x86_64",
        "platform": "Linux-6.1",
        "began": "2026-03-04T05:06:07+00:00",
        "versions": {"handgrad": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"},
    }


def epoch_line(number: int, done: int, holdout: int, wrong: int) -> dict[str, Any]:
    """Return one line of ``metrics.jsonl``; the last but one epoch is the best by two images."""
    total = holdout or IMAGES
    correct = total - wrong - 7 * (done - number) ** 2 + (9 if number == done - 1 else 0)
    return {
        "epoch": number,
        "learning_rate": 0.01 / number,
        "training": score(0.5 / number, TRAINING - 40 // number, TRAINING),
        "evaluation": {"on": "holdout" if holdout else "test"}
        | score(0.3 / number, min(total, max(0, correct)), total),
        "seconds_training": 2.0 + number,
        "seconds_evaluating": 0.25,
    }


def score(loss: float, correct: int, total: int) -> dict[str, Any]:
    """Return loss and counts."""
    return {"loss": loss, "correct": correct, "total": total, "accuracy": 100 * correct / total}


def finish(
    folder: Path,
    name: str,
    recipe: dict[str, Any],
    seed: int,
    lines: list[dict[str, Any]],
    wrong: int,
    holdout: int,
    dataset: str,
) -> None:
    """Write what a run leaves at its end: model, evidence, summary."""
    record = {"record": json.dumps({"format": 1, "run": name})}
    (folder / "model.safetensors").write_bytes(save({"weights": np.zeros(3, np.float32)}, record))
    (folder / "evidence.safetensors").write_bytes(save(evidence(seed, wrong, len(lines)), record))
    correct, best = IMAGES - wrong, max(lines, key=lambda line: line["evaluation"]["correct"])
    figures = best["evaluation"] if not holdout else score(0, correct, IMAGES)
    summary = {
        "status": "complete",
        "run": name,
        "path": str(folder),
        "recipe": recipe["name"],
        "network": recipe["network"],
        "parameters": 16452,
        "dataset": dataset,
        "seed": seed,
        "epochs": len(lines),
        "holdout": holdout,
        "last_epoch": {"correct": correct, "total": IMAGES, "accuracy": 100 * correct / IMAGES}
        | {"interval95": wilson_interval(correct, IMAGES)},
        "best_epoch": {"epoch": best["epoch"], "correct": figures["correct"], "total": figures["total"]}
        | {"accuracy": figures["accuracy"], "selected_on": "holdout" if holdout else "test set"},
        "seconds_training": sum(line["seconds_training"] for line in lines),
        "seconds_evaluating": sum(line["seconds_evaluating"] for line in lines),
        "device": "cpu",
        "precision": "fp32",
        "threads": 2,
        "test": score(0.03, correct, IMAGES),
    }
    write_json(folder / "summary.json", summary)


def evidence(seed: int, wrong: int, epochs: int) -> dict[str, Any]:
    """Return the arrays of ``evidence.safetensors`` with exactly *wrong* wrong answers."""
    random = np.random.default_rng(seed)
    labels = np.arange(IMAGES) % 10
    logits = random.normal(0, 1, (IMAGES, 10))
    answers = labels.copy()
    answers[:wrong] = (labels[:wrong] + random.integers(1, 10, wrong)) % 10
    logits[np.arange(IMAGES), answers] = logits.max(axis=1) + random.uniform(1, 6, IMAGES)
    logs = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    surest = np.argsort(-logs[:wrong].max(axis=1), kind="stable")[:40]
    images = random.integers(0, 256, (IMAGES, 28, 28), dtype=np.uint8)
    steps = math.ceil(TRAINING / BATCH) * epochs
    return {
        "log_probabilities": logs,
        "labels": labels.astype(np.uint8),
        "mistake_index": surest.astype(np.int64),
        "mistake_images": images[surest],
        "digit_index": np.arange(10, dtype=np.int64),
        "digit_images": images[:10],
        "sample_before": images[:24],
        "sample_after": images[24:48],
        "sample_labels": labels[:24].astype(np.uint8),
        "learning_rates": np.linspace(0.01, 0, steps, dtype=np.float32),
    }


def write_json(path: Path, value: object) -> None:
    """Write *value* as JSON."""
    path.write_text(json.dumps(value), encoding="utf-8")


def change_json(path: Path, **changes: object) -> None:
    """Replace values in a JSON file."""
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | changes)


def layer_row(layer: str, output: list[int], parameters: int, *, work: int | None, field: Any) -> dict[str, Any]:
    """Return one row of ``layers.json``."""
    row = {"layer": layer, "path": layer.lower(), "output": output, "parameters": parameters, "counted_before": 0}
    return row | {"multiply_adds": work, "receptive_field": field}


LAYERS: dict[str, Any] = {
    "network": "squeeze-16k",
    "input": [1, 28, 28],
    "output": [10],
    "total_parameters": 16452,
    "trainable_parameters": 16452,
    "multiply_adds": 108160,
    "memory": {"input_mb": 0.003, "forward_backward_mb": 0.165, "parameters_mb": 0.063, "estimated_total_mb": 0.231},
    "notes": ["conv9 runs 2 times, with 10 parameters counted once"],
    "rows": [
        layer_row("Conv2d-1", [16, 26, 26], 160, work=97344, field=3),
        layer_row("BatchNorm2d-2", [16, 26, 26], 32, work=10816, field=None),
        layer_row("Odd-3", [10], 16260, work=None, field=[28, 26]),
    ],
}
