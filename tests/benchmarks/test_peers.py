"""The scripts of the comparison train the same network on the same images, and what is told of them is what they did."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.load import import_file
from handgrad.digits.networks.published import NETWORKS, count_parameters

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PEERS = import_file(BENCHMARKS / "peers.py")
GIVEN, ALONE = sys.modules["given"], sys.modules["alone"]
IMAGES, TEST = 600, 100


def bars(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images whose class is the height of a bar, easily told apart even when turned by five degrees."""
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = np.random.default_rng(count).integers(0, 30, (count, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 2 * label : 6 + 2 * label, 4:24] = 255
    return images, labels


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set that any network learns within a few steps."""
    folder = tmp_path_factory.mktemp("bars")
    GIVEN.write_digits(folder, (*bars(IMAGES), *bars(TEST)))
    return folder


def needs(library: str) -> None:
    """Skip the test, by name, where *library* is not installed."""
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install -r benchmarks/peers/requirements.txt")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long) for name in PEERS.TOOLS])
def test_every_tools_script_trains_the_network_it_is_given(name: str, data: Path) -> None:
    tool = PEERS.TOOLS[name]
    needs(tool.library)
    workers = min(tool.workers, 1)
    given = GIVEN.Given("squeeze-16k", str(data), epochs=4, batch_size=32, learning_rate=0.05, workers=workers)
    seen = PEERS.check(name, ALONE.run_alone(tool.script, given), given, IMAGES)
    assert seen.accuracy > 60, "ten classes in equal parts: guessing gives ten percent"
    assert seen.seconds_to_first_batch > 0 and all(second > 0 for second in seen.seconds_by_epoch)
    assert seen.peak_bytes > 100e6, "torch alone is more"
    assert seen.processes >= 1 + workers or not sys.platform.startswith("linux")


def test_a_training_that_left_something_out_ends_the_benchmark() -> None:
    given = GIVEN.Given("squeeze-16k", "", epochs=2, batch_size=128)
    whole = ALONE.Seen(1.0, (1.0, 1.0), 10, 50.0, 16_452, 1, 1)
    assert PEERS.check("tool", whole, given, 600) is whole
    for wrong in ({"parameters": 16_451}, {"steps": 9}, {"seconds_by_epoch": (1.0,)}):
        with pytest.raises(SystemExit, match="no figure is worth printing"):
            PEERS.check("tool", replace(whole, **wrong), given, 600)


def test_a_script_that_fails_is_named_with_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"(?s)with_pytorch: exit status 1.*nowhere"):
        ALONE.run_alone("with_pytorch", GIVEN.Given("squeeze-16k", str(tmp_path / "nowhere")))


@pytest.fixture
def keras_networks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """The networks in Keras layers, on torch."""
    needs("keras")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))  # where it writes its settings when first imported
    return import_file(BENCHMARKS / "peers" / "keras_networks.py")


@pytest.mark.filterwarnings("ignore")  # the library's own
@pytest.mark.parametrize("name", PEERS.PUBLISHED)
def test_a_network_in_keras_layers_is_the_one_in_torchs(name: str, keras_networks: object) -> None:
    torch.manual_seed(1)
    ours = NETWORKS[name]().eval()
    theirs = keras_networks.keras_network(name)  # type: ignore[attr-defined]
    for value in ours.state_dict().values():
        if value.is_floating_point():
            value.add_(0.3 * torch.rand_like(value))  # BatchNorm must not be left at its neutral start
    sources = [each for each in ours.modules() if not list(each.children()) and list(each.parameters())]
    targets = [each for each in theirs.layers if each.weights]
    for source, target in zip(sources, targets, strict=True):
        values = [value.numpy() for value in source.state_dict().values() if value.dim()]
        if isinstance(source, torch.nn.Conv2d):
            values[0] = values[0].transpose(2, 3, 1, 0)
        elif isinstance(source, torch.nn.Linear):
            values[0] = values[0].T
        target.set_weights(values)
    images = torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        scores = theirs(images.permute(0, 2, 3, 1), training=False).cpu()
        torch.testing.assert_close(scores, ours(images), rtol=1e-3, atol=1e-4)
    trained = sum(int(np.prod(each.shape)) for each in theirs.trainable_weights)
    assert trained == count_parameters(ours)
    rates = [layer.rate for layer in theirs.layers if "Dropout" in type(layer).__name__]
    assert rates == [each.p for each in ours.modules() if isinstance(each, torch.nn.Dropout | torch.nn.Dropout2d)]


def test_lines_are_those_that_carry_code() -> None:
    program = '''"""A docstring
of two lines."""

import this  # a comment beside code

# a comment
class Watch:  # measurement
    """What it is."""

    def look(self):
        """One line."""
        text = """not a docstring,
        and counted"""
        return call(
            text,
            clock,  # measurement
        )
'''
    assert PEERS.count_lines(program) == len(["import", "def", "text", "counted", "return", "text,", ")"])


@pytest.mark.parametrize("script", sorted(path.stem for path in (BENCHMARKS / "peers").glob("with_*.py")))
def test_every_script_is_a_row_of_the_table_or_the_study(script: str) -> None:
    assert script in {tool.script for tool in PEERS.TOOLS.values()} | {"with_study"}


@pytest.mark.parametrize("name", PEERS.TOOLS)
def test_what_only_measures_is_marked_and_not_counted(name: str) -> None:
    text = (BENCHMARKS / "peers" / f"{PEERS.TOOLS[name].script}.py").read_text(encoding="utf-8")
    used = [line for line in text.splitlines() if re.search(r"\bclock\.\w", line)]
    assert used and all(line.endswith(PEERS.MARK) for line in used)


def test_the_images_a_user_prepares_one_by_one_are_turned_and_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = import_file(BENCHMARKS / "one_by_one.py").Digits
    images, labels = bars(10)
    plain, turned = digits(images, labels), digits(images, labels, 5.0)
    image, label = plain[3]
    expected = (torch.from_numpy(images[3]).float() / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(image, expected.unsqueeze(0))
    assert label == 3 and len(plain) == 10
    back = [((each[0] * 0.3081 + 0.1307) * 255).round().byte().numpy() for each, _ in (turned[3] for _ in range(20))]
    assert len({each.tobytes() for each in back}) > 3
    angles = np.linspace(-5, 5, 2001)
    possible = {np.array(Image.fromarray(images[3]).rotate(float(angle))).tobytes() for angle in angles}
    assert sum(each.tobytes() in possible for each in back) >= 15, (
        "between two angles of the list lies now and then another"
    )


def test_what_is_written_for_the_scripts_is_read_back_by_both_readers(data: Path) -> None:
    images, labels = bars(IMAGES)
    read = GIVEN.read_digits(str(data))
    assert np.array_equal(read[0], images) and np.array_equal(read[1], labels) and len(read[2]) == len(read[3]) == TEST
    dataset = load_dataset(data)
    assert (
        torch.equal(dataset.train_images, torch.from_numpy(images)) and dataset.train_labels.tolist() == labels.tolist()
    )


def test_the_first_images_of_a_data_set_are_written(data: Path, tmp_path: Path) -> None:
    assert ALONE.write_first(tmp_path, load_dataset(data), 70, test=30) == 70
    images, labels, test_images, test_labels = GIVEN.read_digits(str(tmp_path))
    assert np.array_equal(images, bars(IMAGES)[0][:70]) and np.array_equal(labels, bars(IMAGES)[1][:70])
    assert len(test_images) == len(test_labels) == 30


def test_an_epoch_lasts_until_its_last_batch_and_the_first_batch_counts_from_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(GIVEN.time, "monotonic", lambda: now[0])
    clock = GIVEN.Clock(started=90.0)
    for batches in ((1.0, 2.0), (4.0,)):
        clock.epoch_begins()
        for seconds in batches:
            now[0] += seconds
            clock.batch_ends()
        now[0] += 50  # evaluation
    assert clock.epochs == [3.0, 4.0] and clock.first_batch == 11.0 and clock.steps == 3


HOLDS = "import json, given; block = bytearray(b'x') * {size}; del block; print(given.peak_bytes())"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss tells of the parent on Linux alone")
def test_the_peak_memory_is_that_of_the_process_and_not_of_its_parent() -> None:
    ballast = bytearray(b"x") * 400_000_000  # this process is larger than either child

    def peak(size: int) -> int:
        command = [sys.executable, "-c", HOLDS.format(size=size)]
        environment = os.environ | {"PYTHONPATH": str(BENCHMARKS)}
        return int(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)

    small, large = peak(1), peak(200_000_000)
    assert len(ballast) > large > 200_000_000 and small < 100_000_000


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="/proc does not tell of shared pages here")
def test_the_children_of_a_process_count_towards_its_memory() -> None:
    child = "block = bytearray(b'x') * 150_000_000; import time; time.sleep(1.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        most, processes = ALONE.watched(process)
    assert processes == 2 and 150_000_000 < most < 250_000_000


def test_the_figures_are_medians_and_ratios_of_the_same_round() -> None:
    def seen(seconds: float) -> object:
        return ALONE.Seen(2.0, (99.0, seconds), 10, 50.0, 16_452, 10**9, 1)

    ours, theirs = [seen(1.0), seen(2.0), seen(4.0)], [seen(3.0), seen(4.0), seen(20.0)]
    found = PEERS.figures(theirs, PEERS.TOOLS["usual"], ours)
    assert found["seconds_an_epoch"] == {"median": 4.0, "lowest": 3.0, "highest": 20.0}
    assert found["times_ours"] == {"median": 3.0, "lowest": 2.0, "highest": 5.0}
    assert json.loads(json.dumps(found))["rounds"][0]["seconds_by_epoch"] == [99.0, 3.0]
    line = PEERS.row("squeeze-16k", "usual", found)
    assert "4.00" in line and "3.00 to 20.00" in line and f" {PEERS.TOOLS['usual'].lines} " in line
