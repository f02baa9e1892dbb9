"""Opens an .xlsx of unknown origin: bounded, no macros, no links out, no document type definitions."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

from handgrad.errors import MissingError, UsageError
from handgrad.text import quoted

# A workbook is a zip, and a zip of some kilobytes can unpack to terabytes: file, part and whole are limited each.
MAX_FILE = 32 * 2**20
MAX_PART = 96 * 2**20
MAX_WHOLE = 192 * 2**20
MAX_PARTS = 2_000
MAX_DEPTH, MAX_HELD = 64, 20_000
"""How deep elements nest, and how many lie within one cell or text."""
FOREIGN = (
    ("vbaproject", "holds macros", "save it as .xlsx without macros"),
    ("xl/macrosheets/", "holds macros", "save it as .xlsx without macros"),
    ("xl/activex/", "holds controls that run programs", "take them out"),
    ("xl/embeddings/", "holds embedded documents", "take them out"),
)
IGNORED = (
    ("xl/externallinks/", "It has links to other files, which were not followed."),
    ("xl/connections", "It has connections to data elsewhere, which were not followed."),
)
"""Left behind by people and add-ins; no cell is read through them."""
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How an encrypted workbook begins (and an .xls of old)."""
ENCODING = re.compile(rb"""^<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)["']""")


class Archive:
    """The parts of a workbook file, each read at most up to its limit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._left = MAX_WHOLE
        self._zip = zipfile.ZipFile(io.BytesIO(_bytes(path)))
        names = self._zip.namelist()
        if len(names) > MAX_PARTS:
            raise UsageError(f"{path}: {len(names):,} parts – a workbook of up to {MAX_PARTS:,} is read")
        # Readers differ in which of two they take: what is judged must be what a person sees.
        if len(set(names)) != len(names):
            raise UsageError(f"{path}: holds two parts of one name – save it again in a spreadsheet program")
        for name in names:
            for part, what, advice in FOREIGN:
                if part in name.lower():
                    raise UsageError(f"{path}: {what} ({quoted(name)}) – {advice}")
        self.names = frozenset(names)
        self.notes = tuple(note for part, note in IGNORED if any(part in name.lower() for name in names))

    def xml(self, name: str) -> bytes:
        """Return one part as bytes of harmless XML.

        Raises :class:`UsageError` where it is missing, too large, encrypted, damaged or declares a document type.
        """
        if name not in self.names:
            raise UsageError(f"{self.path}: part {quoted(name)} is missing – save it again in a spreadsheet program")
        limit = min(MAX_PART, self._left)
        try:
            with self._zip.open(name) as part:
                # One byte more than allowed, to know that there is more; the size in the zip's directory is its maker's
                # word.
                data = part.read(limit + 1)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
            raise UsageError(f"{self.path}: part {quoted(name)} does not unpack – save it again") from error
        except Exception as error:  # zlib.error, lzma.LZMAError and what else a method of packing may raise
            raise UsageError(f"{self.path}: part {quoted(name)} is damaged – save it again") from error
        if len(data) > limit:
            raise UsageError(f"{self.path}: part {quoted(name)} unpacks to more than {limit // 2**20} MB – not read")
        self._left -= len(data)
        encoding = ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
        # In UTF-16 the search for a document type below would find nothing.
        if b"\0" in data or (encoding and encoding[1].lower() not in (b"utf-8", b"us-ascii")):
            raise UsageError(f"{self.path}: part {quoted(name)} is not UTF-8 – save it again in a spreadsheet program")
        # Entities can multiply and can read files; no spreadsheet program writes a document type.
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise UsageError(f"{self.path}: part {quoted(name)} declares entities – not read")
        return data

    def elements(
        self, name: str, wanted: frozenset[str], opened: frozenset[str] = frozenset()
    ) -> Iterator[ElementTree.Element]:
        """Yield the elements of these local names, each complete; those of ``opened`` when they begin. Nothing else is kept."""
        stack: list[ElementTree.Element] = []
        inside = held = 0
        try:
            for event, element in ElementTree.iterparse(io.BytesIO(self.xml(name)), events=("start", "end")):
                known = local(element.tag) in wanted
                if event == "start":
                    stack.append(element)
                    inside += known
                    held = held + 1 if inside else 0
                    if len(stack) > MAX_DEPTH or held > MAX_HELD:
                        raise UsageError(f"{self.path}: part {quoted(name)} is nested like no workbook – not read")
                    if local(element.tag) in opened:
                        yield element
                    continue
                stack.pop()
                inside -= known
                if known and not inside:
                    yield element
                if not inside and stack:
                    # Taken out as soon as it has been used: memory then follows one cell and not the whole sheet.
                    stack[-1].remove(element)
        except ElementTree.ParseError as error:
            raise UsageError(f"{self.path}: part {quoted(name)} is not XML – {error.args[0]}") from error


@lru_cache(maxsize=256)
def local(tag: str) -> str:
    """Return the name of an element without its namespace."""
    return tag.rpartition("}")[2]


def read_bounded(path: Path) -> bytes:
    """Return the bytes of the file *path*; raises :class:`UsageError` for none or too large a one, :class:`MissingError`."""
    try:
        if not path.is_file():
            raise UsageError(f"{path}: no such file – check the name")
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise MissingError(f"{path} cannot be read – {error.strerror}") from error
    if len(data) > MAX_FILE:
        raise UsageError(f"{path}: more than {MAX_FILE // 2**20} MB – not read")
    return data


def _bytes(path: Path) -> bytes:
    if path.suffix.lower() != ".xlsx":
        raise UsageError(f"{path}: only .xlsx, .ods, .xls and .csv are judged – save it as .xlsx")
    data = read_bounded(path)
    if data.startswith(OLE):
        raise UsageError(
            f"{path}: protected by a password, or an .xls by another name – save it as .xlsx without a password"
        )
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise UsageError(f"{path}: not an .xlsx workbook – save it as .xlsx in a spreadsheet program")
    try:
        zipfile.ZipFile(io.BytesIO(data)).close()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise UsageError(f"{path}: damaged – save it again in a spreadsheet program") from error
    return data
