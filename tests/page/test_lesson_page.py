"""The lesson as somebody uses it, in a real browser: keys, touch, links that do not fit, answers, numbers that overflow."""

from __future__ import annotations

import math
import shlex
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from backprop.test_verdicts import CURVES
from handgrad.backprop.exercise.marking import Verdict, marks
from handgrad.backprop.exercise.questions import questions
from handgrad.backprop.graph.after import with_error_after
from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.mistakes.of_an_answer import Mistakes
from handgrad.backprop.network.file import parse_network
from handgrad.backprop.network.network import BiasRule, Layer, Network, Sample, Update, UpdateOrder, UpdateRule
from handgrad.backprop.pictures.palette import rate_colours
from handgrad.backprop.presets import load_network, preset_names
from handgrad.backprop.simulate import evaluate, trace
from handgrad.backprop.verdicts import features_of, verdict_of, verdict_on
from handgrad.errors import UsageError
from handgrad.page.document import page_document
from handgrad.page.lesson import lesson_data, lesson_page
from handgrad.page.lesson_body import lesson_body

WIDTHS = (320, 390, 768, 1024, 1600, 2560)
MOST_BYTES = 150_000


def drawn_network(name: str, sizes: tuple[int, ...], samples: int = 1, **more: Any) -> Network:
    """Return a network of these sizes with numbers of its own."""
    inputs = [tuple(0.1 * (at + 1) + 0.05 * number for at in range(sizes[0])) for number in range(samples)]
    targets = tuple(0.2 * (at + 1) % 1 for at in range(sizes[-1]))
    given = tuple(Sample(one, targets) for one in inputs)
    return Network(name=name, layers=tuple(Layer(units) for units in sizes[1:]), samples=given, **more)


LARGEST = drawn_network("largest", (8, 16, 16, 16, 16), 16, bias=BiasRule.NEURON, update=Update(UpdateRule.ADAM))


@pytest.fixture(scope="module")
def classic() -> str:
    return lesson_page(load_network("classic"))


def until(page: Any, expression: str) -> None:
    """Wait until an expression holds; Playwright's own way needs what the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(expression)


def text(page: Any, id_: str) -> str:
    found: str = page.inner_text(f"#{id_}")
    return found


def test_keys_lead_through_the_step_one_operation_at_a_time_and_back(open_page: Any, classic: str) -> None:
    page = open_page(classic)
    names = [q.name for q in build_graph(load_network("classic")) if q.expression is not None]
    seen = []
    for _ in range(len(names)):
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate("handgrad.moment.current.name"))
        assert page.inner_text("#why-say") != ""
    assert seen == names
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[handgrad.store.state.step, handgrad.store.state.done]") == [1, 0]
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("handgrad.moment.current.name") == names[-1]
    page.keyboard.press("Shift+ArrowRight")
    page.click("#bar-ten")
    assert page.input_value("#bar-step") == "11"
    expected = trace(load_network("classic"), 11)
    assert page.evaluate("handgrad.moment.value('E_total')") == pytest.approx(float(expected["E_total"][11]), rel=1e-12)


def test_the_current_operation_is_lit_in_drawing_and_table_and_derived_with_its_numbers(
    open_page: Any, classic: str
) -> None:
    page = open_page(classic, "#done=15&show=delta_o1")
    assert page.get_attribute("#drawing .number.now", "data-name") == "delta_o1"
    assert page.inner_text("#table tr.now th") == "δ_o1"
    lines = page.eval_on_selector_all("#why-derivation .right-side", "all => all.map((one) => one.textContent)")
    assert lines == ["=∂E∂ao1·∂ao1∂o1", "=0.5965·0.2387", "=0.1424"]
    page.click("#why-from .chip")
    assert page.evaluate("handgrad.moment.focus.name") == "dE/da_o1"
    page.click("#why-now")
    assert page.evaluate("handgrad.moment.state.selected") is None


def test_a_weight_that_is_changed_changes_all_shows_what_was_and_is_undone(open_page: Any, classic: str) -> None:
    page = open_page(classic, "#done=11")
    field = page.get_by_label("w5", exact=True)
    field.fill("0,9")
    field.press("Enter")
    expected = evaluate(build_graph(load_network("classic")), {"w5": 0.9})
    assert page.evaluate("handgrad.moment.value('E_total')") == pytest.approx(float(expected["E_total"]), rel=1e-12)
    assert "was 0.2425" in text(page, "why-what")
    assert page.locator("#table tr.changed").count() > 5
    field.press("ArrowUp")
    assert page.evaluate("handgrad.store.state.given.w5") == pytest.approx(0.91)
    field.fill("nonsense")
    field.press("Enter")
    assert "is not a number" in page.inner_text("#change")
    page.click("#bar-undo")
    page.click("#bar-undo")
    assert page.evaluate("handgrad.store.state.given.w5") == 0.4
    page.click("#bar-redo")
    assert page.evaluate("handgrad.store.state.given.w5") == 0.9


def test_activations_loss_rule_and_order_are_changed_where_the_targets_allow_it(open_page: Any, classic: str) -> None:
    page = open_page(classic)
    page.get_by_label("Hidden units").select_option("tanh")
    page.get_by_label("Loss").select_option("softmax-cross-entropy")
    page.get_by_label("Update rule").select_option("adam")
    page.get_by_label("Order").select_option("output-layer-first")
    assert page.evaluate("handgrad.store.state.choices") == {
        "activations": ["tanh", "softmax"],
        "loss": "softmax-cross-entropy",
        "rule": "adam",
        "order": "output-layer-first",
    }
    target = page.get_by_label("t1", exact=True)
    target.fill("0.5")
    target.press("Enter")
    assert "targets that add up to 1 – 0.01 stays" in page.inner_text("#change")
    page.get_by_label("Outputs", exact=True).select_option("identity")
    assert page.evaluate("handgrad.store.state.choices.loss") == "half-squared-error"


def test_a_link_holds_the_whole_state_and_what_does_not_fit_is_said(open_page: Any, classic: str) -> None:
    page = open_page(classic)
    page.evaluate(
        """() => handgrad.store.change({step: 7, done: 12, selected: "dE/dw5", predict: true, hidden: ["a_h1", "delta_o1"],
        format: {digits: 6, comma: true}, rates: [0.1, 0.2, 3, 4, 5, 1e6], rateSteps: 500, log: true, weight: "w3",
        nudge: -0.25, given: {...handgrad.store.state.given, w1: -0.15, learning_rate: 1.5, i1: 1e-7},
        choices: {activations: ["relu", "tanh"], loss: "mean-squared-error", rule: "momentum", order: "output-layer-first"}})"""
    )
    until(page, "location.hash.includes('step=7')")
    wanted = page.evaluate("JSON.stringify(handgrad.store.state)")
    again = open_page(classic, page.evaluate("location.hash"))
    assert again.evaluate("JSON.stringify(handgrad.store.state)") == wanted
    odd = open_page(classic, "#step=3&loss=huber&set=w99:1;w1:x&a=tanh&digits=5.&%00=%3Cscript%3E")
    assert odd.evaluate("handgrad.store.state.step") == 3
    assert odd.evaluate("handgrad.store.state.choices") == page.evaluate("handgrad.first.choices")
    assert "loss=huber" in text(odd, "notice") and "w99:1" in text(odd, "notice")


@pytest.mark.parametrize(
    "hash_",
    ["", "#step=3&set=learning_rate:1.5;w2:-0.5", "#step=2&a=tanh,softmax&loss=softmax-cross-entropy&rule=adam"],
)
def test_the_command_or_file_that_is_copied_gives_the_same_numbers(
    open_page: Any,
    classic: str,
    hash_: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import json

    from handgrad.cli import run

    page = open_page(classic, hash_)
    command = page.evaluate("toCommand(handgrad.store.state, handgrad.first, handgrad.data)")
    toml = page.evaluate("toToml(handgrad.store.state, handgrad.data)")
    step = page.evaluate("handgrad.store.state.step")
    mine = page.evaluate("handgrad.moment.value('E_total')")
    assert float(trace(parse_network(toml), step)["E_total"][step]) == pytest.approx(mine, rel=1e-12)
    assert (command is None) == ("loss=" in hash_)
    if command is not None:
        monkeypatch.chdir(tmp_path)
        run([*shlex.split(command)[1:], "--json"])
        found = json.loads(capsys.readouterr().out)
        assert json.dumps(mine) in json.dumps(found)


def test_a_training_that_diverges_says_where_and_why_and_leads_back_to_finite_numbers(open_page: Any) -> None:
    linear = (Layer(2, "identity"), Layer(2, "identity"))
    network = replace(load_network("classic"), layers=linear, learning_rate=1000.0)
    page = open_page(lesson_page(network))
    page.click("#bar-ten")
    page.click("#bar-ten")
    at = trace(network, 20).diverged_at
    assert at is not None
    assert f"at step {at} the training diverges" in text(page, "trouble")
    page.click("#trouble button")
    assert page.evaluate("[handgrad.store.state.step, Number.isFinite(handgrad.moment.value('E_total'))]") == [
        at - 1,
        True,
    ]
    page.click("#bar-run")
    until(page, "document.querySelector('#bar-run').ariaPressed === 'false'")


@pytest.mark.parametrize("order", ["old-weights", "output-layer-first"])
def test_a_nudge_moves_the_error_by_the_slope_times_it_and_every_check_is_pythons(
    open_page: Any, classic: str, order: str
) -> None:
    network = load_network("classic")
    state = f"#step=3&weight=w5&nudge=0.02&digits=17.&order={order}"
    page = open_page(classic, state)
    page.click("text=Check every derivative")
    weights = trace(replace(network, order=UpdateOrder(order)), 3)
    begun = replace(network, weights=tuple(float(weights[f"w{number}"][3]) for number in range(1, 9)))

    def error(name: str, by: float) -> float:
        moved = list(begun.weights)
        moved[int(name[1:]) - 1] += by
        return float(evaluate(build_graph(replace(begun, weights=tuple(moved))))["E_total"])

    words = text(page, "one-nudgeWords")
    moves = number_of(words.partition("E_total moves by ")[2].split(". Slope")[0])
    assert moves == pytest.approx(error("w5", 0.02) - error("w5", 0.0), rel=1e-9)
    rows = page.eval_on_selector_all(
        "#one-checks tr", "all => all.map((one) => [...one.querySelectorAll('th, td')].map((cell) => cell.textContent))"
    )
    assert [row[0] for row in rows] == [f"∂E/∂w{number}" for number in range(1, 9)]
    true = evaluate(build_graph(begun))
    for name, slope, difference, _ in rows:
        weight = name.removeprefix("∂E/∂")
        measured = (error(weight, 1e-5) - error(weight, -1e-5)) / 2e-5
        # The true gradient, whichever order the update takes: what the curve falls by.
        assert number_of(slope) == pytest.approx(float(true[f"dE/d{weight}"]), rel=1e-9)
        assert number_of(difference) == pytest.approx(measured, rel=1e-4)


RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")


def number_of(text: str) -> float:
    """Return a number as the page writes it."""
    return float(text.replace("·10", "e").translate(RAISED))


def test_predict_first_hides_the_next_value_judges_it_and_names_the_mistake(open_page: Any, classic: str) -> None:
    page = open_page(classic, "#predict=all")
    for _ in range(15):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("handgrad.moment.current.name") == "delta_o1"
    assert page.inner_text("#why-what .value") == "?"
    assert "0.1424" not in page.inner_text("main")
    page.fill("#why-answer", "-0,1424")
    page.press("#why-answer", "Enter")
    assert text(page, "why-verdict").startswith("Not yet – sign: ")
    page.fill("#why-answer", "0.5965")
    page.click("text=Check")
    assert "forgotten derivative" in text(page, "why-verdict")
    page.fill("#why-answer", "half")
    page.click("text=Check")
    assert "type a number" in text(page, "why-verdict")
    page.fill("#why-answer", "0.14236")
    page.click("text=Check")
    assert text(page, "why-verdict") == "Right: δ_o1 is 0.1424."
    assert page.inner_text("#why-what .value") == "0.1424"


@pytest.mark.parametrize("name", ["classic", pytest.param("xor", marks=pytest.mark.long)])
def test_the_page_judges_an_answer_as_the_exercise_does(open_page: Any, name: str) -> None:
    graph = with_error_after(build_graph(load_network(name)))
    asked = [question for question in questions(graph) if not question.name.endswith("_total_next")]
    mistakes = {question.name: Mistakes(graph).of(question.name) for question in asked}
    true = {one: float(value) for one, value in evaluate(graph).items()}
    # A quarter of the questions, each answered rightly, nearly, with slips and with nonsense.
    cases = [
        (question, answer)
        for question in asked[::4]
        for value in [true[question.name]]
        for answer in (value, value * 1.0009, value * 1.004, -value, 2 * value, value / 100, value + 0.7)
    ]
    page = open_page(lesson_page(load_network(name)))
    found = page.evaluate(
        """(cases) => cases.map(([name, answer]) => judged(answer, handgrad.moment.graph.byName.get(name), handgrad.moment,
        handgrad.catalogue, handgrad.data.marking))""",
        [[question.name, answer] for question, answer in cases],
    )
    for (question, answer), mine in zip(cases, found, strict=True):
        # Alone among right answers: what follows from earlier ones plays no part on the page.
        given = {one.name: true[one.name] for one in asked} | {question.name: answer}
        mark = marks(graph, asked, mistakes, true, answers=given)[question.name]
        assert (mine["verdict"] == "right") == (mark.verdict is Verdict.RIGHT), (question, answer)
        assert mine["words"] == mark.hint, (question, answer)


@pytest.mark.parametrize("name", ["classic", "xor", "diverging"])
def test_the_verdicts_and_last_finite_errors_of_six_rates_are_pythons(open_page: Any, name: str) -> None:
    rates = (0.1, 0.5, 10, 100, 1000, 1_000_000)
    page = open_page(lesson_page(load_network(name)), f"#rates={';'.join(map(str, rates))}&of=100")
    rows = page.eval_on_selector_all(
        "#rates-rows tr", "all => all.map((one) => [...one.querySelectorAll('td')].map((cell) => cell.textContent))"
    )
    graph = build_graph(load_network(name))
    for rate, row in zip(rates, rows, strict=True):
        run = trace(graph, 100, ["E_total", *graph.parameters], {"learning_rate": rate})
        last = 100 if run.diverged_at is None else run.diverged_at - 1
        number = page.evaluate("(x) => shown(x, {digits: 4, comma: false}, true)", float(run["E_total"][last]))
        assert row[0] == (number if run.diverged_at is None else f"{number} (step {last})")
        verdict = verdict_of(run)
        assert row[1] == str(verdict) if verdict.at is None else row[1].startswith(f"{verdict.words}, because "), rate


def test_the_page_boils_a_run_down_and_says_of_it_what_python_says(open_page: Any, classic: str) -> None:
    page = open_page(classic)
    for curve, flat in CURVES.values():
        mine = features_of(curve, flat)
        finite = curve[: mine.numbers + 1]  # a page stops at the first error that is not finite
        numbers = [str(error) if not math.isfinite(error) else error for error in finite]
        found = page.evaluate(
            """([errors, rows, flat]) => { const rules = handgrad.data.verdicts;
            const all = featuresOf(errors.map(Number), rows, flat, rules); return [all, outcomeOf(all, rules)]; }""",
            [[{"inf": "Infinity"}.get(str(one), one) for one in numbers], len(curve), int(flat)],
        )
        assert found == [asdict(mine), verdict_on(mine).outcome]


def test_touch_presses_the_buttons_and_moves_the_slider_of_the_step(open_page: Any, classic: str) -> None:
    page = open_page(classic, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.tap("#bar-forward")
    page.tap("#bar-forward")
    assert page.evaluate("handgrad.moment.current.name") == "a_h1"
    page.tap("#drawing .number[data-name=o1]")
    assert page.evaluate("handgrad.moment.focus.name") == "o1"
    box = page.locator("#bar-line").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.98, box["y"] + box["height"] / 2)
    assert page.evaluate("handgrad.moment.done") > 30


def test_the_drawing_is_walked_with_arrow_keys_and_pressed_with_enter(open_page: Any, classic: str) -> None:
    page = open_page(classic, "#done=1")
    page.focus("#drawing .number[data-name=h1]")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.name") == "a_h1"
    page.keyboard.press("Enter")
    assert page.evaluate("handgrad.moment.focus.name") == "a_h1"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.name") != "a_h1"


def test_print_shows_the_page_without_its_controls(open_page: Any, classic: str) -> None:
    page = open_page(classic, "#done=20")
    page.emulate_media(media="print")
    assert not page.is_visible(".bar") and not page.is_visible("#share-link") and page.is_visible("#why-derivation")
    assert len(page.pdf()) > 20_000


def test_digits_and_decimal_mark_are_chosen_and_motion_is_spared_who_asks_for_it(open_page: Any, classic: str) -> None:
    page = open_page(classic, "#done=2", reduced_motion="reduce")
    page.select_option("#share-digits", "17")
    page.select_option("#share-mark", ",")
    assert page.inner_text("#why-what .value") == "0,5068745667645342"
    assert page.evaluate("getComputedStyle(document.querySelector('.line-back')).transitionDuration") == "0s"
    page.select_option("#share-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"


def test_a_questions_numbers_are_live_and_the_stuck_network_is_shown(open_page: Any, classic: str) -> None:
    page = open_page(classic)
    assert page.locator("details.question").count() == 5
    for question in page.locator("details.question summary").all():
        question.click()
    answers = page.locator("details.question").all_inner_texts()
    assert "δ_o1 is 0.1424 now" in answers[0] and "0.1424 and −0.08376" in answers[1]
    page.click("text=Try it here")
    assert page.inner_text("#why-what .value") == "0.2401"


def test_no_page_is_wider_than_its_window_and_its_labels_do_not_cover_one_another(open_page: Any) -> None:
    networks = [load_network("classic"), drawn_network("8-16-3", (8, 16, 3)), drawn_network("3-4-2", (3, 4, 2), 2)]
    for network in networks:
        page = open_page(lesson_page(network), "#done=30")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(60)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (network.name, width)
            covered = page.evaluate(COVERED)
            assert covered == [], (network.name, width)


@pytest.mark.parametrize("digits", ["4.", pytest.param("6,", marks=pytest.mark.long), "17."])
def test_more_digits_and_an_update_leave_the_drawing_legible(open_page: Any, digits: str) -> None:
    for name in ("classic", "diverging"):
        page = open_page(lesson_page(load_network(name)), f"#done=39&step=3&digits={digits}")
        for width in (390, 1024):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(60)
            assert page.evaluate(COVERED) == [], (name, width)


COVERED = """
() => {
  const texts = [...document.querySelectorAll("#drawing text")].filter((one) => one.textContent && one.getBBox().width);
  const boxes = texts.map((one) => ({ box: one.getBBox(), text: one.textContent }));
  const found = [];
  boxes.forEach(({ box, text }, at) => boxes.slice(at + 1).forEach((other) => {
    const wide = Math.min(box.x + box.width, other.box.x + other.box.width) - Math.max(box.x, other.box.x);
    const high = Math.min(box.y + box.height, other.box.y + other.box.height) - Math.max(box.y, other.box.y);
    if (wide > 2 && high > 5) found.push([text, other.text, wide, high]);
  }));
  const cards = [...document.querySelectorAll("#drawing .card-box")].map((one) => one.getBBox());
  for (const one of document.querySelectorAll("#drawing .on-arrow")) {
    const box = one.getBBox();
    const inside = (card) => Math.min(box.x + box.width, card.x + card.width) - Math.max(box.x, card.x);
    const beside = (card) => Math.min(box.y + box.height, card.y + card.height) - Math.max(box.y, card.y);
    if (box.width && cards.some((card) => inside(card) > 3 && beside(card) > 3)) found.push([one.textContent, "a card"]);
  }
  return found;
}
"""


@pytest.mark.parametrize("name", ['<script>alert("1")</script>', "</style><b>", "a\u202eb", '"quoted" & more'])
def test_a_hostile_name_is_refused_in_a_file_and_only_text_where_it_stands_all_the_same(
    open_page: Any, name: str
) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        replace(load_network("classic"), name=name)
    forced = replace(load_network("classic"))
    object.__setattr__(forced, "name", name)
    data = lesson_data(load_network("classic")) | {"name": name}
    page = open_page(page_document(f"{name} – a lesson", lesson_body(forced), "lesson", data))
    shown = name.replace("\u202e", "\ufffd")
    assert page.inner_text("h1") == shown
    assert page.locator("h1 b, h1 script").count() == 0
    assert page.title() == f"{shown} – a lesson"


@pytest.mark.parametrize("name", preset_names())
def test_a_lesson_is_at_most_150_kb(name: str) -> None:
    assert len(lesson_page(load_network(name)).encode()) <= MOST_BYTES


@pytest.mark.long
def test_the_largest_lesson_is_at_most_150_kb_and_opens(open_page: Any) -> None:
    whole = lesson_page(LARGEST)
    assert len(whole.encode()) <= MOST_BYTES
    page = open_page(whole)
    page.click("#bar-whole")
    found = page.evaluate("handgrad.moment.value('E_total')")
    assert found == pytest.approx(float(trace(LARGEST, 0)["E_total"][0]), rel=1e-12)


@pytest.mark.parametrize("name", ["classic", "diverging"])
def test_the_lines_of_the_rates_have_the_palettes_colours_and_their_names_at_their_ends(
    open_page: Any, name: str
) -> None:
    """By the size of a rate, also where the reader's are in another order; no name covers another."""
    page = open_page(lesson_page(load_network(name)), "#rates=2;0.1;0.5;1;0.2;0.8&of=100")
    drawn = page.eval_on_selector_all(
        "#rates-picture path.curve", "all => all.map((one) => getComputedStyle(one).stroke)"
    )
    keys = page.eval_on_selector_all("#rates-rows .key path", "all => all.map((one) => getComputedStyle(one).stroke)")
    by_size = [f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})" for colour in rate_colours(6)]
    assert drawn == keys == [by_size[rank] for rank in (5, 0, 2, 4, 1, 3)]
    names = page.eval_on_selector_all(
        "#rates-picture .end-name", "all => all.map((one) => [one.textContent, one.getBBox().y, one.getBBox().height])"
    )
    assert [text for text, _, _ in names] == ["η = 2", "η = 0.1", "η = 0.5", "η = 1", "η = 0.2", "η = 0.8"]
    tops = sorted(top for _, top, _ in names)
    assert all(after - before >= 13 for before, after in pairwise(tops)), tops
