"""One small finished run on drawn digits, with the folder of data that it was made with."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from digits.idx_folders import write_folder
from digits.small_runs import NETWORK, write_network
from handgrad.digits import run
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.training.recipe import Optimizer, Recipe

TEST = 60


@cache
def data_folder() -> Path:
    """Return a folder of IDX files: 200 drawn digits to train on and 60 to test."""
    images, labels = draw_digits(200, seed=1)
    test_images, test_labels = draw_digits(TEST, seed=2)
    arrays = {"train-images": images, "train-labels": labels, "t10k-images": test_images, "t10k-labels": test_labels}
    return write_folder(Path(mkdtemp(prefix="handgrad-data-")), arrays, ending="")


def finished_run(out: Path, network: str | None = None, seed: int = 0) -> Path:
    """Train for two epochs below *out* and return the run folder; the network is a user's own unless named."""
    if network is None:
        source = out / "source"
        source.mkdir(parents=True, exist_ok=True)
        network = write_network(source, NETWORK)
    recipe = Recipe(network=network, name="small", epochs=2, batch_size=50, optimizer=Optimizer("adam", 0.02))
    settings = {"data": data_folder(), "seed": seed, "threads": 1, "precision": "fp32"}
    return Path(run.train(recipe, out=out / "runs", **settings).path)
