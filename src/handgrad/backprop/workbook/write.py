"""Makes the plan of a network's book, sheet by sheet, and writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handgrad.backprop.limits import DEFAULT_STEPS
from handgrad.backprop.network.network import Network
from handgrad.backprop.workbook.charts import chart_data_sheet
from handgrad.backprop.workbook.checks_found import Checks
from handgrad.backprop.workbook.checks_sheet import checks_sheet
from handgrad.backprop.workbook.checks_working import checks_working_sheet
from handgrad.backprop.workbook.content import gather
from handgrad.backprop.workbook.conventions_sheet import conventions_sheet
from handgrad.backprop.workbook.derivation_sheet import derivation_sheet
from handgrad.backprop.workbook.file import write_plan
from handgrad.backprop.workbook.network_sheet import network_sheet
from handgrad.backprop.workbook.plan import Plan
from handgrad.backprop.workbook.rates_sheet import rates_sheet
from handgrad.backprop.workbook.rates_verdicts import put_features
from handgrad.backprop.workbook.rates_working import rates_working_sheet
from handgrad.backprop.workbook.training_sheet import training_sheet
from handgrad.files import check_free


def workbook_plan(network: Network, *, steps: int = DEFAULT_STEPS, rates: Sequence[float] | None = None) -> Plan:
    """Return the sheets of a network's book as data, with the value of every cell; ``rates`` replace its own.

    Raises :class:`UsageError` where steps or rates are not valid, or the network is too large for a sheet.
    """
    material = gather(network, steps, network.rates if rates is None else rates)
    checks = Checks(material)
    sheets = (
        network_sheet(material, checks.failed),
        derivation_sheet(material),
        training_sheet(material),
        rates_sheet(material),
        checks_sheet(material, checks),
        conventions_sheet(material),
        rates_working_sheet(material, put_features),
        checks_working_sheet(material, checks.checked),
        chart_data_sheet(material),
    )
    return Plan(f"Backpropagation by hand: {network.name}", sheets)


def write_workbook(
    network: Network,
    path: Path,
    *,
    steps: int = DEFAULT_STEPS,
    rates: Sequence[float] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the book of a network and return its path.

    ``steps`` is how many updates the training table shows; ``rates`` are the learning rates compared, the network's own
    if none are given. Raises
    :class:`UsageError` where the file exists (unless ``overwrite``), steps or rates are not valid, or the network is
    too large for a sheet; :class:`DiskError` where the disk refuses.
    """
    path = Path(path)
    check_free(path, overwrite=overwrite)
    return write_plan(workbook_plan(network, steps=steps, rates=rates), path, overwrite=overwrite)
