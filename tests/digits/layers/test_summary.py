"""The layer table: any module, counted against torchinfo, and nothing of the module changed."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
import torchinfo
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from handgrad.digits.layers.shape_check import check_classes
from handgrad.digits.layers.table import summarise
from handgrad.digits.networks.published import NETWORKS
from handgrad.errors import UsageError
from handgrad.runs.layers import LayerTable


def plain_layers() -> nn.Sequential:
    """Return layers without biases, which torchinfo counts right: grouped, dilated, strided, one-sided and linear."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.Conv2d(8, 8, 3, groups=8, bias=False),
        nn.Conv2d(8, 12, 3, groups=4, dilation=2, bias=False),
        nn.Conv2d(12, 6, (1, 3), stride=2, bias=False),
        nn.Flatten(),
        nn.Linear(6 * 11 * 10, 10, bias=False),
    )


def disagreements(mine: LayerTable, module: nn.Module) -> list[str]:
    """Return where *mine* and torchinfo differ in the shape, parameters or multiply-adds of a layer, or in a total."""
    info = torchinfo.summary(copy.deepcopy(module), (1, *mine.input), verbose=0)
    theirs = [each for each in info.summary_list if each.is_leaf_layer and each.class_name != "Flatten"]
    pairs = zip(mine.rows, theirs, strict=True)
    wrong = [
        row.layer
        for row, each in pairs
        if (list(row.output), row.parameters, row.multiply_adds) != (each.output_size[1:], each.num_params, each.macs)
    ]
    totals = (info.total_params, info.trainable_params, info.total_mult_adds)
    return wrong + ["totals"] * ((mine.total_parameters, mine.trainable_parameters, mine.multiply_adds) != totals)


def test_shapes_parameters_and_work_agree_with_torchinfo() -> None:
    module = plain_layers()
    module[0].weight.requires_grad_(False)
    assert disagreements(summarise(module), module) == []


def test_the_comparison_with_torchinfo_sees_a_wrong_row_and_a_wrong_total() -> None:
    module = plain_layers()
    right = summarise(module)
    rows = (replace(right.rows[0], multiply_adds=1), *right.rows[1:])
    assert disagreements(replace(right, rows=rows), module) == ["Conv2d-1"]
    assert disagreements(replace(right, total_parameters=1), module) == ["totals"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_totals_of_a_network_are_the_sums_of_its_rows(name: str) -> None:
    found = summarise(NETWORKS[name]())
    assert found.total_parameters == sum(row.parameters - row.counted_before for row in found.rows)
    assert found.multiply_adds == sum(row.multiply_adds or 0 for row in found.rows)
    assert found.notes == ()
    assert found.output == (10,)


def test_multiply_adds_follow_the_stated_rule() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(676, 10)
    )
    work = [row.multiply_adds for row in summarise(module).rows]
    assert work == [4 * 9 * 26 * 26, 4 * 26 * 26, 0, 0, 6760]


def test_memory_is_reckoned_as_torchsummary_does() -> None:
    memory = summarise(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())).memory
    assert memory.input_mb == 784 * 4 / 2**20
    assert memory.forward_backward_mb == 2 * 2 * (4 * 26 * 26) * 4 / 2**20
    assert memory.parameters_mb == 40 * 4 / 2**20
    assert memory.estimated_total_mb == pytest.approx((784 + 4 * 2704 + 40) * 4 / 2**20)


class Spy(nn.Module):
    """A module that would change with every run: statistics, a counter, an attribute and the random state."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
        self.frozen = nn.BatchNorm2d(2).eval()
        self.register_buffer("runs", torch.zeros(()))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.runs += 1
        x = F.batch_norm(self.conv(x), self.norm.running_mean, self.norm.running_var, training=True)
        return F.dropout(self.frozen(x) + torch.rand(()), 0.5, training=True)


def test_mode_buffers_attributes_hooks_and_random_state_are_unchanged() -> None:
    module = Spy().train()
    module.frozen.eval()
    before = copy.deepcopy(module.state_dict())
    state = torch.get_rng_state()
    summarise(module)
    assert module.training
    assert module.norm.training
    assert not module.frozen.training
    assert module.calls == 0
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())
    module(torch.zeros(2, 1, 28, 28))
    assert module.calls == 1
    assert not torch.equal(before["norm.running_mean"], module.norm.running_mean)


class Reused(nn.Module):
    """A convolution that runs twice, a tied linear layer, a loose parameter, and a layer that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3)
        self.first, self.second = nn.Linear(24, 24, bias=False), nn.Linear(24, 24, bias=False)
        self.second.weight = self.first.weight
        self.scale = nn.Parameter(torch.ones(24))
        self.idle = nn.Conv2d(1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(self.first(self.conv(self.conv(x)))) * self.scale
        return out


def test_parameters_count_once_and_the_notes_tell_what_the_rows_do_not() -> None:
    found = summarise(Reused())
    assert [(row.layer, row.parameters, row.counted_before) for row in found.rows] == [
        ("Conv2d-1", 10, 0),
        ("Conv2d-2", 10, 10),
        ("Linear-3", 576, 0),
        ("Linear-4", 576, 576),
    ]
    assert found.total_parameters == sum(each.numel() for each in Reused().parameters()) == 10 + 576 + 24 + 20
    assert found.notes == (
        "second shares 576 parameters with an earlier layer, counted once",
        "conv runs 2 times, with 10 parameters counted once",
        "scale: 24 parameters in no row, because no layer used them; they are in the total",
        "idle.weight: 18 parameters in no row, because no layer used them; they are in the total",
        "idle.bias: 2 parameters in no row, because no layer used them; they are in the total",
    )


class OnlyParameters(nn.Module):
    """A module without layers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(784, 10))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight


def test_a_module_without_layers_is_a_row_itself() -> None:
    found = summarise(OnlyParameters())
    assert [(row.layer, row.output, row.parameters, row.multiply_adds) for row in found.rows] == [
        ("OnlyParameters-1", (10,), 7840, 7840)
    ]
    assert found.notes == () and found.multiply_adds == 7840


def test_the_work_of_a_layer_that_only_has_parameters_is_not_known() -> None:
    found = summarise(nn.Sequential(nn.Flatten(), nn.Linear(784, 3), nn.PReLU()))
    assert [row.multiply_adds for row in found.rows] == [2352, None]
    assert found.notes == ("multiply-adds of PReLU-2 are not known and not in the total",)


class Sequence(nn.Module):
    """A recurrent layer returns a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.linear = nn.LSTM(28, 6, batch_first=True), nn.Linear(6, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden, _ = self.rows(x.squeeze(1))
        return self.linear(hidden[:, -1]), hidden


def test_layers_and_networks_that_return_tuples_show_their_first_tensor() -> None:
    found = summarise(Sequence())
    assert [(row.layer, row.output) for row in found.rows] == [("LSTM-1", (28, 6)), ("Linear-2", (10,))]
    assert found.output == (10,)


@pytest.mark.parametrize(
    ("module", "layers"),
    [
        (
            nn.Sequential(nn.Sequential(), nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ReLU()))),
            ["Conv2d-1", "ReLU-2"],
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 3)), ["Linear-1"]),
        (nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(10)), ["Conv2d-1", "Linear-2"]),
        (nn.Sequential(nn.Conv2d(1, 2, 3)).double(), ["Conv2d-1"]),
        (nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 3)), ["ParametrizedConv2d-1"]),
        (nn.Identity(), ["Identity-1"]),
    ],
    ids=["nested", "flatten", "lazy", "double", "parametrized", "empty"],
)
@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_modules_of_every_make_get_rows_for_what_runs(module: nn.Module, layers: list[str]) -> None:
    found = summarise(module)
    assert [row.layer for row in found.rows] == layers
    assert found.total_parameters == sum(row.parameters for row in found.rows)


class Failing(nn.Module):
    """Fails outside any layer."""

    def forward(self, x: Tensor) -> Tensor:
        raise ZeroDivisionError("on purpose\nwith a second line")


def named(**layers: nn.Module) -> nn.Sequential:
    module = nn.Sequential()
    for name, layer in layers.items():
        module.add_module(name, layer)
    return module


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (named(conv1=nn.Conv2d(1, 4, 24), conv2=nn.Conv2d(4, 4, 7)), "conv2: kernel 7 on a 5×5 map"),
        (named(conv1=nn.Conv2d(1, 4, 24), pool=nn.MaxPool2d(6)), "pool: kernel 6 on a 5×5 map"),
        (
            named(a=nn.Conv2d(1, 4, 24), b=nn.Conv2d(4, 4, 4, dilation=3, padding=1)),
            "b: kernel 4 dilated to 10 on a 5×5 map padded to 7",
        ),
        (named(a=nn.Conv2d(1, 4, (24, 20)), b=nn.Conv2d(4, 4, (7, 3))), "b: kernel 7×3 on a 5×9 map"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(8, 4, 3)), "1 (Conv2d): takes 8 channels – found 4"),
        (nn.Sequential(nn.Flatten(), nn.Linear(32, 10)), "1 (Linear): takes 32 features – found 784"),
        (nn.Linear(32, 10), "Linear: takes 32 features – found 28"),
        (Failing(), "Failing: ZeroDivisionError: on purpose"),
    ],
)
def test_a_network_that_cannot_run_is_told_in_one_line_with_its_layer(module: nn.Module, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        summarise(module)
    assert str(caught.value) == message


class Locked(nn.Sequential):
    """Holds what no copy can be made of."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(784, 10))
        self.lock = threading.Lock()
        self.files = [Path(__file__).open()]  # noqa: SIM115


def old_norms() -> nn.Module:
    """Layers whose weights are computed before each pass, in the way that torch had first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        linear = nn.utils.weight_norm(nn.Linear(784, 10))
        return nn.Sequential(nn.utils.spectral_norm(nn.Conv2d(1, 1, 1)), nn.Flatten(), linear)


def new_norms() -> nn.Module:
    weights = nn.utils.parametrizations
    return nn.Sequential(
        weights.spectral_norm(nn.Conv2d(1, 1, 1)), nn.Flatten(), weights.weight_norm(nn.Linear(784, 10))
    )


def lazy_norm() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10))


@pytest.mark.parametrize(
    ("make", "parameters"), [(Locked, 7850), (old_norms, 7862), (new_norms, 7862), (lazy_norm, 40 + 8 + 27050)]
)
@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_a_network_that_python_cannot_copy_is_summarised_and_stays_as_it_was(
    make: Callable[[], nn.Module], parameters: int
) -> None:
    module = make()
    before = {name: id(each) for name, each in module.named_parameters()}
    kept = {name: each.clone() for name, each in module.state_dict().items() if not is_lazy(each)}
    for _ in range(2):  # what the first left behind in the original would show in the second
        assert summarise(module).total_parameters == parameters
        check_classes(module)
    assert {name: id(each) for name, each in module.named_parameters()} == before
    for name, each in module.state_dict().items():
        assert is_lazy(each) or torch.equal(each, kept[name])
    for each in getattr(module, "files", []):
        each.close()


def test_a_class_is_built_and_a_file_with_one_network_needs_no_name(tmp_path: Path) -> None:
    assert summarise(OnlyParameters).total_parameters == 7840
    assert summarise(OnlyParameters).network == "OnlyParameters"
    for text in (
        "class Net(nn.Linear):\n    def __init__(self): super().__init__(28, 10)\n",
        "model = nn.Linear(28, 10)\n",
    ):
        path = tmp_path / "net.py"
        path.write_text(f"from torch import nn\n{text}")
        assert summarise(str(path)).total_parameters == 290
