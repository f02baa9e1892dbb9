"""The exponents that the scaling benchmark prints are those of its points."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.load import import_file, load_network
from handgrad.digits.networks.published import count_parameters

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCALING = import_file(BENCHMARKS / "scaling.py")
GIVEN, ALONE = sys.modules["given"], sys.modules["alone"]


@pytest.fixture
def drawn(tmp_path: Path) -> Dataset:
    """2,000 random images."""
    rng = np.random.default_rng(0)
    labels = (np.arange(2000) % 10).astype(np.uint8)
    images = rng.integers(0, 256, (2000, 28, 28), dtype=np.uint8)
    folder = tmp_path / "all"
    folder.mkdir()
    GIVEN.write_digits(folder, (images, labels, images[:200, ::-1], labels[:200]))
    return load_dataset(folder)


def test_the_exponent_of_a_power_law_is_found_exactly() -> None:
    sizes = [1, 10, 100, 1000]
    law = SCALING.power_law(sizes, [3 * size**0.7 for size in sizes])
    assert (law.exponent, law.factor, law.r_squared) == pytest.approx((0.7, 3.0, 1.0))
    assert law.at(50) == pytest.approx(3 * 50**0.7)


def test_points_off_the_line_lower_r_squared_and_flat_ones_have_none() -> None:
    law = SCALING.power_law([1, np.e, np.e**2], [1, np.e**2, np.e**2])
    assert (law.exponent, law.r_squared) == pytest.approx((1.0, 0.75)), "worked out by hand: points 0, 2, 2"
    flat = SCALING.power_law([1, 2, 4], [5.0, 5.0, 5.0])
    assert flat.exponent == pytest.approx(0, abs=1e-12)
    assert flat.r_squared is None or flat.r_squared < 0.5


def test_the_family_has_one_shape_from_a_thousand_to_a_hundred_thousand_parameters() -> None:
    networks = [load_network(f"{BENCHMARKS / 'widths.py'}:wide_{width}") for width in SCALING.WIDTHS]
    counts = [count_parameters(each) for each in networks]
    assert counts == sorted(counts) and 900 < counts[0] < 1500 and 90_000 < counts[-1] < 110_000
    assert len({tuple(type(layer) for layer in each.modules())[1:] for each in networks}) == 1


def test_every_series_asks_for_what_its_axis_says(drawn: Dataset, tmp_path: Path) -> None:
    by_images = SCALING.points_of("images", drawn, tmp_path, 60_000, 300)
    assert [point.size for point in by_images] == [1000, 2000]
    assert [len(GIVEN.read_digits(point.given.data)[1]) for point in by_images] == [1000, 2000]
    by_parameters = SCALING.points_of("parameters", drawn, tmp_path, 60_000, 300)
    assert [count_parameters(load_network(point.given.network)) for point in by_parameters] == [
        point.size for point in by_parameters
    ]
    by_seeds = SCALING.points_of("seeds", drawn, tmp_path, 60_000, 300)
    assert [point.given.seeds for point in by_seeds] == [point.size for point in by_seeds] == list(range(1, 9))
    assert {len(GIVEN.read_digits(point.given.data)[1]) for point in by_parameters + by_seeds} == {300}


@pytest.mark.long
def test_points_are_trained_and_their_table_and_plot_are_made(drawn: Dataset, tmp_path: Path) -> None:
    points = SCALING.points_of("parameters", drawn, tmp_path, 60_000, 300)
    found = SCALING.measure([points[0], points[3]], 1)
    assert [runs[0]["parameters"] for runs in found["rounds"]] == [points[0].size, points[3].size]
    assert [runs[0]["seconds_by_epoch"][1] for runs in found["rounds"]] == found["time"]["median"]
    lines = SCALING.table("parameters", found).splitlines()
    assert len(lines) == 5 and f"parameters^{found['time']['law']['exponent']:.2f}" in lines[3]
    record = {"dataset": drawn.name, "rounds": 1, "series": {"parameters": found}}
    record |= ALONE.surroundings(SCALING.LIBRARIES)
    assert json.loads(json.dumps(record))["versions"]["torch"]
    SCALING.draw(record, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_a_study_trains_every_seed_it_is_asked_for(drawn: Dataset, tmp_path: Path) -> None:
    point = SCALING.points_of("seeds", drawn, tmp_path, 60_000, 200)[1]
    seen = ALONE.run_alone(point.script, replace(point.given, network=f"{BENCHMARKS / 'widths.py'}:wide_4"))
    assert seen.parameters == 1182 and 0 <= seen.accuracy <= 100
    assert 0 < seen.seconds < seen.seconds_to_first_batch, "imports are not in the seconds of the study"


@pytest.mark.parametrize(("low", "high"), [(1, 8), (1000, 60_000), (0.05, 0.33), (350, 1500), (1, 1e6)])
def test_an_axis_has_a_few_round_numbers_between_its_ends(low: float, high: float) -> None:
    ticks = SCALING.round_ticks(low, high)
    assert 2 <= len(ticks) <= 8 and ticks == sorted(ticks)
    assert low * 0.98 < ticks[0] and ticks[-1] < high * 1.02
