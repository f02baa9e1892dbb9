"""The last part of a derivation: the update, the first steps of the training, learning rates, all values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from handgrad.backprop.explain.document import Block, Bullets, Code, Heading, Line, Math, Paragraph, Picture, Table, say
from handgrad.backprop.explain.equations import Equations
from handgrad.backprop.explain.forward import by_sample, number
from handgrad.backprop.explain.scope import ALL_PARAMETERS, Scope
from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.network.network import UpdateOrder, UpdateRule
from handgrad.backprop.pictures.parabola import parabola_of
from handgrad.backprop.presets import load_network
from handgrad.backprop.simulate import RateSweep, Trace
from handgrad.backprop.symbols.rendering import plain_number
from handgrad.backprop.verdicts import MEANING, Verdict, verdicts_of
from handgrad.errors import counted

# What a page shows without scrolling sideways: outputs are kept, as training moves them, and weights fill what is left.
MOST_COLUMNS = 12
# The first steps one by one, where most changes; then as on a logarithmic axis, up to the longest training.
ROWS = (0, 1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
# Errors of neighbouring rates differ late in the figures; with six they would look equal.
DIGITS = 10
RULE_WORDS = {
    UpdateRule.GRADIENT_DESCENT: (
        "Every weight moves against its derivative, by the learning rate times the derivative. The rule has no memory: the "
        "step depends only on the current derivatives.",
    ),
    UpdateRule.MOMENTUM: (
        r"Each weight has a memory, its velocity $u$, which is 0 before the first step. In every step the velocity keeps the "
        r"part $\mu$ of itself, and the current derivative is added. Then the weight moves against the velocity, by the "
        r"learning rate times the velocity.",
        r"So a derivative from $k$ steps ago still counts $\mu^{k}$ times. Derivatives with the same sign add up, and steps "
        r"become up to $\frac{1}{1 - \mu}$ times as long. Derivatives that alternate in sign cancel.",
    ),
    UpdateRule.ADAM: (
        r"Each weight has two memories, both 0 before the first step: $m$, a running mean of its derivatives, and $v$, one of "
        r"their squares. In every step $m$ keeps the part $\beta_{1}$ of itself and takes on $1 - \beta_{1}$ times the current "
        r"derivative; $v$ does the same with $\beta_{2}$ and the square. As both begin at 0 they are too small at first, and "
        r"are divided by $c_{1}$ and $c_{2}$, which are small at first as well and go to 1.",
        r"The weight moves against the mean divided by the root of the mean square. So a step is about as long as the "
        r"learning rate, whether the derivatives are large or small, and steps become shorter if the signs of the "
        r"derivatives alternate. $\epsilon$ only prevents a division by 0.",
    ),
}
"""How a derivative becomes a step, in words: what is remembered, from what it starts, and what follows from it."""


def update(scope: Scope, write: Equations) -> Iterator[Block]:
    """Yield the rule of the update for the first weight in full, all new values as a table."""
    graph = scope.graph
    yield Heading(2, say("6. The update"))
    yield Paragraph(
        say(
            "A derivative above 0 says that the error grows with the weight, so the weight must become smaller to lower the "
            "error. Below 0 it is the other way round."
        )
    )
    for words in RULE_WORDS[graph.network.update.rule]:
        yield Paragraph(say(words))
    if graph.network.order is UpdateOrder.OLD_WEIGHTS:
        yield Paragraph(
            say("All derivatives are those of the old weights: nothing is updated before everything is computed.")
        )
    yield Paragraph(
        say("A plus marks the value of a number after the step: $w_{1}^{+}$ is the $w_{1}$ of the next row.")
    )
    # A weight into a unit that is dead now does not move, and would show nothing.
    moving = (name for name in graph.parameters if write.values[f"dE/d{name}"])
    first = next(moving, graph.parameters[0])
    parts = [q for q in graph.of_kind(Kind.UPDATE_PART) if _belongs(graph, q.of, first)]
    if graph.network.update.rule is not UpdateRule.GRADIENT_DESCENT:
        yield Paragraph(say("For ", write.sign(first), ":"))
    for quantity in parts:
        yield write.worked(quantity.name)
    yield write.worked(graph.successors[first])
    if len(graph.parameters) <= ALL_PARAMETERS:
        yield _parameter_table(graph, write)


def _belongs(graph: Graph, of: str | None, parameter: str) -> bool:
    """Return whether a part of the update is the parameter's own or everybody's (Adam's step number and corrections)."""
    return of is None or of == "step" or graph[of].of == parameter


def _parameter_table(graph: Graph, write: Equations) -> Table:
    """Return every parameter: its value, its derivative, its value after the step."""
    header = (say("parameter"), say("now"), say("derivative of the error"), say("after the step"))
    rows = [
        (
            say(write.sign(name)),
            number(write.values[name], 9),
            number(write.values[f"dE/d{name}"], 9),
            number(write.values[graph.successors[name]], 9),
        )
        for name in graph.parameters
    ]
    return Table(header, tuple(rows))


def training(scope: Scope, done: Trace) -> Iterator[Block]:
    """Yield the first steps and some later ones, and the error's curve."""
    graph, network = scope.graph, scope.graph.network
    yield Heading(2, say("7. Training"))
    columns, left_out = _training_columns(graph)
    words = "The step is repeated. Row $k$ is the state before update $k$, so row 1 holds the error after one update."
    if left_out:
        words += f" The table shows the first weights and outputs; {left_out} more columns are in the workbook."
    yield Paragraph(say(words))
    rows = [
        (say(f"{step:,}"), *(number(float(done[name][step]), DIGITS if name == "E_total" else 6) for name in columns))
        for step in dict.fromkeys((*ROWS, done.steps))
        if step <= done.steps and (done.diverged_at is None or step < done.diverged_at)
    ]
    yield Table((say(Math("k")), *(say(Math(graph[name].latex)) for name in columns)), tuple(sorted(rows, key=_step)))
    if done.diverged_at is not None:
        yield Paragraph(
            say(f"In row {done.diverged_at:,} the error is no longer a finite number: the training has diverged.")
        )
    yield Picture("error", say(f"The error by step at learning rate {plain_number(network.learning_rate)}"))


def _step(row: tuple[Line, ...]) -> int:
    cell = row[0][0]
    assert not isinstance(cell, Math | Code)
    return int(cell.text.replace(",", ""))


def _training_columns(graph: Graph) -> tuple[list[str], int]:
    """Return weights, biases and outputs of sample 1 as far as a page is wide, and E_total; how many were left out."""
    last = len(graph.network.layers)
    outputs = [q.name for q in graph.of_kind(Kind.ACTIVATION) if q.layer == last and q.sample == 1]
    shown = outputs[:4]
    columns = [*graph.parameters[: MOST_COLUMNS - 1 - len(shown)], *shown]
    return [*columns, "E_total"], len(graph.parameters) + len(outputs) - len(columns)


def rates(scope: Scope, write: Equations, sweep: RateSweep) -> Iterator[Block]:
    """Yield the curves for each learning rate, and what is seen on them."""
    steps = len(sweep.errors) - 1
    yield Heading(2, say("8. Learning rates"))
    yield from _why_rates_matter(scope, write)
    yield Paragraph(say("The same first weights, trained with other learning rates; nothing else is changed."))
    yield Picture("rates", say("The error by step and learning rate, on a linear axis"))
    yield Picture("rates-log", say("The same on a logarithmic axis"))
    verdicts = verdicts_of(scope.graph.network, sweep)
    marks = [step for step in (1, 10, 100, 1000, 10_000) if step < steps] + [steps]
    header = (say("learning rate"), *(say(f"after {step:,}") for step in marks), say("what it does"))
    rows = [
        (
            number(rate),
            *(number(float(sweep.errors[step, index]), DIGITS) for step in marks),
            say(verdicts[index].words),
        )
        for index, rate in enumerate(sweep.rates)
    ]
    yield Table(header, tuple(rows), left=frozenset({len(header) - 1}))
    yield Bullets(tuple(_seen(scope, sweep, verdicts)))


def _why_rates_matter(scope: Scope, write: Equations) -> Iterator[Block]:
    """Yield what a step does on the parabola of one weight: why a rate crawls, zigzags or flies off."""
    found = parabola_of(scope.graph, write.values)
    if found is not None:
        curved, most = plain_number(found.curvature, 3), plain_number(2 / found.curvature, 3)
        yield Paragraph(
            say(
                "Close to the current value of one weight, the error is almost a parabola. With all other weights fixed, the "
                "slope of the error at ",
                write.sign(found.name),
                f" grows by {curved} for each unit that the weight moves: that is the curvature, $c$, measured like a "
                "derivative in section 5, but with the slope in place of the error. A step takes the weight "
                r"from its distance $d$ to the lowest point to $d \cdot (1 - \eta c)$. With a small $\eta$ the factor is "
                r"just below 1, and the weight crawls. If $\eta$ is larger than $\frac{1}{c}$, the factor is "
                r"negative: each step lands on the other side, and the weight zigzags to the lowest point. If $\eta$ is "
                r"larger than $\frac{2}{c}$, the factor is below $-1$: each step lands further away, and the weight "
                f"flies off. For this weight alone this limit would be {most}. But all weights move at once, and together "
                "they curve the error more, or less where units saturate.",
            )
        )
    yield Picture("descent", say("Steps of three learning rates on the parabola of one weight"))


def _seen(scope: Scope, sweep: RateSweep, verdicts: Sequence[Verdict]) -> Iterator[Line]:
    """Yield what the curves show, in sentences that are computed and so true of this network."""
    steps = len(sweep.errors) - 1
    usable = [j for j in range(len(sweep.rates)) if sweep.diverged_at[j] is None]
    names = [plain_number(rate) for rate in sweep.rates]
    if usable:
        best = min(usable, key=lambda j: sweep.errors[-1, j])
        yield say(f"After {counted(steps, 'step')} the smallest error is that of learning rate {names[best]}.")
    for outcome in dict.fromkeys(verdict.outcome for verdict in verdicts):
        if MEANING[outcome]:
            which = [name for name, verdict in zip(names, verdicts, strict=True) if verdict.outcome is outcome]
            yield say(f"{', '.join(which)}: {outcome.value}: {MEANING[outcome]}.")
    network = scope.graph.network
    if dataclasses.replace(load_network("classic"), learning_rate=network.learning_rate, name=network.name) == network:
        yield say(
            "On this network no learning rate from 0.1 to 1000 makes the error rise: the sigmoids saturate before the "
            "numbers can become too large. The preset `diverging` has outputs without a limit and shows what divergence "
            "looks like."
        )


def all_values(scope: Scope, write: Equations) -> Iterator[Block]:
    """Yield tables of every activation, delta and parameter of a network that was not derived in full."""
    if scope.complete:
        return
    yield Heading(2, say("10. All values"))
    for words, kind in (("activations", Kind.ACTIVATION), ("deltas", Kind.DELTA)):
        yield Paragraph(say(f"All {words}, one column per sample:"))
        yield by_sample(scope, write, kind)
    yield Paragraph(say("All parameters:"))
    yield _parameter_table(scope.graph, write)
