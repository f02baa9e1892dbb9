"""Gives the package's page the README with links that lead somewhere from there: PyPI knows no path of this repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE = re.compile(r"(!\[[^\]]*\]\()(?!https?://|#)([^)\s]+)")
LINK = re.compile(r"((?<!!)\[[^\]]*\]\()(?!https?://|#)([^)\s]+)")


def absolute(text: str, project: str, version: str) -> str:
    """Return *text* with each relative picture and link as an address in *project* at the tag of *version*."""
    raw = project.replace("https://github.com/", "https://raw.githubusercontent.com/")
    text = PICTURE.sub(rf"\g<1>{raw}/v{version}/\g<2>", text)
    return LINK.sub(rf"\g<1>{project}/blob/v{version}/\g<2>", text)


class Readme(MetadataHookInterface):
    """Sets the field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the README into *metadata*."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        place = metadata["urls"]["Source"]
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": absolute(text, place, metadata["version"]),
        }
