"""Downloads MNIST and other known sets into the user's cache, from the first mirror with the right bytes. Needs no torch."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from handgrad.digits.data.known import SUMS, KnownSet
from handgrad.digits.data.mnist import MIRRORS, PARTS, Remote
from handgrad.errors import DiskError, MissingError
from handgrad.files import write_whole
from handgrad.text import one_line

# Five seconds for a mirror that is not there, so that the next is asked soon; a slow line may take longer between two
# chunks.
_CONNECT_SECONDS = 5.0
# Between two pieces, not for the whole: a slow line may take as long as it needs, a dead one is noticed.
_READ_SECONDS = 20.0
# Small enough that a bar moves and Ctrl+C answers at once on a slow line.
_CHUNK = 1 << 16

if TYPE_CHECKING:
    from tqdm import tqdm

    Bar = tqdm[NoReturn]  # counts bytes, iterates over nothing


def default_cache() -> Path:
    """Return the folder of the user's cache that holds MNIST, whether or not it exists."""
    import pooch

    return Path(pooch.os_cache("handgrad")) / "mnist"


def fetch_mnist(cache: Path, *, mirrors: Sequence[str] = MIRRORS, progress: bool = False) -> None:
    """Fill *cache* with the four files of MNIST; files that are there and right are left alone.

    *mirrors* are addresses of folders, tried in order for each file. A file gets its name only after its SHA-256
    was found right. *progress* shows one bar over all files, on a terminal only. Raises `MissingError` saying
    which mirror answered what and which folder to fill by hand, `DiskError` where *cache* cannot be written.
    """
    by_hand = f"put the four files of MNIST into {cache} or name their folder with --data"
    _fetch("MNIST", [part.remote for part in PARTS], cache, mirrors, by_hand=by_hand, progress=progress)


def fetch_known(known: KnownSet, place: Path, *, mirrors: Sequence[str] | None = None, progress: bool = False) -> None:
    """Fill *place*, its own folder of the cache, with the files of *known*; see `fetch_mnist`.

    What comes as one archive is taken out of it, once its hash is right, and the archive is removed.
    """
    asked = known.mirrors if mirrors is None else mirrors
    files = known.files if known.archive is None else (known.archive,)
    by_hand = f"put the files of {known.title} into {place}" if known.archive is None else f"put it into {place}"
    _fetch(known.title, files, place, asked, by_hand=by_hand, progress=progress)
    if known.archive is not None:
        _take_out(known, place)


def _take_out(known: KnownSet, place: Path) -> None:
    """Write the four members of the archive in *place* under MNIST's names, note their hashes, and remove the archive."""
    assert known.archive is not None
    path = place / known.archive.name
    sums = []
    try:
        with zipfile.ZipFile(path) as archive:
            for part, member in zip(PARTS, known.members, strict=True):
                content = archive.read(member)
                # Under MNIST's names, so that one reader serves all sets of this form.
                write_whole(place / part.packed_name, content)
                sums.append(f"{hashlib.sha256(content).hexdigest()}  {part.packed_name}\n")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise MissingError(
            f"{path} does not hold {known.title}: {one_line(error, 120)} – remove it and fetch again"
        ) from error
    # Last: a folder with it is whole.
    write_whole(place / SUMS, "".join(sums).encode())
    path.unlink()


def _fetch(
    title: str, files: Sequence[Remote], cache: Path, mirrors: Sequence[str], *, by_hand: str, progress: bool
) -> None:
    """Fetch *files* into *cache* with one bar over all of them."""
    from tqdm import tqdm

    # For all files of a set: a mirror without an answer costs its time-out once, not four times.
    unreachable: dict[str, str] = {}
    total = sum(file.size for file in files)
    with (
        _quiet_pooch(),
        tqdm(total=total, desc=title, unit="B", unit_scale=True, disable=None if progress else True) as bar,
    ):
        for file in files:
            answers = _fetch_file(file, cache, mirrors, unreachable, bar=bar)
            if answers is not None:
                raise MissingError(f"{file.name} could not be downloaded – {answers or 'no mirror given'} – {by_hand}")


def _fetch_file(
    file: Remote, cache: Path, mirrors: Sequence[str], unreachable: dict[str, str], *, bar: Bar
) -> str | None:
    """Fetch one file from the first mirror that has it, and return None; else what each mirror answered.

    *unreachable* remembers those that are not asked again.
    """
    answers = []
    for mirror in mirrors:
        answer = unreachable.get(mirror) or _ask(mirror, file, cache, unreachable, bar=bar)
        if answer is None:
            return None
        answers.append(f"{urlsplit(mirror).netloc or mirror}: {answer}")
    return "; ".join(answers)


def _ask(mirror: str, file: Remote, cache: Path, unreachable: dict[str, str], *, bar: Bar) -> str | None:
    """Try one mirror for one file; return None when the file is there, else what went wrong in a few words."""
    import pooch
    from requests import exceptions

    transfer = _Transfer(bar, file.size)
    downloader = pooch.HTTPDownloader(
        progressbar=transfer,
        chunk_size=_CHUNK,
        timeout=(_CONNECT_SECONDS, _READ_SECONDS),
        # A mirror that unpacks on the way would change the bytes that are hashed.
        headers={"Accept-Encoding": "identity"},
    )
    url = f"{mirror.rstrip('/')}/{file.name}"
    known_hash = f"sha256:{file.sha256}"
    try:
        # pooch writes to a temporary name, checks the hash and renames: an interrupted download leaves nothing half.
        pooch.retrieve(url, known_hash, fname=file.name, path=cache, downloader=downloader)
    except exceptions.HTTPError as error:
        answer = str(error).partition(" for url")[0]
    except (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError):
        answer = f"broke off within {file.name}"
    except exceptions.Timeout:
        answer = unreachable[mirror] = "no answer in time"
    except exceptions.ConnectionError:
        # A mirror that sent something is there, and may have the next file.
        answer = "broke off" if transfer.received else unreachable.setdefault(mirror, "no connection")
    except exceptions.RequestException as error:
        answer = unreachable[mirror] = " ".join(str(error).split())
    except OSError as error:
        # After the network's errors, which are OSErrors too: what is left can only be the disk.
        fault = " ".join((error.strerror or str(error)).split())
        raise DiskError(
            f"{cache} cannot be written – {fault} – correct that or name another folder with --data"
        ) from error
    # pooch raises a plain ValueError for a wrong hash, and so does our own bar for an endless answer.
    except ValueError:
        answer = f"sent something other than {file.name} (SHA-256 differs)"
    else:
        transfer.complete()
        return None
    transfer.reset()
    return answer


class _Transfer:
    """What pooch takes for a progress bar: one file's share of the whole bar, and a stop for endless answers."""

    def __init__(self, bar: Bar, size: int) -> None:
        self.total = 0  # pooch sets it to the length that the server announces
        self.received = 0
        self._bar = bar
        self._size = size

    def update(self, count: int) -> None:
        """Count *count* more bytes; pooch counts whole chunks, so the last one may count for more than it held."""
        # A server that never stops sending would fill the disk before any hash is looked at.
        if self.received > self._size:
            raise ValueError("longer than the file that was asked for")
        self.received += count
        self._bar.update(count)

    def reset(self) -> None:
        """Take back what was counted."""
        self._bar.update(-self.received)
        self.received = 0

    def complete(self) -> None:
        """Count exactly the whole file, also where it was there already."""
        self.reset()
        self.update(self._size)

    def close(self) -> None:
        """Nothing to do: the bar continues with the next file."""


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Silence pooch's own lines, which would break the bar and repeat what the errors say."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
