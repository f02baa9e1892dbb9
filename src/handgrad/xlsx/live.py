"""A workbook of our own worked by LibreOffice: one cell is given number after number, and others are read each time.

The macro that does it lies in a profile made for the purpose, never in a book. Nobody else's book is opened so.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from handgrad.scratch import scratch_folder
from handgrad.system import end_group
from handgrad.xlsx.libreoffice import PLACES, office_program

MACRO = """Sub Main
  Dim hidden(0) As New com.sun.star.beans.PropertyValue
  hidden(0).Name = "Hidden"
  hidden(0).Value = True
  began = GetSystemTicks()
  book = StarDesktop.loadComponentFromURL("{book}", "_blank", 0, hidden())
  opened = GetSystemTicks() - began
  began = GetSystemTicks()
  book.calculateAll()
  file = FreeFile
  Open "{found}" For Output As #file
  Print #file, opened & ";" & (GetSystemTicks() - began)
  chosen = book.Sheets.getByName("{sheet}").getCellByPosition({column}, {row})
  cells = book.Sheets.getByName("{read_sheet}").getCellRangeByPosition({left}, {top}, {right}, {bottom})
  For number = 1 To {count}
    began = GetSystemTicks()
    chosen.Value = number
    book.calculate()
    values = cells.getData()
    text = "" & (GetSystemTicks() - began)
    For down = 0 To UBound(values)
      For place = 0 To UBound(values(down))
        text = text & ";" & values(down)(place)
      Next
    Next
    Print #file, text
  Next
  Close #file
  book.close(True)
  StarDesktop.terminate()
End Sub
"""
# Without it the first start fills the profile again, over our macro.
SET_UP = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/Office"><prop oor:name="ooSetupInstCompleted" oor:op="fuse">
<value>true</value></prop></item>
</oor:items>
"""
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE {kind} PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "{dtd}">
"""
BASIC = 'xmlns:script="http://openoffice.org/2000/script"'
LIBRARY = 'xmlns:library="http://openoffice.org/2000/library"'
LINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


@dataclass(frozen=True)
class Question:
    """What is asked: *cell* (sheet, row, column from 0) becomes 1, 2, … *count*, and *area* is read each time.

    The area is (sheet, top, left, bottom, right), all inclusive.
    """

    cell: tuple[str, int, int]
    area: tuple[str, int, int, int, int]
    count: int


@dataclass(frozen=True)
class Worked:
    """The numbers read after each change, and seconds: to open, to calculate everything, and for each change."""

    values: list[list[float]]
    opened_s: float
    all_s: float
    each_s: list[float]


def worked_by_libreoffice(book: bytes, question: Question, limit_s: float) -> Worked | None:
    """Return what LibreOffice finds, None where it is not installed, fails, or takes longer than *limit_s*."""
    program = office_program()
    if program is None:
        return None
    with scratch_folder("live") as folder:
        place, found = folder / "given.xlsx", folder / "found.txt"
        place.write_bytes(book)
        sheet, row, column = question.cell
        read_sheet, top, left, bottom, right = question.area
        macro = MACRO.format(
            book=place.as_uri(), found=found, sheet=sheet, row=row, column=column, read_sheet=read_sheet, top=top, left=left,
            bottom=bottom, right=right, count=question.count,
        )  # fmt: skip
        write_profile(folder / "profile", macro)
        command = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--norestore"]
        environment = {"HOME": str(folder), "PATH": os.pathsep.join((*PLACES, "/bin")), "LANG": "C.UTF-8"}
        process = subprocess.Popen(
            [*command, "macro:///Standard.Module1.Main"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            # A session of its own: soffice is a script that starts the program, and both must end.
            stderr=subprocess.DEVNULL, env=environment, cwd=folder, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_group(process)
        return read_found(found.read_text(), question.count) if found.is_file() else None


def read_found(text: str, count: int) -> Worked | None:
    """Return what the macro wrote, None where it did not come to its end."""
    try:
        lines = [[float(part) for part in line.split(";")] for line in text.splitlines()]
    except ValueError:
        return None
    if len(lines) != 1 + count or len(lines[0]) != 2:
        return None
    opened, everything = lines[0]
    return Worked(
        [line[1:] for line in lines[1:]], opened / 1000, everything / 1000, [line[0] / 1000 for line in lines[1:]]
    )


def write_profile(folder: Path, macro: str) -> None:
    """Write the files by which LibreOffice finds a macro of its user: the module, its library, the list of libraries."""
    basic = folder / "user" / "basic"
    (basic / "Standard").mkdir(parents=True)
    (folder / "user" / "registrymodifications.xcu").write_text(SET_UP, encoding="utf-8")
    module = HEAD.format(kind="script:module", dtd="module.dtd")
    module += (
        f'<script:module {BASIC} script:name="Module1" script:language="StarBasic">{escape(macro)}</script:module>\n'
    )
    (basic / "Standard" / "Module1.xba").write_text(module, encoding="utf-8")
    library = HEAD.format(kind="library:library", dtd="library.dtd")
    element = '<library:element library:name="Module1"/>'
    library += (
        f'<library:library {LIBRARY} library:name="Standard" library:readonly="false">{element}</library:library>\n'
    )
    (basic / "Standard" / "script.xlb").write_text(library, encoding="utf-8")
    listed = HEAD.format(kind="library:libraries", dtd="libraries.dtd")
    one = (
        '<library:library library:name="Standard" xlink:href="$(USER)/basic/Standard/script.xlb/" xlink:type="simple" '
    )
    listed += f'<library:libraries {LIBRARY} {LINK}>{one}library:link="false"/></library:libraries>\n'
    (basic / "script.xlc").write_text(listed, encoding="utf-8")
