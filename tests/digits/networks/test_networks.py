"""The networks against their published layer tables, and what holds for every member of the registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from handgrad.digits.layers.shape_check import check_classes
from handgrad.digits.layers.table import summarise
from handgrad.digits.networks.published import NETWORKS, count_parameters
from handgrad.digits.networks.sizes import PARAMETERS
from handgrad.runs.layers import LayerTable

PUBLISHED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "published_networks.json").read_text(encoding="utf-8")
)


def differences(found: LayerTable, published: dict[str, Any]) -> list[str]:
    """Return where a table departs from the published one: type, place, shape or parameters of a row, or the total."""
    mine = [(row.layer, list(row.output), row.parameters) for row in found.rows]
    theirs = [(row["layer"], row["output"], row["parameters"]) for row in published["rows"]]
    wrong = [f"{a} is not {b}" for a, b in zip(mine, theirs, strict=False) if a != b]
    if len(mine) != len(theirs):
        wrong.append(f"{len(mine)} rows, not {len(theirs)}")
    if found.total_parameters != published["total_parameters"]:
        wrong.append(f"{found.total_parameters} parameters, not {published['total_parameters']}")
    return wrong


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_row_of_a_published_network_is_met_exactly(name: str) -> None:
    assert differences(summarise(NETWORKS[name](), name=name), PUBLISHED[name]) == []


def test_the_comparison_sees_a_wrong_shape_a_wrong_count_a_missing_row_and_a_wrong_total() -> None:
    found = summarise(NETWORKS["squeeze-16k"]())
    for change in (
        lambda rows: rows[3].update(output=[32, 24, 23]),
        lambda rows: rows[0].update(parameters=161),
        lambda rows: rows[0].update(layer="Conv2d-2"),
        lambda rows: rows.pop(),
    ):
        published = json.loads(json.dumps(PUBLISHED["squeeze-16k"]))
        change(published["rows"])
        assert len(differences(found, published)) == 1
    assert differences(found, PUBLISHED["squeeze-16k"] | {"total_parameters": 16453}) == ["16452 parameters, not 16453"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_rows_sum_to_the_published_total(name: str) -> None:
    assert sum(row["parameters"] for row in PUBLISHED[name]["rows"]) == PUBLISHED[name]["total_parameters"]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_ten_finite_scores_an_image_and_stays_below_20000_parameters(name: str) -> None:
    network = NETWORKS[name]()
    check_classes(network)
    assert count_parameters(network) < 20_000
    assert torch.isfinite(network.eval()(torch.randn(3, 1, 28, 28))).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_of_a_network_gets_a_gradient(name: str) -> None:
    network = NETWORKS[name]()
    nn.functional.cross_entropy(network(torch.randn(8, 1, 28, 28)), torch.arange(8)).backward()
    idle = [path for path, each in network.named_parameters() if each.grad is None or not each.grad.abs().sum() > 0]
    # A bias in front of BatchNorm has a gradient of rounding errors only, which may be zero.
    assert not [path for path in idle if not path.endswith("bias")]


@pytest.mark.parametrize("name", NETWORKS)
def test_an_image_is_scored_alike_alone_and_among_others(name: str) -> None:
    network = NETWORKS[name]().eval()
    images = torch.randn(5, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(network(images)[2:3], network(images[2:3]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_says_its_parameters_in_its_description(name: str) -> None:
    said = (NETWORKS[name].__doc__ or "").split(" parameters")[0]
    assert said == f"{count_parameters(NETWORKS[name]()):,}"


def test_the_dropout_of_squeeze_is_as_published() -> None:
    rates = [each.p for each in NETWORKS["squeeze-16k"]().modules() if isinstance(each, nn.Dropout2d)]
    assert rates == [0.1, 0.1, 0.069]


def test_the_stored_sizes_are_those_of_the_networks() -> None:
    assert {name: count_parameters(build()) for name, build in NETWORKS.items()} == PARAMETERS
