"""The tables of docs/speed.md: every figure is the one that was measured, in the line of its network and tool."""

from __future__ import annotations

import speed

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
