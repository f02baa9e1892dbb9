"""Pages for everybody: axe finds nothing, and every control is reached with the Tab key alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handgrad.backprop.presets import load_network
from handgrad.page.lesson import lesson_page

AXE = Path(__file__).parents[2] / "tools" / "node" / "node_modules" / "axe-core" / "axe.min.js"
REPORT = """
async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const where = (one) => one.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ");
  return found.violations.map((one) => `${one.id}: ${one.help} – ${where(one)}`);
}
"""
CONTROLS = "button, select, input, textarea, summary, a[href], [tabindex='0']"
REACHABLE = """
(controls) => [...document.querySelectorAll(controls)]
  .filter((one) => !one.disabled && one.checkVisibility({ visibilityProperty: true }))
  .map((one, at) => { one.dataset.walk = String(at); return String(at); })
"""


def axe_findings(page: Any) -> list[str]:
    """Return what axe finds wrong on a page, a line each; skip where axe is not installed."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci --prefix tools/node")
    page.evaluate(AXE.read_text(encoding="utf-8") + "\nundefined")
    found: list[str] = page.evaluate(REPORT)
    return found


def walk(page: Any) -> tuple[set[str], set[str]]:
    """Return the controls that are visible, and those that Tab reaches."""
    wanted = set(page.evaluate(REACHABLE, CONTROLS))
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached: set[str] = set()
    for _ in range(2 * len(wanted) + 20):
        page.keyboard.press("Tab")
        at = page.evaluate(
            "document.activeElement.dataset.walk || (document.activeElement === document.body ? 'end' : '')"
        )
        if at == "end" and reached:
            break
        reached.add(at)
    return wanted, reached


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_on_the_lesson(open_page: Any, scheme: str, width: int) -> None:
    page = open_page(
        lesson_page(load_network("classic")),
        "#done=16&hide=dE/dw5&show=w5",
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
    )
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait_for_timeout(100)
    assert axe_findings(page) == []


def test_axe_sees_a_button_without_a_name(open_page: Any) -> None:
    page = open_page(lesson_page(load_network("classic")))
    page.evaluate(
        "document.querySelector('#bar-forward').replaceChildren(); document.querySelector('#bar-forward').title = ''"
    )
    assert any(line.startswith("button-name") for line in axe_findings(page))


def test_every_control_of_the_lesson_is_reached_with_tab(open_page: Any) -> None:
    page = open_page(lesson_page(load_network("classic")), "#done=16&hide=delta_o1")
    wanted, reached = walk(page)
    assert len(wanted) > 80
    assert wanted <= reached, page.evaluate(
        "(some) => some.map((at) => document.querySelector(`[data-walk='${at}']`).outerHTML.slice(0, 120))",
        sorted(wanted - reached),
    )


HEARD = """
() => {
  window.heard = {};
  for (const kind of ["click", "input", "change", "toggle"]) {
    document.addEventListener(kind, ({ target }) => {
      const control = target.closest?.("[data-walk]");
      if (control) window.heard[control.dataset.walk] = kind;
    }, true);
  }
}
"""
SEEN = """
(at) => {
  const one = document.querySelector(`[data-walk='${at}']`);
  const seen = one && !one.disabled && one.checkVisibility({ visibilityProperty: true });
  return seen ? [one.tagName.toLowerCase(), one.type || "", one.options?.length || 0, one.id] : null;
}
"""
KEYS = {"range": "ArrowLeft", "checkbox": " ", "number": "ArrowUp", "text": "1"}


def key_for(kind: tuple[str, str, int, str]) -> str | None:
    """Return the key that a control has to answer to; None where it only shows (a region that scrolls, a list of one)."""
    tag, type_, options, id_ = kind
    if tag == "select":
        return "ArrowDown" if options > 1 else None
    if tag in ("button", "summary"):
        return "Enter"
    # The text to copy is there to be read, and a file is chosen in a window of the system's own.
    return KEYS.get(type_) if tag == "input" and id_ != "share-text" else None


@pytest.mark.parametrize("way", ["keys", pytest.param("touch", marks=pytest.mark.long)])
def test_every_control_of_the_lesson_answers_to_its_key_and_to_a_finger(open_page: Any, way: str) -> None:
    options = {"has_touch": True, "viewport": {"width": 390, "height": 844}} if way == "touch" else {}
    page = open_page(lesson_page(load_network("classic")), "#done=16&hide=delta_o1", **options)
    page.evaluate(HEARD)
    asked, count = set(), len(page.evaluate(REACHABLE, CONTROLS))
    first = {at: page.evaluate(SEEN, at) for at in map(str, range(count))}
    # Lists last: another update rule makes the table again.
    for at in sorted(first, key=lambda at: (first[at] or [""])[0] == "select"):
        kind = page.evaluate(SEEN, at)
        key = key_for(kind) if kind else None
        if key is None or (way == "touch" and kind[0] not in ("button", "summary")):
            continue
        asked.add(at)
        if way == "touch":
            page.locator(f"[data-walk='{at}']").tap()
            if kind[0] == "summary":
                page.locator(f"[data-walk='{at}']").tap()  # open again, or what lies in it could not be pressed
        else:
            page.evaluate("(at) => document.querySelector(`[data-walk='${at}']`).focus()", at)
            page.keyboard.press(key)
            if key == "ArrowLeft":
                page.keyboard.press("ArrowRight")  # a slider at its left end
            if kind[0] == "summary":
                page.keyboard.press(key)
    heard = page.evaluate("window.heard")
    silent = asked - heard.keys()
    names = "(all) => all.map((at) => document.querySelector(`[data-walk='${at}']`)?.outerHTML.slice(0, 90))"
    assert silent == set(), page.evaluate(names, sorted(silent))
    assert len(asked) > (40 if way == "touch" else 70)
