"""The pictures of a training: always there, always the same, and readable from 1-1 to 8-16-16-16-16."""

from __future__ import annotations

import dataclasses
import io
from itertools import pairwise, product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from handgrad.backprop import Layer, Network, RateSweep, Sample, Trace, load_network, preset_names, rate_sweep, trace
from handgrad.backprop.pictures.curves import error_figure, rates_figure
from handgrad.backprop.pictures.files import PICTURES, draw_pictures, figure_bytes, picture_paths, save_pictures
from handgrad.backprop.pictures.network import (
    MOST_WITH_VALUES,
    ROOM_FOR_LABEL,
    label_place,
    network_figure,
    plan_drawing,
)
from handgrad.errors import UsageError
from oracle.drawn_networks import networks

RATES = (0.1, 0.5, 2.0)


def trained(name: str = "classic", steps: int = 20) -> tuple[Trace, RateSweep]:
    network = load_network(name)
    return trace(network, steps), rate_sweep(network, RATES, steps)


def large() -> Network:
    generator = np.random.default_rng(0)
    sample = Sample(tuple(generator.normal(size=8).tolist()), tuple(generator.random(16).tolist()))
    return Network("large", tuple(Layer(16) for _ in range(4)), (sample,))


def texts(figure: Figure) -> list[str]:
    return [found.get_text() for found in figure.findobj(Text) if isinstance(found, Text)]


@pytest.mark.parametrize("name", preset_names())
def test_every_picture_is_written_as_png_and_svg_and_reads_back(name: str, tmp_path: Path) -> None:
    paths = save_pictures(*trained(name), tmp_path / "new" / "folder")
    assert {path.name for path in paths} == {f"{one}.{form}" for one in PICTURES for form in ("png", "svg")}
    for path in paths:
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")
        else:
            with Image.open(path) as image:
                image.load()
                assert min(image.size) > 300


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_same_training_gives_the_same_bytes(form: str) -> None:
    first, second = (draw_pictures(*trained()) for _ in range(2))
    for name in PICTURES:
        assert figure_bytes(first[name], form) == figure_bytes(second[name], form)


def test_other_weights_give_another_drawing() -> None:
    network = load_network("classic")
    moved = dataclasses.replace(network, weights=(0.16, *network.weights[1:]))
    drawn = [
        figure_bytes(network_figure(done.graph, done.row(0)), "png") for done in (trace(network, 1), trace(moved, 1))
    ]
    assert drawn[0] != drawn[1]


def test_an_svg_holds_no_date_and_no_program() -> None:
    text = figure_bytes(error_figure(trained()[0]), "svg").decode()
    assert "<dc:date>" not in text and "matplotlib.org" not in text.lower().replace("www.", "")


def test_the_classic_drawing_shows_every_weight_activation_target_and_error() -> None:
    done = trained()[0]
    shown = "\n".join(texts(network_figure(done.graph, done.row(0))))
    for number, weight in enumerate(("0.15", "0.2", "0.25", "0.3", "0.4", "0.45", "0.5", "0.55"), start=1):
        assert f"w{number} = {weight}" in shown
    for text in ("0.5069", "0.5106", "0.6065", "0.6305", "t1 = 0.01", "E1 = 0.1779", "t2 = 0.99", "E2 = 0.06463"):
        assert text in shown
    assert "no numbers" not in shown


def test_a_large_drawing_drops_numbers_by_its_rule_and_says_so() -> None:
    done = trace(large(), 0)
    shown = "\n".join(texts(network_figure(done.graph, done.row(0))))
    assert "w1 = " not in shown
    assert "no numbers on arrows where they would overlap" in shown
    assert f"none in units, as a layer has over {MOST_WITH_VALUES}" in shown
    assert "t16 = " in shown


@pytest.mark.parametrize("sizes", list(product((1, 2, 3, 8), (1, 2, 5, 16))))
def test_numbers_on_arrows_never_stand_closer_than_can_be_read(sizes: tuple[int, int]) -> None:
    plan = plan_drawing(sizes)
    part = label_place(*plan.spots)
    heights = sorted(a.y * (1 - (part or 0.5)) + b.y * (part or 0.5) for a, b in product(*plan.spots))
    apart = min((high - low for low, high in pairwise(heights)), default=1.0)
    assert part is None or apart >= ROOM_FOR_LABEL
    assert part is not None or sizes[0] * sizes[1] > 6


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2, 2), (8, 16, 16, 16, 16), (3, 8, 1)])
def test_units_are_inside_the_picture_and_apart(sizes: tuple[int, ...]) -> None:
    plan = plan_drawing(sizes)
    for layer in plan.spots:
        for spot in layer:
            assert plan.radius < spot.y < plan.height - plan.radius and plan.radius < spot.x < plan.width - plan.radius
        for one, two in pairwise(layer):
            assert one.y - two.y > 2 * plan.radius


def test_a_diverging_training_is_drawn_as_far_as_it_goes_and_says_so() -> None:
    network = dataclasses.replace(load_network("diverging"), learning_rate=1e6)
    done, sweep = trace(network, 200), rate_sweep(network, (0.1, 1e6), 200)
    if done.diverged_at is None:
        network = dataclasses.replace(network, learning_rate=1e200)
        done, sweep = trace(network, 200), rate_sweep(network, (0.1, 1e200), 200)
    assert done.diverged_at is not None
    assert f"diverged at step {done.diverged_at}" in "\n".join(texts(error_figure(done)))
    for logarithmic in (False, True):
        figure = rates_figure(sweep, network.name, logarithmic)
        assert f"(diverged at step {sweep.diverged_at[1]})" in "\n".join(texts(figure))
        figure_bytes(figure, "png")
    figure_bytes(error_figure(done), "png")


def test_a_name_with_dollar_signs_stays_a_name() -> None:
    sweep = trained()[1]
    figure = rates_figure(sweep, r"$\frac{1}{2}$ <b>")
    svg = figure_bytes(figure, "svg")
    ElementTree.parse(io.BytesIO(svg))
    (title,) = [text for text in figure.findobj(Text) if isinstance(text, Text) and "frac" in text.get_text()]
    assert not title.get_parse_math()


def test_a_picture_that_exists_is_refused_before_any_is_written(tmp_path: Path) -> None:
    (tmp_path / "rates.svg").write_text("mine")
    with pytest.raises(UsageError, match=r"rates\.svg exists – add --overwrite"):
        save_pictures(*trained(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rates.svg"]
    save_pictures(*trained(), tmp_path, overwrite=True)
    assert all(path.is_file() for path in picture_paths(tmp_path))


@pytest.mark.long
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks(order=None))
def test_every_drawn_network_can_be_drawn(network: Network) -> None:
    assert_drawn(network)


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks(order=None))
def test_a_drawn_network_can_be_drawn(network: Network) -> None:
    assert_drawn(network)


def assert_drawn(network: Network) -> None:
    done, sweep = trace(network, 5), rate_sweep(network, RATES, 5)
    for figure in draw_pictures(done, sweep).values():
        assert figure_bytes(figure, "svg").startswith(b"<?xml")
