"""What is written down of a network computes the same again, forwards and backwards, and only with operations that compute."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from handgrad.digits.networks.load import import_file, load_network
from handgrad.judge.network.author import give_lazy_layers_their_weights
from handgrad.transcript.operations import NAMES, known_operation, on_tensors, operation
from handgrad.transcript.packing import MalformedError
from handgrad.transcript.rebuild import Rebuilt, checked_plan
from handgrad.transcript.record import record, weights_of
from handgrad.transcript.writing import UntraceableError

HERE = Path(__file__).parents[1] / "judge"
HONEST = import_file(HERE / "corpus_honest.py").HONEST
PLAIN = {
    "int",
    "float",
    "bool",
    "str",
    "Scalar",
    "ScalarType",
    "Layout",
    "Device",
    "complex",
    "MemoryFormat",
    "SymInt",
    "number",
}


def pictures(count: int = 32) -> Tensor:
    """Return normalised images."""
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def written_down(network: nn.Module, images: Tensor) -> Rebuilt:
    """Return *network* made again from what was written down of it, with weights of its own."""
    plan, constants = record(network, images)
    parameters, buffers = weights_of(network)
    weights = [each.detach().clone() for each in [*parameters.values(), *buffers.values()]]
    return Rebuilt(plan, weights, [each.requires_grad for each in [*parameters.values(), *buffers.values()]], constants)


def trained_step(network: nn.Module, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return output and gradients of one pass in training, from the same chance."""
    torch.manual_seed(5)
    output = network.train()(images)
    parameters = {path: each for path, each in weights_of(network)[0].items() if each.requires_grad}
    gradients = torch.autograd.grad(output.square().sum(), list(parameters.values()), allow_unused=True)
    pairs = zip(parameters.items(), gradients, strict=True)
    return output, {path: torch.zeros_like(each) if slope is None else slope for (path, each), slope in pairs}


def far(first: Tensor, second: Tensor) -> float:
    """Return the largest difference, relative to the largest number."""
    first, second = first.detach().double(), second.detach().double()
    return float((first - second).abs().max() / (1 + first.abs().max()))


def furthest(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> float:
    """Return the largest difference of tensors of the same names."""
    assert first.keys() == second.keys()
    return max((far(each, second[path]) for path, each in first.items()), default=0.0)


@pytest.mark.parametrize("name", HONEST)
def test_a_rebuilt_network_computes_the_same_answers_gradients_and_statistics(name: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = load_network(f"{HERE / 'corpus_honest.py'}:{name}")
        give_lazy_layers_their_weights(network, torch.zeros(4, 28, 28, dtype=torch.uint8))
        images = pictures()
        again = written_down(network.train(), images)
        before, after = trained_step(network, images), trained_step(again, images)
        assert far(before[0], after[0]) < 1e-4
        assert furthest(before[1], after[1]) < 1e-3
        assert furthest(weights_of(network)[1], weights_of(again)[1]) < 1e-4
        with torch.no_grad():
            assert far(network.eval()(images), again.eval()(images)) < 1e-4


def test_the_difference_sees_a_rebuilt_network_that_computes_something_else() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    again = written_down(network, pictures())
    with torch.no_grad():
        weights_of(again)[0]["1.bias"].add_(0.1)
    assert far(network(pictures()), again(pictures())) > 1e-3


class KeepsItsChance(nn.Module):
    """Dropout with a generator of its own that goes on from pass to pass."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.chance = nn.Linear(784, 10), torch.Generator().manual_seed(3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.training:
            x = x * (torch.rand(x.shape, generator=self.chance) > 0.5)
        return self.fc(x)


class SeedsAnew(KeepsItsChance):
    """The same mask in every pass."""

    def forward(self, x: Tensor) -> Tensor:
        self.chance = torch.Generator().manual_seed(3)
        return super().forward(x)


def test_a_generator_that_is_kept_goes_on_and_one_that_is_made_anew_begins_anew() -> None:
    kept, again = (written_down(made(), pictures()).train() for made in (KeepsItsChance, SeedsAnew))
    assert not torch.equal(kept(pictures()), kept(pictures()))
    assert torch.equal(again(pictures()), again(pictures()))


def test_reduced_precision_ends_with_the_pass_even_where_the_file_never_ends_it() -> None:
    node = ["python._enter_autocast", ["cpu", {"torch": "bfloat16"}, True, True], {}]
    plan = {"nodes": [node], "output": {"value": 0}, "constants": []}
    network = Rebuilt({"parameters": [], "buffers": [], "training": plan, "answering": plan}, [], [], [])
    network(pictures())
    assert not torch.is_autocast_enabled("cpu")


def test_a_network_that_changes_from_pass_to_pass_is_said_to_do_so() -> None:
    class Counts(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x.flatten(1)[:, :10].roll(self.calls, 1)

    with pytest.raises(UntraceableError, match="something else each time it runs"):
        record(Counts(), pictures())


def test_every_operation_that_is_known_takes_tensors_and_numbers_and_gives_tensors_or_numbers() -> None:
    seen = 0
    for name in sorted(NAMES):
        packet = getattr(torch.ops.aten, name)
        for overload in filter(on_tensors, (getattr(packet, each) for each in packet.overloads())):
            for argument in overload._schema.arguments:
                assert kinds_in(str(argument.type)) <= PLAIN | {"Tensor", "Generator"}, (str(overload), argument.type)
            for given in overload._schema.returns:
                assert kinds_in(str(given.type)) <= PLAIN | {"Tensor"}, (str(overload), given.type)
            seen += 1
    assert seen > len(NAMES)
    with pytest.raises(ValueError, match="not known"):
        operation("aten.add.str")


def kinds_in(words: str) -> set[str]:
    """Return the types named in ``Optional[List[int]]``."""
    for bracket in "[]?":
        words = words.replace(bracket, " ")
    return set(words.replace("Optional", " ").replace("List", " ").split())


def test_chance_of_pythons_own_in_training_is_nobodys_fault_and_cannot_be_written_down() -> None:
    class LeavesOut(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(1)[:, :10]
            return x * 2 if self.training and random.random() < 0.5 else x

    for _ in range(4):
        with pytest.raises(UntraceableError, match="Python's own chance") as raised:
            record(LeavesOut(), pictures())
        assert raised.value.author is False


@pytest.mark.parametrize(
    "name",
    [
        *("from_file", "set_", "as_strided", "as_strided_", "resize_", "record_stream", "_local_scalar_dense", "item"),
        *("data_ptr", "to_mkldnn", "_assert_async", "pin_memory", "_pin_memory", "_cudnn_init_dropout_state"),
    ],
)
def test_what_reaches_memory_or_files_is_not_known(name: str) -> None:
    assert not known_operation(f"aten.{name}.default")
    assert not known_operation(f"aten.{name}.source_Storage")
    with pytest.raises(MalformedError, match="is not known"):
        checked_plan({"nodes": [[f"aten.{name}.default", [{"value": 0}], {}]], "constants": [], "output": 0}, 0, 0)


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5, "1", [1], True])
def test_a_seed_that_is_none_is_refused(seed: object) -> None:
    plan = {"nodes": [["generator", [seed], {}]], "constants": [], "output": {"value": 0}}
    with pytest.raises(MalformedError, match="a seed that is none"):
        checked_plan(plan, 0, 0)
