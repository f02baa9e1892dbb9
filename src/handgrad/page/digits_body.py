"""The body of a digits page: what stands on it before the scripts fill it in."""

from __future__ import annotations

from collections.abc import Sequence

from handgrad.html.markup import Markup, joined, tag
from handgrad.page.controls import button, choice


def digits_body(title: str, facts: Sequence[str]) -> Markup:
    """Return the body of a trained network's page."""
    return joined(
        tag(
            "header",
            tag(
                "div",
                tag("p", "Handgrad – a trained network", class_="over"),
                tag("h1", tag("bdi", title)),
                *(tag("p", fact) for fact in facts),
            ),
            tag(
                "div",
                choice("digit-theme", "Colours", [("auto", "as the system"), ("light", "light"), ("dark", "dark")]),
                class_="share",
            ),
            class_="masthead",
        ),
        drawing_section(),
        tag("section", tag("h2", "Or take one"), tag("div", id="samples")),
        layers_section(),
        occlusion_section(),
        tag("p", "This page needs JavaScript, and nothing else: no network connection, no server.", class_="no-script"),
    )


def drawing_section() -> Markup:
    """Return the pad, what the network sees, and its answer."""
    pad = tag(
        "div",
        tag("h3", "Draw a digit"),
        tag(
            "canvas",
            id="digit-pad",
            tabindex="0",
            role="application",
            aria_label="Pad: draw with mouse, finger or pen; arrow keys move the pen, space sets it down and lifts it",
        ),
        tag(
            "div",
            button("digit-undo", "Undo"),
            button("digit-clear", "Clear"),
            tag(
                "label",
                tag("span", "Pen"),
                tag("input", id="digit-width", type="range", min=8, max=44, step=1, value=22, aria_label="pen width"),
            ),
            tag(
                "label",
                tag("span", "Or a picture: drop, paste or"),
                tag("input", id="digit-file", type="file", accept="image/*"),
            ),
            class_="prefs",
        ),
        tag("ul", id="digit-found", class_="thumbs", aria_label="Digits found on the picture", hidden=True),
    )
    seen = tag(
        "div",
        tag("h3", "What the network sees"),
        tag(
            "div",
            tag("canvas", id="digit-seen", role="img", aria_label="the 28 by 28 pixels that the network is given"),
            tag("svg", id="digit-field", viewBox="0 0 28 28", aria_hidden="true"),
            class_="seen",
        ),
        tag("p", id="digit-fieldWords", class_="quiet"),
    )
    answer = tag(
        "div",
        tag("h3", "What it answers"),
        tag("p", "–", id="digit-answer", class_="figure", aria_hidden="true"),
        tag("table", tag("tbody", id="digit-bars"), class_="bars-table"),
        tag("p", id="digit-told", aria_live="polite"),
    )
    return tag(
        "section",
        tag("h2", "Draw, and see", class_="unseen"),
        tag("div", pad, seen, answer, class_="three"),
        class_="stage",
    )


def number(id_: str, label: str) -> Markup:
    """Return a labelled field for a whole number."""
    return tag("label", tag("span", label), tag("input", id=id_, type="number", min=1, value=1, step=1))


def layers_section() -> Markup:
    """Return the layers from image to answer, and one number of them with all that made it."""
    origin = tag(
        "div",
        tag("h3", "Where one number comes from"),
        tag(
            "div",
            choice("maps-layer", "Layer", []),
            number("maps-channel", "Channel"),
            number("maps-row", "Row"),
            number("maps-column", "Column"),
            class_="prefs",
        ),
        tag("p", id="maps-words", aria_live="polite"),
        tag(
            "div", id="maps-terms", class_="scroll", tabindex="0", role="region", aria_label="The numbers that made it"
        ),
        id="maps-origin",
        class_="card origin",
    )
    return tag(
        "section",
        tag("h2", "From the image to the answer"),
        tag("p", "Press a point of a map to see the sum that made it. Blue is above 0, orange below.", class_="quiet"),
        tag(
            "div",
            button("maps-back", "← Layer before", disabled=True),
            button("maps-next", "Next layer →"),
            tag("p", id="maps-walked", role="status", class_="quiet"),
            class_="prefs walk-bar",
        ),
        tag("div", tag("ol", id="maps-layers", class_="layers"), origin, class_="two"),
    )


def occlusion_section() -> Markup:
    """Return the map of what each part of the image changes."""
    return tag(
        "section",
        tag("h2", "What each part of the image changes"),
        tag(
            "div",
            choice("digit-patch", "Patch", [("1", "one pixel"), ("3", "3×3"), ("5", "5×5")]),
            button("digit-occlude", "Make the map", disabled=True),
            class_="prefs",
        ),
        tag(
            "div",
            tag(
                "canvas",
                id="digit-occlusionMap",
                role="img",
                aria_label="how far the probability of the answer falls when a part is covered",
            ),
            tag("p", id="digit-occlusionWords", role="status"),
            id="digit-occlusion",
            class_="occlusion",
            hidden=True,
        ),
    )
