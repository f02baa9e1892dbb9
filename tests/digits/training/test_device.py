"""The machine follows from network, batch and processor; the probe, where it is asked for, leaves everything as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from handgrad.allowance import usable_cores
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.training import device
from handgrad.digits.training.device import choose_machine, multiply_adds, using
from handgrad.errors import MissingError, UsageError
from handgrad.runs.environment import Machine


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, bool], float]:
    """Let the probe read its times from a table of (threads, bf16)."""
    table: dict[tuple[int, bool], float] = {}
    monkeypatch.setattr(device, "probe", lambda network, batch, threads, bf16, kind: table[threads, bf16])
    monkeypatch.setattr(device, "usable_cores", lambda: 4)
    return table


@pytest.mark.parametrize(
    ("fp32", "bf16", "one", "chosen"),
    [
        (2.0, 1.0, 3.0, ("bf16", 4)),
        (1.0, 0.95, 3.0, ("fp32", 4)),  # a gain within the noise is none
        (1.0, 2.0, 0.5, ("fp32", 1)),
        (1.0, 2.0, 0.95, ("fp32", 4)),
    ],
)
def test_what_is_clearly_faster_is_chosen(
    times: dict[tuple[int, bool], float], fp32: float, bf16: float, one: float, chosen: tuple[str, int]
) -> None:
    times |= {(4, False): fp32, (4, True): bf16, (1, False): one, (1, True): one}
    machine = choose_machine(NETWORKS["stem-16k"](), 32, device="cpu", precision="probe")
    assert (machine.precision, machine.threads) == chosen


def test_what_is_asked_for_is_not_probed(times: dict[tuple[int, bool], float]) -> None:
    machine = choose_machine(NETWORKS["stem-16k"](), 32, device="cpu", precision="bf16", threads=3)
    assert machine == Machine("cpu", "bf16", 3)


def test_the_real_probe_leaves_threads_random_state_and_network_alone() -> None:
    network = NETWORKS["stem-16k"]()
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    machine = choose_machine(network, 16, device="cpu", precision="probe")
    assert machine.precision in ("fp32", "bf16")
    assert 1 <= machine.threads <= usable_cores()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


@pytest.mark.parametrize(
    ("network", "batch", "amx", "cores", "chosen"),
    [
        ("squeeze-16k", 128, False, 2, ("fp32", 2)),
        ("squeeze-16k", 128, True, 2, ("bf16", 2)),
        ("squeeze-16k", 4, True, 64, ("bf16", 1)),
        ("squeeze-16k", 128, False, 64, ("fp32", 43)),  # 3.38 million multiply-adds per image
        ("narrow-5k", 128, True, 8, ("fp32", 3)),  # too little to multiply for bf16
        ("linear", 60_000, False, 8, ("fp32", 8)),
        ("linear", 64, False, 8, ("fp32", 1)),
    ],
)
def test_network_batch_and_processor_decide_and_no_clock(
    network: str, batch: int, amx: bool, cores: int, chosen: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> float:
        raise AssertionError("a clock was asked")

    monkeypatch.setattr(device, "probe", refuse)
    monkeypatch.setattr(device.time, "perf_counter", refuse)
    monkeypatch.setattr(device, "usable_cores", lambda: cores)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx}, raising=False)
    machine = choose_machine({**NETWORKS, "linear": linear}[network](), batch, device="cpu")
    assert (machine.precision, machine.threads) == chosen


def test_looking_at_the_work_of_a_network_leaves_it_and_the_random_state_alone() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(2704, 10))
    before, state = {name: value.clone() for name, value in network.state_dict().items()}, torch.get_rng_state()
    assert multiply_adds(network) == 26 * 26 * 4 * 9 + 2704 * 10
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_the_threads_are_given_back_afterwards() -> None:
    before = torch.get_num_threads()
    with using(Machine("cpu", "fp32", 2)):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match='--device "gpu" – choose one of auto, cpu, cuda'):
        choose_machine(NETWORKS["stem-16k"](), 16, device="gpu")
    with pytest.raises(UsageError, match='--precision "fp8" – choose one of auto, fp32, bf16, probe'):
        choose_machine(NETWORKS["stem-16k"](), 16, precision="fp8")


def test_cuda_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MissingError, match="no CUDA device"):
        choose_machine(NETWORKS["stem-16k"](), 16, device="cuda")
