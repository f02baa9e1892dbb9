"""Write ``docs/reference``: ``python tools/reference``, with ``--check`` say what differs and write nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]
from reference import commands, files, json_records, python_api  # noqa: E402

FOLDER = Path(__file__).parents[2] / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "exit-status.md": python_api.exit_statuses,
    "python.md": python_api.verbs,
    **{each.page: partial(files.page, each) for each in files.FILES},
}
"""The pages that are the same on every machine; that of `json_records` holds times and paths, so its keys alone are."""


def main() -> int:
    """Write or check the pages; return 1 where one differs."""
    different = [name for name, page in PAGES.items() if not _is(FOLDER / name, page())]
    if "--check" in sys.argv:
        print(
            "\n".join(
                f"docs/reference/{name} is not what the code says – run python tools/reference" for name in different
            )
        )
        return 1 if different else 0
    FOLDER.mkdir(exist_ok=True)
    for name, page in {**PAGES, "json.md": json_records.page}.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        print(f"docs/reference/{name}")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
