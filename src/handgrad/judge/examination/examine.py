"""What a network really computes with: found by running it on real images, not by reading its text or asking it.

Each layer that the trace shows is then tested for its effect: noise as large as its result is added to it, and it takes
part when the output changes by more than `EFFECT` of its own spread. That holds whatever stands between: a result that
is thrown away, multiplied by nothing or cut from the gradient shows itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from handgrad.digits.layers.failure import first_line
from handgrad.errors import UsageError
from handgrad.judge.examination.answers import COMPANY, answer, problems_of, remarks_on
from handgrad.judge.examination.flow import reaching
from handgrad.judge.examination.free_numbers import choices_given, values_given
from handgrad.judge.examination.layers import Found, layers_in
from handgrad.judge.examination.operations_seen import Node, Trace, running_modules
from handgrad.judge.examination.parameters import hidden_tensors, stored_blocks
from handgrad.judge.examination.restore import Snapshot, restored, seed_all
from handgrad.judge.examination.stirring import ROUNDS, let_signals_pass, stir
from handgrad.judge.examination.watch import watch
from handgrad.judge.verdict import Examination, UsedLayer, Weight, place_words
from handgrad.transcript.modules import buffers_of, count_once, module_paths, parameters_of, place_of, registered

# Enough for the statistics of a batch to differ from those of one image; each examined layer costs a run over them.
FEW_IMAGES = 8
# Rounding in float32 moves an output by about 1e-6 of its spread; a layer that is used moves it by far more than this.
EFFECT = 1e-4
# With less, running statistics hardly learn: after a training they would still be what somebody wrote into them.
LEAST_MOMENTUM = 1e-3

# torch's own base classes, private by name: each stands for one, two and three dimensions.
LAYERS = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd, nn.modules.pooling._MaxPoolNd)
POOLS = (nn.modules.pooling._AvgPoolNd, nn.modules.pooling._AdaptiveAvgPoolNd)


def examine(module: nn.Module, images: Tensor, *, name: str | None = None) -> Examination:
    """Return what *module* computes with on *images* (normalised, shape ``[n, 1, 28, 28]``, n at least 4).

    Parameters, buffers, modes and random states are as before when it returns, whatever happens. Convolutions, pools and
    fully connected layers count in ``eval()``, dropout in ``train()``, BatchNorm where it takes part in both. Raises
    `UsageError` where the network cannot run, or gives no tensor.
    """
    name = name or type(module).__name__
    with restored(module):
        whole = answer(module.eval(), images, name)  # first of all, because lazy layers get their parameters here
        stir(module, images[:FEW_IMAGES])
        let_signals_pass(module, images, name)
        state = Snapshot(module)
        evaluation = Run(module.eval(), images[:FEW_IMAGES], state, name)
        seen = evaluation.layers()
        problems = tuple(problems_of(module, images[:COMPANY], name))
        remarks = tuple(remarks_on(module, images[:COMPANY], name))
        training = _training_run(module.train(), images, state, name)
        layers = _used_layers(seen, training)
        statistics = _norm_statistics(training) - _read_otherwise(evaluation)
        statistics |= _forgotten(evaluation, training, state, statistics)
        hidden = hidden_tensors(evaluation.trace, evaluation.reached, module, statistics)
        trained = {path: each for path, each in parameters_of(module).items() if each.requires_grad}
        parameters = count_once(trained.values())
        return Examination(
            network=name,
            parameters=parameters,
            hidden=hidden,
            counted=parameters + sum(each.numbers for each in hidden),
            layers=layers,
            defined_unused=tuple(_unused(module, evaluation, training, layers)),
            output_shape=tuple(whole.shape),
            problems=problems,
            remarks=remarks,
            weights=tuple(_weights(trained)),
            idle=tuple(_idle(trained, evaluation, training)),
            largest=_largest(trained),
        )


class Run:
    """One traced run in the mode that the network is in, and the means to run it again with one result disturbed."""

    def __init__(self, module: nn.Module, images: Tensor, state: Snapshot, name: str) -> None:
        self.module, self.images, self.state, self.name = module, images, state, name
        self.mode = module.training
        self.paths = module_paths(module)
        state.restore()
        inputs = images.clone()
        self.trace = Trace(inputs, self.paths, watch=watch, values=values_given, choices=choices_given)
        self.output = self.run(self.trace, inputs).detach().clone()
        self.reached = reaching(self.trace.nodes, [self.writers])

    def run(self, trace: Trace, inputs: Tensor) -> Tensor:
        """Run once under *trace*, from the same beginning as every time."""
        seed_all(1)
        try:
            with running_modules(trace), trace:
                output = self.module(inputs)
        except Exception as error:
            mode = "train()" if self.mode else "eval()"
            raise UsageError(f"{self.name} cannot run in {mode}: {first_line(error)} – correct the network") from error
        if not isinstance(output, Tensor):
            raise UsageError(f"{self.name} returns a {type(output).__name__} – a tensor is needed")
        if trace.disturb is None:
            self.writers = tuple(trace.memory(output).writers)
            self.depends = trace.memory(output).images
        return output

    def takes_part(self, node: Node) -> bool:
        """Whether the output changes when the result of *node* does."""
        if node.number not in self.reached:
            return False
        self.state.restore()
        self.module.train(self.mode)
        inputs = self.images.clone()
        changed = self.run(Trace(inputs, self.paths, disturb=(node.name, node.turn)), inputs).detach()
        if changed.shape != self.output.shape:
            return True
        # A single image's spread may be 0; the size of the answers then says what is much.
        spread = float(self.output.double().std()) or float(self.output.abs().max())
        return float((changed - self.output).abs().max()) > EFFECT * spread

    def layers(self) -> list[Found]:
        """Return the layers that take part."""
        return [each for each in layers_in(self.trace) if self.takes_part(each.node)]


def _training_run(module: nn.Module, images: Tensor, state: Snapshot, name: str) -> Run:
    """Return the run in ``train()``, over a few images, or over all where a few are not enough.

    A network that normalises parts of the batch apart cannot part a few, or finds single images in the parts.
    """
    try:
        few = Run(module, images[:FEW_IMAGES], state, name)
    except UsageError:
        return Run(module.train(), images, state, name)
    parted = (
        node.shape and 0 < node.shape[0] < FEW_IMAGES
        for node in few.trace.nodes
        if node.images and "batch_norm" in node.name
    )
    return Run(module.train(), images, state, name) if any(parted) else few


def _used_layers(seen: Sequence[Found], training: Run) -> tuple[UsedLayer, ...]:
    """Return the layers that count, each once: those of ``eval()``, with dropout and BatchNorm from ``train()``."""
    # In both modes: a BatchNorm that is skipped in eval() does not compute the answers.
    both = {each.layer.path for each in seen if each.layer.kind == "batch_norm"}
    layers = [each.layer for each in seen if each.layer.kind not in ("batch_norm", "dropout")]
    for each in layers_in(training.trace):
        normed = each.layer.kind == "batch_norm" and (
            _by_hand(each.node) or (_learns(each.node) and each.layer.path in both)
        )
        if (normed or each.layer.kind == "dropout") and training.takes_part(each.node):
            layers.append(each.layer)
    # A module called twice is one layer; dict.fromkeys keeps the order.
    return tuple(dict.fromkeys(layers))


def _by_hand(node: Node) -> bool:
    """Whether a BatchNorm is one of single operations."""
    return "batch_norm" not in node.name


def _learns(node: Node) -> bool:
    """Whether a BatchNorm operation takes the statistics of the batch, as in training it must."""
    return next((each for each in node.arguments if isinstance(each, bool)), True)


def _norm_statistics(training: Run) -> set[int]:
    """Return the places of the running statistics that BatchNorm operations keep while training.

    One whose momentum is next to nothing keeps what its author put there, and that is not statistics.
    """
    return {
        place_of(each)
        for node in training.trace.nodes
        if "batch_norm" in node.name and _learns(node)
        if next((each for each in node.arguments if isinstance(each, float)), 0.0) >= LEAST_MOMENTUM
        # Running mean and variance, by the operation's own declaration.
        for each in node.arguments[3:5]
        if isinstance(each, Tensor)
    }


def _read_otherwise(evaluation: Run) -> set[int]:
    """Return the places of what the answer reads by anything but a normalisation: then it is no statistics of one.

    Running averages that keep themselves alive (a BatchNorm shown its own averages) could store anything.
    """
    return {
        read.place
        for node in evaluation.trace.nodes
        if node.number in evaluation.reached and "batch_norm" not in node.name
        for read in node.reads
        if read.memory.stored
    }


def _forgotten(evaluation: Run, training: Run, state: Snapshot, known: Collection[int]) -> set[int]:
    """Return the places of buffers that are running statistics of another kind: they forget what is put into them.

    A buffer that training runs change and that moves towards the same values from another beginning stores no number of
    its author's. Only vectors are considered, one number per channel; *known* are places that need no such look, which
    spares most networks forty passes.
    """
    state.restore()
    module = training.module
    before = {path: (each, each.detach().clone()) for path, each in buffers_of(module).items()}
    used = stored_blocks(evaluation.trace, evaluation.reached)
    answer(module.train(), training.images, training.name)
    after = buffers_of(module)
    paths = [
        path
        for path, (tensor, value) in before.items()
        if place_of(tensor) in used
        and place_of(tensor) not in known
        and value.is_floating_point()
        # A vector, whatever dimensions of one surround it.
        and value.numel() == max(value.shape, default=1)
        if not torch.equal(after[path].detach(), value)
    ]
    if not paths:
        return set()
    ends = []
    # Two beginnings: what ends in one place from both remembers neither.
    for noise in (0.0, 0.5):
        state.restore()
        with torch.no_grad():
            for path in paths:
                before[path][0].add_(noise)
        for round_number in range(ROUNDS):
            answer(module.train(), training.images, training.name, round_number)
        ends.append({path: buffers_of(module)[path].detach().clone() for path in paths})
    state.restore()
    # A twentieth forgotten is enough: a momentum of 0.003 forgets that much in `ROUNDS` passes, a stored number
    # nothing.
    close = [path for path in paths if float((ends[0][path] - ends[1][path]).abs().max()) <= 0.5 * 0.95]
    return {place_of(before[path][0]) for path in close}


def _unused(module: nn.Module, evaluation: Run, training: Run, layers: Sequence[UsedLayer]) -> Iterator[str]:
    """Return the layers that are defined and take no part, and the parameters that take no part though they count."""
    known = {each.path for each in layers}
    ran = {node.path for run in (evaluation, training) for node in run.trace.nodes if node.number in run.reached}
    tested = {found.layer.path for run in (evaluation, training) for found in layers_in(run.trace)}
    weighty = (nn.Linear, nn.modules.conv._ConvNd)
    for path, each in registered(module):
        watched = isinstance(each, (*LAYERS, *POOLS, *weighty))
        # A pool or product of a form that is not a layer here may still be needed; one tested without effect is not.
        excused = isinstance(each, POOLS + weighty) and path in ran and path not in tested
        if watched and path and path not in known and not excused:
            yield f"{path} ({type(each).__name__})"
    used = set(stored_blocks(evaluation.trace, evaluation.reached)) | set(
        stored_blocks(training.trace, training.reached)
    )
    for path, parameter in parameters_of(module).items():
        if place_of(parameter) not in used:
            yield f"{path}: {parameter.numel():,} parameters that count but take no part"


def _idle(trained: dict[str, Any], evaluation: Run, training: Run) -> Iterator[tuple[str, int]]:
    """Return the modules with parameters of which none takes part, in training or in evaluation, and how many they have."""
    used: set[int] = set()
    for run in (evaluation, training):
        used |= set(stored_blocks(run.trace, run.reached))
    owners: dict[str, list[Tensor]] = {}
    for path, each in trained.items():
        owners.setdefault(path.rpartition(".")[0] or path, []).append(each)
    for owner, tensors in owners.items():
        if not any(place_of(each) in used for each in tensors):
            yield owner, count_once(tensors)


def _weights(trained: dict[str, Any]) -> Iterator[Weight]:
    """Return the layers with a matrix or kernels, and how many parameters each has."""
    for path, each in trained.items():
        if each.dim() in (2, 4):
            owner = path.rpartition(".")[0] or path
            own = [other for name, other in trained.items() if (name.rpartition(".")[0] or name) == owner]
            yield Weight(owner, count_once(own), tuple(each.shape))


def _largest(parameters: dict[str, Any]) -> str:
    """Return the module with the most parameters, in words; empty where there are none."""
    shares: dict[str, int] = {}
    for path, each in parameters.items():
        owner = path.rpartition(".")[0] or path
        shares[owner] = shares.get(owner, 0) + each.numel()
    if not shares:
        return ""
    best = max(shares, key=lambda path: shares[path])
    return f"{place_words(best)} has {shares[best]:,}"
