"""Has LibreOffice recalculate workbooks from which every cached value was removed, and compares cell by cell."""

from __future__ import annotations

import html
import io
import math
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import openpyxl

from handgrad.backprop.workbook import CellKind, Plan
from handgrad.xlsx.writer import Value, address

SOFFICE = shutil.which("soffice")
SECONDS, SECONDS_A_BOOK = 120, 20
"""What LibreOffice may take: a hundred books in one call on a slow, busy machine took eight minutes."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:E[+-]?\d+)?")
NO_SIZE = re.compile(r"\(-?(0\.0+)\)")
FORMULA_CELL = re.compile(
    r'(<c r="[A-Z]+\d+"[^>]*?)( t="\w+")?(>)(<f(?: [^>]*)?(?:/>|>[^<]*</f>))<v>.*?</v>', re.DOTALL
)
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">
<value>0</value></prop></item></oor:items>
"""


def changed_sheets(book: bytes, change: Callable[[str, str], str]) -> bytes:
    """The workbook with ``change(sheet name, xml)`` applied to every sheet."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        names = re.findall(r'<sheet name="([^"]+)"', old.read("xl/workbook.xml").decode())
        paths = {f"xl/worksheets/sheet{number}.xml": name for number, name in enumerate(names, start=1)}
        for info in old.infolist():
            data = old.read(info)
            if info.filename in paths:
                data = change(paths[info.filename], data.decode()).encode()
            new.writestr(info.filename, data)
    return result.getvalue()


def without_values(book: bytes) -> bytes:
    """The workbook with no cached value in any formula cell, so that nothing can be read back unchanged."""
    return changed_sheets(book, lambda _, xml: FORMULA_CELL.sub(r"\1\3\4", xml))


def recalculated(books: Mapping[str, bytes], folder: Path) -> dict[str, Path]:
    """The workbooks as LibreOffice writes them after recalculating; one start for all of them."""
    return converted(books, folder, "xlsx:Calc MS Excel 2007 XML", "xlsx")


def converted(books: Mapping[str, bytes], folder: Path, form: str, ending: str) -> dict[str, Path]:
    """The workbooks in another form, written by LibreOffice after recalculating; one start for all of them."""
    given, found, profile = folder / "given", folder / "found", folder / "profile" / "user"
    for path in (given, found, profile):
        path.mkdir(parents=True)
    (profile / "registrymodifications.xcu").write_text(PROFILE, encoding="utf-8")
    paths = []
    for name, book in books.items():
        paths.append(given / f"{name}.xlsx")
        paths[-1].write_bytes(book)
    command = [str(SOFFICE), f"-env:UserInstallation={profile.parent.as_uri()}", "--headless", "--norestore"]
    command += ["--convert-to", form, "--outdir", str(found), *map(str, paths)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS + SECONDS_A_BOOK * len(books), check=False
    )
    missing = [path.name for path in paths if not (found / path.with_suffix(f".{ending}").name).exists()]
    assert not missing, f"LibreOffice did not convert {missing}: {done.stderr}"
    return {name: found / f"{name}.{ending}" for name in books}


def shown_numbers(page: Path) -> list[tuple[float, str]]:
    """Every number cell of a book that LibreOffice wrote as HTML: its value, and the text that it shows."""
    cells = re.findall(r'sdval="([^"]*)"[^>]*>(.*?)</td>', page.read_text(encoding="utf-8"), re.DOTALL)
    return [(float(value), html.unescape(re.sub(r"<[^>]*>", "", text)).strip()) for value, text in cells]


def values_of(path: Path) -> dict[str, dict[str, object]]:
    """Sheet → address → value of every cell that is not empty."""
    book = openpyxl.load_workbook(path, data_only=True, read_only=False)
    return {
        sheet.title: {
            cell.coordinate: cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None
        }
        for sheet in book.worksheets
    }


def differences(plan: Plan, path: Path, tolerance: float = 1e-9) -> list[str]:
    """Every formula cell of the plan whose recalculated value is another one; at most one line each."""
    found = values_of(path)
    return [
        f"{sheet}!{place}: LibreOffice finds {found[sheet].get(place)!r}, the plan says {value!r}"
        for sheet, cells in plan.values().items()
        for place, value in cells.items()
        if not same(value, found[sheet].get(place), tolerance)
    ]


def same(expected: Value, found: object, tolerance: float) -> bool:
    """Numbers agree relative to their size (or 1); texts agree, numbers in them up to their last digit."""
    if isinstance(expected, str):
        return isinstance(found, str) and _same_text(expected, found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    return math.isclose(expected, found, rel_tol=tolerance, abs_tol=tolerance)


def _same_text(expected: str, found: str) -> bool:
    # The sign of what rounds to 0 is rounding too.
    expected, found = (NO_SIZE.sub(r"\1", text) for text in (expected, found))
    if expected == found:
        return True
    numbers, others = NUMBER.findall(expected), NUMBER.findall(found)
    return NUMBER.split(expected) == NUMBER.split(found) and all(
        abs(float(a) - float(b)) <= 1.01 * 10.0 ** -len(a.partition(".")[2]) and "." in a
        for a, b in zip(numbers, others, strict=True)
        if a != b
    )


def formulas_of(book: bytes) -> dict[str, set[str]]:
    """Sheet → addresses of all formula cells, as another reader sees them."""
    read = openpyxl.load_workbook(io.BytesIO(book))
    return {
        sheet.title: {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"}
        for sheet in read.worksheets
    }


def planned_formulas(plan: Plan) -> dict[str, set[str]]:
    """The same from the plan."""
    return {
        sheet.name: {address(*at) for at, cell in sheet.all_cells() if cell.kind is CellKind.FORMULA}
        for sheet in plan.sheets
    }


__all__: Sequence[str] = [
    "converted", "differences", "formulas_of", "planned_formulas", "recalculated", "same", "shown_numbers", "without_values",
]  # fmt: skip
