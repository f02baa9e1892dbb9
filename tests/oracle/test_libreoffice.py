"""LibreOffice, recalculating books without any cached value, finds what the program found, in every formula cell."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, find, settings

from handgrad.backprop import BiasRule, Layer, Network, Sample, UpdateOrder, UpdateRule, load_network, preset_names
from handgrad.backprop.verdicts import Outcome
from handgrad.backprop.workbook import Cell, Column, Plan, SheetPlan, workbook_bytes, workbook_plan
from handgrad.backprop.workbook.plan import CellKind
from oracle.drawn_networks import networks
from oracle.libreoffice import SOFFICE, changed_sheets, differences, recalculated, values_of, without_values

pytestmark = pytest.mark.skipif(
    SOFFICE is None, reason="LibreOffice (soffice) is not installed: apt-get install libreoffice-calc"
)
VARIANTS = ("output-first", "overflow", "bending", "momentum", "momentum-first", "adam", "adam-first")
STEPS = {"classic": 100, "classic-biased": 100, "diverging": 100, "xor": 40, "three-classes": 20}


def with_sheet(plan: Plan, name: str, change: Callable[[SheetPlan], SheetPlan]) -> Plan:
    return dataclasses.replace(plan, sheets=tuple(change(s) if s.name == name else s for s in plan.sheets))


def with_cell(plan: Plan, sheet: str, at: tuple[int, int], **changes: object) -> Plan:
    def change(old: SheetPlan) -> SheetPlan:
        cell: Cell = dataclasses.replace(old.cells[at], **changes)  # type: ignore[arg-type]
        return dataclasses.replace(old, cells={**old.cells, at: cell})

    return with_sheet(plan, sheet, change)


def with_column(plan: Plan, name: str, change: Callable[[Column], Column]) -> Plan:
    def changed(old: SheetPlan) -> SheetPlan:
        (table,) = old.tables
        columns = tuple(change(column) if column.name == name else column for column in table.columns)
        return dataclasses.replace(old, tables=(dataclasses.replace(table, columns=columns),))

    return with_sheet(plan, "Training", changed)


def small(network: Network) -> Plan:
    return workbook_plan(network, steps=6, rates=(0.5, 2.0))


def variants() -> dict[str, Plan]:
    """Books whose formulas no preset has: both orders, optimizers, overflow, kinks."""
    biased, xor = (load_network(name) for name in ("classic-biased", "xor"))
    unbounded = (Layer(2), Layer(2, "identity"))
    shared = dataclasses.replace(biased, bias=BiasRule.LAYER, layers=unbounded, learning_rate=50.0)
    bending = dataclasses.replace(
        xor, layers=tuple(dataclasses.replace(layer, activation="relu") for layer in xor.layers), biases=()
    )
    plans = {
        "output-first": small(dataclasses.replace(biased, order=UpdateOrder.OUTPUT_FIRST)),
        "overflow": workbook_plan(shared, steps=150, rates=(0.5, 50.0)),
        "bending": small(bending),
    }
    for rule in (UpdateRule.MOMENTUM, UpdateRule.ADAM):
        update = dataclasses.replace(xor.update, rule=rule)
        plans[rule] = small(dataclasses.replace(xor, update=update))
        plans[f"{rule}-first"] = small(dataclasses.replace(xor, update=update, order=UpdateOrder.OUTPUT_FIRST))
    return plans


def planted() -> dict[str, Plan]:
    """Books with a mistake, and books whose input cells say something else than they were written with."""
    plan = small(load_network("classic"))
    wrong = "-AH{+0}*O{+0}"
    return {
        "wrong-formula": with_cell(plan, "Learning rates", (7, 1), formula="0.5*0.5"),
        "wrong-gradient": with_column(
            plan, "dE/dw5", lambda column: dataclasses.replace(column, first=wrong, following=wrong)
        ),
        "wrong-later": with_column(plan, "dE/dw5", lambda column: dataclasses.replace(column, following=wrong)),
        "wrong-delta": with_column(
            plan, "delta_h1", lambda column: dataclasses.replace(column, first="AH{+0}", following="AH{+0}")
        ),
        "changed-rate": with_cell(plan, "Network", rate_cell(plan), value=2.0),
        "changed-step": with_cell(plan, "Network", plan["Network"].names["step_shown"][:2], value=6.0),
    }


def said() -> dict[str, Plan]:
    """Books whose rates were picked so that most verdicts are said: steps too small, too large, flat units of each kind."""
    stuck = Network(
        name="dead", layers=(Layer(1, "relu"), Layer(1, "identity")), samples=(Sample((1.0,), (0.5,)),), weights=(-1, 2)
    )  # fmt: skip
    books: dict[str, tuple[Network, tuple[float, ...]]] = {
        "classic": (load_network("classic"), (1e-6, 1e4, 1e6)),
        "three-classes": (load_network("three-classes"), (2.0, 5.0, 10.0)),
        "diverging": (load_network("diverging"), (2.0, 5.0, 50.0)),
        "xor": (load_network("xor"), (0.5, 50.0, 1e4)),
        "dead": (stuck, (1e-6, 0.1)),  # all end alike: the first is named, in the digits of a spreadsheet
        "far-out": (
            dataclasses.replace(stuck, layers=(Layer(1, "tanh"), Layer(1, "identity")), weights=(50, 2)),
            (1e-6, 0.1),
        ),
    }
    return {f"said-{name}": workbook_plan(network, steps=12, rates=rates) for name, (network, rates) in books.items()}


SAID = ("said-classic", "said-three-classes", "said-diverging", "said-xor", "said-dead", "said-far-out")


def rate_cell(plan: Plan) -> tuple[int, int]:
    return plan["Network"].names["learning_rate"][:2]


def long_but(quick: str, names: list[str]) -> list[object]:
    """The names as parameters, all but one of them for the long proofs."""
    return [name if name == quick else pytest.param(name, marks=pytest.mark.long) for name in names]


@pytest.fixture(scope="module")
def plans(request: pytest.FixtureRequest) -> dict[str, Plan]:
    quick = {"classic": workbook_plan(load_network("classic"), steps=100)} | planted() | said()
    if not any(item.get_closest_marker("long") for item in request.session.items):
        return quick
    presets = {name: workbook_plan(load_network(name), steps=STEPS.get(name, 20)) for name in preset_names()}
    others = variants()
    assert set(others) == set(VARIANTS)
    return presets | others | quick


@pytest.fixture(scope="module")
def found(plans: Mapping[str, Plan], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    books = {name: without_values(workbook_bytes(plan)) for name, plan in plans.items()}
    return recalculated(books | {"stored": wrongly_stored()}, tmp_path_factory.mktemp("office"))


def wrongly_stored() -> bytes:
    """A book in which a cell stores another value than its formula gives."""
    book = workbook_bytes(small(load_network("classic")))
    changed = changed_sheets(book, lambda _, xml: xml.replace("<v>0.24251985734072366</v>", "<v>7</v>"))
    assert changed != book
    return changed


@pytest.mark.parametrize("name", long_but("classic", [*preset_names(), *VARIANTS]))
def test_every_formula_recalculates_to_its_value(
    name: str, plans: Mapping[str, Plan], found: Mapping[str, Path]
) -> None:
    assert not differences(plans[name], found[name])[:10]


@pytest.mark.parametrize("name", long_but("classic", [*preset_names(), *VARIANTS]))
def test_no_cell_holds_an_error(name: str, found: Mapping[str, Path]) -> None:
    errors = [
        (sheet, at, value)
        for sheet, cells in values_of(found[name]).items()
        for at, value in cells.items()
        if isinstance(value, str) and value.startswith("#")
    ]
    assert not errors


@pytest.mark.parametrize("name", SAID)
def test_the_verdicts_on_rates_recalculate_to_what_was_said(
    name: str, plans: Mapping[str, Plan], found: Mapping[str, Path]
) -> None:
    sheets = ("Learning rates", "Rates working")
    plan = dataclasses.replace(plans[name], sheets=tuple(s for s in plans[name].sheets if s.name in sheets))
    assert len(plan.sheets) == 2 and not differences(plan, found[name])[:10]


def test_the_books_on_rates_say_most_of_what_can_be_said(plans: Mapping[str, Plan], found: Mapping[str, Path]) -> None:
    told = set()
    for name in SAID:
        cells = values_of(found[name])["Learning rates"]
        # Formulas alone: the sheet also lists what every verdict means.
        said = [str(cells.get(at)) for at in plans[name].values()["Learning rates"]]
        told |= {outcome for outcome in Outcome if any(each.startswith(outcome.value) for each in said)}
    # No run of no step is shown, and to hold still or rise for an exact step is for curves that tests make up.
    assert set(Outcome) - told <= {Outcome.NOT_TRAINED, Outcome.NOTHING, Outcome.ZIGZAGS_ONLY, Outcome.NEVER_RISES}


def test_no_value_was_left_for_libreoffice_to_read_back() -> None:
    import openpyxl

    plan = small(load_network("classic"))
    read = openpyxl.load_workbook(io.BytesIO(without_values(workbook_bytes(plan))), data_only=True)
    left = [f"{name}!{at}" for name, cells in plan.values().items() for at in cells if read[name][at].value is not None]
    assert not left


def test_a_wrong_cached_value_is_caught(plans: Mapping[str, Plan], found: Mapping[str, Path]) -> None:
    def worse(column: Column) -> Column:
        values = list(column.values)
        assert isinstance(values[40], float)
        values[40] += 1e-6
        return dataclasses.replace(column, values=values)

    wrong = with_column(plans["classic"], "a_o2", worse)
    caught = differences(wrong, found["classic"])
    assert len(caught) == 1 and caught[0].startswith("Training!U46: LibreOffice finds")


def test_libreoffice_recalculates_also_where_a_wrong_value_is_stored(found: Mapping[str, Path]) -> None:
    assert not differences(small(load_network("classic")), found["stored"])


def test_a_wrong_formula_is_caught(plans: Mapping[str, Plan], found: Mapping[str, Path]) -> None:
    caught = differences(plans["wrong-formula"], found["wrong-formula"])
    assert any(line.startswith("Learning rates!B8: LibreOffice finds 0.25") for line in caught)


@pytest.mark.parametrize("name", ["wrong-gradient", "wrong-later", "wrong-delta"])
def test_a_wrong_gradient_formula_turns_the_checks_red(name: str, found: Mapping[str, Path]) -> None:
    cells = values_of(found[name])["Checks"]
    assert isinstance(cells["B4"], int) and cells["B4"] > 0
    assert "DIFFERS" in cells.values()
    assert values_of(found[name])["Network"] and "All checks pass." not in values_of(found[name])["Network"].values()


def test_the_right_formulas_leave_the_checks_green(found: Mapping[str, Path]) -> None:
    assert values_of(found["classic"])["Checks"]["B4"] == 0


def test_a_changed_input_cell_reaches_every_sheet(plans: Mapping[str, Plan], found: Mapping[str, Path]) -> None:
    """The book written for 0.5 and set to 2.0 shows what a book written for 2.0 shows; the checks say so."""
    other = small(dataclasses.replace(load_network("classic"), learning_rate=2.0))
    caught = differences(other, found["changed-rate"])
    changed = [line for line in caught if not line.startswith(("Checks!", "Network!B2"))]
    # What takes another training says that it holds for the first numbers only.
    assert changed and all(re.search("as first written', the plan says '.*as written'", line) for line in changed)
    cells = values_of(found["changed-rate"])["Checks"]
    assert "numbers changed" in cells.values() and cells["B4"] == 0
    assert differences(plans["changed-rate"], found["changed-rate"])


def test_the_step_shown_moves_the_drawing_and_the_derivation(
    plans: Mapping[str, Plan], found: Mapping[str, Path]
) -> None:
    plan = plans["changed-step"]
    cells = values_of(found["changed-step"])
    training = {cell.value: at for at, cell in plan["Training"].cells.items() if at[0] == 4}
    assert plan["Training"].tables[0].top == 5
    expected = next(c for c in plan["Training"].tables[0].columns if c.name == "E_total").values[6]
    assert training["E_total"] == (4, 23)
    derived = [at for at, cell in plan["Derivation"].cells.items() if cell.value == "E_total" and at[1] == 1]
    row = derived[0][0] + 1
    assert cells["Derivation"][f"G{row}"] == pytest.approx(expected, rel=1e-9)
    assert cells["Derivation"][f"H{row}"] == "Training!X12"
    shown = [cell.value for cell in plan["Network"].cells.values() if cell.kind is CellKind.FORMULA]
    assert shown


@pytest.mark.long
def test_random_networks_recalculate_to_their_values(tmp_path: Path) -> None:
    plans: dict[str, Plan] = {}
    collected: list[Network] = []

    def collect(network: Network) -> bool:
        collected.append(network)
        return len(collected) >= 80

    find(
        networks(order=None), collect,
        settings=settings(max_examples=400, derandomize=True, database=None, suppress_health_check=list(HealthCheck)),
    )  # fmt: skip
    for number, network in enumerate(collected[:80]):
        plans[f"drawn{number}"] = workbook_plan(network, steps=4, rates=(0.1, 2.0))
    found = recalculated({name: without_values(workbook_bytes(plan)) for name, plan in plans.items()}, tmp_path)
    for name, plan in plans.items():
        assert not differences(plan, found[name])[:5], (name, collected[int(name[5:])])
        checks = values_of(found[name])["Checks"]
        assert checks["B4"] == 0, (name, collected[int(name[5:])])
