"""The compiler that is there: what it makes of a C file, how large that is, and what it answers."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import HandgradError
from handgrad.export.plan import Array

COMPILERS = ("cc", "gcc", "clang")
# Warnings are errors here: what one compiler warns of, another on somebody's board may compile otherwise.
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror")
AS_ON_A_BOARD = ("-Os", "-fno-pic", "-fno-asynchronous-unwind-tables")
"""For size, and at fixed addresses: a constant that holds an address then stays in flash."""
# All test images on a slow machine may take minutes; a program that hangs must end.
SECONDS = 600
DRIVER = """\
#include <stdio.h>
#include <stdint.h>
void handgrad_predict(const uint8_t image[{pixels}], float scores[{classes}]);
int main(void)
{{
    static uint8_t image[{pixels}];
    static float scores[{classes}];
    while (fread(image, 1, {pixels}, stdin) == {pixels}) {{
        handgrad_predict(image, scores);
        fwrite(scores, sizeof scores, 1, stdout);
    }}
    return 0;
}}
"""


@dataclass(frozen=True)
class Size:
    """Bytes of the compiled network: code and constants, and static memory; the stack is not in it."""

    flash: int
    ram: int
    words: str
    """Compiler and machine."""


def find_compiler() -> str | None:
    """Return the path of the first C compiler that is there, None where there is none."""
    return next((path for name in COMPILERS if (path := shutil.which(name))), None)


def run_c(text: str, images: NDArray[np.uint8], classes: int, compiler: str, *flags: str) -> Array:
    """Return the scores ``[n, classes]`` that the C file *text*, compiled with *flags* (default ``-O3``), gives for *images*.

    Raises `HandgradError` where it does not compile or does not run to its end.
    """
    with tempfile.TemporaryDirectory(prefix="handgrad-") as place:
        folder = Path(place)
        (folder / "network.c").write_text(text, encoding="ascii")
        (folder / "driver.c").write_text(DRIVER.format(pixels=images[0].size, classes=classes), encoding="ascii")
        # In two files: with the driver in the same one the compiler could optimise across the border that users have.
        call([compiler, *STRICT, *(flags or ("-O3",)), "network.c", "driver.c", "-o", "network"], folder)
        output = call([str(folder / "network")], folder, images.tobytes())
    return np.frombuffer(output, np.float32).reshape(len(images), classes)


def run_selftest(text: str, compiler: str, *flags: str) -> str:
    """Return what the program prints that the C file *text* is with ``-DHANDGRAD_SELFTEST``; errors as in `run_c`."""
    with tempfile.TemporaryDirectory(prefix="handgrad-") as place:
        folder = Path(place)
        (folder / "network.c").write_text(text, encoding="ascii")
        call([compiler, *STRICT, *(flags or ("-O2",)), "-DHANDGRAD_SELFTEST", "network.c", "-o", "network"], folder)
        return call([str(folder / "network")], folder).decode().strip()


def size_of(text: str, compiler: str) -> Size | None:
    """Return the size of the C file *text* compiled for size, None where there is no ``size`` program to read it with."""
    measure = shutil.which("size")
    if measure is None:
        return None
    with tempfile.TemporaryDirectory(prefix="handgrad-") as place:
        folder = Path(place)
        (folder / "network.c").write_text(text, encoding="ascii")
        call([compiler, *STRICT, *AS_ON_A_BOARD, "-c", "network.c"], folder)
        numbers = call([measure, "network.o"], folder).decode().splitlines()[1].split()
    code, data, zeros = (int(each) for each in numbers[:3])
    # `data` counts in both: its first values lie in flash and are copied into RAM at the start.
    return Size(code + data, data + zeros, f"{compiler_words(compiler)}, -Os")


def compiler_words(compiler: str) -> str:
    """Return name and version of the compiler, and the machine it compiles for."""
    version = call([compiler, "--version"], Path.cwd()).decode(errors="replace").splitlines()[0]
    found = re.search(r"\d+\.\d+(\.\d+)?", version)
    name = "clang" if "clang" in version else "gcc"
    return f"{name} {found[0] if found else ''} for {platform.machine()}"


def call(command: list[str], folder: Path, data: bytes = b"") -> bytes:
    """Return what *command* prints; raise `HandgradError` with its first line of complaint where it fails."""
    try:
        done = subprocess.run(command, cwd=folder, input=data, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HandgradError(f"{Path(command[0]).name} did not run: {error} – nothing was exported") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines() or ["without a message"]
        # The first error: gcc begins with "In function", which says nothing.
        line = next((each for each in lines if "error" in each), lines[0])
        raise HandgradError(f"{Path(command[0]).name} failed: {line[:200]} – nothing was exported")
    return done.stdout
