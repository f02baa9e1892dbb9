"""``handgrad data``: where digits are looked for, what is there, and fetching MNIST."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.errors import UsageError

if TYPE_CHECKING:
    from handgrad.digits.data.idx_folder import Folder


@dataclass(frozen=True)
class FileRecord:
    """One file: its name, what it holds, how many images or labels, bytes on disk, SHA-256 of the unpacked bytes."""

    file: str
    holds: str
    items: int
    bytes: int
    sha256: str
    is_mnist: bool


@dataclass(frozen=True)
class DataRecord:
    """What ``handgrad data --json`` prints: where nothing is there, ``name`` and ``sha256`` are null, ``files`` empty.

    ``folder`` is the one looked in, ``sha256`` stands for all four files.
    """

    folder: str
    source: Literal["folder", "cache"]
    name: str | None
    sha256: str | None
    files: tuple[FileRecord, ...]
    mirrors: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What the user should know: damaged files that were passed over, test images that are training images too."""


@app.command("data")
def data(
    folder: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder of four IDX files (default: $HANDGRAD_DATA).")
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download MNIST into the cache first.")] = False,
    mirror: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Download from here instead; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    """Show where digits are looked for and what is there; fetch MNIST on request."""
    from handgrad.digits.data.fetch import default_cache, fetch_mnist
    from handgrad.digits.data.mnist import MIRRORS

    if fetch and folder is not None:
        raise UsageError("--fetch fills the cache, --data names another folder – found both – give one of them")
    if mirror and not fetch:
        raise UsageError("--mirror says where to download from – found no --fetch – add it")
    mirrors = tuple(mirror or MIRRORS)
    if fetch:
        fetch_mnist(default_cache(), mirrors=mirrors, progress=True)
    record = survey(None if fetch else data_folder(folder), default_cache(), mirrors)
    print(json.dumps(asdict(record), indent=2) if as_json else "\n".join(describe(record)))


def survey(folder: Path | None, cache: Path, mirrors: tuple[str, ...]) -> DataRecord:
    """Look into *folder*, or without one into *cache*, and check every file.

    Raises `MissingError` where files are missing or damaged; an empty cache is no error.
    """
    from handgrad.digits.data.idx_folder import find_part, read_folder
    from handgrad.digits.data.mnist import PARTS

    if folder is not None:
        return _record(read_folder(folder), folder, "folder", mirrors)
    if not any(find_part(cache, part) for part in PARTS):
        return DataRecord(str(cache), "cache", None, None, (), mirrors)
    return _record(read_folder(cache, mnist_only=True), cache, "cache", mirrors)


def describe(record: DataRecord) -> list[str]:
    """Return *record* as lines for people."""
    place = "the folder that was named" if record.source == "folder" else "the cache, as no folder is named"
    lines = [f"looked in  {record.folder} ({place})"]
    if record.name is None:
        return [
            *lines,
            "found      nothing: training would use digits that the program draws itself (dataset: drawn)",
            "to do      handgrad data --fetch downloads MNIST, 12 MB, from the first of these that has it:",
            *(f"             {mirror}" for mirror in record.mirrors),
            "           or name a folder of the four IDX files with --data DIR or $HANDGRAD_DATA",
        ]
    train, _, test, _ = record.files
    lines.append(f"found      {record.name}: {train.items:,} training images, {test.items:,} test images")
    lines.append(f"SHA-256    {record.sha256}")
    width = max(len(file.file) for file in record.files)
    for file in record.files:
        verdict = "SHA-256 is MNIST's" if file.is_mnist else f"SHA-256 {file.sha256[:12]}…"
        lines.append(f"  {file.file:{width}}  {file.items:>7,} {file.holds:15}  {file.bytes:>10,} bytes  {verdict}")
    lines += [f"note: {line}" for line in record.notes]
    if record.name != "mnist":
        lines.append(f"This is not MNIST; results say dataset: {record.name}.")
    return lines


def _record(content: Folder, folder: Path, source: Literal["folder", "cache"], mirrors: tuple[str, ...]) -> DataRecord:
    from handgrad.digits.data.idx_folder import repeated_in_words
    from handgrad.digits.data.mnist import PARTS

    files = tuple(
        FileRecord(
            file=read.path.name,
            holds=part.meaning,
            items=len(read.values),
            bytes=read.path.stat().st_size,
            sha256=read.sha256,
            is_mnist=read.sha256 == part.sha256,
        )
        for read, part in zip(content.files, PARTS, strict=True)
    )
    notes = content.passed_over + ((repeated_in_words(content),) if content.repeated else ())
    return DataRecord(str(folder), source, content.name, content.sha256, files, mirrors, notes)
