"""``handgrad data``: where images are looked for, what is there, and fetching the sets that are known."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.options import DataOption, JsonOption
from handgrad.errors import UsageError

if TYPE_CHECKING:
    from handgrad.digits.data.idx_folder import Folder

MNIST, DRAWN = "mnist", "drawn"
NAMES = 30
"""Classes that are named one by one."""


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

    ``folder`` is the place looked in, ``sha256`` stands for the whole content; ``files`` are those of a folder of IDX files.
    """

    folder: str
    source: Literal["folder", "cache"]
    name: str | None
    sha256: str | None
    files: tuple[FileRecord, ...]
    mirrors: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What the user should know: damaged files that were passed over, test images that are training images too."""
    images: tuple[int, int] | None = None
    """How many to train on, and to test with."""
    kind: str | None = None
    """Size, colour and number of classes, in words, with the names of the classes."""


@app.command("data", short_help="Show what images are there; fetch MNIST and other known sets.")
def data(
    place: DataOption = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download MNIST, or the set that --data names.")] = False,
    mirror: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Download from here instead; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show where images are looked for and what is there; fetch MNIST, or another known set, on request."""
    from handgrad.digits.data.fetch import default_cache, fetch_known, fetch_mnist
    from handgrad.digits.data.known import KNOWN
    from handgrad.digits.data.mnist import MIRRORS

    name = str(place) if place is not None and not place.exists() else ""
    if fetch and place is not None and name not in (MNIST, *KNOWN):
        names = ", ".join((MNIST, *KNOWN))
        raise UsageError(
            f"--fetch fills the cache, --data names another folder – found both – give only one of them, or {names}"
        )
    if mirror and not fetch:
        raise UsageError("--mirror says where to download from – found no --fetch – add it")
    known = KNOWN.get(name)
    mirrors = tuple(mirror or (MIRRORS if known is None else known.mirrors))
    if fetch and known is not None:
        fetch_known(known, default_cache().parent / name, mirrors=mirrors, progress=True)
    elif fetch:
        fetch_mnist(default_cache(), mirrors=mirrors, progress=True)
    looked_in = place if known is not None else None if fetch or name == MNIST else data_folder(place)
    record = survey(looked_in, default_cache(), mirrors)
    print(json.dumps(asdict(record), indent=2) if as_json else "\n".join(describe(record)))


def survey(place: Path | None, cache: Path, mirrors: tuple[str, ...]) -> DataRecord:
    """Look into *place*, or without one into *cache*, and check every file; a set that is known lies beside *cache*.

    Raises `MissingError` where files are missing or damaged; an empty cache is no error.
    """
    from handgrad.digits.data.idx_folder import find_part, read_folder
    from handgrad.digits.data.known import KNOWN, read_known
    from handgrad.digits.data.mnist import PARTS

    if place is not None and str(place) in KNOWN and not place.exists():
        known = KNOWN[str(place)]
        folder = cache.parent / known.name
        found = _record(read_known(known, folder), folder, "cache", mirrors)
        return replace(found, name=known.name, kind=f"{found.kind}: {', '.join(known.classes)}")
    if place is not None:
        return _named(place, mirrors)
    if not any(find_part(cache, part) for part in PARTS):
        return DataRecord(str(cache), "cache", None, None, (), mirrors)
    return _record(read_folder(cache, mnist_only=True), cache, "cache", mirrors)


def _named(place: Path, mirrors: tuple[str, ...]) -> DataRecord:
    """Return what is in a folder or file that was named."""
    from handgrad.digits.data.load import READERS, check_spelling, load_dataset

    if not any(suits(place) for suits, _, _ in READERS) and str(place) != DRAWN:
        from handgrad.digits.data.idx_folder import read_folder

        check_spelling(place)
        return _record(read_folder(place), place, "folder", mirrors)
    found = load_dataset(place, download=False)
    names = f": {', '.join(found.kind.classes[:NAMES])}{', …' if found.kind.count > NAMES else ''}"
    return DataRecord(
        str(place),
        "folder",
        found.name,
        found.sha256,
        (),
        mirrors,
        (found.notice,) if found.notice else (),
        (len(found.train_labels), len(found.test_labels)),
        found.kind.words + (names if found.kind.named else ""),
    )


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
    assert record.images is not None
    train, test = record.images
    lines.append(f"found      {record.name}: {train:,} training images, {test:,} test images")
    lines.append(f"images     {record.kind}")
    lines.append(f"SHA-256    {record.sha256}")
    width = max((len(file.file) for file in record.files), default=0)
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
    images, labels, test_images, _ = (read.values for read in content.files)
    side, classes = images.shape[1], 10 if content.name == MNIST else int(labels.max()) + 1
    about = f"{side}×{side} pixels, grey, {classes:,} classes"
    counts = len(images), len(test_images)
    return DataRecord(str(folder), source, content.name, content.sha256, files, mirrors, notes, counts, about)
