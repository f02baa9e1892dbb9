"""The tables of docs/speed.md: every figure is the one that was measured, in the line of its network and tool."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import speed
import steps
from handgrad.digits.training.device import probe_step

MACHINE = {"rounds": 3, "machine": {"cores": 2, "platform": "Linux"}, "versions": {"python": "3.11", "keras": None}}


def spread(low: float, middle: float, high: float) -> dict[str, float]:
    return {"lowest": low, "median": middle, "highest": high}


def test_the_usual_script_stands_beside_ours_with_its_spread() -> None:
    row = {
        "network": "squeeze-16k",
        "batch_size": 128,
        "seconds": {"ours": [1.0, 3.0, 1.5], "usual": [4.0, 3.0, 2.0], "lean": [2.0, 2.25, 9.0]},
        "ratio": {"usual": spread(1.0, 2.0, 4.0), "lean": spread(0.75, 2.5, 6.0)},
    }
    table = speed.script_table(MACHINE | {"images": 6400, "networks": [row]})
    assert "| `squeeze-16k` | 128 | 1.50 | 3.00 | **2.00** (1.00 to 4.00) | 2.25 | **2.50** (0.75 to 6.00) |" in table
    assert table.endswith("An epoch of 6,400 images. 3 rounds on 2 cores, Linux; python 3.11.")


def test_each_tool_has_a_line_and_what_is_not_installed_is_told() -> None:
    found = {
        "seconds_an_epoch": spread(1.0, 1.2345, 2.0),
        "times_ours": spread(1.0, 1.9, 2.0),
        "peak_bytes": spread(1e8, 4.004e8, 5e8),
        "seconds_to_first_batch": spread(3.0, 3.14, 4.0),
        "lines": 31,
        "workers": 2,
    }
    record = MACHINE | {"images": 12000, "epochs": 2, "not_installed": ["keras"]}
    table = speed.peers_table(record | {"networks": [{"network": "gap10-17k", "tools": {"usual-workers": found}}]})
    assert "| `gap10-17k` | usual script, 2 workers | 1.23 (1.00 to 2.00) | 1.90 | 400 MB | 3.1 s | 31 |" in table
    assert "Not installed: keras." in table


def test_growth_is_given_with_its_exponent_and_both_ends() -> None:
    law = {"exponent": 0.987, "factor": 1.0, "r_squared": 0.9991}
    flat = {"exponent": 0.0, "factor": 1.0, "r_squared": None}
    found = {
        "sizes": [1000, 60000],
        "time": {"median": [0.2, 11.5], "law": law},
        "memory": {"median": [500, 1500], "law": flat},
    }
    table = speed.scaling_table(MACHINE | {"series": {"images": found}})
    assert (
        "| images | 1,000 to 60,000 | size^0.99 (R² 0.999) | 0.20 to 11.50 s | size^0.00 | 500 to 1,500 MB |" in table
    )


def test_a_gain_is_told_round_by_round_and_the_parts_of_a_step_are_the_whole() -> None:
    row = {
        "network": "squeeze-16k",
        "seconds_a_step": {
            "fp32": {"alone": [0.030, 0.020, 0.020], "together": [0.020, 0.020, 0.010]},
            "bf16": {"alone": [0.010, 0.010, 0.010], "together": [0.020, 0.020, 0.040]},
        },
        "shares": {"convolution": 0.5, "ReLU": 0.064, "rest": 0.436},
    }
    machine = {"processor": "a processor", "threads": 2, "amx_bf16": False, "torch": "2.13.0"}
    table = speed.steps_table({"machine": machine, "rounds": 3, "steps": 8, "networks": [row]})
    cells = "20.0 | **1.50** (1.00 to 2.00) | 20.0 | **0.50** (0.25 to 0.50) | 50 % | 6 % | 44 %"
    assert f"| `squeeze-16k` | {cells} |" in table
    assert table.endswith("3 rounds of 8 steps each way, in turns; a processor, 2 threads, without AMX; torch 2.13.0.")
    assert "the layers are 2.00 to 2.00 times as fast in bf16" in table and "at most 6 % of a step" in table


def test_the_parts_of_a_step_are_those_of_its_operations() -> None:
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 13 * 13, 10))
    found = steps.shares(probe_step(network, 16, bf16=False))
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)
    assert all(found[kind] > 0.002 for kind in ("convolution", "BatchNorm", "ReLU", "pool", "dropout"))
    without = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    left = steps.shares(probe_step(without, 16, bf16=False))
    assert (left["BatchNorm"], left["ReLU"], left["pool"], left["dropout"]) == (0, 0, 0, 0)
