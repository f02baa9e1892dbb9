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
