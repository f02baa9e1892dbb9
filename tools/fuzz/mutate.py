"""How a file goes wrong: bits, lengths, numbers, nesting, names. Every change follows from a `random.Random` alone."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

SENSELESS = (
    "0", "-0.0", "-1", "1e999", "nan", "-inf", "1e-400", "9" * 5000, "2147483648", "18446744073709551616", "true", '""',
    '"\\u0000"', "[]", "{}", "[" * 3000, "{" * 3000, '"' + "x" * 70000 + '"', "=1/0", "'", '"', "null", "0x10", "1_000", "٣",
    "\u202e", "\ud7ff", "../../etc/passwd", "=cmd|' /C calc'!A0", "<script>", "%s%n", "1979-05-27", "net.py:Net", "os.system",
)  # fmt: skip
"""What may stand where a number or a word belongs."""

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, 2**63, 10**4000, "", "x" * 70000, "\x00", "\u2028", [], {}, [[]], [None] * 3, {"": {}},
    float("nan"), float("inf"), "../x", 0.5, "nan", 1e-320, [1e308] * 4,
)  # fmt: skip
"""What may stand in place of a value of JSON."""

LARGEST = 1 << 20
"""Bytes beyond which a file is damaged no further; the good ones have less."""


def mutated(data: bytes, random: random.Random) -> bytes:
    """Return *data* with one to four changes; inside of what is packed as often as on the outside."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        # Fifty times fifty times a list would fill the memory here, before anything is read.
        if len(data) > LARGEST:
            break
        data = _inside(data, random) if random.random() < 0.6 else random.choice(BYTES)(data, random)
    return data


def _inside(data: bytes, random: random.Random) -> bytes:
    """Change what the file holds, so that its outer form stays whole: a member, the text, a header."""
    if data[:4] == b"PK\x03\x04":
        return _in_zip(data, random)
    if data[:2] == b"\x1f\x8b":
        return _in_gzip(data, random)
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
        return _in_safetensors(data, random)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return random.choice(BYTES)(data, random)
    return _in_text(text, random).encode("utf-8", "surrogatepass")


def _in_zip(data: bytes, random: random.Random) -> bytes:
    """Change one member, or its name, or leave it out, or put it in twice."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = {name: file.read(name) for name in file.namelist()}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
        return random.choice(BYTES)(data, random)
    if not members:
        return data
    # Mostly a member that holds cells.
    names = [name for name in members if "sheet" in name] if random.random() < 0.7 else []
    chosen = random.choice(names or list(members))
    how = random.random()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            if name != chosen:
                file.writestr(name, content)
            elif how < 0.85:
                file.writestr(name, _inside(content, random))
            elif how < 0.9:
                file.writestr(random.choice((f"../{name}", f"/{name}", name.upper(), f"{name}\x00")), content)
    return packed.getvalue()


def _in_gzip(data: bytes, random: random.Random) -> bytes:
    try:
        content = gzip.decompress(data)
    except (OSError, EOFError, ValueError, zlib.error):
        return random.choice(BYTES)(data, random)
    content = random.choice(BYTES)(content, random)
    return gzip.compress(content, 1, mtime=0) * random.choice((1, 1, 1, 2))


def _in_safetensors(data: bytes, random: random.Random) -> bytes:
    length = int.from_bytes(data[:8], "little")
    head, body = data[8 : 8 + length], data[8 + length :]
    if random.random() < 0.3:
        return data[: 8 + length] + random.choice(BYTES)(body, random)
    head = _in_text(head.decode("utf-8", "replace"), random).encode("utf-8", "surrogatepass")
    return len(head).to_bytes(8, "little") + head + body


def _in_text(text: str, random: random.Random) -> str:
    """Change a text as JSON where it is one, else as lines and words."""
    if random.random() < 0.7 and text[:1] in "{[":
        try:
            table = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return json.dumps(_in_json(table, random))
    return random.choice(TEXT)(text, random)


def _in_json(value: Any, random: random.Random) -> Any:
    """Put something else in one place of a JSON value, take one out, or put one in."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        how = random.random()
        if how < 0.1:
            return {name: each for name, each in value.items() if name != key}
        if how < 0.15:
            return value | {random.choice(("", "x", "__class__", key + " ")): random.choice(VALUES)}
        return value | {key: _in_json(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        place = random.randrange(len(value))
        how = random.random()
        if how < 0.15:
            return value[:place] + value[place + 1 :]
        if how < 0.3:
            return value * random.choice((2, 50))
        return [*value[:place], _in_json(value[place], random), *value[place + 1 :]]
    if isinstance(value, int | float) and random.random() < 0.4:
        return random.choice((-value, value * 1e6, value + 1, value / 3, str(value)))
    return random.choice(VALUES)


def _flip(data: bytes, random: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 3, 30))):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(data: bytes, random: random.Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _grow(data: bytes, random: random.Random) -> bytes:
    return data + random.choice((b"\0", data, b"\0" * 100_000, bytes(random.randrange(256) for _ in range(50))))


def _repeat(data: bytes, random: random.Random) -> bytes:
    first, last = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return data[:last] + data[first:]


def _erase(data: bytes, random: random.Random) -> bytes:
    first = random.randrange(len(data) + 1)
    last = min(len(data), first + random.choice((1, 8, 500)))
    return data[:first] + bytes(last - first) + data[last:]


def _encode(data: bytes, random: random.Random) -> bytes:
    """Write the text in another encoding, as an editor of another system does."""
    text = data.decode("utf-8", "replace")
    return text.encode(random.choice(("utf-16", "utf-8-sig", "utf-32", "cp1252", "utf-16-be")), "replace")


BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _flip, _cut, _grow, _repeat, _erase, _encode)


def _number(text: str, random: random.Random) -> str:
    places = list(re.finditer(r"-?\d[\d.eE+-]*", text))
    return _put(text, random.choice(places).span(), random.choice(SENSELESS)) if places else text


def _word(text: str, random: random.Random) -> str:
    places = list(re.finditer(r"\w+", text))
    return _put(text, random.choice(places).span(), random.choice(SENSELESS)) if places else text


def _line(text: str, random: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = random.randrange(len(lines))
    lines[place] = random.choice(("", lines[place] * 2, lines[place] * 2000, random.choice(lines)))
    return "".join(lines)


def _sign(text: str, random: random.Random) -> str:
    place = random.randrange(len(text) + 1)
    return text[:place] + random.choice(SENSELESS) + text[place:]


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


TEXT: tuple[Callable[[str, random.Random], str], ...] = (_number, _number, _word, _line, _sign)
