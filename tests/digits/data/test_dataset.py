"""Which data set is loaded, what it is called, and how a part of it is held out."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
import torch

from digits.idx_folders import change, digit_arrays, file_name, pretend_mnist, write_folder
from handgrad.digits.data import load as module
from handgrad.digits.data.dataset import hold_out
from handgrad.digits.data.idx_folder import read_folder
from handgrad.digits.data.load import load_dataset
from handgrad.errors import MissingError, UsageError
from handgrad.runs.record import EvaluatedOn

REAL = os.environ.get("HANDGRAD_DATA", "")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_folder_is_read_packed_or_not(tmp_path: Path, ending: str) -> None:
    arrays = digit_arrays(train=70, test=30)
    loaded = load_dataset(write_folder(tmp_path, arrays, ending))
    assert loaded.train_images.dtype == torch.uint8 and loaded.train_labels.dtype == torch.int64
    for tensor, stem in (
        (loaded.train_images, "train-images"),
        (loaded.train_labels, "train-labels"),
        (loaded.test_images, "t10k-images"),
        (loaded.test_labels, "t10k-labels"),
    ):
        assert tensor.shape == arrays[stem].shape
        assert (tensor.numpy() == arrays[stem]).all()
    assert loaded.evaluated_on is EvaluatedOn.TEST


def test_names_with_a_dot_are_found_too(tmp_path: Path) -> None:
    write_folder(tmp_path, digit_arrays(), "")
    dashed = load_dataset(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert load_dataset(tmp_path).sha256 == dashed.sha256


def test_another_data_set_is_named_by_its_content_and_said_not_to_be_mnist(tmp_path: Path) -> None:
    packed = load_dataset(write_folder(tmp_path / "packed", digit_arrays()))
    plain = load_dataset(write_folder(tmp_path / "plain", digit_arrays(), ""))
    other = load_dataset(write_folder(tmp_path / "other", digit_arrays(seed=1)))
    assert packed.name == plain.name == "idx-" + packed.sha256[:12]
    assert other.name != packed.name
    assert packed.notice is not None and "not MNIST" in packed.notice and packed.name in packed.notice


def test_mnist_is_known_by_its_hashes_and_needs_no_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = digit_arrays()
    pretend_mnist(monkeypatch, arrays)
    loaded = load_dataset(write_folder(tmp_path, arrays, ""))
    assert (loaded.name, loaded.notice) == ("mnist", None)


@pytest.mark.parametrize("stem", ["train-images", "train-labels", "t10k-images", "t10k-labels"])
def test_one_wrong_bit_in_plain_mnist_is_found_by_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stem: str
) -> None:
    arrays = digit_arrays()
    pretend_mnist(monkeypatch, arrays)
    path = write_folder(tmp_path, arrays, "") / file_name(stem)
    change(path, lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(MissingError, match=rf"{stem}.* expected MNIST's .*SHA-256 .*, found SHA-256 "):
        load_dataset(tmp_path)


def test_train_and_test_of_mnist_swapped_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = digit_arrays()
    pretend_mnist(monkeypatch, arrays)
    for kind in ("images", "labels"):
        arrays[f"train-{kind}"], arrays[f"t10k-{kind}"] = arrays[f"t10k-{kind}"], arrays[f"train-{kind}"]
    with pytest.raises(MissingError, match="expected MNIST's training images, found MNIST's test images"):
        load_dataset(write_folder(tmp_path, arrays))


def test_an_explicit_folder_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = digit_arrays()
    pretend_mnist(monkeypatch, arrays)
    cache = write_folder(tmp_path / "cache", arrays)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(MissingError, match=r"empty/train-images-idx3-ubyte is missing .* found an empty folder"):
        load_dataset(empty, cache=cache)
    with pytest.raises(MissingError, match="nowhere is not a folder – found nothing there"):
        load_dataset(tmp_path / "nowhere", cache=cache)


def test_the_cache_serves_where_no_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = digit_arrays()
    pretend_mnist(monkeypatch, arrays)
    assert load_dataset(cache=write_folder(tmp_path, arrays), download=False).name == "mnist"


def test_the_cache_takes_nothing_but_mnist(tmp_path: Path, small_drawing: None) -> None:
    loaded = load_dataset(cache=write_folder(tmp_path, digit_arrays()), download=False)
    assert loaded.name == "drawn"
    assert loaded.notice is not None and "expected MNIST's training images" in loaded.notice


def test_without_data_digits_are_drawn_with_one_line_that_says_so(tmp_path: Path) -> None:
    first = load_dataset(cache=tmp_path / "none", download=False)
    assert (first.name, len(first.train_labels), len(first.test_labels)) == ("drawn", 10_000, 2_000)
    assert first.notice is not None and "\n" not in first.notice
    assert "drawn by the program" in first.notice and str(tmp_path / "none") in first.notice
    seen, asked = ({image.numpy().tobytes() for image in images} for images in (first.train_images, first.test_images))
    assert len(seen) == 10_000 and len(asked) == 2_000 and not seen & asked


def test_drawn_digits_are_the_same_every_time(tmp_path: Path, small_drawing: None) -> None:
    assert len({load_dataset(cache=tmp_path, download=False).sha256 for _ in range(2)}) == 1


def test_drawn_training_and_test_digits_have_seeds_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAWN_TRAINING", 20)
    monkeypatch.setattr(module, "DRAWN_TEST", 20)
    loaded = load_dataset(cache=tmp_path, download=False)
    assert not torch.equal(loaded.train_labels, loaded.test_labels)


def test_a_hold_out_parts_the_training_set_by_seed(tmp_path: Path) -> None:
    whole = load_dataset(write_folder(tmp_path, digit_arrays(train=100)))
    held = hold_out(whole, 30, seed=7)
    assert (len(held.train_labels), len(held.test_labels), held.evaluated_on) == (70, 30, EvaluatedOn.HOLDOUT)
    assert (held.name, held.sha256) == (whole.name, whole.sha256)
    together = torch.cat([held.train_images, held.test_images]).flatten(1).tolist()
    assert sorted(together) == sorted(whole.train_images.flatten(1).tolist())
    again, other = hold_out(whole, 30, seed=7), hold_out(whole, 30, seed=8)
    assert torch.equal(again.test_images, held.test_images)
    assert not torch.equal(other.test_images, held.test_images)


def test_a_held_out_image_keeps_its_label(tmp_path: Path) -> None:
    whole = load_dataset(write_folder(tmp_path, digit_arrays(train=100)))
    held = hold_out(whole, 30, seed=7)
    label_of = {
        image.numpy().tobytes(): label for image, label in zip(whole.train_images, whole.train_labels, strict=True)
    }
    for images, labels in ((held.train_images, held.train_labels), (held.test_images, held.test_labels)):
        assert [label_of[image.numpy().tobytes()] for image in images] == labels.tolist()


@pytest.mark.parametrize("count", [-1, 0, 100, 1_000])
def test_a_hold_out_that_leaves_a_side_empty_is_refused(tmp_path: Path, count: int) -> None:
    whole = load_dataset(write_folder(tmp_path, digit_arrays(train=100)))
    with pytest.raises(UsageError, match=rf"holdout {count} – .* 100 training images – choose 1 to 99"):
        hold_out(whole, count, seed=0)


def test_a_second_hold_out_is_refused(tmp_path: Path) -> None:
    held = hold_out(load_dataset(write_folder(tmp_path, digit_arrays(train=100))), 30, seed=0)
    with pytest.raises(UsageError, match="already has 30 images kept apart"):
        hold_out(held, 10, seed=0)


@pytest.mark.skipif(not REAL, reason="HANDGRAD_DATA names no folder")
def test_the_real_mnist_is_recognised_quickly_and_its_damage_found(tmp_path: Path) -> None:
    began = time.perf_counter()
    loaded = load_dataset(Path(REAL))
    assert time.perf_counter() - began < 5  # about 0.3 s on a quiet machine; this only catches an accident
    if loaded.name != "mnist":
        pytest.skip(f"HANDGRAD_DATA holds {loaded.name}")
    assert loaded.train_images.shape == (60_000, 28, 28) and loaded.test_images.shape == (10_000, 28, 28)
    assert torch.bincount(loaded.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    for path in Path(REAL).glob("*ubyte*"):
        shutil.copy(path, tmp_path)
    labels = next(tmp_path.glob("t10k-labels*"))
    change(labels, lambda data: data[:2_000] + bytes([data[2_000] ^ 1]) + data[2_001:])
    with pytest.raises(MissingError, match="t10k-labels"):
        load_dataset(tmp_path)


@pytest.fixture
def small_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAWN_TRAINING", 40)
    monkeypatch.setattr(module, "DRAWN_TEST", 20)


def layouts(place: Path) -> dict[str, Path]:
    """Write one data set as torchvision, an archive with folders that bear the files' names, and a browser leave it."""
    arrays = digit_arrays()
    write_folder(place / "torchvision/MNIST/raw", arrays, ending="")
    write_folder(place / "torchvision/MNIST/raw", arrays)
    archive = write_folder(place / "archive", arrays, ending="")
    for path in sorted(archive.iterdir()):
        content = path.read_bytes()
        path.unlink()
        path.mkdir()
        (path / path.name).write_bytes(content)
    browser = write_folder(place / "browser", arrays, ending="")
    for path in sorted(browser.iterdir()):
        path.rename(path.with_name(f"{path.name}.gz"))
    cut = write_folder(place / "cut", arrays, ending="")
    change(write_folder(cut, arrays) / "train-images-idx3-ubyte.gz", lambda data: data[:-40])
    return {
        "plain": write_folder(place / "plain", arrays),
        "root": place / "torchvision",
        "MNIST": place / "torchvision/MNIST",
        "archive": archive,
        "browser": browser,
        "cut": cut,
    }


def test_the_same_files_are_found_in_every_layout_that_tools_leave(tmp_path: Path) -> None:
    found = {name: read_folder(place) for name, place in layouts(tmp_path).items()}
    assert {folder.sha256 for folder in found.values()} == {found["plain"].sha256}
    assert {name: len(folder.passed_over) for name, folder in found.items() if folder.passed_over} == {"cut": 1}
    line = found["cut"].passed_over[0]
    assert line.startswith(f"{tmp_path}/cut/train-images-idx3-ubyte.gz is damaged")
    assert line.endswith("train-images-idx3-ubyte is read instead")
    assert line in (load_dataset(tmp_path / "cut").notice or "")


def test_a_part_that_is_damaged_in_every_file_is_told_with_the_first(tmp_path: Path) -> None:
    place = layouts(tmp_path)["cut"]
    change(place / "train-images-idx3-ubyte", lambda data: data[:-1])
    with pytest.raises(MissingError, match=r"train-images-idx3-ubyte\.gz is damaged"):
        read_folder(place)


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 of the 20 test images stands"), (7, "7 of the 20 test images stand")]
)
def test_test_images_that_are_trained_on_are_counted_and_said(tmp_path: Path, count: int, words: str) -> None:
    arrays = digit_arrays()
    assert read_folder(write_folder(tmp_path / "clean", arrays)).repeated == 0
    arrays["t10k-images"][:count] = arrays["train-images"][10 : 10 + count]
    place = write_folder(tmp_path / "mixed", arrays)
    assert read_folder(place).repeated == count
    assert words in (load_dataset(place).notice or "")
