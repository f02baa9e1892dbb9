"""What a hand-in does to its training images: rotation, shift, scale and shear as a recipe has them, and what goes beyond."""

from __future__ import annotations

from typing import Any

from handgrad.judge.handed_in.calls_found import Call, Found
from handgrad.judge.handed_in.values import Value

CHANGES = (
    # Those of torchvision that training programs use; what is listed here and cannot be done is told, what is not is
    # overlooked.
    "RandomRotation",
    "RandomAffine",
    "RandomCrop",
    "ColorJitter",
    "CenterCrop",
    "RandomErasing",
    "RandomPerspective",
    "RandomResizedCrop",
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "ElasticTransform",
    "GaussianBlur",
    "RandomAutocontrast",
    "RandomAdjustSharpness",
    "RandomInvert",
    "RandAugment",
    "AutoAugment",
    "TrivialAugmentWide",
)
AFFINE = ("RandomRotation", "RandomAffine", "RandomCrop")
MEAN, SPREAD = 0.1307, 0.3081
SIDE = 28
SHOWN = {"rotation": "°", "shift": " pixels", "scale": "", "shear": "°"}


def find_changes(calls: list[Call], found: Found) -> None:
    """Add the changes of the training images to *found*."""
    table: dict[str, float] = {}
    for call in calls:
        if call.name in AFFINE:
            _affine(call, table, found)
        elif call.name == "ColorJitter":
            _jitter(call, found)
        elif call.name == "CenterCrop":
            _centre(call, found)
        elif call.name == "Normalize":
            _normalise(call, found)
        elif call.name in CHANGES:
            found.unread.append(f"{call.name}, which is left out here")
    table = {name: value for name, value in table.items() if value}
    # Also when it is empty: the judge's own default augmentation must not slip in where the author has none.
    found.recipe["augmentation"] = table
    if table:
        found.words.append(", ".join(f"{name} ±{value:g}{SHOWN[name]}" for name, value in table.items()))
    found.words += _beyond_words(found.beyond)


def _affine(call: Call, table: dict[str, float], found: Found) -> None:
    """Add what a rotation, an affine map or a crop with a margin does, to both sides."""
    if call.unread:
        found.unread.append(f"{' and '.join(call.unread)} of {call.name}")
    if call.chance != 1.0:
        found.unread.append(f"the chance of {call.name}, which is done to every image here")
    given = call.arguments
    if call.name in ("RandomRotation", "RandomAffine"):
        # Of two rotations in one pipeline the larger: a recipe has one.
        table["rotation"] = max(table.get("rotation", 0.0), _limit(given.get("degrees", 0)))
    if call.name == "RandomAffine":
        table |= {name: value for name, value in _map(given).items() if value}
    elif call.name == "RandomCrop":
        padding: Value = given.get("padding")
        if _plain(padding):
            table["shift"] = float(padding)
        else:
            found.unread.append("RandomCrop, which is left out here")


def _map(given: dict[str, Value]) -> dict[str, float]:
    """Return shift, scale and shear of a RandomAffine, as limits to both sides."""
    table: dict[str, float] = {}
    translate, scale, shear = given.get("translate"), given.get("scale"), given.get("shear")
    if isinstance(translate, list) and translate and all(map(_plain, translate)):
        # torchvision gives a share of the side, a recipe pixels; the larger axis, since a recipe shifts both alike.
        table["shift"] = round(SIDE * float(max(translate)), 6)
    if isinstance(scale, list) and len(scale) == 2 and all(map(_plain, scale)):
        table["scale"] = round(max(abs(1 - float(each)) for each in scale), 6)
    if shear is not None:
        table["shear"] = _limit(shear)
    return table


def _plain(value: Value) -> bool:
    """Whether *value* is a number."""
    # True is an int in Python, and no amount.
    return isinstance(value, int | float) and not isinstance(value, bool)


def _limit(value: Value) -> float:
    """Return the largest amount of ``7``, ``(-7, 7)``."""
    numbers = [each for each in (value if isinstance(value, list) else [value]) if _plain(each)]
    return float(max(map(abs, numbers), default=0.0))


def _jitter(call: Call, found: Found) -> None:
    """Add brightness and contrast; saturation and hue leave grey as it is."""
    for key in ("brightness", "contrast"):
        value = call.arguments.get(key, 0)
        between = value if isinstance(value, list) else [max(0.0, 1 - value), 1 + value] if _plain(value) else []
        if call.lacks(key) or len(between) != 2 or not all(map(_plain, between)):
            found.unread.append(f"{key} of ColorJitter")
        elif between != [1, 1]:
            found.beyond[key] = [round(float(each), 9) for each in between]
    if call.chance != 1.0 and {"brightness", "contrast"} & found.beyond.keys():
        found.unread.append("the chance of ColorJitter, which is done to every image here")


def _centre(call: Call, found: Found) -> None:
    """Add a crop of the middle, drawn up to the whole size again, with its chance; done to all it is not a random change."""
    size = call.arguments.get("size")
    size = size[0] if isinstance(size, list) and size else size
    if isinstance(size, int) and 1 <= size < SIDE and call.chance is not None and call.chance < 1.0:
        found.beyond |= {"crop": size, "crop_chance": call.chance}
    # A crop of 28 of 28 changes nothing.
    elif size != SIDE:
        found.unread.append("CenterCrop, which is left out here")


def _normalise(call: Call, found: Found) -> None:
    """Add mean and deviation where they are not the usual ones, up to rounding."""
    given = call.arguments
    first: list[Any] = [
        each[0] if isinstance(each, list) and each else each for each in map(given.get, ("mean", "std"))
    ]
    if not all(map(_plain, first)) or first[1] <= 0:
        found.unread.append("mean and deviation of Normalize")
    # People write 0.13, 0.1306 or 0.1307 and mean the same.
    elif abs(first[0] - MEAN) >= 0.001 or abs(first[1] - SPREAD) >= 0.001:
        found.beyond |= {"mean": float(first[0]), "deviation": float(first[1])}
    else:
        # The last one counts, as it does for the data that is trained with.
        found.beyond.pop("mean", None)
        found.beyond.pop("deviation", None)


def _beyond_words(beyond: dict[str, Any]) -> list[str]:
    """Return in words what goes beyond a recipe's changes."""
    words = [
        f"{key} times {beyond[key][0]:g} to {beyond[key][1]:g}" for key in ("brightness", "contrast") if key in beyond
    ]
    if "crop" in beyond:
        words.append(f"the middle {beyond['crop']} pixels enlarged with a chance of {beyond['crop_chance']:g}")
    if "mean" in beyond:
        words.append(f"normalised with mean {beyond['mean']:g} and deviation {beyond['deviation']:g}")
    return words
