"""The page of a trained network in a real browser: its answers beside the run's, the 28×28 beside Python's, pad and maps."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from export.finished_runs import data_folder, finished_run
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.trained import trained_module
from handgrad.export.evaluate import evaluate
from handgrad.export.from_module import plan_of
from handgrad.export.verb import material_of
from handgrad.page.digits import digits_page
from handgrad.page.digits_data import MOST_MISTAKES
from handgrad.page.of_run import subject_of
from handgrad.photograph.digits import see
from handgrad.photograph.read import read_picture
from handgrad.runs.read import read_run
from page.test_accessibility import axe_findings, walk
from photograph.make_fit_fixture import PLACE
from photograph.make_see_fixture import PLACE as PHOTOGRAPHS
from photograph.make_see_fixture import images_of, unpacked
from photograph_scenes import NUISANCES, Scene, photograph

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

SEE = """
([grey, columns]) => {
  const values = Float64Array.from(atob(grey), (sign) => sign.charCodeAt(0));
  const { digits, reason } = seen({ values, rows: values.length / columns, columns });
  return [digits.map((digit) => [digit.box, Array.from(digit.image)]), reason];
}
"""
Bytes = NDArray[np.uint8]


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


def seen_in_browser(page: Any, grey: Bytes) -> tuple[list[list[int]], NDArray[np.int64], str]:
    """Return boxes, images ``[n, 784]`` and the reason that the page's script finds for a grey picture."""
    digits, reason = page.evaluate(SEE, [base64.b64encode(grey.tobytes()).decode(), grey.shape[1]])
    return [box for box, _ in digits], np.array([image for _, image in digits], np.int64).reshape(-1, 784), reason


def test_the_page_sees_on_a_photograph_what_python_sees(open_page: Any, whole: str) -> None:
    page = open_page(whole)
    for case in json.loads(PHOTOGRAPHS.read_text(encoding="utf-8")):
        boxes, images, reason = seen_in_browser(page, unpacked(case))
        assert reason == case["reason"]
        assert boxes == [each["box"] for each in case["digits"]], case["name"]
        assert np.abs(images - images_of(case)).max(initial=0) <= 1, case["name"]


@pytest.mark.long
def test_the_page_sees_what_python_sees_whatever_spoils_the_photograph(open_page: Any, whole: str) -> None:
    digits, _ = draw_digits(20, seed=9)
    page = open_page(whole)
    apart = []
    for nuisance in NUISANCES:
        for seed in range(5):
            scene = nuisance(np.random.default_rng(seed))
            photo = photograph(digits[seed : seed + scene.digits], scene, np.random.default_rng(seed))
            grey = cv2.cvtColor(255 - photo if seed % 2 else photo, cv2.COLOR_BGR2GRAY)
            mine = see(grey)
            boxes, images, _ = seen_in_browser(page, grey)
            assert len(boxes) == len(mine.digits), (nuisance.__name__, seed)
            found = np.array(boxes).reshape(-1, 4) - np.array([each.box for each in mine.digits]).reshape(-1, 4)
            assert np.abs(found).max(initial=0) <= 1, (nuisance.__name__, seed)
            apart.append(int(np.abs(images - mine.images.reshape(-1, 784)).max(initial=0)))
    # OpenCV works in single precision: now and then a pixel lies on the other side of the threshold for ink.
    assert sum(each > 1 for each in apart) <= 3 and max(apart) <= 12, apart


def drop(page: Any, *paths: Path) -> None:
    """Drop files from the disk on the pad, as a person does with a mouse."""
    box = page.locator("#digit-pad").bounding_box()
    client = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        client.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})


def test_a_picture_dropped_on_the_pad_is_read_as_the_command_reads_it(
    open_page: Any, whole: str, tmp_path: Path, material: Any
) -> None:
    digits, _ = draw_digits(5, seed=9)
    # Larger than what is kept of a photograph, coloured, and with three digits on it.
    photo = photograph(digits[:3], Scene(digits=3, shadow=0.4, paper=(150, 195, 225)), np.random.default_rng(1))
    path = tmp_path / "three <b>.png"
    Image.fromarray(cv2.cvtColor(cv2.resize(photo, None, fx=2.5, fy=2.5), cv2.COLOR_BGR2RGB)).save(path)
    page = open_page(whole)
    drop(page, path)
    page.wait_for_selector("#digit-found button >> nth=2")
    mine = see(read_picture(path))
    answers = evaluate(material.plan, mine.images).argmax(axis=1)
    for at, image in enumerate(mine.images):
        page.click(f"#digit-found button >> nth={at}")
        found = np.array(page.evaluate("Array.from(handgrad.image)"))
        assert np.abs(found - image.ravel().astype(int)).max() <= 1
        assert page.inner_text("#digit-answer") == str(answers[at])
        assert page.inner_text("#digit-told").startswith(f"digit {at + 1} of 3 on three <b>.png: read as {answers[at]}")
    page.click("#digit-undo")
    assert page.inner_text("#digit-answer") == "–" and not page.is_visible("#digit-found")


def test_a_dropped_file_without_a_digit_and_one_that_is_no_picture_are_told_so(
    open_page: Any, whole: str, tmp_path: Path
) -> None:
    page = open_page(whole)
    Image.new("L", (200, 150), 228).save(tmp_path / "empty.png")
    (tmp_path / "notes.txt").write_text("no picture")
    for name, words in (
        ("empty.png", "No digit on empty.png: it is empty: nothing stands out from the paper."),
        ("notes.txt", "This file is not a picture that the browser can read"),
    ):
        drop(page, tmp_path / name)
        page.wait_for_selector(f"#digit-told:has-text('{words}')")
        assert page.inner_text("#digit-answer") == "–"


@pytest.mark.parametrize("size", [1, 5])
def test_the_map_of_what_each_place_changes_is_that_of_numpy(
    open_page: Any, whole: str, material: Any, size: int
) -> None:
    page = open_page(whole)
    page.click("#samples button >> nth=7")
    page.select_option("#digit-patch", str(size))
    page.click("#digit-occlude")
    page.wait_for_selector("#digit-occlusionWords:has-text('at most')")
    found = np.array(page.evaluate("Array.from(handgrad.falls)")).reshape(28, 28)
    image = material.images[page.evaluate("handgrad.data.samples[0].digits[7].index")]
    covered = np.repeat(image[None], 28 * 28, axis=0)
    for at, each in enumerate(covered):
        row, column = divmod(at, 28)
        reach = size // 2
        patch = (slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1))
        each[patch] = 255 - each[patch] if size == 1 else 0
    base, shares = softmax(evaluate(material.plan, image[None])), softmax(evaluate(material.plan, covered))
    best = int(base[0].argmax())
    expected = (base[0, best] - shares[:, best]).reshape(28, 28)
    assert np.abs(expected).max() > 1e-4
    # The page computes with weights in half precision.
    assert found == pytest.approx(expected, abs=4e-3)
    words = page.inner_text("#digit-occlusionWords")
    most = float(words.partition("at most ")[2].partition(" %")[0])
    assert f"the probability of {best} " in words and most == pytest.approx(100 * np.abs(found).max(), rel=0.06)


def softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Return the shares of each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def test_the_mistakes_on_the_page_are_the_runs_surest(open_page: Any, whole: str, material: Any) -> None:
    evidence = material.run.evidence
    answers = evidence.log_probabilities.argmax(axis=1)
    wrong = np.flatnonzero(answers != evidence.labels)
    sureness = evidence.log_probabilities.max(axis=1)
    surest = sorted(wrong, key=lambda at: -sureness[at])[:MOST_MISTAKES]
    page = open_page(whole)
    shown = page.evaluate("handgrad.data.samples[1].digits.map((one) => [one.index, one.label, one.answer])")
    assert len(shown) == min(MOST_MISTAKES, len(wrong)) > 0
    assert [sureness[at] for at, _, _ in shown] == [sureness[at] for at in surest]
    assert all(label == evidence.labels[at] and answer == answers[at] for at, label, answer in shown)


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
