"""Multiply-adds of networks of every make, against counts by hand and against torch's own counter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from handgrad.digits.layers.table import summarise
from handgrad.digits.layers.work import every_operation_apart


class By(nn.Module):
    """Layers, and a function that says what is done with them."""

    def __init__(self, do: Callable[..., Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.do = do
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.do(self, x)


def quarters(x: Tensor) -> Tensor:
    """Four pieces of each image, side by side in the batch."""
    return x.view(-1, 1, 2, 14, 2, 14).permute(0, 2, 4, 1, 3, 5).reshape(-1, 1, 14, 14)


def weights(*shape: int) -> nn.ParameterList:
    return nn.ParameterList([torch.zeros(shape)])


def lstm_first(self: By, x: Tensor) -> Tensor:
    return self.f(self.r(x[:, 0].permute(1, 0, 2))[0][-1])


def own_attention(self: By, x: Tensor) -> Tensor:
    q = self.q(x[:, 0])
    return (torch.softmax(q @ q.transpose(1, 2), -1) @ q).mean(1)


def hyper(self: By, x: Tensor) -> Tensor:
    """A convolution whose kernel is made of fewer numbers, once for all images."""
    return F.conv2d(x, (self.a.weight @ self.b.weight).view(4, 1, 3, 3)).mean((2, 3))


CASES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "convolution": (lambda: nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False), 8 * 9 * 14 * 14),
    "grouped and dilated": (
        lambda: nn.Sequential(nn.Conv2d(1, 8, 1), nn.Conv2d(8, 8, 3, groups=4, dilation=2)),
        8 * 784 + 8 * 2 * 9 * 24 * 24,
    ),
    "transposed": (lambda: nn.ConvTranspose2d(1, 6, 3, stride=2), 6 * 9 * 28 * 28),
    "one-dimensional": (lambda: By(lambda s, x: s.c(x[:, 0]), c=nn.Conv1d(28, 5, 3)), 28 * 5 * 3 * 26),
    "linear at every position": (lambda: nn.Linear(28, 16), 28 * 16 * 28),
    "batch second": (lambda: By(lambda s, x: s.p(x[:, 0].permute(1, 0, 2)).mean(0), p=nn.Linear(28, 16)), 12544),
    "patches in the batch": (
        lambda: By(lambda s, x: s.c(quarters(x)).mean((2, 3)).view(-1, 4, 4).mean(1), c=nn.Conv2d(1, 4, 3)),
        4 * 36 * 12 * 12,
    ),
    "LSTM, batch second": (
        lambda: By(lstm_first, r=nn.LSTM(28, 6), f=nn.Linear(6, 10)),
        28 * 24 * (28 + 6) + 60,
    ),
    "LSTM both ways": (
        lambda: By(lambda s, x: s.r(x[:, 0])[0], r=nn.LSTM(28, 5, batch_first=True, bidirectional=True)),
        2 * 28 * 20 * (28 + 5),
    ),
    "two layers of GRU": (
        lambda: By(lambda s, x: s.r(x[:, 0])[0], r=nn.GRU(28, 6, num_layers=2, batch_first=True)),
        28 * 18 * (28 + 6) + 28 * 18 * (6 + 6),
    ),
    "RNN": (lambda: By(lambda s, x: s.r(x[:, 0])[0], r=nn.RNN(28, 6, batch_first=True)), 28 * 6 * (28 + 6)),
    "a cell step by step": (lambda: By(lambda s, x: s.r(x[:, 0, 0]), r=nn.LSTMCell(28, 6)), 24 * (28 + 6)),
    "MultiheadAttention": (
        lambda: By(lambda s, x: s.a(x[:, 0], x[:, 0], x[:, 0])[0], a=nn.MultiheadAttention(28, 4, batch_first=True)),
        4 * 28**3 + 2 * 28**3,
    ),
    "attention without its weights": (
        lambda: By(
            lambda s, x: s.a(x[:, 0], x[:, 0], x[:, 0], need_weights=False)[0],
            a=nn.MultiheadAttention(28, 4, batch_first=True),
        ),
        4 * 28**3 + 2 * 28**3,
    ),
    "attention by hand": (lambda: By(own_attention, q=nn.Linear(28, 8)), 28 * 28 * 8 + 2 * 28 * 28 * 8),
    "a TransformerEncoderLayer": (
        lambda: By(lambda s, x: s.t(x[:, 0]), t=nn.TransformerEncoderLayer(28, 4, 32, batch_first=True)),
        6 * 28**3 + 2 * 28 * 28 * 32 + 2 * 28 * 28,
    ),
    "ParameterList": (lambda: By(lambda s, x: x.flatten(1) @ s.w[0], w=weights(784, 10)), 7840),
    "a layer's weight used by a function": (
        lambda: By(lambda s, x: F.conv2d(x, s.c.weight, s.c.bias, padding=1), c=nn.Conv2d(1, 4, 3)),
        36 * 784,
    ),
    "einsum": (lambda: By(lambda s, x: torch.einsum("bchw,kw->bk", x, s.w[0]), w=weights(10, 28)), 10 * 28),
    "a kernel made for all images": (
        lambda: By(hyper, a=nn.Linear(2, 4), b=nn.Linear(9, 2)),
        4 * 2 * 9 + 36 * 26 * 26,
    ),
    "BatchNorm": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), 36 * 676 + 4 * 676),
    "GroupNorm and LayerNorm": (lambda: nn.Sequential(nn.GroupNorm(1, 1), nn.LayerNorm(28)), 2 * 784),
    "Bilinear": (lambda: By(lambda s, x: s.b(x[:, 0, 0], x[:, 0, 1]), b=nn.Bilinear(28, 28, 3)), 3 * 784 + 3 * 28),
    "activations and pools": (lambda: nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.GELU(), nn.AvgPool2d(2)), 0),
}
OF_OURS = (
    "LSTM",
    "GRU",
    "RNN",
    "BatchNorm",
    "GroupNorm",
    "Bilinear",
    "TransformerEncoder",
    "attention without",
    "a cell",
)
"""What torch's counter does not count: normalisation, recurrent layers, attention on a CPU."""


@pytest.mark.parametrize("name", CASES)
def test_the_multiply_adds_are_those_counted_by_hand_and_half_of_torchs_operations(name: str) -> None:
    make, by_hand = CASES[name]
    module = make().eval()
    found = summarise(module)
    assert found.multiply_adds == by_hand
    assert found.total_parameters == sum(each.numel() for each in module.parameters())
    if not any(word in name for word in OF_OURS):
        image = torch.full((1, 1, 28, 28), 0.5)
        with torch.no_grad(), every_operation_apart(), FlopCounterMode(display=False) as counter:
            module(image)
        assert counter.get_total_flops() == 2 * by_hand


def test_the_batch_is_shown_where_it_stands_and_pieces_of_an_image_are_said() -> None:
    make, _ = CASES["LSTM, batch second"]
    (rows, last) = summarise(make()).rows
    assert (rows.output, rows.batch_at, rows.parameters) == ((28, 6), 1, 24 * (28 + 6 + 2))
    assert (last.output, last.batch_at) == ((10,), 0)
    found = summarise(CASES["patches in the batch"][0]())
    assert found.notes == ("c runs on 4 pieces of each image, side by side in the batch",)
    assert found.memory.forward_backward_mb == 2 * 4 * 4 * 144 * 4 / 1024**2


def test_what_reads_its_childrens_weights_itself_is_a_row_and_what_runs_in_no_row_is_in_the_total() -> None:
    (attention,) = summarise(CASES["MultiheadAttention"][0]()).rows
    assert (attention.layer, attention.parameters) == ("MultiheadAttention-1", 4 * 28 * 28 + 4 * 28)
    found = summarise(CASES["attention by hand"][0]())
    assert [row.layer for row in found.rows] == ["Linear-1"]
    assert found.notes == ("12,544 multiply-adds in no row, because no layer made them; they are in the total",)
    unused = By(lambda s, x: s.b(x), a=nn.Linear(28, 3), b=nn.Linear(28, 4))
    assert summarise(unused).notes[0].startswith("a.weight: 84 parameters in no row")
