"""The files of one hand-in, and which of them an import means: beside the file, from the root, or by the end of its path."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from handgrad.judge.handed_in.cells import read_cells
from handgrad.judge.handed_in.parsed import RUNS, Source, as_name, parse_source
from handgrad.judge.handed_in.records import Cell, NotTakenError

OTHERS = (
    "torchvision",
    "torchsummary",
    "torchinfo",
    "torchmetrics",
    "albumentations",
    "google",
    "cv2",
    "sklearn",
    "seaborn",
    "pandas",
    "matplotlib",
    "tqdm",
    "PIL",
    "pytorch_lightning",
    "lightning",
    "wandb",
    "torchviz",
    "tensorboard",
    "IPython",
    "scipy",
    "requests",
    "skimage",
    "torch_lr_finder",
)
"""Libraries that are imported beside a network and never hold one."""
WITHOUT_LAYERS = (
    *(f"{name}." for name in OTHERS if name not in ("torchvision", "pytorch_lightning", "lightning")),
    *(f"torchvision.{name}" for name in ("transforms", "datasets", "utils", "io")),
    *("jaxtyping.", "typeguard.", "beartype.", "loguru.", "rich.", "icecream.", "lightning.pytorch.loggers"),
)
"""How the names begin of what is no layer: what a network keeps of it has no weights that would have to be counted."""


NOTEBOOKS = re.compile(r"\bimport_ipynb\b|\bipynb\.fs\b|\bnbimporter\b")
"""Libraries by which a notebook imports another."""


def installed(name: str) -> bool:
    """Whether the top-level module *name* belongs to a library; found by looking for it, not by importing it."""
    # Asked first: looking for a module that is not there searches every folder of the path.
    if name in sys.stdlib_module_names or name in OTHERS:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    # `find_spec` raises each of these for odd names and half-loaded packages.
    except (ImportError, ValueError, AttributeError):
        return False


class Project:
    """The modules of a hand-in below *root*, read when they are first asked for; *main* is the file to be judged."""

    def __init__(self, root: Path, main: Path) -> None:
        self.root, self.main_path = root, main
        self._sources: dict[str, Source] = {}
        self._paths: dict[str, tuple[Path, bool]] = {}
        # Only names now; a file is read when somebody imports it, so that a broken one beside it does no harm.
        for path in sorted(root.rglob("*.py")):
            parts = list(path.relative_to(root).with_suffix("").parts)
            package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if package else parts)
            if name:
                self._paths[name] = (path, package)
        self._add_run(root, main)
        self.folder = ".".join(main.relative_to(root).parent.parts)
        # Nothing imports a notebook: ``from keras import layers`` in keras.ipynb means the library.
        stem = main.stem if main.suffix == ".py" else f"{main.stem}_"
        self.main = self._read(self._module(stem), main, package=False, main=True)
        self._sources[self.main.name] = self.main
        for name, text in self.main.written.items():
            # A file that a cell writes stands beside the notebook, and what was handed in beside it is no newer.
            module = self._module(Path(name).stem)
            self._sources[module] = parse_source(module, name, [Cell(0, text)])

    def _add_run(self, root: Path, main: Path) -> None:
        """Add the notebooks beside *main*, and files whose names are none of Python's, where it runs or imports notebooks."""
        texts = [cell.code for cell in read_cells(main)]
        if not any(RUNS.search(text) or NOTEBOOKS.search(text) for text in texts):
            return
        for path in [*sorted(root.rglob("*.ipynb")), *sorted(root.rglob("*.py"))]:
            name = ".".join([*path.relative_to(root).parent.parts, as_name(path.stem)])
            # A notebook called torch.ipynb is about torch: what is installed is meant before it.
            if path != main and name not in self._paths and not installed(as_name(path.stem)):
                self._paths[name] = (path, False)

    def _module(self, stem: str) -> str:
        """Return the dotted name of a module beside the main file; a stem that is no name becomes one."""
        plain = as_name(stem)
        # A file called test.py or code.py must not be taken for a module of the standard library.
        plain = f"{plain}_" if plain in sys.stdlib_module_names else plain or "_"
        return f"{self.folder}.{plain}" if self.folder else plain

    def _read(self, name: str, path: Path, *, package: bool, main: bool = False) -> Source:
        return parse_source(name, str(path.relative_to(self.root)), read_cells(path), package=package, main=main)

    def source(self, name: str) -> Source | None:
        """Return the module of the hand-in with the dotted *name* from its root, None where there is none."""
        if name not in self._sources and name in self._paths:
            path, package = self._paths[name]
            try:
                self._sources[name] = self._read(name, path, package=package)
            # An unreadable file beside the main one is as good as none; where it is needed the missing name is told.
            except NotTakenError:
                return None
        return self._sources.get(name)

    def named(self, name: str, importer: Source) -> str:
        """Return the name from the root of the module that *importer* calls *name*, "" where it is none of the hand-in's.

        First beside the importing file and the main one, as for a program that is started there, then from the root, then the
        only one whose path ends so: people add folders to ``sys.path``.
        """
        beside = importer.name if importer.package else importer.name.rpartition(".")[0]
        folder = ""
        # Three places, and one of them only once: dict.fromkeys keeps the order where a set would not.
        for before in dict.fromkeys((self.folder, beside, "")):
            whole = f"{before}.{name}" if before else name
            if whole in self._paths or whole in self._sources:
                return whole
            folder = folder or (whole if self._there(whole) else "")
        ending = [each for each in [*self._paths, *self._sources] if each.endswith(f".{name}")]
        # ``from model import Net`` with the file model/model.py: a folder without a module of its own gives nothing.
        if len(set(ending)) == 1 and (not folder or ending[0] == f"{folder}.{name.rpartition('.')[2]}"):
            return ending[0]
        if folder:
            return folder
        # ``from session5.model import Net`` of someone whose course lies one folder higher than what is handed in.
        first, _, rest = name.partition(".")
        # Not for a library's name: `torch.utils` is not the hand-in's utils.
        return self.named(rest, importer) if rest and not installed(first) else ""

    def absent(self, source: Source) -> list[str]:
        """Return the modules that *source* imports and that neither come with it nor are installed here."""
        names = []
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom) and not self.base_of(node, source):
                names.append("." * node.level + (node.module or ""))
            elif isinstance(node, ast.Import):
                names += [alias.name for alias in node.names if not self.named(alias.name, source)]
        return [name for name in dict.fromkeys(names) if name.startswith(".") or not installed(name.partition(".")[0])]

    def _there(self, name: str) -> bool:
        return name in self._paths or name in self._sources or any(each.startswith(f"{name}.") for each in self._paths)

    def base_of(self, node: ast.ImportFrom, importer: Source) -> str:
        """Return the module of the hand-in that a ``from … import`` names, "" where it is another's."""
        if not node.level:
            return self.named(node.module or "", importer)
        own = importer.name.split(".") if importer.package else importer.name.split(".")[:-1]
        # One dot is the package itself; each more goes one up.
        own = own[: len(own) - (node.level - 1)] if node.level > 1 else own
        name = ".".join([*own, *([node.module] if node.module else [])])
        return name if self._there(name) or not name else self.named(node.module or "", importer)

    def names(self) -> list[str]:
        """Return the names of the modules that have been asked for so far, the main one first."""
        return list(self._sources)

    def files(self) -> Iterator[tuple[str, Path, bool]]:
        """Return the Python files: name from the root, path, and whether it is a package's own."""
        yield from ((name, path, package) for name, (path, package) in self._paths.items())

    def stars(self, source: Source) -> Iterator[Source]:
        """Return the modules of the hand-in that *source* imports everything from, the last first."""
        for node in reversed(list(ast.walk(source.tree))):
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                found = self.source(self.base_of(node, source))
                if found is not None and found is not source:
                    yield found
