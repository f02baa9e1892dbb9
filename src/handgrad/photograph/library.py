"""OpenCV and Pillow, which come with an optional part: asked for here, so that their absence is one line."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from handgrad.errors import MissingError


def opencv() -> Any:
    """Return the module ``cv2``; raises `MissingError` where it is not installed."""
    return _part("cv2", "OpenCV")


def pillow() -> Any:
    """Return the module ``PIL.Image``; raises `MissingError` where it is not installed."""
    return _part("PIL.Image", "Pillow")


def _part(module: str, name: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingError(f'{name} is not installed – pictures need it – pip install "handgrad[photo]"') from error
