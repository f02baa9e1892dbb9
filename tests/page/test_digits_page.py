"""The page of a trained network in a real browser: its answers beside the run's, the 28×28 beside Python's, pad and maps."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.finished_runs import data_folder, finished_run
from handgrad.digits.trained import trained_module
from handgrad.export.evaluate import evaluate
from handgrad.export.from_module import plan_of
from handgrad.export.verb import material_of
from handgrad.page.digits import digits_page
from handgrad.page.of_run import subject_of
from handgrad.runs.read import read_run
from page.test_accessibility import axe_findings, walk
from photograph.make_fit_fixture import PLACE

MOST_BYTES = 250_000
ANSWERS = """
(all) => {
  const bytes = Uint8Array.from(atob(all), (sign) => sign.charCodeAt(0));
  const rows = [];
  for (let at = 0; at < bytes.length; at += 784) {
    const values = runPlan(handgrad.plan, bytes.subarray(at, at + 784));
    rows.push(Array.from(values.at(-1)));
  }
  return rows;
}
"""
FIT = """
([ink, columns, stroke]) => {
  const bytes = Uint8Array.from(atob(ink), (sign) => sign.charCodeAt(0));
  const found = fitted(bytes, columns, stroke);
  return found && [Array.from(found.image), found.width, found.changedTo];
}
"""


def scores_in_browser(page: Any, images: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, Any]:
    """Return the scores ``[n, 10]`` that the page's script finds for *images*."""
    return np.array(page.evaluate(ANSWERS, base64.b64encode(images.tobytes()).decode()), dtype=np.float64)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Any:
    run = read_run(finished_run(tmp_path_factory.mktemp("digits-page")))
    return material_of(run, plan_of(trained_module(run), run.network), data_folder(), False)


@pytest.fixture(scope="module")
def whole(material: Any) -> str:
    return digits_page(subject_of(material)[0])


def test_the_page_gives_the_runs_answer_to_every_test_image(open_page: Any, whole: str, material: Any) -> None:
    page = open_page(whole)
    found = scores_in_browser(page, material.images)
    answers = material.expected.log_probabilities.argmax(axis=1)
    assert (found.argmax(axis=1) == answers).all()
    assert found == pytest.approx(evaluate(material.plan, material.images), abs=2e-2)
    _, proof = subject_of(material)
    assert proof.same == proof.total == len(answers)
    assert f"the run's answer to {len(answers)} of {len(answers)}" in page.inner_text("header")


@pytest.mark.parametrize("stroke", [True, False])
def test_the_page_makes_the_28_by_28_that_python_makes(open_page: Any, whole: str, stroke: bool) -> None:
    page = open_page(whole)
    for case in json.loads(PLACE.read_text(encoding="utf-8")):
        found = page.evaluate(FIT, [case["ink"], case["columns"], stroke])
        expected = case["fitted" if stroke else "as it is"]
        assert (found is None) == (expected is None), case["name"]
        if expected is not None:
            image = np.frombuffer(base64.b64decode(expected["image"]), np.uint8).astype(int)
            assert np.abs(np.array(found[0]) - image).max() <= 1, case["name"]
            assert found[1:] == pytest.approx([expected["width"], expected["changed_to"]], abs=1e-6), case["name"]


def test_a_digit_is_drawn_with_the_mouse_undone_and_cleared_and_an_empty_pad_gets_no_answer(
    open_page: Any, whole: str
) -> None:
    page = open_page(whole)
    assert page.inner_text("#digit-answer") == "–"
    box = page.locator("#digit-pad").bounding_box()
    place = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    for from_, to in (((0.3, 0.2), (0.7, 0.2)), ((0.7, 0.2), (0.4, 0.8))):
        page.mouse.move(*place(*from_))
        page.mouse.down()
        page.mouse.move(*place(*to), steps=5)
        page.mouse.up()
    shares = page.eval_on_selector_all("#digit-bars .numeral", "all => all.map((one) => parseFloat(one.textContent))")
    assert page.inner_text("#digit-answer") == str(int(np.argmax(shares)))
    assert 98 < sum(shares) <= 100.0001
    page.click("#digit-undo")
    assert page.inner_text("#digit-answer") != "–"
    page.click("#digit-undo")
    assert page.inner_text("#digit-answer") == "–"
    assert "An empty pad gets no answer" in page.inner_text("#digit-told")


def test_a_digit_is_drawn_with_keys_and_by_touch(open_page: Any, whole: str) -> None:
    page = open_page(whole, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.focus("#digit-pad")
    page.keyboard.press(" ")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    assert page.inner_text("#digit-answer") != "–"
    page.tap("#digit-clear")
    assert page.inner_text("#digit-answer") == "–"
    box = page.locator("#digit-pad").bounding_box()
    page.touchscreen.tap(box["x"] + 60, box["y"] + 60)
    assert page.inner_text("#digit-answer") != "–"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_test_digit_is_chosen_and_one_number_of_it_is_explained(open_page: Any, whole: str, material: Any) -> None:
    page = open_page(whole)
    page.click("#samples button >> nth=3")
    number = page.evaluate("handgrad.data.samples[0].digits[3].index")
    answer = int(material.expected.log_probabilities[number].argmax())
    assert page.inner_text("#digit-answer") == str(answer)
    sums = page.evaluate(
        """() => {
        const { plan, values } = handgrad.maps;
        const found = [];
        plan.steps.forEach((step, at) => {
          if (step.op !== "convolution" && step.op !== "linear") return;
          for (const flat of [0, Math.floor(values[at + 1].length / 2), values[at + 1].length - 1]) {
            const { terms, bias } = originOf(plan, values, at + 1, flat);
            found.push([terms.reduce((sum, term) => sum + term.value * term.weight, bias), values[at + 1][flat]]);
          }
        });
        return found;
        }"""
    )
    assert len(sums) >= 6
    assert [each[0] for each in sums] == pytest.approx([each[1] for each in sums], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_and_tab_reaches_every_control(open_page: Any, whole: str, scheme: str, width: int) -> None:
    page = open_page(whole, color_scheme=scheme, viewport={"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('#samples button')[3].click()")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait_for_timeout(100)
    assert axe_findings(page) == []
    wanted, reached = walk(page)
    assert len(wanted) > 90
    assert wanted <= reached


def test_the_page_of_a_small_run_is_small(whole: str) -> None:
    assert len(whole.encode()) <= MOST_BYTES


def test_a_page_is_written_beside_the_report_which_links_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from handgrad.cli import run
    from handgrad.report.page import write_report

    path = finished_run(tmp_path)
    report = write_report(path)
    assert 'href="digits.html"' not in report.read_text(encoding="utf-8")
    run(["page", str(path), "--data", str(data_folder())])
    assert (path / "digits.html").is_file()
    assert 'href="digits.html"' in report.read_text(encoding="utf-8")
