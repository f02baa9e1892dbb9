"""The page of a run: whole, self-contained, true to the folder, safe with a stranger's text."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from handgrad.report.page import write_report
from report.pages import Page, cells, images, section
from report.run_folders import IMAGES, LAYERS, change_json, make_run

HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    '"><img src=x onerror=alert(1)>',
    "'\"&lt;b&gt; </style></title><b>",
    "x" * 300,
    "../../etc/passwd",
]


def page_of(folder: Path) -> Page:
    """Return the parsed page of the run in *folder*, made again."""
    return Page(write_report(folder).read_text(encoding="utf-8"))


@pytest.mark.parametrize("state", ["complete", "diverged", "unfinished"])
def test_a_page_is_well_formed_loads_nothing_and_describes_its_pictures(tmp_path: Path, state: str) -> None:
    page = page_of(make_run(tmp_path, state=state))
    assert page.faults == []
    assert len(page.root.all("h1")) == 1
    assert page.root.all("html")[0].attributes["lang"] == "en"
    assert any(meta.attributes.get("name") == "viewport" for meta in page.root.all("meta"))


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("<p><b>x</p></b>", "</p> closes <b>"),
        ("<p>x", "<p> is never closed"),
        ("<script>1</script>", "<script> has no place here"),
        ('<img src="https://example.org/a.png" alt="a">', "<img src> loads https://example.org/a.png"),
        ('<img src="data:image/png;base64,AA==">', "<img> has no alt text"),
        ('<p onclick="x">y</p>', "<p> has a handler, onclick"),
        ("<style>@import 'a.css';</style>", "a style loads @import 'a.css'"),
        ("<style>p { background: url(a.png) }</style>", "a style loads url(a.png)"),
        ("<svg></svg>", "<svg> has no title"),
        ('<p id="a" id="b">x</p>', "<p> has an attribute twice"),
    ],
)
def test_the_reader_of_pages_sees_what_is_wrong(source: str, fault: str) -> None:
    assert fault in Page(source).faults


def test_every_image_is_a_picture_of_28_by_28_and_shows_what_the_evidence_holds(tmp_path: Path) -> None:
    folder = make_run(tmp_path, wrong=3)
    evidence = load_file(folder / "evidence.safetensors")
    shown = [np.asarray(Image.open(io.BytesIO(data))) for data in images(page_of(folder))]
    expected = [*evidence["mistake_images"], *evidence["digit_images"], *evidence["sample_before"]]
    assert len(shown) == len(expected)
    assert all(np.array_equal(one, other) for one, other in zip(shown, expected, strict=True))


def test_samples_stand_beside_what_augmentation_made_of_them(tmp_path: Path) -> None:
    folder = make_run(tmp_path, recipe={"augmentation": {"rotation": 5.0}})
    evidence = load_file(folder / "evidence.safetensors")
    items = section(page_of(folder), "Training images").all("li")
    assert len(items) == len(evidence["sample_before"])
    assert all(len(item.all("img")) == 2 for item in items)


def test_the_headline_equals_what_the_evidence_says_rounded_down(tmp_path: Path) -> None:
    folder = make_run(tmp_path, wrong=5)
    evidence = load_file(folder / "evidence.safetensors")
    right = int((evidence["log_probabilities"].argmax(axis=1) == evidence["labels"]).sum())
    card = page_of(folder).root.all("div", "first")[0]
    assert right == 795
    assert card.all("p", "figure")[0].text == "99.37 %"  # 99.375: rounding to nearest would say 99.38
    assert f"{right} of {IMAGES} test images" in card.text
    low, high = json.loads((folder / "summary.json").read_text())["last_epoch"]["interval95"]
    assert f"{low:.2f} to {high:.2f} %" in card.text


@pytest.mark.parametrize(("holdout", "label"), [(0, "selected on the test set"), (200, "selected on the hold-out")])
def test_the_best_epoch_says_what_chose_it(tmp_path: Path, holdout: int, label: str) -> None:
    folder = make_run(tmp_path, holdout=holdout)
    best = json.loads((folder / "summary.json").read_text())["best_epoch"]
    page = page_of(folder)
    card = next(node for node in page.root.all("div", "card") if "first" not in node.classes)
    assert card.all("p", "chosen")[0].text == label
    assert card.all("h2")[0].text == f"Best epoch ({best['epoch']})"
    assert ("hold-out" in section(page, "How it learned").all("svg")[0].text) == bool(holdout)


def test_the_confusion_matrix_is_that_of_the_answers(tmp_path: Path) -> None:
    folder = make_run(tmp_path, wrong=60)
    evidence = load_file(folder / "evidence.safetensors")
    expected = np.zeros((10, 10), dtype=int)
    for label, row in zip(evidence["labels"], evidence["log_probabilities"], strict=True):
        expected[label, row.argmax()] += 1
    part = section(page_of(folder), "Which classes it confuses")
    rows = cells(part.all("table", "confusion")[0])
    shown = [[0 if cell == "·" else int(cell.replace(",", "")) for cell in row[1:11]] for row in rows]
    assert shown == expected.tolist()
    assert [int(row[11]) for row in rows] == expected.sum(axis=1).tolist()
    recalls = [float(row[12].removesuffix(" %")) for row in rows]
    exact = 100 * expected.diagonal() / expected.sum(axis=1)
    assert all(0 <= true - shown < 0.01 + 1e-9 for true, shown in zip(exact, recalls, strict=True))
    off = expected - np.diag(expected.diagonal())
    first = cells(part.all("table", "numbers")[0])[0]
    true, given = divmod(int(off.argmax()), 10)
    assert first == [f"{true} read as {given}", str(off.max())]


def test_mistakes_come_with_truth_answer_and_probability_the_surest_first(tmp_path: Path) -> None:
    folder = make_run(tmp_path, wrong=55)
    evidence = load_file(folder / "evidence.safetensors")
    part = section(page_of(folder), "Mistakes it was surest of")
    assert "the 40 surest of 55" in part.text
    expected = []
    for index in evidence["mistake_index"]:
        row = np.exp(evidence["log_probabilities"][index].astype(np.float64))
        down = int(row.max() * 1000) / 10
        expected.append(f"{evidence['labels'][index]} → {row.argmax()} {down:.1f} %")
    assert [item.all("p")[0].text for item in part.all("li")] == expected
    shown = [float(text.split()[-2]) for text in expected]
    assert shown == sorted(shown, reverse=True)


def test_bars_are_as_high_as_the_probabilities(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    evidence = load_file(folder / "evidence.safetensors")
    items = section(page_of(folder), "Ten digits, ten probabilities each").all("li")
    assert len(items) == 10
    for item, index in zip(items, evidence["digit_index"], strict=True):
        heights = np.array([float(bar.attributes["height"]) for bar in item.all("rect")])
        probabilities = np.exp(evidence["log_probabilities"][index])
        assert np.allclose(heights / 44, probabilities, atol=0.015)


def test_a_run_without_mistakes_says_so(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path, wrong=0))
    assert page.faults == []
    assert "There are none" in section(page, "Mistakes it was surest of").text
    assert page.root.all("p", "figure")[0].text == "100.00 %"


def test_a_page_of_drawn_digits_claims_nothing_about_mnist(tmp_path: Path) -> None:
    folder = make_run(tmp_path, dataset="drawn")
    text = write_report(folder).read_text(encoding="utf-8")
    assert "mnist" not in text.lower()
    assert "dataset: drawn" in text
    assert "say nothing about how well the network reads handwriting" in text


def test_other_images_are_named_by_their_hash(tmp_path: Path) -> None:
    text = write_report(make_run(tmp_path, dataset="idx-0123456789ab")).read_text(encoding="utf-8")
    assert "dataset: idx-0123456789ab" in text
    assert "mnist" not in text.lower()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_strangers_text_is_shown_and_does_nothing(tmp_path: Path, text: str) -> None:
    recipe = {"name": text, "note": text, "network": f"{text}.py:Net"}
    folder = make_run(tmp_path, recipe=recipe)
    change_json(folder / "environment.json", data=text, platform=text, versions={text: text}, device_name=text)
    page = page_of(folder)
    assert page.faults == []
    assert page.root.all("h1")[0].text == text
    assert text in section(page, "Recipe").text
    assert f"{text}.py:Net" in page.root.all("header")[0].text
    assert text in section(page, "Environment").text
    assert folder.name in page.root.all("title")[0].text


def test_control_characters_and_half_surrogates_are_replaced(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    change_json(folder / "environment.json", platform="a\u0000b\ud800c\u001b[31m")
    assert "a\ufffdb\ufffdc\ufffd[31m" in section(page_of(folder), "Environment").text


def test_what_differs_from_the_defaults_is_marked_and_nothing_else(tmp_path: Path) -> None:
    recipe: dict[str, Any] = {"optimizer": {"name": "adam", "learning_rate": 0.003, "momentum": 0.9}, "dropout": 0.1}
    part = section(page_of(make_run(tmp_path, recipe=recipe)), "Recipe")
    rows = part.all("tbody")[0].all("tr")
    marked = {row.children[0].text: row.all("mark")[0].text for row in rows if row.all("mark")}
    assert marked == {
        "epochs": "4",
        "batch_size": "50",
        "dropout": "0.1",
        "optimizer.name": "adam",
        "optimizer.learning_rate": "0.003",
    }
    assert {"schedule.name", "averaging.decay", "optimizer.momentum"} <= {row.children[0].text for row in rows}


def test_the_layer_table_is_shown_where_the_run_has_one(tmp_path: Path) -> None:
    rows = cells(section(page_of(make_run(tmp_path, "with")), "Layers").all("table")[0])
    assert rows[0] == ["Conv2d-1", "16×26×26", "160", "97,344", "3"]
    assert rows[2] == ["Odd-3", "10", "16,260", "–", "28×26"]
    assert rows[-1][2] == f"{LAYERS['total_parameters']:,}"
    without = page_of(make_run(tmp_path, "without", layers=False))
    assert "Layers" not in [heading.text for heading in without.root.all("h2")]


def test_the_curves_go_through_every_epoch(tmp_path: Path) -> None:
    part = section(page_of(make_run(tmp_path, epochs=7)), "How it learned")
    figures = {figure.all("figcaption")[0].text: figure for figure in part.all("figure")}
    assert list(figures) == ["Accuracy", "Loss", "Learning rate"]
    for name in ("Accuracy", "Loss"):
        curves = figures[name].all("polyline")
        assert [len(curve.attributes["points"].split()) for curve in curves] == [7, 7]
    assert "while it learns" in part.text
    assert "on augmented images, with dropout" in part.text
    assert len(cells(part.all("table")[0])) == 7


def test_a_diverged_run_has_a_page_that_says_so(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path, state="diverged", done=2))
    card = page.root.all("div", "alarm")[0]
    assert "This run diverged" in card.text
    assert "the loss is nan – epoch 3, step 3" in card.text
    assert "2 of 4 epochs" in card.text
    assert page.root.all("p", "figure") == []


def test_an_unfinished_run_has_a_page_with_the_line_that_resumes_it(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "my runs", state="unfinished", done=3)
    page = page_of(folder)
    assert f"handgrad train --resume '{folder}'" in page.root.all("pre")[0].text
    assert "Newest epoch (3)" in page.root.text
    assert "This is not a final figure" in page.root.text
    assert page.root.all("p", "figure") == []


def test_a_run_before_its_first_epoch_has_a_page(tmp_path: Path) -> None:
    folder = make_run(tmp_path, state="unfinished", done=0)
    page = page_of(folder)
    assert page.faults == []
    assert "0 of 4 epochs" in page.root.text
    assert list((folder / "plots").iterdir()) == []


def test_the_line_that_runs_it_again_quotes_what_needs_it(tmp_path: Path) -> None:
    folder = make_run(tmp_path, seed=7, holdout=100)
    line = section(page_of(folder), "Run it again").all("code")[0].text
    assert line == (
        f"handgrad train {folder}/recipe.toml --seed 7 --holdout 100 --data '/data/my digits' "
        "--device cpu --precision fp32 --threads 2"
    )


def test_a_page_made_again_is_the_same_and_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    (folder / "report.html").write_text("old")
    first = write_report(folder).read_bytes()
    plots = {path.name: path.read_bytes() for path in (folder / "plots").iterdir()}
    assert write_report(folder).read_bytes() == first
    assert {path.name: path.read_bytes() for path in (folder / "plots").iterdir()} == plots


def test_a_report_is_made_without_torch(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    program = (
        "import sys; from pathlib import Path; from handgrad.report.page import write_report\n"
        f"write_report(Path({str(folder)!r})); print(sorted({{'torch', 'matplotlib.pyplot'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
