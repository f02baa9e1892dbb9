"""The sketch of docs/board.md, built for this machine with a serial line of its own, answers as the network does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from export.styles import STYLES, made
from handgrad.digits.data.drawn import draw_digits
from handgrad.export.c.compiler import STRICT, find_compiler
from handgrad.export.c.file import c_file
from handgrad.export.from_module import plan_of
from handgrad.export.quantise import quantise
from handgrad.export.quantised import evaluate_integers

PAGE = Path(__file__).parents[2] / "docs" / "board.md"
ARDUINO = """
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
struct Line {
  void begin(long) {}
  int available() { const int next = std::getchar(); if (next == EOF) std::exit(0); std::ungetc(next, stdin); return 1; }
  int read() { return std::getchar(); }
  void print(int value) { std::printf("%d", value); }
  void print(char value) { std::putchar(value); }
  void println(unsigned long value) { std::printf("%lu\\n", value); }
};
static Line Serial;
static unsigned long micros() { return 0; }
"""


@pytest.mark.skipif(find_compiler() is None or shutil.which("g++") is None, reason="no compiler of C and C++")
def test_the_sketch_answers_as_the_network_does(tmp_path: Path) -> None:
    images = draw_digits(30, seed=8)[0]
    plan = quantise(plan_of(made(STYLES["LeNet"]), "LeNet"), images)
    (tmp_path / "network.c").write_text(c_file(plan, images[:1], ["Test."]))
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    (sketch,) = re.findall(r"```cpp\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "sketch.cpp").write_text(f"{sketch}\nint main() {{ setup(); for (;;) loop(); }}\n")
    build = [
        [find_compiler() or "", *STRICT, "-O1", "-c", "network.c"],
        ["g++", "-Wall", "-Wextra", "-Werror", "-I.", "sketch.cpp", "network.o", "-o", "sketch"],
    ]
    for command in build:
        subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "sketch"], input=images.tobytes(), capture_output=True, check=True, timeout=60)
    answers = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert answers == evaluate_integers(plan, images).argmax(axis=1).tolist()
    assert len(np.unique(answers)) > 1
