"""Opens archives that learners and learning platforms make: only what is judged is written, and never outside a folder."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from handgrad.errors import UsageError
from handgrad.judge.handed_in.files import LEFT_OUT
from handgrad.text import one_line
from handgrad.xlsx.kinds import TABLES

WRITTEN = (".py", ".ipynb", *TABLES, ".toml", ".zip", ".md", ".txt", ".log", ".json")
"""Kinds of file that judging can need; of the rest the name alone is kept."""
# A zip of a few kilobytes can list millions of names: counted before anything is written.
MOST_FILES = 20_000
# A larger file is data or weights, which judging does not need: it is left empty.
LARGEST_FILE = 64 << 20
LARGEST_ALL = 1 << 30
"""Bytes that one archive may fill: far more than a class of notebooks with their pictures, far less than a bomb's."""


def is_noise(name: str) -> bool:
    """Whether a file or folder of this name was made by a program beside what was handed in."""
    return name in LEFT_OUT or name.startswith((".", "~$")) or name.lower() in ("thumbs.db", "desktop.ini")


def unpack(archive: Path, target: Path) -> None:
    """Write what can be judged in the zip *archive* below the new folder *target*; other files are there, but empty.

    Raises `UsageError` where it is not a zip, asks for a password, or holds more than any hand-in does.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            _write_all(packed, target, archive.name)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise UsageError(
            f"{one_line(archive.name)} is not a complete zip – {one_line(error)} – pack it again"
        ) from error
    except RuntimeError as error:  # what zipfile raises for a password
        raise UsageError(f"{one_line(archive.name)} asks for a password – pack it again without one") from error


def _write_all(packed: zipfile.ZipFile, target: Path, name: str) -> None:
    """Write the members of *packed*; see `unpack`."""
    members = [(info, place) for info in packed.infolist() if (place := _place(info)) is not None]
    if len(members) > MOST_FILES:
        raise UsageError(f"{one_line(name)} holds {len(members):,} files – at most {MOST_FILES:,} are read")
    target.mkdir(parents=True)
    left = LARGEST_ALL
    for info, place in members:
        path = target.joinpath(*place.parts)
        if info.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        # A zip may hold one name twice, or two that are one after cleaning: the first stays.
        if path.exists():
            continue
        wanted = place.suffix.lower() in WRITTEN and info.file_size <= LARGEST_FILE
        # "x": should something have come there meanwhile, it is not written over.
        with path.open("xb") as file:
            for chunk in _chunks(packed, info) if wanted else ():
                # What the archive says of its sizes is its maker's word.
                left -= len(chunk)
                if left < 0:
                    raise UsageError(f"{one_line(name)} unpacks to more than {LARGEST_ALL >> 20:,} MiB – pack less")
                file.write(chunk)


def _chunks(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with packed.open(info) as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _place(info: zipfile.ZipInfo) -> PurePosixPath | None:
    """Return where a member goes, None for what is noise, a link, or would go elsewhere."""
    parts = PurePosixPath(_name(info).replace("\\", "/")).parts
    is_link = (info.external_attr >> 28) == 0o12  # the file type of Unix, in the high bits of the attributes
    if not parts or is_link or ".." in parts or parts[0].startswith("/") or ":" in parts[0] or "\0" in info.filename:
        return None
    return None if any(is_noise(part) or len(part.encode()) > 255 for part in parts) else PurePosixPath(*parts)


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name: a Mac writes UTF-8 and does not say so, and its accents stand apart from their letters."""
    name = info.filename
    if not info.flag_bits & 0x800:
        try:
            # Without the flag zipfile has read the bytes as code page 437; that way back gives the bytes themselves.
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return unicodedata.normalize("NFC", name)
