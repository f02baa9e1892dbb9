"""Renders a run as a folder for a model hub: weights, configuration, and a card that says how sure its figures are.

Nothing is uploaded; the line that would do it is printed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from handgrad.errors import counted
from handgrad.export.proof import Proof
from handgrad.runs.folder import MODEL
from handgrad.runs.read import Run
from handgrad.score import percent
from handgrad.version import __version__

CONFIG, CARD, SOURCE = "config.json", "README.md", "network.py"
KIND = "handgrad-mnist"
"""What ``model_type`` says in the configuration, by which `handgrad.load` knows the folder."""
DATA_LICENCE = (
    "MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, made from NIST's Special Databases 1 and 3, and is "
    "offered under CC BY-SA 3.0. The weights were learned from it."
)


def hub_files(
    run: Run, weights: bytes, source: bytes | None, proof: Proof, *, unnormalised: int
) -> Mapping[str, bytes]:
    """Return the files of the folder by name; *source* is the user's own network file, None for a shipped network.

    *unnormalised* is how many test images are right where the module is fed with bytes that are only divided by 255.
    """
    card = card_text(run, proof, unnormalised)
    files = {MODEL: weights, CONFIG: config_text(run).encode(), CARD: card.encode()}
    return files if source is None else files | {SOURCE: source}


def upload_line(folder: str, run: Run) -> str:
    """Return the command that uploads the folder to Hugging Face; ``NAME`` is the user's to fill in."""
    return f"hf upload NAME/{slug(run)} {folder}"


def config_text(run: Run) -> str:
    """Return the configuration: what network, what it takes and gives, and where the figures come from."""
    assert run.result is not None
    last = run.result.last_epoch
    table = {
        "model_type": KIND,
        "handgrad_version": __version__,
        "network": run.network,
        "num_parameters": run.result.parameters,
        "image_size": [28, 28],
        "input": "bytes 0 to 255, ink 255 on ground 0; normalise by (x / 255 - 0.1307) / 0.3081",
        "num_labels": 10,
        "run": run.name,
        "recipe": run.title,
        "seed": run.seed,
        "dataset": run.dataset,
        "dataset_sha256": run.environment.dataset_sha256,
        "test": {"correct": last.correct, "total": last.total, "interval95": list(last.interval95)},
    }
    return json.dumps(table, indent=2, ensure_ascii=False) + "\n"


def card_text(run: Run, proof: Proof, unnormalised: int) -> str:
    """Return the model card, every figure out of the record of the run."""
    assert run.result is not None
    result, last = run.result, run.result.last_epoch
    low, high = last.interval95
    return "\n".join(
        [
            *front_matter(run),
            f"# {run.network}: {run.dataset} with {result.parameters:,} parameters",
            "",
            f"**{percent(last.correct, last.total)}** of the test set ({last.correct:,} of {last.total:,}; 95 % interval of "
            f"Wilson {low:.2f} to {high:.2f} %), the network after its last epoch.",
            "",
            f"- One seed ({run.seed}), recipe `{run.title}`, {counted(run.planned, 'epoch')}. "
            "Another seed gives another figure; the interval does not include this.",
            f"- {chosen_by(run)}",
            f"- Checked when this folder was made: {proof.sentence}.",
            f"- Trained with handgrad {run.environment.versions['handgrad']} and PyTorch "
            f"{run.environment.versions['torch']} on {run.environment.machine.device}.",
            "",
            "## Use",
            "",
            "```python",
            "import handgrad",
            "",
            'network = handgrad.load("path/to/this/folder")',
            "digits, probabilities = network.predict(images)  # uint8 [n, 28, 28], ink 255 on ground 0",
            "network.module                                   # the plain torch.nn.Module in eval()",
            "```",
            "",
            "`predict` takes raw bytes. The module itself takes `(bytes / 255 - 0.1307) / 0.3081` of shape `[n, 1, 28, 28]`: "
            f"fed with bytes divided by 255 alone it has {percent(unnormalised, proof.total)} right. Photographs must be "
            "prepared as MNIST was (ink light on dark, fitted into 20×20, centre of mass in the middle of 28×28); "
            "`handgrad predict` does so.",
            "",
            "## Limits",
            "",
            "It knows the ten digits, written one at a time, and always answers with one of them. Its "
            "probabilities are not calibrated: a softmax of 0.99 is not 99 % certainty.",
            "",
            "## Data",
            "",
            data_words(run),
            "",
        ]
    )


def front_matter(run: Run) -> list[str]:
    """Return the lines that the hub reads: the licence is the author's to choose, so none is given."""
    tags = ["handgrad", "image-classification", "pytorch", "tiny"]
    return [
        "---",
        "library_name: handgrad",
        "pipeline_tag: image-classification",
        # Only that one: the hub would link any other name to somebody else's data.
        *(["datasets:", "- mnist"] if run.dataset == "mnist" else []),
        "tags:",
        *(f"- {tag}" for tag in tags),
        "---",
        "",
    ]


def chosen_by(run: Run) -> str:
    """Return the sentence that says what was chosen by looking at what."""
    if run.holdout:
        return f"Epochs were judged on {run.holdout:,} training images held out; the test set was read after the last epoch."
    if run.recipe.get("test") == "once":
        return "The test set was read once, after the last epoch; nothing of this run was chosen by it."
    return "The test set was read after every epoch, but not used to choose: the last epoch is taken, not the best."


def data_words(run: Run) -> str:
    """Return what is to be said of the data."""
    digest = run.environment.dataset_sha256[:16]
    if run.dataset == "mnist":
        return DATA_LICENCE
    if run.dataset == "drawn":
        return "The digits were drawn by the program: the figures say nothing about handwriting."
    return f"The data set is called {run.dataset} after its hash ({digest}…); its licence is not known here."


def slug(run: Run) -> str:
    """Return a name for the model on the hub."""
    name = run.network.rpartition(":")[2]
    return (
        "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in f"{run.dataset}-{name}")
        .strip("-")
        .lower()
    )
