"""A run is loaded and asked: bytes, photographs, and what it must refuse."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import handgrad
from cli.test_report import end_of
from digits.small_runs import write_network
from export.finished_runs import TEST, data_folder, finished_run
from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.load import load_network
from handgrad.errors import UsageError
from handgrad.export.verb import export
from handgrad.predict.margin import LEAST, calibrated, gaps_of, margin_of
from handgrad.runs.read import read_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory.mktemp("predicting"))


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def drawn_picture(images: np.ndarray, path: Path) -> Path:
    """Write digits side by side as dark writing on grey paper, six times as large."""
    wide = np.concatenate([np.kron(image, np.ones((6, 6), np.uint8)) for image in images], axis=1)
    Image.fromarray((220 - wide * 0.7).astype(np.uint8)).save(path)
    return path


def test_predict_gives_the_runs_own_answers_to_bytes(copied: Path) -> None:
    network = handgrad.load(copied)
    images = load_dataset(data_folder()).test_images
    digits, probabilities = network.predict(images.numpy())
    evidence = read_run(copied).evidence
    assert evidence is not None and (digits == evidence.answers).all()
    np.testing.assert_allclose(np.log(probabilities), evidence.log_probabilities, atol=1e-4)
    assert (network.predict(images).digits == digits).all() and network.predict(images[0]).digits[0] == digits[0]
    assert not network.module.training and isinstance(network.module, torch.nn.Module)


REFUSED = {
    "floats": (np.zeros((2, 28, 28), np.float32), "images are float32 – give bytes, uint8 0 to 255"),
    "another shape": (np.zeros((2, 32, 32), np.uint8), r"images are \[2, 32, 32\] – give \[n, 28, 28\]"),
    "a number": (7, "images are int – give uint8"),
    "a file that is none": ("nowhere.png", '"nowhere.png" cannot be read'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_image_is_refused(case: str, finished: Path) -> None:
    images, message = REFUSED[case]
    with pytest.raises(UsageError, match=message):
        handgrad.load(finished).predict(images)


def test_a_folder_for_a_hub_is_loaded_as_its_card_says(copied: Path) -> None:
    folder = export(copied, "hub").path
    images = load_dataset(data_folder()).test_images[:20]
    loaded, own = handgrad.load(folder).predict(images), handgrad.load(copied).predict(images)
    np.testing.assert_array_equal(loaded.probabilities, own.probabilities)


OTHER_SHAPES = {
    "colours": ("Conv2d(3, 2, 28), Flatten(), Linear(2, 10)", r"Conv2d\): takes 3 channels – found 1"),
    "larger images": ("Flatten(), Linear(1024, 10)", r"Linear\): takes 1,024 features – found 784"),
    "letters": ("Flatten(), Linear(784, 26)", r"returns \[2, 26\] – 10 classes are needed"),
}


@pytest.mark.parametrize("case", OTHER_SHAPES)
def test_a_network_for_images_of_another_shape_is_refused_in_one_line(
    case: str, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers, message = OTHER_SHAPES[case]
    folder = Path(export(copied, "hub").path)
    write_network(tmp_path, f"from torch.nn import *\n\ndef Net():\n    return Sequential({layers})\n")
    shutil.move(tmp_path / "net.py", folder / "network.py")
    save_file(load_network(f"{folder / 'network.py'}:Net").state_dict(), folder / "model.safetensors")
    picture = drawn_picture(np.zeros((1, 28, 28), np.uint8), tmp_path / "a.png")
    status, output, errors = end_of(capsys, "predict", folder, picture)
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert re.search(rf"no network for 28×28 grey images of ten digits: .*{message}.* – export the run again", errors)


def test_digits_on_a_photograph_are_answered_from_left_to_right(finished: Path, tmp_path: Path) -> None:
    network = handgrad.load(finished)
    images = load_dataset(data_folder()).test_images[:3].numpy()
    path = drawn_picture(images, tmp_path / "three.png")
    seen = network.look(path)
    assert len(seen.digits) == 3 and seen.ink is not None and seen.ink.polarity == "dark"
    assert [each.box[1] for each in seen.digits] == sorted(each.box[1] for each in seen.digits)
    found = network.predict(Image.open(path))
    assert (found.digits == network.predict(path).digits).all() and found.probabilities.shape == (3, 10)


def test_the_command_prints_each_digit_and_explains_it(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = load_dataset(data_folder()).test_images[:2].numpy()
    path, page = drawn_picture(images, tmp_path / "two.png"), tmp_path / "why.html"
    status, output, errors = end_of(capsys, "predict", copied, path, "--explain", page, "--data", data_folder())
    assert status == 0, errors
    assert output.startswith("two.png: ") and "(2 digits, dark writing)" in output.splitlines()[0]
    text = page.read_text()
    assert text.count("<h3>") == 2 and "as the network sees it" in text and "nearest training digit" in text
    assert "Content-Security-Policy" in text
    status, output, _ = end_of(capsys, "predict", copied, path, "--json", "--polarity", "dark")
    record = json.loads(output)
    assert status == 0 and len(record["pictures"][0]["digits"]) == 2 and record["margin"] >= LEAST
    assert end_of(capsys, "predict", copied, path, "--explain", page)[::2] == (
        2, f"error: {page} exists – add --overwrite or choose another name\n"
    )  # fmt: skip


def test_an_empty_picture_has_a_reason_and_status_1_and_a_broken_one_keeps_no_other_from_its_answer(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, broken = tmp_path / "empty.png", tmp_path / "broken.jpg"
    Image.new("L", (120, 90), 240).save(empty)
    broken.write_bytes(b"no picture at all")
    assert end_of(capsys, "predict", copied, empty)[:2] == (
        1, "empty.png: no digit – it is empty: nothing stands out from the paper\n"
    )  # fmt: skip
    status, output, errors = end_of(capsys, "predict", copied, broken, empty)
    assert status == 2 and "empty.png: no digit" in output
    assert errors == 'error: "broken.jpg" is not a picture that can be read – JPEG, PNG, TIFF, BMP, GIF or WebP\n'


def test_the_margin_is_the_least_with_which_enough_answers_are_right() -> None:
    probabilities = np.full((1000, 10), 0.01)
    probabilities[:, 3] = np.linspace(0.5, 0.91, 1000)
    labels = torch.full((1000,), 3)
    assert calibrated(probabilities, labels) == LEAST
    labels[-200:-198] = 4  # two of the 200 surest are wrong, so no margin leaves 99.9 % right but one above them
    assert calibrated(probabilities, labels) > gaps_of(probabilities)[-200]


@pytest.mark.parametrize("wrong", [0, 1, 3, 30])
def test_no_smaller_margin_would_do_and_this_one_does(wrong: int) -> None:
    random = np.random.default_rng(wrong)
    gaps = np.sort(random.uniform(0.3, 0.99, 4000))
    probabilities = np.zeros((4000, 10))
    probabilities[:, 7], probabilities[:, 2] = (1 + gaps) / 2, (1 - gaps) / 2
    labels = torch.full((4000,), 7)
    labels[random.choice(1500, wrong, replace=False)] = 2
    right = labels.numpy() == 7
    do = [gap for gap in gaps if right[gaps >= gap].mean() >= 0.999]
    assert calibrated(probabilities, labels) == pytest.approx(max(0.5, min(do)))


def test_the_margin_is_kept_with_the_run(copied: Path) -> None:
    network = handgrad.load(copied)
    margin = margin_of(network, data_folder())
    assert "200 training images (none was held out)" in margin.words
    assert margin_of(network) == margin and (copied / "export" / "margin.json").is_file()
    assert TEST == 60


def test_a_filled_sheet_gives_the_accuracy_on_its_handwriting(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from photograph.test_sheet import DIGITS, filled, photographed, printed

    sheet = tmp_path / "sheet.pdf"
    assert end_of(capsys, "digits-sheet", sheet)[0] == 0 and sheet.read_bytes().startswith(b"%PDF-")
    assert end_of(capsys, "digits-sheet", sheet)[0] == 2
    path, page, boxes = tmp_path / "sheet.png", tmp_path / "why.html", list(range(40))
    Image.fromarray(photographed(filled(printed("a4", 110), "a4", 110, boxes), seed=2)).save(path)
    status, output, errors = end_of(capsys, "predict", finished, path, "--sheet", "--json", "--explain", page)
    assert status == 0, errors
    (record,) = json.loads(output)
    right = sum(box["answer"] == box["row"] for box in record["boxes"])
    assert (record["total"], record["correct"]) == (40, right) and len(DIGITS) == 100
    assert page.read_text().count("<figure>") == 40 - right
    output = end_of(capsys, "predict", finished, path, "--sheet")[1]
    status, again, errors = end_of(capsys, "predict", finished, tmp_path / "nowhere.png", sheet, page, path, "--sheet")
    assert (status, again) == (2, output), "one that is no sheet keeps no other from its answer"
    assert [line.split(" – ")[0] for line in errors.splitlines()] == [
        'error: "nowhere.png" cannot be read: No such file or directory',
        'error: "sheet.pdf" is a PDF',
        'error: "why.html" is not a picture that can be read',
    ]
    Image.new("L", (400, 300), 220).save(tmp_path / "blank.png")
    _, _, errors = end_of(capsys, "predict", finished, tmp_path / "blank.png", "--sheet")
    assert errors.startswith('error: "blank.png": the sheet\'s four corner marks are not all on the picture, 0 found')
    assert f"({right} of 40; 95 % interval" in output and "60 boxes are empty and do not count" in output
