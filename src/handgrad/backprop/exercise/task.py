"""A task: a network with numbers of the learner's own, what is asked of its first step, and the mistakes it can name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property

from handgrad.backprop.exercise.marking import Mark, marking_graph, marks, wrong
from handgrad.backprop.exercise.numbers import own_numbers, shown_mistakes, told_apart, worth_asking
from handgrad.backprop.exercise.questions import Question, questions
from handgrad.backprop.graph.after import with_error_after
from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.limits import MAX_BLANKS, MAX_SEED, TASK_SAMPLES
from handgrad.backprop.mistakes.kinds import Mistake
from handgrad.backprop.mistakes.of_an_answer import Mistakes
from handgrad.backprop.network.network import Network, UpdateOrder
from handgrad.backprop.simulate import evaluate
from handgrad.errors import UsageError

FORMAT = 1
"""Raised when the same seed would give another task."""


@dataclass(frozen=True)
class Exercise:
    """A task. ``graph`` is one step of ``network`` and the forward pass after it; ``mistakes`` go by quantity."""

    network: Network
    seed: int
    graph: Graph
    questions: tuple[Question, ...]
    mistakes: Mapping[str, tuple[Mistake, ...]]

    @cached_property
    def values(self) -> dict[str, float]:
        """Return every quantity of the step by name, what is asked among them."""
        return {name: float(value) for name, value in evaluate(self.graph).items()}

    @cached_property
    def mistake_values(self) -> dict[str, tuple[float, ...]]:
        """Return the wrong values of each answer's mistakes, in their order, all other answers being right."""
        values = evaluate(marking_graph(self.graph, self.questions, self.mistakes, {}))
        return {
            name: tuple(float(values[wrong(name, number)]) for number in range(len(made)))
            for name, made in self.mistakes.items()
        }

    @property
    def answers(self) -> dict[str, float]:
        """Return the right answers by the name of the quantity, in the order of the questions."""
        return {question.name: self.values[question.name] for question in self.questions}

    @cached_property
    def identifier(self) -> str:
        """Return ``classic-7-1f03ac92``: network, seed and what was made of them. Holds nothing that is not in the
        task.
        """
        # Keys in order: the identifier must not change with the order of fields in a class.
        network = asdict(self.network)
        # What a book compares changes no task: tasks that were given out before networks had rates keep their names.
        del network["rates"]
        content = json.dumps([FORMAT, network], sort_keys=True)
        name = "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in self.network.name)[:24]
        return f"{name}-{self.seed}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"

    def mark(self, answers: Mapping[str, float | str | None]) -> dict[str, Mark]:
        """Judge answers by the name of the quantity, as the practice book does.

        A missing answer, None or ``""`` is empty; a text is not a number.
        """
        return marks(
            self.graph, self.questions, self.mistakes, self.values, answers=answers, wrong_values=self.mistake_values
        )


def make_exercise(network: Network, seed: int = 0, prefix: str = "") -> Exercise:
    """Draw the numbers of a task for a network of this shape.

    Layers, activations, loss, bias rule and update rule are the network's; weights, biases, data and learning rate come
    from the seed. Of several samples the first two count. Messages name the seed with the prefix. Raises
    :class:`UsageError` where the seed is not 0 to 4,294,967,295, the network updates its output layer first, the task
    would have more than 120 blanks, or no numbers are fit.
    """
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"{prefix}seed must be a whole number from 0 to {MAX_SEED:,} – found {seed}")
    if network.order is not UpdateOrder.OLD_WEIGHTS:
        raise UsageError(
            f"{network.name}: order {network.order} – a task asks for gradients from the old weights, use old-weights"
        )
    short = replace(network, samples=network.samples[:TASK_SAMPLES])
    graph = with_error_after(build_graph(short))
    asked = worth_asking(graph, questions(graph))
    if len(asked) > MAX_BLANKS:
        raise UsageError(
            f"{network.name}: a task of {len(asked):,} blanks – limit {MAX_BLANKS}, take fewer units, layers or samples"
        )
    source = Mistakes(graph)
    # Numbers are drawn for the mistakes of the calculus alone, as they always were: a seed stands for the same task for ever.
    calculus = {question.name: source.of_calculus(question.name) for question in asked}
    drawn = own_numbers(short, graph, asked, shown_mistakes(graph, asked, calculus), seed=seed)
    known = shown_mistakes(graph, asked, {question.name: source.of(question.name) for question in asked})
    made = with_error_after(build_graph(drawn))
    return Exercise(drawn, seed, made, asked, told_apart(made, asked, known))
