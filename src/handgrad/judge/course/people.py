"""Finds the people of a class and what each handed in, in folders and zips as learning platforms deliver them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from handgrad.errors import HandgradError, UsageError
from handgrad.judge.course.choose import PROGRAMS, Choice, choose, is_table, natural, read_program
from handgrad.judge.course.unpack import is_noise, unpack
from handgrad.judge.handed_in.files import SETTINGS
from handgrad.text import one_line
from handgrad.xlsx.kinds import BOOKS, TABLES

MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?P<part>file|onlinetext)_?(?P<file>.*)", re.DOTALL
)
"""Folders of Moodle's download, or with ``file`` the files themselves where it is told to make no folders."""
CANVAS = re.compile(r"(?P<name>[^_]+)(_LATE)?_(?P<number>\d+)_\d+_(?P<file>.+)", re.DOTALL)
NAMED = re.compile(r"(?P<name>\w[^-–]*?) [-–] (?P<file>.+\.\w+)", re.DOTALL)
"""``Ada Lovelace - S6.ipynb``, as a drive's folder of a class has them."""
RESUBMITTED = re.compile(r"(.+)-\d{1,3}")
"""Canvas numbers the names of files that are handed in again."""
HANDED_IN = (*PROGRAMS, *BOOKS, ".zip", ".pdf", ".doc", ".docx", ".odt", ".rar", ".7z", ".tar", ".gz", ".pt", ".pth")
"""A file of this kind by itself is somebody's; a list, a page or a note in the class's folder is the teacher's."""
ONE_HAND_IN = (*PROGRAMS, ".zip")
PARTS = (
    *("model", "models", "net", "network", "main", "train", "utils", "layers"),
    *("src", "lib", "core", "modules", "data", "dataset", "config", "trainer", "helpers"),
)
"""What modules and packages are called and people are not: where such import each other, a folder is one person's."""
# A hand-in may hold a virtual environment by accident: looking for the one file that counts ends before that takes
# minutes.
MOST_FILES, DEPTH = 2000, 8


@dataclass(frozen=True)
class HandIn:
    """What one person handed in: the file that is judged, or the *reason* why there is none.

    ``root`` is the folder that is theirs alone, None for a single file beside those of others; ``shown`` is how the file is
    called in tables; ``number`` is what the platform knows the person by, empty where the names say none.
    """

    person: str
    shown: str
    file: Path | None = None
    root: Path | None = None
    number: str = ""
    others: tuple[str, ...] = ()
    reason: str = ""

    def files(self) -> list[Path]:
        """Return every file that the verdict can depend on."""
        if self.root is not None:
            return list(_files_below(self.root, (*PROGRAMS, *TABLES, *SETTINGS, ".md", ".txt", ".log")))
        return [self.file] if self.file is not None else []

    @property
    def is_book(self) -> bool:
        """Whether a workbook is judged."""
        return self.file is not None and self.file.suffix.lower() in TABLES


@dataclass
class Group:
    """The entries of one person in a class's folder, each with the name that its author gave it."""

    person: str
    number: str = ""
    entries: list[tuple[Path, str]] = field(default_factory=list)


def find_people(places: Sequence[Path], scratch: Path) -> list[HandIn]:
    """Return every person in *places* (files, folders and zips), each with what is to be judged, in order of name.

    Zips are opened below *scratch*, which has to stay until the judging is done. Raises `UsageError` where nobody is found.
    """
    found = [hand_in for place in places for hand_in in _people_at(place, scratch)]
    if not found:
        where = ", ".join(one_line(place) for place in places)
        raise UsageError(f"{where} holds no hand-in – give a folder or zip with a file or a folder for each person")
    # By name and then by file, so that two hand-ins of one person come in the same order each time.
    return sorted(found, key=lambda each: (natural(each.person.casefold()), each.shown))


def one_hand_in(folder: Path, scratch: Path) -> HandIn:
    """Return what is judged of *folder*, all of it one person's."""
    return _hand_in(Group(folder.resolve().name, entries=[(folder, "")]), folder, scratch)


def _people_at(place: Path, scratch: Path) -> Iterator[HandIn]:
    """Return the people in one file, folder or zip."""
    top = place
    if place.is_file() and place.suffix.lower() == ".zip":
        top = _new_folder(scratch)
        unpack(place, top)
    elif place.is_file():
        yield _hand_in(Group(place.stem, entries=[(place, place.name)]), place.parent, scratch)
        return
    elif not place.is_dir():
        raise UsageError(f"{one_line(place)} is not there – found nothing – give a file, a folder or a zip")
    top = _below_wrappers(top)
    if _is_one_hand_in(top):
        name = place.stem if place.is_file() else place.resolve().name
        yield _hand_in(Group(name, entries=[(top, "")]), top.parent, scratch)
        return
    for group in _groups(top):
        yield _hand_in(group, top, scratch)


def _below_wrappers(folder: Path) -> Path:
    """Return the folder that holds the people, where a zip or a platform put others round it."""
    inner = folder
    for _ in range(DEPTH):
        entries = list(_visible(inner))
        if len(entries) != 1 or not entries[0].is_dir() or _platform_name(entries[0].name):
            return folder
        inner = entries[0]
        below = list(_visible(inner))
        # A person's own project is one folder with folders in it too, but only a class has programs in several of them.
        several = sum(path.is_dir() and any(_files_below(path, ONE_HAND_IN + BOOKS)) for path in below) >= 2
        if any(_platform_name(path.name) for path in below) or several:
            return inner
    return folder


def _is_one_hand_in(folder: Path) -> bool:
    """Whether *folder* is one person's: its modules and packages import each other, and no people lie beside them.

    That alone does not tell, because a name such as ``model`` is imported everywhere: at least one of them must be called as
    modules are and people are not.
    """
    # One entry says nothing: a class of a single learner looks the same.
    entries = [path for path in _visible(folder) if path.is_dir() or path.suffix.lower() in PROGRAMS]
    if any(_platform_name(path.name) for path in _visible(folder)):
        return False
    read = {}
    for path in entries:
        files = list(_files_below(path, PROGRAMS)) if path.is_dir() else [path]
        if files:
            read[path] = frozenset().union(*(read_program(each).imports for each in files))
    if len(read) < 2 or not any(path.stem.lower() in PARTS for path in read) or all(path.is_dir() for path in read):
        return False
    packages = {path.stem for path in read if path.is_dir()}
    # A program that is put together from several folders beside it is nobody else's, though a helper may lie there that
    # nothing imports; a learner's file does not import the folders of two others.
    if any(len(packages & imports) > 1 for path, imports in read.items() if path.is_file()):
        return True
    first, *_ = read
    joined, waiting = {first}, [first]
    while waiting:
        path = waiting.pop()
        near = [
            other for other in read if other not in joined and (other.stem in read[path] or path.stem in read[other])
        ]
        joined |= set(near)
        waiting += near
    # All of them hang together by imports: a class's files, one per person, do not import each other.
    return len(joined) == len(read)


def _groups(top: Path) -> Iterable[Group]:
    """Return the entries of the folder *top*, person by person."""
    groups: dict[tuple[str, str], Group] = {}
    # Only where all do: in a single name a dash may stand for anything.
    files = [path for path in _visible(top) if path.is_file() and path.suffix.lower() in HANDED_IN]
    by_name = len(files) > 1 and all(NAMED.fullmatch(path.name) for path in files)
    for path in sorted(_visible(top)):
        platform = _platform_name(path.name)
        named = NAMED.fullmatch(path.name) if by_name else None
        if platform is not None:
            person, number, file = platform
        elif named is not None:
            person, number, file = named["name"].strip(), "", named["file"]
        elif path.is_dir() or path.suffix.lower() in HANDED_IN or is_table(path):
            person, number, file = (path.name if path.is_dir() else path.stem), "", path.name
        else:
            continue
        group = groups.setdefault((person, number), Group(person, number))
        group.entries.append((path, file))
    return groups.values()


def _platform_name(name: str) -> tuple[str, str, str] | None:
    """Return person, number and the author's own file name for a name that a learning platform made, else None."""
    moodle = MOODLE.fullmatch(name)
    if moodle:
        return moodle["name"].strip(), moodle["number"], moodle["file"] or name
    canvas = CANVAS.fullmatch(name)
    return (canvas["name"], canvas["number"], canvas["file"]) if canvas else None


def _hand_in(group: Group, top: Path, scratch: Path) -> HandIn:
    """Return what is judged of one person; whatever is wrong with it ends in the reason."""
    try:
        root, files = _gather(group, scratch)
        choice = choose(files, root or top)
    except (HandgradError, OSError) as error:
        choice, root = Choice(None, reason=f"nothing to judge: {one_line(error)}"), None
    entry = group.entries[0][0]
    shown = entry.relative_to(top) if entry.is_relative_to(top) and entry != top else Path(entry.name)
    own = [path for path, name in group.entries if path.is_file() and _own_name(name or path.name) == _name_of(choice)]
    if own and own[0].is_relative_to(top):
        shown = own[0].relative_to(top)
    elif choice.file is not None and choice.file.is_relative_to(top):
        shown = choice.file.relative_to(top)
    elif choice.file is not None and root is not None and choice.file.is_relative_to(root):
        shown = Path(entry.name) / choice.file.relative_to(root)
    return HandIn(
        person=one_line(group.person, 80),
        shown=one_line(shown.as_posix()),
        file=choice.file,
        root=root,
        number=group.number,
        others=tuple(one_line(_below(path, root)) for path in choice.others[:20]),
        reason=choice.reason,
    )


def _name_of(choice: Choice) -> str:
    """Return what the file that is judged is called, "" where there is none."""
    return choice.file.name if choice.file is not None else ""


def _gather(group: Group, scratch: Path) -> tuple[Path | None, list[Path]]:
    """Return the folder of one person's own, None for a single file beside others', and the files in it.

    Files that a platform put side by side are copied into one folder under their authors' names, so that they find each
    other; a zip is opened beside what else there is.
    """
    (first, name), *more = group.entries
    if not more and first.is_file() and first.suffix.lower() != ".zip" and name == first.name:
        return None, [first]
    if not more and first.is_dir() and not any(_files_below(first, (".zip",))):
        return first, list(_files_below(first))
    root = _new_folder(scratch)
    root.mkdir(parents=True)
    for path, own in group.entries:
        target = root if path.is_dir() else root / _own_name(own)
        for file in _files_below(path) if path.is_dir() else [path]:
            place = target / file.relative_to(path) if path.is_dir() else target
            place.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix.lower() == ".zip":
                unpack(file, _new_folder(root, place.stem))
            elif not place.exists():
                shutil.copyfile(file, place)
    return root, list(_files_below(root))


def _own_name(name: str) -> str:
    """Return a file's name as its author gave it: ``model-1.py`` is a second ``model.py``."""
    # A name from a platform must not become a path that leads elsewhere.
    path = Path(name.replace("/", "_").replace("\\", "_"))
    again = RESUBMITTED.fullmatch(path.stem)
    return f"{again[1]}{path.suffix}" if again and path.suffix.lower() == ".py" else path.name


def _below(path: Path, root: Path | None) -> str:
    return str(path.relative_to(root)) if root is not None and path.is_relative_to(root) else path.name


def _visible(folder: Path) -> Iterator[Path]:
    """Return what lies in *folder* and was handed in: no links, nothing that programs leave behind."""
    for path in sorted(folder.iterdir()):
        if not is_noise(path.name) and not path.is_symlink():
            yield path


def _files_below(folder: Path, kinds: Sequence[str] = ()) -> Iterator[Path]:
    """Return the files below *folder*, of these *kinds* where any are given; at most `MOST_FILES` of them."""
    waiting, count = [(folder, 0)], 0
    while waiting:
        place, depth = waiting.pop(0)
        for path in _visible(place):
            if path.is_dir() and depth < DEPTH:
                waiting.append((path, depth + 1))
            elif path.is_file() and (not kinds or path.suffix.lower() in kinds):
                count += 1
                if count > MOST_FILES:
                    return
                yield path


def _new_folder(scratch: Path, name: str = "hand-in") -> Path:
    """Return a path in *scratch* that nothing has yet."""
    number = 1
    while (scratch / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return scratch / (name if number == 1 else f"{name}-{number}")
