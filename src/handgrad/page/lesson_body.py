"""The body of a lesson: what stands on it before the scripts fill it in."""

from __future__ import annotations

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.network.network import Network
from handgrad.backprop.network.words import in_one_line
from handgrad.html.markup import Markup, joined, tag
from handgrad.page.controls import button, choice
from handgrad.page.experiments_body import rates_section, weight_section
from handgrad.page.questions import questions_section


def lesson_body(network: Network) -> Markup:
    """Return the body of a network's lesson."""
    return joined(
        masthead(network),
        tag("p", class_="notice", id="notice", role="status", hidden=True),
        stage(),
        change_section(),
        rates_section(),
        weight_section(),
        table_section(),
        questions_section(build_graph(network)),
        tag("p", "This page needs JavaScript, and nothing else: no network connection, no server.", class_="no-script"),
    )


def masthead(network: Network) -> Markup:
    """Return the title, and what concerns the page as a whole."""
    return tag(
        "header",
        tag(
            "div",
            tag("p", "Handgrad – a lesson", class_="over"),
            tag("h1", tag("bdi", network.name)),
            # The sizes stay on one line: "2-2-2" is one word.
            tag("p", "One training step by hand, every number live: ", in_one_line(network).replace("-", "\u2011")),
        ),
        share(),
        class_="masthead",
    )


def share() -> Markup:
    """Return number format, colours, link, command, print."""
    return tag(
        "div",
        tag(
            "div",
            choice("share-digits", "Digits", [("4", "4"), ("6", "6"), ("17", "all")]),
            choice("share-mark", "Decimal", [(".", "point"), (",", "comma")]),
            choice("share-theme", "Colours", [("auto", "as the system"), ("light", "light"), ("dark", "dark")]),
            class_="prefs",
        ),
        tag(
            "div",
            button("share-link", "Copy link", title="A link that opens this page as it is now"),
            button("share-command", "Copy command", title="The handgrad command, or the TOML file, of this state"),
            button("share-print", "Print"),
            class_="prefs",
        ),
        tag("p", id="share-told", role="status", class_="quiet"),
        tag(
            "div",
            tag("textarea", id="share-text", readonly=True, rows=1, aria_label="Copied text", spellcheck="false"),
            button("share-close", "Close"),
            id="share-box",
            class_="copied",
            hidden=True,
        ),
        class_="share",
    )


def stage() -> Markup:
    """Return the drawing, the panel beside it, and the bar that goes through the step."""
    drawing = tag("div", tag("div", id="drawing"), tag("div", id="curve"), class_="picture")
    return tag(
        "section",
        tag("h2", "One operation at a time", class_="unseen"),
        bar(),
        tag("div", id="trouble", class_="notice", role="status", hidden=True),
        tag("div", drawing, panel(), class_="two"),
        id="stage",
        class_="stage",
    )


def bar() -> Markup:
    """Return the controls of the way through a step."""

    def control(id_: str, sign: str, word: str, title: str) -> Markup:
        return button(
            id_, tag("span", sign, class_="sign", aria_hidden="true"), tag("span", word, class_="word"), title=title
        )

    return tag(
        "div",
        tag(
            "div",
            control("bar-back", "←", "Back", "Back one operation (left arrow)"),
            control("bar-forward", "→", "Forward", "Forward one operation (right arrow)"),
            control("bar-whole", "⇥", "Step", "To the end of the step, then a whole step (Shift and right arrow)"),
            control("bar-ten", "⇉", "Ten", "Ten steps"),
            button(
                "bar-run",
                tag("span", "▸", class_="sign", aria_hidden="true"),
                tag("span", "Run", class_="word"),
                aria_pressed="false",
                title="Run step after step, or pause",
            ),
            control("bar-reset", "⟲", "Reset", "Back to the beginning, with the numbers as written"),
            tag("span", class_="gap"),
            control("bar-undo", "↶", "Undo", "Nothing to undo"),
            control("bar-redo", "↷", "Redo", "Do it again (Ctrl+Y)"),
            role="group",
            aria_label="Go through the training",
            class_="buttons",
        ),
        tag(
            "div",
            tag("label", "step ", tag("input", id="bar-step", type="text", inputmode="numeric", autocomplete="off")),
            tag(
                "div",
                tag("div", id="bar-phases", class_="phases", aria_hidden="true"),
                tag(
                    "input",
                    id="bar-line",
                    type="range",
                    min=0,
                    max=1,
                    step=1,
                    value=0,
                    aria_label="operation in the step",
                ),
                class_="line",
            ),
            tag("output", id="bar-at", class_="at"),
            class_="time",
        ),
        tag("p", id="told", role="status", class_="unseen"),
        class_="bar",
    )


def panel() -> Markup:
    """Return the panel: what happens now and why, the derivation, a prediction, what it comes from and leads to."""
    return tag(
        "div",
        tag("p", id="why-where", class_="over"),
        tag("h3", id="why-what", class_="what"),
        tag("p", id="why-say", aria_live="polite", class_="say"),
        tag(
            "form",
            tag(
                "label",
                tag("span", "Predict", id="why-asked"),
                tag("input", id="why-answer", type="text", inputmode="decimal", autocomplete="off"),
            ),
            tag("button", "Check", type="submit"),
            button("why-reveal", "Show it"),
            id="why-form",
            class_="predict",
            hidden=True,
        ),
        tag("p", id="why-verdict", role="status", class_="said"),
        tag("div", id="why-derivation", class_="derivation", tabindex="0", role="region", aria_label="Derivation"),
        tag("div", id="why-editor", class_="editor", hidden=True),
        tag("div", id="why-from", class_="links", hidden=True),
        tag("div", id="why-used", class_="links", hidden=True),
        tag(
            "div",
            tag(
                "label",
                tag("input", type="checkbox", id="predict"),
                " Predict first: values stay hidden until typed",
                class_="check",
            ),
            button("why-now", "Back to the current operation", class_="link", hidden=True),
            button("why-hide", "Hide this value until it is typed", class_="link", hidden=True),
            class_="foot",
        ),
        class_="card why",
    )


def change_section() -> Markup:
    """Return the place of everything that can be changed."""
    words = (
        "Type a number, use the slider, or the arrow keys up and down (with Shift ten times as far). Weights are those that "
        "the training starts from, as in the workbook; the steps made so far are made again with the change."
    )
    return tag(
        "section",
        tag("h2", "Change anything"),
        tag("p", words, class_="quiet"),
        tag(
            "p",
            button("start-here", "Start from here"),
            " makes the current weights the first weights.",
            class_="quiet",
        ),
        tag("div", id="change", class_="groups"),
    )


def table_section() -> Markup:
    """Return the place of the table of all quantities."""
    return tag(
        "section",
        tag("h2", "Every number of the step"),
        tag(
            "p", "Press a name to see where its number comes from. Grey: not computed yet in this step.", class_="quiet"
        ),
        tag("div", id="table", class_="tables"),
    )
