"""Downloads MNIST into the user's cache from the first mirror that gives the right bytes. Needs no torch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from handgrad.digits.data.mnist import MIRRORS, PARTS, Part
from handgrad.errors import DiskError, MissingError

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
    from tqdm import tqdm

    unreachable: dict[str, str] = {}
    total = sum(part.packed_size for part in PARTS)
    with (
        _quiet_pooch(),
        tqdm(total=total, desc="MNIST", unit="B", unit_scale=True, disable=None if progress else True) as bar,
    ):
        for part in PARTS:
            _fetch_part(part, cache, mirrors, unreachable, bar=bar)


def _fetch_part(part: Part, cache: Path, mirrors: Sequence[str], unreachable: dict[str, str], *, bar: Bar) -> None:
    """Fetch one file from the first mirror that has it; *unreachable* remembers those that are not asked again."""
    answers = []
    for mirror in mirrors:
        answer = unreachable.get(mirror) or _ask(mirror, part, cache, unreachable, bar=bar)
        if answer is None:
            return
        answers.append(f"{urlsplit(mirror).netloc or mirror}: {answer}")
    raise MissingError(
        f"{part.packed_name} could not be downloaded – {'; '.join(answers) or 'no mirror given'} – "
        f"put the four files of MNIST into {cache} or name their folder with --data"
    )


def _ask(mirror: str, part: Part, cache: Path, unreachable: dict[str, str], *, bar: Bar) -> str | None:
    """Try one mirror for one file; return None when the file is there, else what went wrong in a few words."""
    import pooch
    from requests import exceptions

    transfer = _Transfer(bar, part.packed_size)
    downloader = pooch.HTTPDownloader(
        progressbar=transfer,
        chunk_size=_CHUNK,
        timeout=(_CONNECT_SECONDS, _READ_SECONDS),
        # A mirror that unpacks on the way would change the bytes that are hashed.
        headers={"Accept-Encoding": "identity"},
    )
    url = f"{mirror.rstrip('/')}/{part.packed_name}"
    known_hash = f"sha256:{part.packed_sha256}"
    try:
        pooch.retrieve(url, known_hash, fname=part.packed_name, path=cache, downloader=downloader)
    except exceptions.HTTPError as error:
        answer = str(error).partition(" for url")[0]
    except (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError):
        answer = f"broke off within {part.packed_name}"
    except exceptions.Timeout:
        answer = unreachable[mirror] = "no answer in time"
    except exceptions.ConnectionError:
        answer = "broke off" if transfer.received else unreachable.setdefault(mirror, "no connection")
    except exceptions.RequestException as error:
        answer = unreachable[mirror] = " ".join(str(error).split())
    except OSError as error:
        # After the network's errors, which are OSErrors too: what is left can only be the disk.
        fault = " ".join((error.strerror or str(error)).split())
        raise DiskError(f"{cache} cannot be written – {fault} – mend it or name another folder with --data") from error
    # pooch raises a plain ValueError for a wrong hash, and so does our own bar for an endless answer.
    except ValueError:
        answer = f"sent something else than {part.packed_name} (SHA-256 differs)"
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
        """Nothing to do: the bar goes on with the next file."""


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
