"""Whatever a plan is rendered as gives the plan's answers: C by a compiler, ONNX by onnxruntime."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
import torch

from export.styles import STYLES, made
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.orbits import Orbit
from handgrad.digits.networks.published import NETWORKS
from handgrad.errors import HandgradError
from handgrad.export.c.compiler import find_compiler, run_c, run_selftest, size_of
from handgrad.export.c.file import c_file
from handgrad.export.c.tied import tied
from handgrad.export.evaluate import evaluate
from handgrad.export.from_module import plan_of
from handgrad.export.onnx_file import onnx_model, run_onnx
from handgrad.export.plan import Plan
from handgrad.export.quantise import quantise
from handgrad.export.quantised import evaluate_integers

IMAGES = draw_digits(60, seed=5)[0]
EVERY = {**STYLES, **NETWORKS}
FEW = ("stem-16k", "Depthwise", "Perceptron", "orbit-2k")
"""A chain, one with groups, dilation and products, one that ends in a softmax, one of tied kernels; the others are long."""
SANITISED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILER = find_compiler() or ""
compiled = pytest.mark.skipif(not COMPILER, reason="no C compiler")
NO_FORM = {"Normed", "Patches"}
"""They standardise, which has no form in 8 bits."""
every = pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.long) for name in EVERY]
)


@cache
def plan(name: str) -> Plan:
    return plan_of(made(EVERY[name]), name)  # type: ignore[arg-type]


@compiled
@every
def test_c_in_float32_answers_as_the_plan(name: str) -> None:
    text = c_file(plan(name), IMAGES[:10], ["Test."])
    expected = evaluate(plan(name), IMAGES)
    scores = run_c(text, IMAGES, 10, COMPILER, *SANITISED)
    assert np.abs(scores - expected).max() < 1e-4 * max(1, np.abs(expected).max())


@compiled
@every
def test_c_in_whole_numbers_answers_bit_for_bit_as_its_twin(name: str) -> None:
    if name in NO_FORM:
        with pytest.raises(HandgradError, match=r"standardise cannot be written in 8 bits – export without --int8"):
            quantise(plan(name), IMAGES)
        return
    whole = quantise(plan(name), IMAGES)
    text = c_file(whole, IMAGES[:10], ["Test."])
    expected = evaluate_integers(whole, IMAGES)
    scores = run_c(text, IMAGES, 10, COMPILER, *SANITISED)
    if type(whole.plan.steps[-1]).__name__ == "Softmax":
        assert scores == pytest.approx(expected, abs=1e-5)
    else:
        assert np.array_equal(scores, expected)


@pytest.mark.parametrize("name", EVERY)
def test_onnx_answers_as_the_plan(name: str) -> None:
    answered = run_onnx(onnx_model(plan(name), ["Test."]).SerializeToString(), IMAGES)
    assert answered is not None, "onnxruntime is one of the packages for developing"
    expected = evaluate(plan(name), IMAGES)
    assert np.abs(answered[0] - expected).max() < 1e-4 * max(1, np.abs(expected).max())


@compiled
def test_the_memory_of_stem_16k_is_that_of_its_two_largest_neighbours() -> None:
    size = size_of(c_file(plan("stem-16k"), IMAGES[:1], ["Test."]), COMPILER)
    assert size is not None
    assert size.ram == 4 * (16 * 14 * 14 + 16 * 12 * 12)
    whole = size_of(c_file(quantise(plan("stem-16k"), IMAGES), IMAGES[:1], ["Test."]), COMPILER)
    assert whole is not None
    assert whole.ram == 16 * 14 * 14 + 16 * 12 * 12 and whole.flash < 20_000


@compiled
@pytest.mark.parametrize(("whole", "most"), [(True, 9_500), (False, 15_500)])
def test_of_eight_tied_kernels_one_is_written(whole: bool, most: int) -> None:
    learned = sum(each.numel() for each in NETWORKS["orbit-2k"]().parameters() if each.dim() > 1)
    some = plan("orbit-2k")
    text = c_file(quantise(some, IMAGES) if whole else some, IMAGES[:1], ["Test."])
    assert sum(int(count) for count in re.findall(r" weight_\d+\[(\d+)\]", text)) == learned
    size = size_of(text, COMPILER)
    assert size is not None and size.flash < most


@pytest.mark.parametrize("orbits", [True, False])
def test_tied_kernels_are_known_by_their_numbers(orbits: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    learned = torch.randn(2, 16, 3, 3, generator=generator)
    kernels = Orbit(16, 3, orbits=orbits)(learned).numpy()
    factors = np.linspace(-1, 2, 16, dtype=np.float32)
    found = tied(kernels * factors[:, None, None, None])
    assert found is not None and (found.orbits, found.size) == (orbits, 144)
    # The first of each eight is the learned one itself, so its factor is 1 and the others are relative to it.
    assert np.allclose(found.factors[1:8] * factors[0], factors[1:8], rtol=1e-5)
    whole = np.round(kernels * 40).astype(np.int8)
    exact = tied(whole)
    assert exact is not None and np.array_equal(exact.learned, whole[::8])
    for number in (whole, kernels):
        number[5, 3, 1, 1] += 1
        assert tied(number) is None
    assert tied(kernels[:, :, :, :2]) is None
    assert tied(kernels[:12]) is None


@compiled
def test_a_file_can_be_built_as_a_program_that_tests_itself() -> None:
    text = c_file(quantise(plan("stem-16k"), IMAGES), IMAGES[:10], ["Test."])
    assert run_selftest(text, COMPILER, *SANITISED) == "10 of 10 images as in Python, largest difference of a score 0"


@compiled
def test_a_self_test_with_a_changed_weight_fails() -> None:
    text = c_file(plan("stem-16k"), IMAGES[:10], ["Test."])
    changed = text.replace("static const float bias_13[10] = {\n    ", "static const float bias_13[10] = {\n    9", 1)
    assert changed != text
    with pytest.raises(HandgradError, match="network failed"):
        run_selftest(changed, COMPILER)


def test_a_head_of_a_strangers_words_stays_a_comment_in_ascii() -> None:
    text = c_file(plan("Perceptron"), IMAGES[:1], ["Name */ int x; /* – größer", "Second."])
    assert text.isascii()
    assert text.splitlines()[:2] == ["/*", " * Name * / int x; / * - gr??er"]
