"""Networks by name: the registry, the user's own file, and one line for all that can be wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from handgrad.digits.layers.shape_check import check_classes
from handgrad.digits.networks.lazy import with_weights
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import NETWORKS
from handgrad.errors import UsageError

SOURCE = """
from torch import nn
from neighbour import WIDTH

class Net(nn.Sequential):
    def __init__(self, width=WIDTH):
        super().__init__(nn.Flatten(), nn.Linear(784, width))

class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()

def make():
    return Net(9)

ready = Net(3)
number = 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("WIDTH = 10\n")
    path = tmp_path / "net.py"
    path.write_text(SOURCE)
    return path


def outputs(network: nn.Module) -> int:
    return len(network(torch.zeros(1, 1, 28, 28))[0])


@pytest.mark.parametrize(("name", "count"), [("Net", 10), ("make", 9), ("ready", 3)])
def test_a_class_a_function_and_a_module_of_a_file_are_networks(file: Path, name: str, count: int) -> None:
    before = list(sys.path)
    assert outputs(load_network(f"{file}:{name}")) == count
    assert sys.path == before


def test_the_registry_makes_a_new_network_each_time() -> None:
    assert type(load_network("gap10-17k")) is NETWORKS["gap10-17k"]
    assert load_network("gap10-17k") is not load_network("gap10-17k")


def test_two_files_of_one_name_are_two_networks(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "net.py"
    other.parent.mkdir()
    other.write_text("from torch import nn\nNet = lambda: nn.Flatten()\n")
    assert outputs(load_network(f"{other}:Net")) == 784
    assert outputs(load_network(f"{file}:Net")) == 10


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("squeze-16k", 'network "squeze-16k" is not known – did you mean "squeeze-16k"?'),
        ("xyz", 'network "xyz" is not known – known: squeeze-16k, '),
        ("{file}:Nett", '{file} has no "Nett" – did you mean "Net"?'),
        ("{file}:Other", '{file} has no "Other" – found Net, Needs, ready'),
        ("{file}", "{file} alone does not say which network – found Net, Needs, ready – write {file}:Net"),
        (
            "{file}:Needs",
            "{file}:Needs() fails: TypeError: Needs.__init__() missing 1 required positional argument: 'width'",
        ),
        ("{file}:number", "{file}:number gives int – an nn.Module, or a class or function that makes one, is needed"),
        ("{folder}/none.py:Net", "{folder}/none.py is not there – found nothing – give the path of a Python file"),
        ("{folder}:Net", "{folder} is not there – found a folder – give the path of a Python file"),
    ],
)
def test_a_wrong_name_is_told_in_one_line(file: Path, name: str, message: str) -> None:
    places = {"file": str(file), "folder": str(file.parent)}
    with pytest.raises(UsageError) as caught:
        load_network(name.format(**places))
    assert str(caught.value).startswith(message.format(**places))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import torch\nclass Net(:\n", "line 2: "),
        ("x = 1\ny = x / 0\n", "line 2: ZeroDivisionError: division by zero – correct the file"),
        ("raise SystemExit(0)\n", "line 1: SystemExit: 0 – correct the file"),
        ("import no_such_module\n", "line 1: this Python has no module no_such_module – install it"),
        (
            "def Net():\n    raise AssertionError('Torch not compiled with CUDA enabled')\n",
            "Net() asks for a graphics processor",
        ),
        ("def Net():\n    raise ValueError\n", "() fails: ValueError – it must work without arguments"),
    ],
)
def test_a_file_that_fails_is_told_with_its_line(tmp_path: Path, source: str, message: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source)
    with pytest.raises(UsageError) as caught:
        load_network(f"{path}:Net")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class Rows(nn.Module):
    """Mixes the images of a batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(-1, 28)[:100, :10]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 9)), "Net returns [128, 9] – 10 classes are needed"),
        (nn.Conv2d(1, 10, 28), "Net returns [128, 10, 1, 1] – [128, 10] is needed, one row of scores per image"),
        (Rows(), "Net returns [100, 10] – [128, 10] is needed, one row of scores per image"),
        (nn.LSTM(28, 10, batch_first=True), "Net: "),
    ],
)
def test_a_network_of_the_wrong_shape_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_classes(module, name="Net")
    assert str(caught.value).startswith(message)


def test_a_network_that_returns_a_tuple_is_refused() -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, int]:
            return x, 1

    with pytest.raises(UsageError, match=r"^Pair returns a tuple – a tensor \[128, 10\] is needed$"):
        check_classes(Pair())


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_lazy_layers_get_their_weights_from_the_seed_before_a_training_begins() -> None:
    def made(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        layers = nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10)
        return with_weights(nn.Sequential(*layers))

    first, again, other = made(1), made(1), made(2)
    assert sum(each.numel() for each in first.parameters()) == 40 + 8 + 27050 and first.training
    assert torch.equal(first[3].weight, again[3].weight) and not torch.equal(first[3].weight, other[3].weight)  # type: ignore[index]
    assert float(first[1].running_mean.abs().sum()) == 0  # type: ignore[index]
    plain = nn.Linear(3, 4)
    assert with_weights(plain) is plain
