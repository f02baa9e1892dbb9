"""The networks that come with the program, one TOML file each; the folder is the list."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from handgrad.backprop.network.file import parse_network, read_network
from handgrad.backprop.network.network import Network
from handgrad.errors import UsageError, did_you_mean
from handgrad.text import quoted


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets, ``classic`` first, the others in alphabetical order."""
    found = [Path(entry.name) for entry in resources.files(__name__).iterdir()]
    names = sorted(path.stem for path in found if path.suffix == ".toml")
    return tuple(sorted(names, key=lambda name: name != "classic"))


def load_network(name_or_path: str | Path) -> Network:
    """Return a preset by name, or a network from a TOML file (anything that ends in ``.toml`` or is a file).

    Raises :class:`UsageError`: unknown name (with the nearest known), unreadable file, anything wrong in it.
    """
    name = str(name_or_path)
    names = preset_names()
    if name in names:
        file = resources.files(__name__) / f"{name}.toml"
        return parse_network(file.read_text(encoding="utf-8"), source=f"{name}.toml", default_name=name)
    path = Path(name_or_path)
    if path.suffix == ".toml" or (len(name) < 200 and "\0" not in name and path.is_file()):
        return read_network(path)
    hint = did_you_mean(name, names) or f" – choose one of {', '.join(names)}, or give a TOML file"
    raise UsageError(f"unknown network {quoted(name)}{hint}")
