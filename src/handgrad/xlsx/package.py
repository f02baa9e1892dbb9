"""What the spreadsheet library cannot write, added to the finished file: long tables and straight lines.

The file is a zip archive of XML parts (Office Open XML, ECMA-376). Only two parts change: a sheet with tables gets the rows
after each table's first, and its stated size; a sheet's drawing gets the lines.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from handgrad.xlsx.rows import TableRows, address, row_texts

# 914,400 an inch, 96 pixels an inch (ECMA-376, 20.1.2.1): whole numbers for inches, centimetres and points alike.
EMU = 9525
"""English metric units a pixel."""


@dataclass(frozen=True, slots=True)
class LineShape:
    """A line from one point to another, each a (row, column) and an offset (right, down) in pixels inside that cell.

    ``arrow`` puts a head at its end. The line is fastened to both cells and moves with them.
    """

    start: tuple[int, int]
    start_offset: tuple[int, int]
    end: tuple[int, int]
    end_offset: tuple[int, int]
    ink: str = "#7B8794"
    width: float = 1.0
    arrow: bool = True
    upwards: bool = False
    dashed: bool = False


def add_parts(
    book: bytes,
    names: Sequence[str],
    tables: Mapping[str, Sequence[TableRows]],
    lines: Mapping[str, Sequence[LineShape]],
) -> bytes:
    """Return the workbook with the tables' other rows and the lines in their sheets; ``names`` in the order of the sheets."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        drawings = {_drawing_of(old, number): lines[name] for number, name in enumerate(names, start=1) if lines[name]}
        sheets = {f"xl/worksheets/sheet{number}.xml": tables[name] for number, name in enumerate(names, start=1)}
        for info in old.infolist():
            text = old.read(info)
            # Without zip64: no part comes near 2 GB, and older readers refuse the longer headers.
            with new.open(info.filename, "w", force_zip64=False) as member:
                if sheets.get(info.filename):
                    for piece in _with_rows(text.decode(), sheets[info.filename]):
                        member.write(piece.encode())
                elif info.filename in drawings:
                    member.write(_with_lines(text.decode(), drawings[info.filename]).encode())
                else:
                    member.write(text)
            # The date that the library wrote, a fixed one: the clock's would make two books of one network differ.
            new.getinfo(info.filename).date_time = info.date_time
    return result.getvalue()


def _drawing_of(book: zipfile.ZipFile, number: int) -> str:
    relations = book.read(f"xl/worksheets/_rels/sheet{number}.xml.rels").decode()
    found = re.search(r'Target="\.\./drawings/(drawing\d+\.xml)"', relations)
    # A sheet without charts has no drawing: `Sheet.lines` puts an empty box there for that reason.
    if found is None:
        raise ValueError(f"sheet {number} has lines and no drawing to put them in: give it a chart")
    return f"xl/drawings/{found[1]}"


def _with_rows(sheet: str, tables: Sequence[TableRows]) -> Iterator[str]:
    last_row = max(table.top + len(table.values[0]) for table in tables)
    sheet = _with_size(sheet, last_row)
    done, shared = 0, count()
    for table in sorted(tables, key=lambda table: table.top):
        # From where the last table ended: tables may stand beside each other in no other order than from top to
        # bottom.
        start = sheet.index(f'<row r="{table.top + 1}"', done)
        end = sheet.index("</row>", start) + len("</row>")
        # The library alone knows the number of a style; the first row, which it wrote, tells it.
        styles = dict(re.findall(r'<c r="([A-Z]+)\d+" s="(\d+)"', sheet[start:end]))
        yield sheet[done:end]
        yield from row_texts(table, [styles[address(0, column)[:-1]] for column in table.columns], shared)
        done = end
    yield sheet[done:]


def _with_size(sheet: str, last_row: int) -> str:
    found = re.search(r'<dimension ref="([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?"/>', sheet)
    if found is None:
        return sheet
    first, top, last, bottom = found[1], found[2], found[3] or found[1], int(found[4] or found[2])
    size = f'<dimension ref="{first}{top}:{last}{max(bottom, last_row)}"/>'
    return sheet[: found.start()] + size + sheet[found.end() :]


def _with_lines(drawing: str, lines: Sequence[LineShape]) -> str:
    # Identifiers must differ from those of the charts that are there already.
    first = 1 + max(map(int, re.findall(r'<xdr:cNvPr id="(\d+)"', drawing)), default=1)
    shapes = "".join(_line(shape, first + number) for number, shape in enumerate(lines))
    return drawing.replace("</xdr:wsDr>", shapes + "</xdr:wsDr>")


def _point(tag: str, cell: tuple[int, int], offset: tuple[int, int]) -> str:
    (row, column), (right, down) = cell, offset
    return (
        f"<xdr:{tag}><xdr:col>{column}</xdr:col><xdr:colOff>{right * EMU}</xdr:colOff>"
        f"<xdr:row>{row}</xdr:row><xdr:rowOff>{down * EMU}</xdr:rowOff></xdr:{tag}>"
    )


def _line(line: LineShape, number: int) -> str:
    """Return a line as a shape; its frame begins at the top left, so that a line that goes up is one that is flipped."""
    flip = ' flipV="1"' if line.upwards else ""
    (top, left), (bottom, right) = line.start, line.end
    start, end = (left, line.start_offset[0]), (right, line.end_offset[0])
    above, below = (top, line.start_offset[1]), (bottom, line.end_offset[1])
    if line.upwards:
        above, below = below, above
    return (
        "<xdr:twoCellAnchor>"
        + _point("from", (above[0], start[0]), (start[1], above[1]))
        + _point("to", (below[0], end[0]), (end[1], below[1]))
        + '<xdr:cxnSp macro=""><xdr:nvCxnSpPr>'
        + f'<xdr:cNvPr id="{number}" name="Line {number}"/><xdr:cNvCxnSpPr/></xdr:nvCxnSpPr><xdr:spPr>'
        + f'<a:xfrm{flip}><a:off x="0" y="0"/><a:ext cx="0" cy="0"/></a:xfrm>'
        + '<a:prstGeom prst="line"><a:avLst/></a:prstGeom>'
        + f'<a:ln w="{round(line.width * 12700)}"><a:solidFill><a:srgbClr val="{line.ink.lstrip("#")}"/></a:solidFill>'
        + ('<a:prstDash val="dash"/>' if line.dashed else "")
        + ('<a:tailEnd type="triangle" w="med" len="med"/>' if line.arrow else "")
        + "</a:ln></xdr:spPr></xdr:cxnSp><xdr:clientData/></xdr:twoCellAnchor>"
    )
