"""The derivation: its numbers against autograd, its rules against sympy, its mathematics against a parser."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from matplotlib.mathtext import MathTextParser

from backprop.derivation_reader import displays, inline_formulas, results, value_of
from handgrad.backprop import (
    BiasRule,
    Graph,
    Layer,
    Network,
    Sample,
    Trace,
    UpdateOrder,
    UpdateRule,
    build_graph,
    load_network,
    preset_names,
    rate_sweep,
    trace,
)
from handgrad.backprop.explain import _first_step, derivation, explanation_paths, write_explanation
from handgrad.backprop.explain.document import Document, Heading, Math, Paragraph, Table, User, say
from handgrad.backprop.explain.glance import glance_figure
from handgrad.backprop.explain.markdown import write_markdown
from handgrad.backprop.explain.tex import escape, write_tex
from handgrad.backprop.limits import DEFAULT_RATES
from handgrad.backprop.pictures.parabola import parabola_of
from handgrad.backprop.pictures.paths import SHARED, paths_figure
from handgrad.backprop.symbols.expression import Ref
from handgrad.errors import UsageError
from oracle.drawn_networks import networks
from oracle.torch_network import TorchNetwork

PARSER = MathTextParser("path")


def document(network: Network | Graph, steps: int = 20) -> Document:
    done: Trace = trace(network, steps)
    return derivation(done, rate_sweep(network, DEFAULT_RATES, steps))


def markdown(network: Network | Graph, steps: int = 20) -> str:
    return write_markdown(document(network, steps))


def changed(name: str, **changes: object) -> Network:
    return dataclasses.replace(load_network(name), **changes)  # type: ignore[arg-type]


def assert_gradients_are_those_of_autograd(network: Network, text: str) -> None:
    graph = build_graph(network)
    found = results(text)
    for name, expected in zip(graph.parameters, TorchNetwork(network).gradient(), strict=True):
        shown = found[graph[f"dE/d{name}"].latex]
        assert shown, name
        for value in shown:
            assert value == pytest.approx(expected, rel=1e-8, abs=1e-13), name


@pytest.mark.parametrize("name", preset_names())
def test_every_derivative_that_is_derived_is_that_of_autograd(name: str) -> None:
    network = load_network(name)
    assert_gradients_are_those_of_autograd(network, markdown(network))


def test_a_derivation_with_a_wrong_gradient_is_noticed() -> None:
    network = load_network("classic")
    graph = build_graph(network)
    wrong = tuple(
        dataclasses.replace(q, expression=Ref("delta_o1") * Ref("a_h2")) if q.name == "dE/dw5" else q for q in graph
    )
    text = markdown(dataclasses.replace(graph, quantities=wrong))
    with pytest.raises(AssertionError):
        assert_gradients_are_those_of_autograd(network, text)


def assert_lines_are_true(text: str) -> int:
    """Every side of an equation that has numbers only has the value at the equation's end."""
    checked = 0
    for line in displays(text):
        *sides, last = line.split(" = ")
        values = [value_of(side) for side in sides[1:]]
        result = value_of(last)
        if result is None:
            continue
        for value in values:
            if value is not None:
                assert value == pytest.approx(result, rel=2e-4, abs=3e-5), line
                checked += 1
    return checked


@pytest.mark.parametrize("name", ["classic", "classic-biased", "diverging"])
def test_the_numbers_in_a_line_make_the_value_at_its_end(name: str) -> None:
    assert assert_lines_are_true(markdown(load_network(name))) > 25


def test_a_line_whose_numbers_do_not_make_its_value_is_noticed() -> None:
    text = markdown(load_network("classic")).replace(r"0.142357 \cdot 0.506875", r"0.142357 \cdot 0.606875")
    with pytest.raises(AssertionError):
        assert_lines_are_true(text)


def test_the_steps_are_numbered_without_a_gap_and_every_weight_has_its_own() -> None:
    text = markdown(load_network("classic"))
    steps = re.findall(r"^### Step (\d+): (.*)$", text, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, 15))
    for number in range(1, 9):
        assert sum(title.startswith(f"∂E/∂w{number},") for _, title in steps) == 1
    assert (
        r"\frac{\partial E}{\partial w_{5}} = \frac{\partial E}{\partial a_{o1}} \cdot \frac{\partial a_{o1}}" in text
    )
    assert r"\delta_{o1} \cdot w_{5} + \delta_{o2} \cdot w_{7}" in text


def assert_formulas_parse(text: str) -> None:
    found = [*displays(text), *inline_formulas(text)]
    assert len(found) > 20
    for formula in dict.fromkeys(found):
        PARSER.parse(f"${formula}$")


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks(order=None))
def test_a_drawn_network_is_explained_in_formulas_that_parse(network: Network) -> None:
    assert_explained(network)


@pytest.mark.long
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks(order=None))
def test_every_drawn_network_is_explained_in_formulas_that_parse(network: Network) -> None:
    assert_explained(network)


def assert_explained(network: Network) -> None:
    made = document(network, 4)
    assert_formulas_parse(write_markdown(made))
    assert_tex_is_whole(write_tex(made))


def test_a_formula_that_does_not_parse_is_noticed() -> None:
    text = markdown(load_network("classic")).replace(r"\sigma(h_{1})", r"\sigma(h_{1")
    with pytest.raises(ValueError, match=r"ParseException|Expected|parse"):
        assert_formulas_parse(text)


def assert_tex_is_whole(text: str) -> None:
    """Braces balance, environments nest, nothing but ASCII and Latin letters is left for pdfLaTeX."""
    depth = 0
    for sign in re.sub(r"\\[{}\\]", "", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    open_ones: list[str] = []
    for which, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if which == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name
    assert not open_ones
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    body = re.sub(r"\\othersign\{.\}", "", text)
    assert {sign for sign in body if not sign.isascii() and not "À" <= sign <= "ÿ"} == set()


def test_a_latex_document_with_an_open_brace_or_environment_is_noticed() -> None:
    whole = write_tex(document(load_network("classic")))
    assert_tex_is_whole(whole)
    for broken in (whole.replace(r"\end{align*}", "", 1), whole + "}", whole.replace("$", "", 1), whole + "δ"):
        with pytest.raises(AssertionError):
            assert_tex_is_whole(broken)


NASTY = [
    "<script>alert(1)</script>",
    "[a](http://b)",
    "*x* _y_ `z`",
    "$x$ | a",
    "www.example.com",
    "\\input{x}",
    "a&b~c",
]


@pytest.mark.parametrize("name", NASTY)
def test_a_users_words_are_never_markup(name: str) -> None:
    made = Document((Heading(1, (User(name),)), Paragraph((User(name),))))
    text = write_markdown(made)
    for sign in "<>[]*_`$|&~":
        assert re.search(rf"(?<!\\){re.escape(sign)}", text) is None
    # By "www." alone, and by "://", a viewer knows a bare address.
    assert "www." not in text and not re.search(r"(?<!\\)://", text)
    tex = write_tex(made)
    assert_tex_is_whole(tex)
    assert "\\input{x}" not in tex


def test_letters_of_every_script_survive_in_latex_or_are_left_to_other_engines() -> None:
    assert escape("näher 50 % ∂ 漢") == r"näher 50 \% $\partial$ \othersign{漢}"


@pytest.mark.parametrize("layers", [2, pytest.param(4, marks=pytest.mark.long)])
def test_a_large_network_says_what_it_leaves_out_and_tabulates_all_of_it(layers: int) -> None:
    """The largest that there may be, and one of the same kind that is read in a few seconds."""
    generator = np.random.default_rng(1)
    units = 16 if layers == 4 else 5
    samples = tuple(
        Sample(tuple(generator.normal(size=units // 2).tolist()), tuple(generator.random(units).tolist()))
        for _ in range(units)
    )
    network = Network("large", tuple(Layer(units) for _ in range(layers)), samples, bias=BiasRule.LAYER)
    made = document(network, 2)
    text = write_markdown(made)
    assert "too large to write everything out" in text
    assert_formulas_parse(text)
    graph = build_graph(network)
    rows = {
        cell.latex
        for block in made.blocks
        if isinstance(block, Table)
        for row in block.rows
        for cell in row[0]
        if isinstance(cell, Math)
    }
    assert {graph[name].latex for name in graph.parameters} <= rows
    found = results(text)
    expected = dict(zip(graph.parameters, TorchNetwork(network).gradient(), strict=True))
    derived = [name for name in graph.parameters if found.get(graph[f"dE/d{name}"].latex)]
    assert len(derived) == 2 * layers
    for name in derived:
        assert found[graph[f"dE/d{name}"].latex][-1] == pytest.approx(expected[name], rel=1e-8)


def test_the_order_output_layer_first_is_said_and_uses_the_new_weights() -> None:
    text = markdown(changed("classic-biased", order=UpdateOrder.OUTPUT_FIRST))
    assert r"\delta_{o1} \cdot w_{5}^{+} + \delta_{o2} \cdot w_{7}^{+}" in text
    assert "the new weights of this layer" in text
    assert "so they must differ from a finite difference" in text


@pytest.mark.parametrize("rule", [UpdateRule.MOMENTUM, UpdateRule.ADAM])
def test_what_an_optimizer_carries_is_derived_too(rule: UpdateRule) -> None:
    network = load_network("classic")
    text = markdown(dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule)))
    letters = {UpdateRule.MOMENTUM: ["u_{w1}^{+}"], UpdateRule.ADAM: ["m_{w1}^{+}", "v_{w1}^{+}", "c_{1}", "c_{2}"]}
    for letter in letters[rule]:
        assert f"{letter} = " in text


def test_the_table_of_the_training_has_the_published_errors() -> None:
    text = markdown(load_network("classic"), 100)
    for row, error in ((0, "0.2425198573"), (1, "0.2354953779"), (100, "0.02916668024")):
        assert re.search(rf"^\| {row} \|.*\| {error} \|$", text, re.MULTILINE), row
    for error in ("0.1335106073", "0.07916642312", "0.01638662848", "0.01239512418", "0.005160108602"):
        assert error in text


def test_no_learning_rate_from_a_tenth_to_a_thousand_makes_the_classic_error_rise() -> None:
    sweep = rate_sweep(load_network("classic"), tuple(np.geomspace(0.1, 1000, 41).tolist()), 1000)
    assert not any(sweep.rises)
    assert "from 0.1 to 1000" in markdown(load_network("classic"))
    assert "from 0.1 to 1000" not in markdown(changed("classic", weights=(3.0,) * 8))


def test_divergence_is_told_where_it_happens_and_only_there() -> None:
    assert "| diverges at step 34 |" in markdown(load_network("diverging"), 100)
    assert "diverges" not in markdown(load_network("classic"), 100)


@pytest.mark.parametrize("tex", [False, True])
def test_all_files_are_written_and_every_picture_shown_is_there(tex: bool, tmp_path: Path) -> None:
    network = load_network("classic")
    done, sweep = trace(network, 10), rate_sweep(network, DEFAULT_RATES, 10)
    paths = write_explanation(done, sweep, tmp_path / "notes", tex=tex)
    assert paths == explanation_paths(tmp_path / "notes", tex)
    text = paths[0].read_text(encoding="utf-8")
    shown = re.findall(r"\\includegraphics\[.*\]\{(.*)\}" if tex else r"!\[.*\]\((.*)\)", text)
    assert {(tmp_path / "notes" / name).is_file() for name in shown} == {True}
    assert sorted(shown) == sorted(path.name for path in paths[1:])
    with pytest.raises(UsageError, match="exists – add --overwrite"):
        write_explanation(done, sweep, tmp_path / "notes", tex=tex)
    before = [path.read_bytes() for path in paths]
    write_explanation(done, sweep, tmp_path / "notes", tex=tex, overwrite=True)
    assert [path.read_bytes() for path in paths] == before


def test_the_derivation_in_the_docs_is_what_the_command_writes() -> None:
    shipped = Path(__file__).parents[3] / "docs" / "derivation" / "README.md"
    assert shipped.read_text(encoding="utf-8") == markdown(load_network("classic"), 100)


def test_dollar_signs_and_backquotes_in_a_line_become_what_they_mark() -> None:
    assert [type(span).__name__ for span in say("a $b$ c `d`", User("$e$"))] == ["Text", "Math", "Text", "Code", "User"]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX is installed here")
@pytest.mark.parametrize("name", ["classic", "three-classes"])
def test_the_latex_compiles(name: str, tmp_path: Path) -> None:
    network = load_network(name)
    done, sweep = trace(network, 10), rate_sweep(network, DEFAULT_RATES, 10)
    write_explanation(done, sweep, tmp_path, tex=True)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "derivation.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert run.returncode == 0, run.stdout[-1500:]
    assert (tmp_path / "derivation.pdf").stat().st_size > 20_000


def dead_first(sizes: tuple[int, ...]) -> Network:
    """A ReLU network whose first unit of the first layer is below 0 for its sample, too large to be written out or not."""
    hidden, outputs = sizes
    weights = (-0.5,) * 2 + (0.4,) * (2 * hidden - 2) + (0.3,) * (hidden * outputs)
    layers = (Layer(hidden, "relu"), Layer(outputs))
    return Network("dead first", layers, (Sample((0.5, 1.0), (0.9,) * outputs),), weights=weights)


@pytest.mark.parametrize("sizes", [(2, 2), (12, 3)])
def test_what_stands_for_the_others_is_a_unit_that_is_alive(sizes: tuple[int, ...]) -> None:
    network = dead_first(sizes)
    text = markdown(network, 2)
    (update,) = re.findall(r"## 6\. The update(.*?)\n\| ", text, re.DOTALL)
    assert "w_{3}^{+} = w_{3} - " in update and "w_{1}^{+} = " not in update
    if sizes == (12, 3):
        assert "a_{h2} = " in text and "a_{h1} = " not in text
    done = trace(network, 2)
    figure = glance_figure(*_first_step(done))
    shown = " ".join(found.get_text() for found in figure.texts)
    assert "h_{2}" in shown and "h_{1}" not in shown


WORDS_OF_RULES = {
    UpdateRule.GRADIENT_DESCENT: ["moves against its derivative", "no memory"],
    UpdateRule.MOMENTUM: ["memory, its velocity", "0 before the first step", r"$\mu^{k}$ times"],
    UpdateRule.ADAM: ["two memories", "0 before the first step", "running mean", "root of the mean square"],
}


@pytest.mark.parametrize("rule", UpdateRule)
@pytest.mark.parametrize("name", preset_names())
def test_the_words_on_the_update_are_those_of_its_rule(name: str, rule: UpdateRule) -> None:
    network = load_network(name)
    text = markdown(dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule)), 2)
    for other, words in WORDS_OF_RULES.items():
        if other is rule:
            assert all(one in text for one in words)
        else:
            assert words[0] not in text


@pytest.mark.parametrize("name", preset_names())
def test_the_nudge_that_opens_the_derivation_is_what_torch_finds(name: str) -> None:
    network = load_network(name)
    text = markdown(network, 2)
    nudged = re.search(
        r"Nudge \$w_\{(\d+)\}\$ by 0\.001, from \$(\S+)\$ to \$\S+\$.*? \$E\$ moves from \$(\S+)\$ to \$(\S+)\$: by",
        text,
    )
    assert nudged is not None
    weights = list(network.weights)
    assert weights[int(nudged[1]) - 1] == float(nudged[2])
    weights[int(nudged[1]) - 1] += 0.001
    for shown, at in ((nudged[3], network.weights), (nudged[4], tuple(weights))):
        assert float(shown) == pytest.approx(
            float(TorchNetwork(dataclasses.replace(network, weights=at)).error().detach()), rel=1e-8
        )
    expected = TorchNetwork(network).gradient()[int(nudged[1]) - 1]
    told = re.search(r"So \$E\$ moves about \$([^$]+)\$ times", text)
    assert told is not None and value_of(told[1]) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", ["classic", "classic-biased", "diverging"])
def test_every_weight_below_the_outputs_is_opened_into_both_paths_with_numbers(name: str) -> None:
    text = markdown(load_network(name), 2)
    opened = re.findall(r"With every path to the error written out \(2 paths\):\n\n\$\$\n(.*?)\n\$\$", text, re.DOTALL)
    weights = [number for number in range(1, 5) if any(rf"w_{{{number}}}}} = (" in line for line in opened)]
    assert weights == [1, 2, 3, 4]
    for line in opened:
        for output in (1, 2):
            assert (
                rf"\frac{{\partial a_{{o{output}}}}}{{\partial o_{{{output}}}}} \cdot \frac{{\partial o_{{{output}}}}}"
                in line
            )


def of_one_sample(network: Network, sample: int) -> Network:
    return dataclasses.replace(network, samples=(network.samples[sample - 1],))


TWO = (Sample((0.1, 0.2), (0.5,)), Sample((0.3, 0.2), (0.1,)))
OPENED = {
    "xor": load_network("xor"),
    "three-classes": load_network("three-classes"),
    "two samples": Network("two", (Layer(2), Layer(2)), (Sample((0.1, 0.2), (0, 1)), Sample((0.9, 0.3), (0.5, 0.2)))),
    "two hidden layers": Network("deep", (Layer(2, "tanh"), Layer(2), Layer(2)), (Sample((0.1, 0.2), (0.5, 0.6)),)),
    "one output, deep": Network("deep", (Layer(3), Layer(2), Layer(1)), TWO),
    "many paths": Network("many", (Layer(2), Layer(3), Layer(3)), (Sample((0.1,), (0.5, 0.6, 0.7)),)),
    "a shared bias": dataclasses.replace(load_network("classic"), bias=BiasRule.LAYER, biases=(0.3, 0.4)),
    "softmax and squares": dataclasses.replace(load_network("classic"), layers=(Layer(2), Layer(2, "softmax"))),
}  # fmt: skip


@pytest.mark.parametrize("name", OPENED)
def test_what_the_paths_add_up_to_is_what_torch_finds_for_the_samples_error(name: str) -> None:
    """Of every parameter below the output layer: as many products as paths, or dots, and numbers that make the value."""
    network = OPENED[name]
    text = markdown(network, 1)
    parameters = list(build_graph(network).parameters)
    found = sorted(opened_paths(text), key=lambda one: parameters.index(one[0]))
    assert [one[0] for one in found] == [n for n in parameters if build_graph(network)[n].layer != len(network.layers)]
    for parameter, sample, paths, line in found:
        _, symbols, numbers, result = line.split(" = ")
        assert symbols.count(" + ") + 1 == min(paths, 4), (parameter, symbols)
        assert (r"\cdots" in symbols) == (paths > 4)
        twin = TorchNetwork(of_one_sample(network, sample))
        expected = twin.gradient()[parameters.index(parameter)]
        assert expected != 0, parameter
        assert value_of(result) == pytest.approx(expected, rel=1e-7, abs=1e-12), parameter
        if paths <= 4:
            assert value_of(numbers) == pytest.approx(expected, rel=5e-4), parameter  # six digits each, some cancel


def opened_paths(text: str) -> Iterator[tuple[str, int, int, str]]:
    """Of each full expansion: the parameter, the sample, how many paths are said to be, the equation on one line."""
    blocks = text.split("\n\n")
    for number, said in enumerate(blocks):
        if not said.endswith(":") or "written out" not in said:
            continue
        count = re.search(r"([\d,]+) paths", said)
        sample = re.search(r"sample (\d+) adds", said)
        end = next(at for at in range(number + 1, len(blocks)) if not blocks[at].startswith("$$"))
        (line,) = displays("\n\n".join(blocks[number + 1 : end]))
        (letter, index), *_ = re.findall(r"\\partial ([wb])_\{(\d+)\}\} = ", line)
        yield f"{letter}{index}", int(sample[1]) if sample else 1, int(count[1].replace(",", "")) if count else 1, line


def test_the_drawing_lights_the_paths_that_the_notes_count() -> None:
    for name, lit in (("two hidden layers", 4), ("xor", 1), ("one output, deep", 2), ("many paths", 3)):
        network = OPENED[name]
        done = trace(network, 0)
        (said,) = [
            t.get_text() for t in paths_figure(done.graph, done.row(0)).axes[0].texts if "reaches E" in t.get_text()
        ]
        weight = {"many paths": "w3"}.get(name, "w1")
        assert said == f"{weight} reaches E by {lit} path{'s' if lit > 1 else ''}"
    shared, inks = [], set()
    done = trace(OPENED["two hidden layers"], 0)
    for line in paths_figure(done.graph, done.row(0)).axes[0].get_lines():
        if line.get_linewidth() == 9:
            (shared.append(line) if line.get_color() == SHARED else inks.add(line.get_color()))
    # i1 to the first unit is everybody's; so are the two ways on, and both outputs' errors; each path has a stretch of its own.
    assert len(shared) == 1 + 2 + 2 and len(inks) == 4


def test_the_parabola_of_a_weight_has_the_curvature_that_torch_finds() -> None:
    network = load_network("classic")
    done = trace(network, 0)
    found = parabola_of(done.graph, done.row(0))
    assert found is not None and found.name == "w5"

    def slope(move: float) -> float:
        weights = (*network.weights[:4], network.weights[4] + move, *network.weights[5:])
        return TorchNetwork(dataclasses.replace(network, weights=weights)).gradient()[4]

    assert found.curvature == pytest.approx((slope(1e-3) - slope(-1e-3)) / 2e-3, rel=1e-5)
    crawl, zigzag, off = (np.abs(found.steps(share / found.curvature) - found.lowest) for share in (0.1, 1.8, 2.15))
    assert (np.diff(crawl) < 0).all() and (np.diff(zigzag) < 0).all() and (np.diff(off) > 0).all()
    assert crawl[1] > zigzag[1] and np.sign(found.steps(1.8 / found.curvature) - found.lowest)[1] == -np.sign(
        found.at - found.lowest
    )


def test_softmax_is_given_its_reason_before_its_trick() -> None:
    text = markdown(load_network("three-classes"), 2)
    assert text.index("The outputs should be shares") < text.index("is subtracted before the exponentials")


@pytest.mark.parametrize("name", ["classic", "xor", "diverging"])
def test_the_smallest_error_is_said_of_the_rate_that_torch_finds_lowest(name: str) -> None:
    network, rates, steps = load_network(name), (0.05, 0.3, 1.0), 15
    ends = {}
    for rate in rates:
        twin = TorchNetwork(dataclasses.replace(network, learning_rate=rate))
        twin.train(steps)
        ends[rate] = float(twin.error().detach())
    best = min(ends, key=lambda rate: ends[rate])
    text = write_markdown(derivation(trace(network, steps), rate_sweep(network, rates, steps)))
    assert f"After {steps} steps the smallest error is that of learning rate {best:g}." in text


@pytest.mark.parametrize("name", ["classic", "xor"])
def test_a_weight_flies_off_beyond_two_over_its_curvature(name: str) -> None:
    """The rate is found again by stepping along the tangent of the slope, as the sentence says."""
    done = trace(load_network(name), 3)
    text = write_markdown(derivation(done, rate_sweep(done.graph.network, DEFAULT_RATES, 3)))
    (said,) = re.findall(r"For this weight alone this limit would be ([\d.]+)\. ", text)
    (curvature,) = re.findall(r"grows by ([\d.]+) for each unit", text)

    def distance(rate: float) -> float:
        at = 1.0
        for _ in range(50):
            at -= rate * float(curvature) * at
        return abs(at)

    assert distance(0.98 * float(said)) < 1 < distance(1.02 * float(said))


def test_the_columns_that_a_table_leaves_out_are_counted() -> None:
    network = Network(
        name="wide", layers=(Layer(8), Layer(6)), samples=(Sample((0.1, 0.2), (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),), seed=1
    )
    text = markdown(network, 3)
    section = text[text.index("## 7. Training") :]
    (left_out,) = re.findall(r"([\d,]+) more columns are in the workbook", section)
    head = next(line for line in section.splitlines() if line.startswith("|"))
    shown = head.count("|") - 1 - 2  # neither the step nor E_total
    weights, outputs = 2 * 8 + 8 * 6, 6
    assert shown + int(left_out) == weights + outputs


@pytest.mark.parametrize("name", preset_names())
def test_why_a_path_takes_the_weight_on_its_arrow_is_said_once_for_each_hidden_layer(name: str) -> None:
    network = load_network(name)
    said = re.findall(r"as fast as the weight between them says: \$(.*?) = (w_\{\d+\})\$", markdown(network, 1))
    assert len(said) == len(network.layers) - 1
    first = len(network.samples[0].inputs) * network.layers[0].units + 1
    assert said[0][1] == f"w_{{{first}}}" and r"\partial o_{1}" in said[0][0] and r"\partial a_{h1}" in said[0][0]
