"""Sets that are known by name, and files of other kinds: what is read, what is refused, and that a run of them goes on."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digits.idx_folders import change, digit_arrays, file_name, idx_bytes, write_folder
from digits.mirrors import Mirrors, serve, stay_on_loopback
from digits.small_runs import write_network
from handgrad.cli import main
from handgrad.digits import run
from handgrad.digits.data import known as module
from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.fetch import fetch_known
from handgrad.digits.data.known import KNOWN, SUMS, read_known
from handgrad.digits.data.load import can_be_found, dataset_of, load_dataset
from handgrad.digits.data.mnist import PARTS, Remote
from handgrad.errors import MissingError, UsageError
from handgrad.runs.read import read_run
from handgrad.verbs.datasets import datasets

ARRAYS = digit_arrays()
IMAGES, LABELS = ARRAYS["train-images"], ARRAYS["train-labels"]
TEST_IMAGES, TEST_LABELS = ARRAYS["t10k-images"], ARRAYS["t10k-labels"]


def remote(name: str, data: bytes) -> Remote:
    return Remote(name, hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stay_on_loopback(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HANDGRAD_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "handgrad" / "mnist"


@pytest.fixture
def mirrors(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    """A server that has stand-ins of the sets, whose hashes stand in the table of those that are known."""
    packed = {file_name(stem, ".gz"): gzip.compress(idx_bytes(values), mtime=0) for stem, values in ARRAYS.items()}
    files = tuple(remote(part.packed_name, packed[part.packed_name]) for part in PARTS)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        for name, part in zip(KNOWN["emnist-digits"].members, PARTS, strict=True):
            content.writestr(name, packed[part.packed_name])
        content.writestr("gzip/emnist-letters-mapping.txt", "1 65 97")
    monkeypatch.setitem(module.KNOWN, "fashion", replace(KNOWN["fashion"], files=files))
    zipped = replace(KNOWN["emnist-digits"], archive=remote("gzip.zip", archive.getvalue()))
    monkeypatch.setitem(module.KNOWN, "emnist-digits", zipped)
    with serve(packed | {"gzip.zip": archive.getvalue()}) as running:
        yield running


def test_every_known_set_has_what_a_download_needs() -> None:
    for known in KNOWN.values():
        files = known.files or ((known.archive,) if known.archive else ())
        assert len(known.files or known.members) == 4 and len(known.classes) == 10 and known.mirrors
        for file in files:
            assert len(file.sha256) == 64 and int(file.sha256, 16) and file.size > 1000
    hashes = [file.sha256 for known in KNOWN.values() for file in known.files]
    assert len(set(hashes)) == len(hashes)


def test_a_known_set_is_fetched_once_and_has_its_name_and_classes(cache: Path, mirrors: Mirrors) -> None:
    found = load_dataset("fashion", mirrors=[mirrors.at("missing"), mirrors.at("good")])
    assert (found.name, found.folder, found.kind.classes[9]) == ("fashion", "fashion", "Ankle boot")
    assert (found.train_images.numpy() == IMAGES).all() and (found.test_labels.numpy() == TEST_LABELS).all()
    asked = len(mirrors.asked)
    assert load_dataset("fashion", download=False).sha256 == found.sha256
    assert len(mirrors.asked) == asked
    again = dataset_of("fashion", found.sha256, found.folder, download=False)
    assert again.sha256 == found.sha256
    listed = {row[0]: row[2] for row in datasets().view().rows}
    assert listed["fashion"].startswith("yes, in ") and listed["kmnist"].startswith("not yet")


def test_an_archive_is_taken_out_turned_and_removed(cache: Path, mirrors: Mirrors) -> None:
    found = load_dataset("emnist-digits", mirrors=[mirrors.at("good")])
    assert found.name == "emnist-digits"
    assert (found.train_images.numpy() == IMAGES.transpose(0, 2, 1)).all()
    place = cache.parent / "emnist-digits"
    assert sorted(path.name for path in place.iterdir()) == sorted([SUMS, *(part.packed_name for part in PARTS)])
    change(place / PARTS[0].packed_name, lambda data: data[:-20])
    with pytest.raises(MissingError, match=r"expected EMNIST Digits's file \(SHA-256 [0-9a-f]{12}…\), found SHA-256"):
        load_dataset("emnist-digits", download=False)


def test_bytes_that_are_not_the_known_ones_are_refused(cache: Path, mirrors: Mirrors) -> None:
    with pytest.raises(MissingError, match=r"kmnist|train-images.* could not be downloaded – .*sent something else"):
        load_dataset("kmnist", mirrors=[mirrors.at("good")])
    with pytest.raises(
        MissingError, match=r"Kuzushiji-MNIST is not in .* – handgrad data --data kmnist --fetch .*21 MB"
    ):
        load_dataset("kmnist", download=False)
    fetch_known(module.KNOWN["fashion"], cache.parent / "fashion", mirrors=[mirrors.at("good")])
    change(cache.parent / "fashion" / PARTS[3].packed_name, lambda data: data + b"x")
    with pytest.raises(MissingError, match="expected Fashion-MNIST's file"):
        read_known(module.KNOWN["fashion"], cache.parent / "fashion")


def test_a_name_means_the_set_and_never_drawn_digits_in_its_place(cache: Path) -> None:
    with pytest.raises(MissingError):
        load_dataset("mnist", download=False)
    with pytest.raises(MissingError, match='"fashon" is neither a data set nor a folder – did you mean "fashion"'):
        load_dataset("fashon", download=False)
    assert can_be_found("fashion") and not can_be_found("nowhere") and not can_be_found(None)


def test_a_folder_of_that_name_comes_first(cache: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "fashion", ARRAYS)
    assert load_dataset("fashion").name.startswith("idx-")


def command(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    output = capfd.readouterr()
    return int(left.value.code or 0), output.out, output.err


def test_the_command_fetches_and_shows_a_known_set(
    cache: Path, mirrors: Mirrors, capfd: pytest.CaptureFixture[str]
) -> None:
    status, _, err = command(capfd, "data", "--data", "fashion")
    assert status == 3 and "handgrad data --data fashion --fetch" in err
    status, out, _ = command(capfd, "data", "--data", "fashion", "--fetch", "--mirror", mirrors.at("good"))
    assert status == 0 and "fashion: 60 training images, 20 test images" in out and "Ankle boot" in out
    assert json.loads(command(capfd, "data", "--data", "fashion", "--json")[1])["name"] == "fashion"


@pytest.mark.parametrize("keys", [("x_train", "y_train", "x_test", "y_test"), None], ids=["keras", "medmnist"])
def test_an_npz_file_is_read(cache: Path, tmp_path: Path, keys: tuple[str, ...] | None) -> None:
    names = keys or ("train_images", "train_labels", "test_images", "test_labels")
    values = (IMAGES, LABELS, TEST_IMAGES, TEST_LABELS)
    np.savez_compressed(tmp_path / "mnist.npz", allow_pickle=False, **dict(zip(names, values, strict=True)))
    found = load_dataset(tmp_path / "mnist.npz")
    assert found.name.startswith("npz-") and found.folder == str(tmp_path / "mnist.npz")
    assert (found.test_images.numpy() == TEST_IMAGES).all() and (found.train_labels.numpy() == LABELS).all()


def test_an_npz_file_that_is_another_is_refused(cache: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", allow_pickle=False, weights=IMAGES)
    with pytest.raises(MissingError, match="expected the arrays x_train, y_train, x_test, y_test, found weights"):
        load_dataset(tmp_path / "other.npz")
    pickled = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "pickled.npz", x_train=pickled, y_train=LABELS, x_test=IMAGES, y_test=LABELS)
    with pytest.raises(MissingError, match=r"cannot be read as NPZ: .*pickle"):
        load_dataset(tmp_path / "pickled.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(MissingError, match="cannot be read as NPZ"):
        load_dataset(tmp_path / "broken.npz")


def write_csv(path: Path, images: np.ndarray, labels: np.ndarray | None, head: bool = True) -> None:
    pixels = [f"pixel{number}" for number in range(images[0].size)]
    lines = [",".join(([] if labels is None else ["label"]) + pixels)] if head else []
    for number, image in enumerate(images):
        lines.append(",".join(map(str, ([] if labels is None else [labels[number]]) + image.ravel().tolist())))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("head", [True, False])
def test_csv_files_for_training_and_test_are_read(cache: Path, tmp_path: Path, head: bool) -> None:
    write_csv(tmp_path / "mnist_train.csv", IMAGES, LABELS, head)
    write_csv(tmp_path / "mnist_test.csv", TEST_IMAGES, TEST_LABELS, head)
    found = load_dataset(tmp_path)
    assert found.name.startswith("csv-") and found.notice is None
    assert (found.train_images.numpy() == IMAGES).all() and (found.test_labels.numpy() == TEST_LABELS).all()


@pytest.mark.parametrize("alone", [True, False], ids=["the file alone", "with a test file without labels"])
def test_where_no_test_labels_are_a_part_is_kept_apart_and_said(cache: Path, tmp_path: Path, alone: bool) -> None:
    write_csv(tmp_path / "train.csv", IMAGES, LABELS)
    write_csv(tmp_path / "test.csv", TEST_IMAGES, None)
    found = load_dataset(tmp_path / "train.csv" if alone else tmp_path)
    assert (len(found.train_labels), len(found.test_labels)) == (50, 10)
    assert found.notice and "10 images of its 60, chosen by a fixed seed, are kept apart" in found.notice
    assert sorted(found.test_labels.tolist()) == list(range(10))
    together = np.concatenate([found.train_images.numpy(), found.test_images.numpy()])
    assert sorted(image.tobytes() for image in together) == sorted(image.tobytes() for image in IMAGES)


def test_a_csv_file_of_words_is_refused(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("label,pixel0\ncat,7\n")
    with pytest.raises(MissingError, match="cannot be read as CSV of whole numbers"):
        load_dataset(tmp_path / "train.csv")


def write_pictures(folder: Path, images: np.ndarray, labels: np.ndarray, names: list[str]) -> None:
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        shown = image if image.ndim == 2 else image.transpose(1, 2, 0)
        Image.fromarray(shown).save(place / f"{number:04d}.png")


def test_pictures_by_class_are_read_with_their_names(cache: Path, tmp_path: Path) -> None:
    names = ["ant", "bee", "cow"]
    labels, test_labels = LABELS % 3, TEST_LABELS % 3
    write_pictures(tmp_path / "train", IMAGES, labels, names)
    write_pictures(tmp_path / "test", TEST_IMAGES, test_labels, names)
    found = load_dataset(tmp_path)
    assert found.kind.classes == tuple(names) and found.kind.channels == 1 and found.name.startswith("pictures-")
    assert by_class(found) == {
        name: sorted(image.tobytes() for image in IMAGES[labels == at]) for at, name in enumerate(names)
    }
    assert len(found.test_labels) == 20


def by_class(found: Dataset) -> dict[str, list[bytes]]:
    images, labels = found.train_images.numpy(), found.train_labels.numpy()
    return {
        name: sorted(image.tobytes() for image in images[labels == at]) for at, name in enumerate(found.kind.classes)
    }


def test_pictures_in_colour_and_of_digits(cache: Path, tmp_path: Path) -> None:
    colours = np.repeat(IMAGES[:, None], 3, axis=1)
    colours[:, 1] //= 2
    names = [str(number) for number in range(10)]
    write_pictures(tmp_path, colours, LABELS, names)
    found = load_dataset(tmp_path)
    assert found.kind.shape == (3, 28, 28) and not found.kind.named and found.notice and "kept apart" in found.notice


def test_classes_are_in_the_order_of_their_numbers(cache: Path, tmp_path: Path) -> None:
    names = [str(number) for number in range(1, 13)]
    images = np.random.default_rng(0).integers(0, 256, (24, 9, 9), dtype=np.uint8)
    write_pictures(tmp_path, images, np.arange(24) % 12, names)
    assert load_dataset(tmp_path).kind.classes == tuple(names)


def test_pictures_that_do_not_fit_are_refused_by_name(cache: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", IMAGES[:4], LABELS[:4] % 2, ["x", "y"])
    Image.fromarray(IMAGES[0][:20, :20]).save(tmp_path / "a" / "y" / "zz.png")
    with pytest.raises(UsageError, match=r"zz.png: pictures of 28×28 and 20×20 pixels"):
        load_dataset(tmp_path / "a")
    (tmp_path / "a" / "y" / "zz.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(MissingError, match=r"zz.png cannot be read as a picture"):
        load_dataset(tmp_path / "a")
    Image.new("L", (300, 300)).save(tmp_path / "a" / "y" / "zz.png")
    with pytest.raises(UsageError, match=r"zz.png: 300×300 pixels – at most 64×64 are possible"):
        load_dataset(tmp_path / "a")


@pytest.mark.parametrize("ending", [".idx", ".idx.gz"])
def test_plain_idx_names_are_read(cache: Path, tmp_path: Path, ending: str) -> None:
    for stem, values in ARRAYS.items():
        data = idx_bytes(values)
        name = stem.replace("t10k", "test") + ending
        (tmp_path / name).write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    assert load_dataset(tmp_path).sha256 == load_dataset(write_folder(tmp_path / "usual", ARRAYS)).sha256


def test_torchvisions_other_folders_are_found(cache: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "root" / "FashionMNIST" / "raw", ARRAYS, ending="")
    assert load_dataset(tmp_path / "root").name.startswith("idx-")


@pytest.mark.parametrize("form", ["npz", "csv", "pictures", "fashion"])
def test_a_run_of_such_data_finds_it_again(
    cache: Path, mirrors: Mirrors, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"npz": "mnist.npz", "csv": "train.csv", "pictures": "folder", "fashion": "fashion"}[form]
    if form == "npz":
        np.savez(tmp_path / place, x_train=IMAGES, y_train=LABELS, x_test=TEST_IMAGES, y_test=TEST_LABELS)
    elif form == "csv":
        write_csv(tmp_path / place, IMAGES, LABELS)
    elif form == "pictures":
        write_pictures(tmp_path / place, IMAGES, LABELS, [str(number) for number in range(10)])
    else:
        fetch_known(module.KNOWN["fashion"], cache.parent / "fashion", mirrors=[mirrors.at("good")])
    settings = ["epochs=1", "batch_size=20", f"network={write_network(tmp_path)}"]
    done = run.train("quick", data=place, overrides=settings, out=tmp_path / "runs", threads=1, download=False)
    made = read_run(Path(done.path))
    assert made.dataset.startswith(form) and made.environment.data is not None
    monkeypatch.chdir(tmp_path / "runs")  # found from anywhere
    again = dataset_of(made.dataset, made.environment.dataset_sha256, made.environment.data, download=False)
    assert again.kind == made.kind
