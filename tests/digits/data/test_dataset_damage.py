"""Files that are not what they should be: each is named, with what was expected and what was found."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digits.idx_folders import change, digit_arrays, file_name, idx_bytes, write_folder
from handgrad.digits.data.idx import LARGEST_COUNT, read_idx
from handgrad.digits.data.idx_folder import read_folder
from handgrad.errors import MissingError

SMALL = digit_arrays(train=3, test=2)["train-images"]
PLAIN = idx_bytes(SMALL)


def packed(data: bytes) -> bytes:
    """Return *data* packed without a time of day: the parameters of a test must be the same in every worker."""
    return gzip.compress(data, mtime=0)


PACKED = packed(PLAIN)


def reason(tmp_path: Path, data: bytes, name: str = "train-images-idx3-ubyte.gz") -> str:
    """Return what is said of a file of images with the content *data*, which must be one line that names it."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(MissingError) as caught:
        read_idx(path, 3)
    message = str(caught.value)
    assert message.startswith(f"{path} ") and "\n" not in message and caught.value.status == 3
    return message


def header(count: int, rows: int = 28, columns: int = 28, magic: int = 2051) -> bytes:
    return struct.pack(">IIII", magic, count, rows, columns)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "expected a gzip file, found an empty file"),
        (b"<!DOCTYPE html>", "expected a gzip file, found 15 bytes that begin with b'<!DOCTYP'"),
        (packed(b""), "expected IDX magic number 2051, found an empty file"),
        (packed(PLAIN[:9]), "expected a header of 16 bytes, found 9 bytes that begin with"),
        (packed(PLAIN[:-5]), "expected 2,368 bytes for 3 items, found 2,363"),
        (packed(PLAIN + b"x"), "expected 2,368 bytes, found more"),
        (PACKED[:-1], "expected a gzip file with its checksum at the end, found a file that is cut off"),
        (PACKED[:-6] + bytes([PACKED[-6] ^ 4]) + PACKED[-5:], "found incorrect data check"),
        (PACKED + PACKED, "expected one gzip member, found a second gzip member after it"),
        (packed(PLAIN[:900]) + packed(PLAIN[900:]), "expected 2,368 bytes for 3 items, found 900"),
        (PACKED + b"\0\0", "expected one gzip member, found other bytes after it (2 bytes)"),
        (packed(header(3, magic=2049) + PLAIN[16:]), "expected IDX magic number 2051, found 2049"),
        (packed(header(3, 32, 28)), "expected square images with sides of 8 to 64 pixels, found 32×28"),
        (packed(header(0)), "expected 1 to 300,000 items, found 0"),
        (packed(header(2**32 - 1)), "expected 1 to 300,000 items, found 4,294,967,295"),
    ],
)
def test_a_packed_file_is_refused_with_expected_and_found(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in reason(tmp_path, data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "expected IDX magic number 2051, found an empty file"),
        (PLAIN[:-1], "expected 2,368 bytes for 3 items, found 2,367"),
        (PLAIN + b"\0", "expected 2,368 bytes, found more"),
    ],
)
def test_a_plain_file_is_refused_with_expected_and_found(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in reason(tmp_path, data, "train-images-idx3-ubyte")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(header(10) + bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(MissingError, match="expected 7,856 bytes, found more"):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_too_large_to_be_one_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    with path.open("wb") as file:
        file.truncate(16 + LARGEST_COUNT * 64 * 64 + 1)
    with pytest.raises(MissingError, match="expected at most 1,228,800,016 bytes, found 1,228,800,017"):
        read_idx(path, 3)


@given(st.integers(0, len(PACKED) * 8 - 1))
@settings(max_examples=300, deadline=None)
def test_a_flipped_bit_in_a_packed_file_never_changes_a_pixel(
    tmp_path_factory: pytest.TempPathFactory, bit: int
) -> None:
    data = bytearray(PACKED)
    data[bit // 8] ^= 1 << bit % 8
    path = tmp_path_factory.mktemp("flipped") / "images.gz"
    path.write_bytes(data)
    try:
        values = read_idx(path, 3).values
    except MissingError as error:
        assert str(path) in str(error)
    else:
        assert (values == SMALL).all()
        assert bit // 8 <= 10  # when and where it was packed, and the padding of deflate's first block, mean nothing


@given(st.integers(0, len(PLAIN) - 1), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_file_cut_at_any_length_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int, packed: bool) -> None:
    path = tmp_path_factory.mktemp("cut") / "images-idx3-ubyte"
    path.write_bytes((PACKED if packed else PLAIN)[:cut])
    with pytest.raises(MissingError):
        read_idx(path, 3)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "labels-idx1-ubyte"
    path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0]) + data)
    try:
        values = read_idx(path, 1).values
    except MissingError:
        return
    assert len(values) == data[0] == len(data) - 1


def test_labels_above_nine_are_refused_with_their_place(tmp_path: Path) -> None:
    arrays = digit_arrays()
    arrays["t10k-labels"][17] = 10
    with pytest.raises(MissingError, match=r"t10k-labels.* expected labels 0 to 9, found 10 at position 17"):
        read_folder(write_folder(tmp_path, arrays))


def test_counts_that_do_not_match_are_refused(tmp_path: Path) -> None:
    arrays = digit_arrays()
    arrays["train-labels"] = arrays["train-labels"][:-1]
    with pytest.raises(MissingError, match=r"train-labels.* expected 60 labels for the 60 images .*, found 59"):
        read_folder(write_folder(tmp_path, arrays))


def test_images_under_the_name_of_labels_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, digit_arrays())
    images, labels = tmp_path / file_name("train-images", ".gz"), tmp_path / file_name("train-labels", ".gz")
    labels.write_bytes(images.read_bytes())
    with pytest.raises(MissingError, match=r"train-labels.* expected IDX magic number 2049, found 2051"):
        read_folder(tmp_path)


def test_train_and_test_swapped_is_noticed_by_the_counts(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"t10k-images.* at most the 20 .*swapped.* found 60 images"):
        read_folder(write_folder(tmp_path, digit_arrays(train=20, test=60)))


def test_the_same_images_for_training_and_test_are_refused(tmp_path: Path) -> None:
    arrays = digit_arrays(train=20, test=20)
    arrays["t10k-images"] = np.copy(arrays["train-images"])
    with pytest.raises(MissingError, match=r"t10k-images.* found those of train-images-idx3-ubyte\.gz"):
        read_folder(write_folder(tmp_path, arrays))


@pytest.mark.parametrize("stem", ["train-images", "train-labels", "t10k-images", "t10k-labels"])
def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path, stem: str) -> None:
    write_folder(tmp_path, digit_arrays())
    (tmp_path / file_name(stem, ".gz")).unlink()
    with pytest.raises(MissingError, match=rf"{stem}-idx\d-ubyte is missing – expected it or .* found t"):
        read_folder(tmp_path)


def test_a_folder_that_the_system_refuses_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"xxx cannot be read – File name too long – name another folder"):
        read_folder(tmp_path / ("x" * 300))


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    write_folder(tmp_path, digit_arrays())
    path = tmp_path / file_name("train-labels", ".gz")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(MissingError, match="expected a file, found something else"):
        read_folder(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(MissingError, match="expected a file, found a folder"):
        read_folder(tmp_path)


def test_a_flipped_bit_in_a_packed_data_set_is_found_without_a_known_hash(tmp_path: Path) -> None:
    path = write_folder(tmp_path, digit_arrays()) / file_name("train-labels", ".gz")
    change(path, lambda data: data[:30] + bytes([data[30] ^ 16]) + data[31:])
    with pytest.raises(MissingError, match="train-labels"):
        read_folder(tmp_path)
