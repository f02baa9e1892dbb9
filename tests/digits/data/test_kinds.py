"""Data that is not MNIST's: other sizes, colours, numbers and names of classes, from the arrays to the page of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import handgrad
from digits.idx_folders import write_folder
from digits.small_runs import small_digits
from handgrad.digits.data.arrays import dataset_from
from handgrad.digits.data.kinds import for_scores
from handgrad.digits.data.load import load_dataset
from handgrad.digits.make_evidence import small
from handgrad.digits.training.augment import augment, normalise
from handgrad.digits.training.recipe import Augmentation
from handgrad.errors import MissingError, UsageError
from handgrad.judge.network.judging import judged_data
from handgrad.predict.network import TrainedNetwork
from handgrad.runs.kind import DIGITS, DataKind, numbered
from handgrad.runs.read import read_run

SMALL: dict[str, Any] = {"epochs": 1, "batch_size": 20, "threads": 1, "precision": "fp32", "augmentation": None}


def blobs(count: int, classes: int, shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return images whose brightness says their class, each class as often as the others, in mixed order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % classes)
    noise = rng.integers(0, 12, (count, *shape))
    return (noise + (240 * labels / classes).astype(int).reshape(-1, *[1] * len(shape))).astype(np.uint8), labels


def net(channels: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, classes))


def trained(data: Any, network: nn.Module, out: Path, **values: Any) -> Any:
    settings = {"epochs": 2, "batch_size": 20, "threads": 1, "precision": "fp32", "rotation": 5.0, "stroke": 0.0}
    return handgrad.train(network, data=data, out=out, **(settings | values))


@pytest.mark.parametrize(
    ("shape", "classes"),
    [
        ((8, 8), 2),
        ((3, 32, 32), 40),
        pytest.param((64, 64), 3, marks=pytest.mark.long),
        pytest.param((28, 28), 26, marks=pytest.mark.long),
        pytest.param((3, 64, 64), 10, marks=pytest.mark.long),
        pytest.param((8, 8), 1000, marks=pytest.mark.long),
    ],
    ids=lambda value: "x".join(map(str, value)) if isinstance(value, tuple) else str(value),
)
def test_a_training_on_images_of_any_kind_leaves_a_run_and_its_page(
    shape: tuple[int, ...], classes: int, tmp_path: Path
) -> None:
    count = max(60, 2 * classes)
    data = (*blobs(count, classes, shape), *blobs(count, classes, shape, seed=1))
    result = trained(data, net(3 if len(shape) == 3 else 1, classes), tmp_path)
    assert result.confusion.shape == (classes, classes) and result.confusion.sum() == count
    assert result.probabilities.shape == (count, classes) and result.kind.count == classes
    assert int(np.trace(result.confusion)) == result.last_epoch.correct
    record = json.loads((result.folder / "environment.json").read_text())
    assert (record["kind"]["side"], record["kind"]["channels"]) == (shape[-1], 3 if len(shape) == 3 else 1)
    page = result.report.read_text()
    assert f"{shape[-1]}×{shape[-1]} pixels" in page and f"{classes:,} classes" in page
    # What it answers to its own test images, computed here from the description that the record holds.
    kind = result.kind
    images = torch.from_numpy(data[2]).float().reshape(count, *kind.shape) / 255
    with torch.no_grad():
        answers = result.module((images - kind.mean) / kind.deviation).argmax(dim=1).numpy()
    assert (answers == result.predictions).all()
    network = TrainedNetwork(result.module, "net", result.record)
    assert (network.predict(data[2]).digits == result.predictions).all()


def test_its_own_mean_and_deviation_are_those_of_the_training_images() -> None:
    images, labels = blobs(50, 5, (3, 16, 16))
    kind = dataset_from((images, labels, images[:9], labels[:9])).kind
    assert kind.mean == pytest.approx(float((images / 255).mean()), abs=6e-5)
    assert kind.deviation == pytest.approx(float((images / 255).std()), abs=6e-5)
    values = normalise(torch.from_numpy(images), kind)
    assert abs(float(values.mean())) < 0.01 and float(values.std()) == pytest.approx(1, abs=0.01)


def test_the_kind_of_digits_is_mnists_and_leaves_no_trace_in_a_record(tmp_path: Path) -> None:
    data = small_digits()
    assert data.kind is DIGITS and data.kind.classes == tuple("0123456789")
    result = trained(data, net(1, 10), tmp_path, epochs=1)
    assert "kind" not in json.loads((result.folder / "environment.json").read_text())
    assert read_run(result.folder).kind is DIGITS


def test_names_of_classes_come_into_record_page_and_plots(tmp_path: Path) -> None:
    names = ["cat", "dog", "a very long name of a bird <b>"]
    images, labels = blobs(60, 3, (12, 12))
    result = trained((images, labels, images, labels), net(1, 3), tmp_path, class_names=names)
    assert result.kind.classes == tuple(names)
    page = result.report.read_text()
    assert "cat" in page and "dog" in page and "a very long name of a bird &lt;b&gt;" in page and "<b>bird" not in page
    assert (result.folder / "plots" / "confusion.png").is_file()


def test_labels_may_be_names(tmp_path: Path) -> None:
    images, labels = blobs(40, 2, (10, 10))
    words = np.array(["yes", "no"])[labels]
    found = dataset_from((images, words, images[:8], words[:8].tolist()))
    assert found.kind.classes == ("no", "yes")
    assert (np.array(found.kind.classes)[found.train_labels.numpy()] == words).all()
    with pytest.raises(UsageError, match=r'test labels: "maybe" is none of the 2 classes'):
        dataset_from((images, words, images[:2], ["no", "maybe"]))


def test_a_torch_dataset_brings_its_names() -> None:
    class Pictures(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
        classes = ("left", "right")

        def __len__(self) -> int:
            return 20

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return torch.full((3, 8, 8), index / 20), index % 2

    kind = dataset_from((Pictures(), Pictures())).kind
    assert kind.classes == ("left", "right") and kind.shape == (3, 8, 8)


IMAGES, LABELS = blobs(20, 4, (16, 16))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((IMAGES[:, :7, :7], LABELS, IMAGES, LABELS), "found 20×7×7 – square images with sides of 8 to 64 pixels"),
        ((np.zeros((4, 65, 65), np.uint8), [0, 1, 0, 1], IMAGES, LABELS), "found 4×65×65 – square images"),
        ((IMAGES[:, :8], LABELS, IMAGES, LABELS), "found 20×8×16 – square images"),
        ((np.zeros((4, 4, 16, 16), np.uint8), [0, 1, 0, 1], IMAGES, LABELS), r"1 channel \(grey\) or 3"),
        ((IMAGES, LABELS, IMAGES[:, :8, :8], LABELS), "differ: 16×16 and 8×8 – give all the same size"),
        ((IMAGES, LABELS * 0, IMAGES, LABELS * 0), "found 1 class – 2 to 1,000 are possible"),
        ((IMAGES, LABELS * 400, IMAGES, LABELS), "whole numbers from 0 to at most 999"),
        ((IMAGES, LABELS, IMAGES, LABELS + 1), "test labels go up to 4 – the training labels end at 3"),
        ((IMAGES * 0 + 9, LABELS, IMAGES, LABELS), "all pixels are equal"),
        ((IMAGES, LABELS[:9], IMAGES, LABELS), "20 images and 9 labels"),
    ],
)
def test_what_is_not_possible_is_said_before_anything_is_trained(data: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        dataset_from(data)


@pytest.mark.parametrize(
    ("names", "said"),
    [(["a", "b", "c"], "labels go up to 3 – there are 3 names"), (["a", "b", "a", "c"], 'two classes are called "a"')],
)
def test_names_that_do_not_fit_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        dataset_from((IMAGES, LABELS, IMAGES, LABELS), names)


def test_a_network_that_does_not_fit_the_data_is_refused_before_training(tmp_path: Path) -> None:
    data = (IMAGES, LABELS, IMAGES, LABELS)
    with pytest.raises(UsageError, match=r"10 scores per image – dataset arrays-.* has 4 classes"):
        trained(data, net(1, 10), tmp_path)
    with pytest.raises(UsageError, match=r"16×16 pixels, grey, 4 classes"):
        trained(data, nn.Sequential(nn.Flatten(), nn.Linear(784, 4)), tmp_path)
    with pytest.raises(UsageError, match=r"kernel 3 on a 2×2 map \(dataset arrays"):
        handgrad.train("quick", data=data, out=tmp_path)
    colours, labels = blobs(20, 4, (3, 16, 16))
    with pytest.raises(UsageError, match="stroke moves the edge of the ink, and colour images have none"):
        trained((colours, labels, colours, labels), net(3, 4), tmp_path, stroke=0.5)
    assert not list(tmp_path.glob("*/environment.json"))


def test_a_few_digits_that_lack_some_classes_suit_a_network_of_ten_scores() -> None:
    few = DataKind(1, 28, numbered(7))
    assert for_scores(few, 10) == DIGITS and for_scores(few, 7) is few
    named, other = DataKind(1, 28, tuple("abcdefg")), DataKind(1, 27, numbered(7))
    assert for_scores(named, 10) is named and for_scores(other, 10) is other


def test_labels_are_kept_in_the_smallest_integers_that_hold_them() -> None:
    many = DataKind(1, 8, numbered(1000))
    assert small(torch.tensor([999, 0]), many).tolist() == [999, 0]
    assert small(torch.tensor([9]), DIGITS).dtype == torch.uint8


def test_colours_move_together() -> None:
    grey = torch.randint(256, (5, 16, 16), dtype=torch.uint8)
    colour = torch.stack([grey, 255 - grey, grey // 2], dim=1)
    recipe = Augmentation(rotation=20, shift=2, scale=0.1, shear=5)
    one, all_three = (augment(images, recipe, torch.Generator().manual_seed(3)) for images in (grey, colour))
    assert all_three.shape == (5, 3, 16, 16)
    torch.testing.assert_close(all_three[:, 0], one)


def test_what_is_made_for_digits_refuses_a_run_of_other_data_in_one_line(tmp_path: Path) -> None:
    from handgrad.export.verb import export
    from handgrad.page.of_run import write_run_page

    result = trained((IMAGES, LABELS, IMAGES, LABELS), net(1, 4), tmp_path)
    for refuse in (
        lambda: export(result.path, "c"),
        lambda: write_run_page(result.path),
        lambda: TrainedNetwork(result.module, "net", result.record).predict(tmp_path / "photo.jpg"),
    ):
        with pytest.raises(UsageError, match=r"was trained on arrays-\w+ \(16×16 pixels, grey, 4 classes\)"):
            refuse()
    with pytest.raises(UsageError, match="assignments are about ten classes"):
        judged_data(dataset_from((IMAGES, LABELS, IMAGES, LABELS)))


def test_a_study_and_a_population_of_other_data(tmp_path: Path) -> None:
    data = (IMAGES, LABELS, IMAGES, LABELS)
    make = lambda: nn.Sequential(  # noqa: E731
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
    )
    for population in (False, True):
        found = handgrad.study(
            make, seeds=[0, 1], data=data, out=tmp_path, population=population, epochs=1, batch_size=10, stroke=0.0
        )
        assert found.n == 2 and not found.failed, found.failed


def test_a_run_of_other_data_goes_on_where_it_stopped(tmp_path: Path) -> None:
    from digits.small_runs import StopAt

    data = (IMAGES, LABELS, IMAGES, LABELS)
    network = net(1, 4)
    whole = trained(data, network, tmp_path / "whole")
    with pytest.raises(handgrad.InterruptedRunError):
        trained(data, network, tmp_path / "parts", stop=StopAt(3))
    (folder,) = (tmp_path / "parts").glob("*-s0")
    assert handgrad.resume(folder, network=network, data=data).test == whole.test


def test_a_folder_of_idx_files_may_hold_letters(tmp_path: Path) -> None:
    images, labels = blobs(60, 26, (20, 20))
    arrays = {"train-images": images, "train-labels": labels.astype(np.uint8)}
    arrays |= {"t10k-images": images[::-1][:30].copy(), "t10k-labels": labels[::-1][:30].astype(np.uint8)}
    found = load_dataset(write_folder(tmp_path / "letters", arrays))
    assert found.kind.count == 26 and found.kind.side == 20 and found.name.startswith("idx-")
    arrays["t10k-images"] = np.zeros((30, 21, 21), np.uint8)
    with pytest.raises(MissingError, match=r"expected images of 20×20 pixels as in train-images.*found 21×21"):
        load_dataset(write_folder(tmp_path / "mixed", arrays))
