"""Values from LibreOffice, where it is installed: it is given a copy that holds cells and known functions, nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from handgrad.errors import HandgradError
from handgrad.scratch import scratch_folder
from handgrad.system import end_group
from handgrad.text import visible
from handgrad.xlsx.formula import FormulaError, Function, parse, parts
from handgrad.xlsx.formula_text import renamed
from handgrad.xlsx.functions import KNOWN
from handgrad.xlsx.reader import Book, Cell, CellError, Sheet, Value, read_book
from handgrad.xlsx.rows import address

# Each start writes a profile again, which takes long on a slow disk.
LIMIT_S = 90
PLACES = ("/usr/bin", "/usr/local/bin", "/opt/libreoffice/program", "/Applications/LibreOffice.app/Contents/MacOS")
# Recalculate on load: always (0). Without it LibreOffice trusts the values that a file of Excel's stores.
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">
<value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse">
<value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse">
<value>true</value></prop></item>
</oor:items>
"""
PLAIN = re.compile(r"[A-Za-z0-9$+\-*/^(),.:]+")
CALLS = re.compile(r"([A-Za-z][A-Za-z0-9.]*)\(")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def office_program() -> str | None:
    """Return the path of LibreOffice, or None where it is not installed."""
    for name in ("soffice", "libreoffice"):
        # On macOS the program lies inside its application, on no path.
        found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(PLACES))
        if found is not None:
            return found
    return None


def recalculated(book: Book, limit_s: float = LIMIT_S) -> dict[str, dict[tuple[int, int], Value]] | None:
    """Return sheet → place → value as LibreOffice calculates them, or None where it is missing, fails or takes too long.

    It runs without a display, with an empty profile and home, in a network of its own where the system allows, and
    opens a clean copy only: cells, formulas of known functions, names. No macro, link, image or query is in it.
    """
    if office_program() is None:
        return None
    with scratch_folder("judge") as folder:
        write_clean(book, folder / "given.xlsx")
        made = converted(folder / "given.xlsx", folder, limit_s)
        if made is None:
            return None
        try:
            found = read_book(made)
        except HandgradError:
            return None
    values = {f"S{number}": sheet.name for number, sheet in enumerate(book.sheets, start=1)}
    return {
        values[sheet.name]: {place: cell.value for place, cell in sheet.cells.items()}
        for sheet in found.sheets
        if sheet.name in values
    }


def converted(given: Path, folder: Path, limit_s: float = LIMIT_S) -> Path | None:
    """Save a file as .xlsx with LibreOffice, in an own folder with an empty profile; None where that fails.

    *folder* is one of our scratch folders and holds the file. No macro runs, and where the system allows, the program has
    no network.
    """
    program = office_program()
    if program is None:
        return None
    profile = folder / "profile" / "user"
    profile.mkdir(parents=True)
    # A folder of its own: the output's name is the input's, and would replace it.
    (folder / "found").mkdir()
    (profile / "registrymodifications.xcu").write_text(PROFILE, encoding="utf-8")
    found = folder / "found" / f"{given.stem}.xlsx"
    command = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--norestore"]
    # The filter is named, because "xlsx" alone may be written by another one.
    command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "found"), str(given)]
    return found if _ran(command, found, folder, limit_s) else None


def _ran(command: list[str], found: Path, folder: Path, limit_s: float) -> bool:
    environment = {"HOME": str(folder), "PATH": os.pathsep.join((*PLACES, "/bin")), "LANG": "C.UTF-8"}
    # Once more without a network of its own: some containers allow unshare and then refuse what LibreOffice does
    # inside.
    for before in (_alone(), []):
        process = subprocess.Popen(
            [*before, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment, cwd=folder, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        finally:
            # The program starts helpers that outlive it; they hold the profile's lock.
            end_group(process)
        if found.is_file():
            return True
        if not before:
            break
    return False


def _alone() -> list[str]:
    """Return what puts a command into a network of its own, empty where the system does not allow it."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    command = [unshare, "--user", "--map-root-user", "--net"]
    tried = subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False)
    return command if tried.returncode == 0 else []


def write_clean(book: Book, path: Path) -> None:
    """Write a workbook of the same cells and names; sheets are called S1, S2, … and formulas follow."""
    sheets = {sheet.name.casefold(): f"S{number}" for number, sheet in enumerate(book.sheets, start=1)}
    numbers = range(1, len(book.sheets) + 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        overrides = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{KIND}.worksheet+xml"/>' for n in numbers
        )
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{TYPES}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            f'relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{KIND}.sheet.main+xml"/>{overrides}'
            "</Types>",
        )
        file.writestr("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        file.writestr(
            "xl/_rels/workbook.xml.rels", _relations([("worksheet", f"worksheets/sheet{n}.xml") for n in numbers])
        )
        tabs = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{tabs}</sheets>{_names(book, sheets)}</workbook>',
        )
        for number, sheet in zip(numbers, book.sheets, strict=True):
            file.writestr(f"xl/worksheets/sheet{number}.xml", _sheet(sheet, sheets))


def _relations(targets: list[tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{RELATIONS}">{rows}</Relationships>'


def _names(book: Book, sheets: dict[str, str]) -> str:
    rows = [
        f"<definedName name={quoteattr(name)}>{escape(text)}</definedName>"
        for name, value in book.names.items()
        if name.replace("_", "a").replace(".", "a").isalnum() and (text := _harmless(value, sheets)) is not None
    ]
    return f"<definedNames>{''.join(rows)}</definedNames>" if rows else ""


def _sheet(sheet: Sheet, sheets: dict[str, str]) -> str:
    rows: dict[int, list[str]] = {}
    for row, column in sorted(sheet.cells):
        rows.setdefault(row, []).append(_cell(sheet.cells[row, column], address(row, column), sheets))
    body = "".join(f'<row r="{row + 1}">{"".join(cells)}</row>' for row, cells in rows.items())
    return f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'


def _cell(cell: Cell, at: str, sheets: dict[str, str]) -> str:
    formula = None if cell.formula is None or cell.array else _harmless(cell.formula, sheets)
    if formula is not None:
        # Without a stored value, so that nothing can be read back unchanged.
        return f'<c r="{at}"><f>{escape(formula)}</f></c>'
    match cell.value:
        case None:
            return ""
        case CellError():
            return f'<c r="{at}" t="e"><v>{escape(visible(cell.value))}</v></c>'
        case str():
            return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(visible(cell.value))}</t></is></c>'
    return f'<c r="{at}"><v>{float(cell.value)!r}</v></c>'


def _harmless(text: str, sheets: dict[str, str]) -> str | None:
    """Return the formula with sheets renamed, or None for one that is not understood or uses any other function."""
    # Nearly every formula of a long table: cells, numbers and signs, known functions, no other sheet.
    if PLAIN.fullmatch(text) and len(text) < 500 and all(name in KNOWN for name in CALLS.findall(text)):
        return text
    try:
        tree = parse(text)
        if any(isinstance(part, Function) and part.name not in KNOWN for part in parts(tree)):
            return None
        return renamed(text, sheets)
    except FormulaError:
        return None
