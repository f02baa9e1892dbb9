"""The experiments of a lesson: several learning rates, one weight on its curve, a nudge, the check of every derivative."""

from __future__ import annotations

from handgrad.html.markup import Markup, tag
from handgrad.page.controls import choice, slider


def rates_section() -> Markup:
    """Return the comparison of learning rates."""
    head = tag(
        "tr", *(tag("th", text, scope="col") for text in ("learning rate", "E_total at the end", "verdict")), tag("td")
    )
    return tag(
        "section",
        tag("h2", "Several learning rates"),
        tag("p", "The same first weights, trained with several learning rates; nothing else differs.", class_="quiet"),
        tag(
            "div",
            tag("div", id="rates-picture", class_="chart"),
            tag(
                "div",
                tag(
                    "div",
                    choice("rates-length", "Over", []),
                    tag("label", tag("input", type="checkbox", id="rates-log"), " logarithmic axis", class_="check"),
                    class_="prefs",
                ),
                tag(
                    "div",
                    tag("table", tag("thead", head), tag("tbody", id="rates-rows"), class_="rates"),
                    class_="scroll",
                ),
            ),
            class_="two",
        ),
    )


def weight_section() -> Markup:
    """Return one weight's curve with the steps on it, the nudge, and the check of each gradient."""
    rate = tag(
        "label",
        tag("span", "η", id="one-rateValue"),
        slider("one-rate", -3, 3, "learning rate η, from 0.001 to 1,000"),
        class_="wide",
    )
    walk = tag(
        "figure",
        tag("figcaption", "Steps on its curve"),
        tag("div", id="one-parabola", class_="chart"),
        tag("p", id="one-walkWords"),
    )
    return tag(
        "section",
        tag("h2", "One weight"),
        tag(
            "p",
            "All other numbers stay as they are at this step; the curve is the error as one weight moves.",
            class_="quiet",
        ),
        tag("div", choice("one-weight", "Weight", []), rate, class_="prefs"),
        tag("div", walk, nudge_figure(), class_="two even"),
        checks(),
    )


def nudge_figure() -> Markup:
    """Return the place of the finite difference: one weight moved by ε, and how the error moves."""
    typed = tag(
        "label",
        tag("span", "ε"),
        tag("input", id="one-nudge", type="text", inputmode="decimal", autocomplete="off"),
    )
    moved = tag("label", slider("one-nudgeSlider", -1, 1, "nudge ε, from −1 to 1"), class_="wide")
    return tag(
        "figure",
        tag("figcaption", "A nudge"),
        tag("div", id="one-nudgePicture", class_="chart"),
        tag("div", typed, moved, class_="prefs"),
        tag("p", id="one-nudgeWords"),
    )


def checks() -> Markup:
    """Return the table of every derivative beside its finite difference, folded away."""
    names = ("slope", "by the chain rule", "by difference", "apart by")
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
    table = tag("table", head, tag("tbody", id="one-checks"))
    return tag(
        "details",
        tag("summary", "Check every derivative"),
        tag(
            "p",
            "A derivative can be measured without any calculus: move one number a little up and a little down, all else "
            "fixed, and divide the change of the error by the distance moved.",
            class_="quiet",
        ),
        tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="Checks of every derivative"),
        tag("p", id="one-checksMore", class_="quiet"),
    )
