"""JSON and CSV of a training: every quantity of every step, exact, and harmless to whatever opens them."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math

import pytest
from hypothesis import Phase, given, settings

from handgrad.backprop import Network, Trace, UpdateOrder, load_network, preset_names, trace
from handgrad.backprop.export import csv_chunks, export_columns, json_chunks
from handgrad.backprop.network.file import network_table, parse_network
from oracle.drawn_networks import networks

CLASSIC_HEADER = (
    "step t1 t2 i1 i2 w1 w2 w3 w4 w5 w6 w7 w8 h1 a_h1 h2 a_h2 o1 a_o1 o2 a_o2 E1 E2 E_total "
    "∂E/∂w1 ∂E/∂w2 ∂E/∂w3 ∂E/∂w4 ∂E/∂w5 ∂E/∂w6 ∂E/∂w7 ∂E/∂w8"
)


def read_csv(done: Trace) -> list[list[str]]:
    text = b"".join(csv_chunks(done)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def read_json(done: Trace) -> dict[str, dict[str, list[float | None]]]:
    loaded: dict[str, dict[str, list[float | None]]] = json.loads(
        "".join(json_chunks(done)), parse_constant=refuse_constant
    )
    return loaded


def overflowing() -> Trace:
    network = dataclasses.replace(load_network("diverging"), learning_rate=1e200)
    done = trace(network, 5)
    assert done.diverged_at is not None
    return done


@pytest.mark.parametrize("name", preset_names())
def test_every_quantity_of_every_step_comes_back_exactly_from_both(name: str) -> None:
    done = trace(load_network(name), 7)
    rows, document = read_csv(done), read_json(done)
    columns = export_columns(done.graph)
    assert sorted(columns) == sorted(done.graph.names)
    assert rows[0][1:] == [done.graph[column].label for column in columns]
    assert [row[0] for row in rows[1:]] == [str(step) for step in range(8)]
    for index, column in enumerate(columns, start=1):
        assert [float(row[index]) for row in rows[1:]] == done[column].tolist()
        assert document["values"][column] == done[column].tolist()


def test_the_csv_of_the_classic_network_begins_with_the_header_of_the_sheet() -> None:
    assert " ".join(read_csv(trace(load_network("classic"), 1))[0]).startswith(f"{CLASSIC_HEADER} ")


@settings(max_examples=20, deadline=None, derandomize=True, phases=[Phase.generate])
@given(network=networks())
def test_both_orders_of_the_updates_give_the_same_columns_in_the_same_order(network: Network) -> None:
    other = dataclasses.replace(network, order=UpdateOrder.OUTPUT_FIRST)
    assert read_csv(trace(network, 0))[0] == read_csv(trace(other, 0))[0]


def test_more_rows_than_are_written_at_once_stay_in_order() -> None:
    rows = read_csv(trace(load_network("xor"), 2500))
    assert [row[0] for row in rows[1:]] == [str(step) for step in range(2501)]


def test_a_number_that_overflowed_is_null_in_json_and_diverged_in_csv() -> None:
    done = overflowing()
    rows, document = read_csv(done), read_json(done)
    errors = document["values"]["E_total"]
    assert errors[-1] is None and errors[0] == done["E_total"][0]
    place = rows[0].index("E_total")
    assert rows[-1][place] == "diverged" and float(rows[1][place]) == done["E_total"][0]
    words = {cell for row in rows[1:] for cell in row if not math.isfinite(_number(cell))}
    assert words == {"diverged"}


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


@pytest.mark.parametrize("name", preset_names())
def test_the_network_in_the_json_describes_the_same_network(name: str) -> None:
    import tomli_w

    network = load_network(name)
    assert parse_network(tomli_w.dumps(network_table(network))) == network
