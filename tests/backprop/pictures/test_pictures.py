"""The pictures of a training: always there, always the same, and readable from 1-1 to 8-16-16-16-16."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Polygon
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from PIL import Image

from handgrad.backprop import Layer, Network, RateSweep, Sample, Trace, load_network, preset_names, rate_sweep, trace
from handgrad.backprop.limits import DEFAULT_RATES
from handgrad.backprop.pictures.curves import error_figure, rates_figure
from handgrad.backprop.pictures.files import PICTURES, draw_pictures, figure_bytes, picture_paths, save_pictures
from handgrad.backprop.pictures.network import MOST_WITH_VALUES, network_figure, plan_drawing
from handgrad.backprop.pictures.palette import rate_colours
from handgrad.backprop.symbols.rendering import plain_number
from handgrad.backprop.workbook import workbook_plan
from handgrad.errors import UsageError
from handgrad.page.lesson import lesson_data
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
    assert "weights in tables where their numbers would cover each other" in shown
    assert "weights from h1 … h16 to o1 … o16" in shown
    assert f"none in units, as a layer has over {MOST_WITH_VALUES}" in shown
    assert "t16 = " in shown


def shaped(sizes: tuple[int, ...]) -> Network:
    layers = tuple(Layer(units, "tanh") for units in sizes[1:])
    return Network("shaped", layers, (Sample((0.5,) * sizes[0], (0.1,) * sizes[-1]),))


def corners(label: Text, figure: Figure) -> Polygon:
    """The rectangle of a label as it is drawn: its size without the rotation, turned about its middle."""
    x, y = label.get_transform().transform(label.get_position())
    angle = label.get_rotation()
    label.set_rotation(0)
    extent = label.get_window_extent(figure.canvas.get_renderer())  # type: ignore[attr-defined]
    label.set_rotation(angle)
    w, h = extent.width / 2, extent.height / 2
    turn = Affine2D().rotate_deg(angle).translate(x, y)
    return Polygon(turn.transform([(-w, -h), (w, -h), (w, h), (-w, h)]))


def covering(figure: Figure, kind: str = "weight") -> list[tuple[str, str]]:
    """Pairs of labels of which one covers a part of the other."""
    FigureCanvasAgg(figure)
    labels = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_gid() == kind]
    shapes = [(label.get_text(), corners(label, figure).get_path()) for label in labels]
    return [
        (one, two)
        for number, (one, path) in enumerate(shapes)
        for two, other in shapes[:number]
        if path.intersects_path(other, filled=True)
    ]


SIZES = [(1, 1), (2, 2, 2), (3, 4, 2), (4, 4, 4), (2, 3, 3, 1), (5, 2, 5), (2, 8, 1), (8, 3), (8, 16, 3)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_no_number_on_an_arrow_covers_another(sizes: tuple[int, ...]) -> None:
    done = trace(shaped(sizes), 0)
    assert covering(network_figure(done.graph, done.row(0))) == []


def test_a_number_that_covers_another_is_noticed() -> None:
    done = trace(shaped((3, 4, 2)), 0)
    figure = network_figure(done.graph, done.row(0))
    labels = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_gid() == "weight"]
    labels[1].set_position(labels[0].get_position())
    assert len(covering(figure)) >= 1


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_weight_stands_on_its_arrow_or_in_a_table(sizes: tuple[int, ...]) -> None:
    done = trace(shaped(sizes), 0)
    network = done.graph.network
    shown = texts(network_figure(done.graph, done.row(0)))
    labelled = sum(text.startswith("w") and " = " in text for text in shown)
    first = 0
    for before, after in pairwise(sizes):
        count = before * after
        if f"w{first + 1} = " not in " ".join(shown):
            for weight in network.weights[first : first + count]:
                assert plain_number(weight + 0.0, 4) in shown
        else:
            labelled -= count
        first += count
    assert labelled == 0


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_notes_do_not_run_over_the_legend(sizes: tuple[int, ...]) -> None:
    done = trace(shaped(sizes), 0)
    figure = network_figure(done.graph, done.row(0))
    FigureCanvasAgg(figure)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    (notes,) = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_gid() == "notes"]
    (legend,) = figure.findobj(Legend)
    assert not notes.get_window_extent(renderer).overlaps(legend.get_window_extent(renderer))


# How the three kinds of dichromats see linear red, green and blue: Machado, Oliveira, Fernandes, "A physiologically-based
# model for simulation of color vision deficiency", IEEE TVCG 15 (2009), severity 1.
VISIONS = {
    "usual": np.eye(3),
    "protan": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritan": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(colour: str, vision: str = "usual") -> np.ndarray:
    """CIE L*a*b* of a colour as somebody sees it: distances are how different two colours look, and 2 can just be seen."""
    whites = np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.cbrt(np.clip(TO_XYZ @ np.clip(VISIONS[vision] @ linear(colour), 0, 1) / whites, 0.0089, 1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours: Sequence[str], vision: str) -> float:
    seen = [lab(colour, vision) for colour in colours]
    return float(min(np.linalg.norm(one - two) for number, one in enumerate(seen) for two in seen[:number]))


def test_the_colours_of_the_rates_are_told_apart_in_grey_and_by_the_colour_blind() -> None:
    for count, apart in ((2, 40), (3, 20), (6, 8), (12, 2.3)):
        colours = rate_colours(count)
        grey = [lab(colour)[0] for colour in colours]
        assert all(after - before > (8 if count <= 6 else 2.5) for before, after in pairwise(grey))
        assert {vision: nearest(colours, vision) > apart for vision in VISIONS} == dict.fromkeys(VISIONS, True), count
    on_white = [1.05 / (float((TO_XYZ @ linear(colour))[1]) + 0.05) for colour in rate_colours(12)]
    assert min(on_white) > 2.95


def test_colours_that_are_one_to_the_colour_blind_are_noticed() -> None:
    assert nearest(("#d62728", "#2ca02c"), "usual") > 50 and nearest(("#8b7300", "#a66200"), "deutan") < 12
    assert nearest(("#d62728", "#6b5a2a"), "protan") < nearest(("#d62728", "#6b5a2a"), "usual") / 2


def test_sheet_picture_and_page_draw_the_rates_in_the_same_colours() -> None:
    done, _ = trained()
    sweep = rate_sweep(done.graph.network, DEFAULT_RATES, 5)
    drawn = [
        line.get_color() for line in rates_figure(sweep, "classic").axes[0].get_lines() if line.get_gid() != "leader"
    ]
    assert drawn == list(rate_colours(6))
    sheet = workbook_plan(done.graph.network, steps=5)["Learning rates"]
    lines, joined = zip(
        *(([s.ink for s in c.series if s.named is way] for way in (False, True)) for c in sheet.charts), strict=True
    )
    assert [*lines, *joined] == [drawn] * 4
    assert list(lesson_data(done.graph.network)["rateColours"]) == drawn


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("logarithmic", [False, True])
def test_each_line_has_its_name_at_its_end_and_no_name_covers_another(name: str, logarithmic: bool) -> None:
    sweep = rate_sweep(load_network(name), DEFAULT_RATES, 100)
    figure = rates_figure(sweep, name, logarithmic)
    names = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_gid() == "end"]
    assert sorted(text.get_text().split(" (")[0] for text in names) == sorted(f"η = {rate:g}" for rate in DEFAULT_RATES)
    assert covering(figure, "end") == []


def test_a_logarithmic_axis_ends_at_a_million_millionth_of_the_first_error() -> None:
    sweep = rate_sweep(load_network("diverging"), DEFAULT_RATES, 100)
    assert sweep.errors[-1, 2] < 1e-30
    lines = [line for line in rates_figure(sweep, "d", True).axes[0].get_lines() if line.get_gid() != "leader"]
    drawn = np.concatenate([line.get_ydata() for line in lines])
    first = sweep.errors[0, 0]
    assert np.nanmin(drawn) == pytest.approx(first * 1e-12, rel=1e-9, abs=0)
    data = workbook_plan(load_network("diverging"))["Chart data"].cells
    drawn_in_sheet = [cell.value for (row, column), cell in data.items() if row >= 6 and 10 <= column < 16]
    numbers = [value for value in drawn_in_sheet if isinstance(value, float)]
    assert min(numbers) == pytest.approx(first * 1e-12, rel=1e-9, abs=0) and max(numbers) <= first * 1e12 * (1 + 1e-9)


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
