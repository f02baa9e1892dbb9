"""The program in the child process: three jobs, each told by ``job.json`` in a folder and answered in frames.

``read`` runs the stranger's file and writes down what its network computes; nothing that it says is taken on trust.
``examine`` and ``train`` work on the network rebuilt from that, where no line of the file ever runs. None of them is given
the labels of the test images, and ``read`` is not even given the images.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from handgrad.digits.training.augment import normalise
from handgrad.digits.training.loop import Images, begin, key
from handgrad.digits.training.recipe_file import parse_recipe
from handgrad.errors import DivergedError, HandgradError
from handgrad.judge.handed_in.load import lay_out_settings, loaded, on_the_processor
from handgrad.judge.handed_in.records import NotTakenError, Taken
from handgrad.judge.handed_in.take import take, told_in
from handgrad.judge.network.author import (
    answer_of,
    author_at_fault,
    first_line_of,
    give_lazy_layers_their_weights,
    made,
    not_compiled,
    scores_alone,
    unused_modules,
)
from handgrad.judge.network.beyond import Beyond, Prepared, train_beyond
from handgrad.judge.sandbox.frames import packed_frame
from handgrad.toml_records import read_record
from handgrad.transcript.packing import MalformedError, pack_tensors, unpack_tensors
from handgrad.transcript.rebuild import Rebuilt
from handgrad.transcript.record import record, weights_of
from handgrad.transcript.writing import UntraceableError

ANSWER_BATCH = 250
"""Test images shown at a time."""
# Other batches than at first: whoever looks at the other images of a batch gives other answers.
AGAIN_BATCH = 64
AGAIN = 1000
"""Test images shown a second time, in another order and other batches."""
# All that the file itself ever sees; what counts is asked of what was written down of it.
SHOWN_TO_FILE = 32
REBUILT_SAME = 1e-2
"""How far an answer of the rebuilt network may be from the file's own, relative to the largest: half precision is allowed."""

Send = Callable[..., None]


def prepare() -> None:
    """Go once through all that a judgement without training does, with a network of our own.

    Torch imports and compiles much of what it needs only when it is first used; copies of a process that has done so need
    not. It must not start a thread: a copy of the process would lack it.
    """
    from handgrad.judge.examination.examine import examine

    # Before anything is computed: the first operation would start torch's own threads.
    torch.set_num_threads(1)
    layers = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1), nn.Conv2d(2, 2, 1)
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 10), nn.LogSoftmax(1))
    images = normalise(torch.arange(17 * 784).remainder(251).to(torch.uint8).view(17, 28, 28)).contiguous()
    # No devices: asking for a GPU's chance would load its driver, and look for one that is hidden here.
    with torch.random.fork_rng(devices=[]):
        record(network, images)
        examine(network, images)


def main(folder: str, answers: int) -> None:
    """Do the job in *folder* and send frames to the open descriptor *answers*."""

    def send(kind: str, body: bytes = b"", **head: Any) -> None:
        data = memoryview(packed_frame(kind, body, **head))
        while data:
            # A write to a pipe may take only a part; standard output is the stranger's, so this goes round Python's
            # streams.
            data = data[os.write(answers, data) :]

    torch.set_num_threads(1)
    place = Path(folder)
    job = json.loads((place / "job.json").read_text(encoding="utf-8"))
    # From here on a failure is the job's; before it, it was ours or the machine's.
    send("ready")
    try:
        {"read": _read, "examine": _examine_rebuilt, "train": _train_rebuilt}[job["kind"]](place, job, send)
    except UntraceableError as error:
        send("refused", reason=str(error), author=error.author)
    except MalformedError as error:
        send("refused", reason=f"the network cannot be recorded: {error}", author=False)
    except NotTakenError as error:
        send("refused", reason=str(error), author=error.author)
    except HandgradError as error:
        send("refused", reason=str(error), author=True)
    except BaseException as error:  # the stranger's exceptions may be of any kind
        if isinstance(error, SystemExit):
            reason = "the file ends the program"
        else:
            reason = f"{type(error).__name__}: {first_line_of(error)}"
        send("refused", reason=reason, author=job["kind"] == "read")


def _read(place: Path, job: dict[str, Any], send: Send) -> None:
    """Take the network out of what was handed in, run that, write it down for each seed, and send plan and first weights."""
    images = _unpacked_images(place / "sample.bin")[:SHOWN_TO_FILE]
    root = place / "file"
    taken = take(root, root / job["file"], job["network"], whole=job["whole"])
    told = told_in(root, root / job["file"])
    lay_out_settings(root, root / job["file"])
    send("taken", judged=taken.judged, notes=list(taken.notes), told=told)  # before any line of the hand-in runs
    with on_the_processor([each.code for each in taken.pieces]), author_at_fault(taken):
        # The file is loaded again for each: what a module draws when it is imported belongs to a seed's first weights
        # too.
        for seed in job["seeds"]:
            _write_down(taken, seed, images, send)
    send("done")


def _write_down(taken: Taken, seed: int, images: Tensor, send: Send) -> None:
    """Make the network that was *taken* with the chance of *seed*, and send what it computes."""
    # Each seed begins from the same state of chance, whatever the one before has drawn.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(seed))
        with loaded(taken) as module:
            network = not_compiled(made(taken, module))
            first_part = scores_alone(network, images)
            give_lazy_layers_their_weights(network, images)
            # Before the copies: `train()` and `eval()` are methods that an author may have changed.
            network.eval()
            # Copies, since the dictionary holds the tensors themselves: compared with themselves they would never have
            # changed.
            before = [value.clone() for value in network.state_dict().values() if isinstance(value, Tensor)]
            scores = answer_of(network, normalise(images).contiguous())
            state = zip(before, network.state_dict().values(), strict=False)
            if any(not torch.equal(old, new) for old, new in state):
                raise UntraceableError("its forward changes its weights or buffers in eval()", author=True)
            # Chance of its own for what recording draws: the first weights above must follow from the seed alone.
            torch.manual_seed(key(seed, 1))
            plan, constants = record(network, normalise(images).contiguous())
            unused = unused_modules(network, images)
    parameters, buffers = weights_of(network)
    heads, body = pack_tensors([*parameters.values(), *buffers.values(), *constants])
    send(
        "network",
        body,
        seed=seed,
        name=type(network).__name__,
        plan=plan,
        tensors=heads,
        # As decimal numbers in JSON: 32 rows of ten, which a reader can check without knowing a type.
        answers=scores.double().tolist(),
        unused=unused,
        first_part=first_part,
    )


def _rebuilt(place: Path) -> tuple[Rebuilt, dict[str, Any]]:
    """Return the network written down in *place*, and the head of its description."""
    head = json.loads((place / "network.json").read_text(encoding="utf-8"))
    try:
        tensors = unpack_tensors(head["tensors"], (place / "network.bin").read_bytes())
        plan = head["plan"]
        count = len(plan["parameters"]) + len(plan["buffers"])
        # Parameters and buffers come first, in the order of their names; constants follow.
        learns = [bool(each.get("learns")) for each in head["tensors"][:count]]
        return Rebuilt(plan, tensors[:count], learns, tensors[count:]), head
    # Its description came from a process that ran the file: it may lack anything, or nest without end.
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise MalformedError(f"{type(error).__name__} in its description") from error


def _examine_rebuilt(place: Path, job: dict[str, Any], send: Send) -> None:
    """Examine the rebuilt network and send what was seen."""
    from handgrad.judge.examination.examine import examine

    network, head = _rebuilt(place)
    images = normalise(_unpacked_images(place / "sample.bin")).contiguous()
    name = str(head.get("name", ""))[:200]
    found = asdict(examine(network, images, name=name or "the network"))
    problems = [*found["problems"], *_changes_itself(network, images)]
    # A network whose answers change by themselves differs from the file's by that, and is refused for it with better
    # words.
    if not problems:
        _check_same_answers(network, images[:SHOWN_TO_FILE], head.get("answers"))
    send("examination", **found | {"problems": problems, "network": name})
    send("done")


def _check_same_answers(network: nn.Module, images: Tensor, told: Any) -> None:
    """Raise `MalformedError` where the rebuilt network answers otherwise than the file's own: then the judge is at fault.

    A file that lies about its answers gets no verdict, which wins it nothing.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        scores = network.eval()(images).double()
    try:
        own = torch.tensor(told, dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise MalformedError("its answers are not numbers") from error
    # `not … <=` and not `>`: a difference that is not a number must not pass.
    if own.shape != scores.shape or not bool((own - scores).abs().max() <= REBUILT_SAME * (1 + scores.abs().max())):
        raise MalformedError("the recorded network gives other answers than the network in the file")


def _changes_itself(network: nn.Module, images: Tensor) -> list[str]:
    """Return a problem where a pass changes weights, or ``eval()`` anything at all."""
    # Clones, since state_dict gives the tensors themselves.
    state = {name: value.clone() for name, value in network.state_dict().items()}
    parameters = {name for name, _ in network.named_parameters()}
    problems = []
    with torch.random.fork_rng(devices=[]):
        network.train()
        network(images)
        if any(not torch.equal(state[name], network.state_dict()[name]) for name in parameters):
            problems.append("its forward changes the weights")
        network.load_state_dict(state)
        network.eval()
        with torch.no_grad():
            network(images)
    if any(not torch.equal(value, network.state_dict()[name]) for name, value in state.items()):
        problems.append("its forward changes weights or buffers in eval()")
    network.load_state_dict(state)
    return problems


def _train_rebuilt(place: Path, job: dict[str, Any], send: Send) -> None:
    """Train the rebuilt network and send its raw answers to the test images before the first and after each epoch."""
    recipe, seed = parse_recipe(job["recipe"], "recipe"), job["seed"]
    training = Images(_unpacked_images(place / "train.bin"), torch.tensor(list((place / "labels.bin").read_bytes())))
    test = _unpacked_images(place / "test.bin")
    # The loop evaluates after each epoch; here nobody knows the labels, so it is given two images and their answers ignored.
    # Two, because squeeze() without a dimension takes the batch away where it is one (guarded by the corpus of hand-ins).
    nothing = Images(test[:2], torch.zeros(2, dtype=torch.long))
    beyond = read_record(Beyond, job.get("beyond") or {}, "beyond")
    state = begin(lambda: _network_to_train(place, beyond), recipe, seed, torch.device("cpu"))
    if not any(parameter.requires_grad for parameter in state.network.parameters()):
        raise UntraceableError("it has no parameters that learn – there is nothing to train", author=True)
    # Chance of its own, so that showing images again moves nothing in the training.
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(key(seed, 2)))[:AGAIN]
    # Its answers before the first step must not use up what the first epoch is going to draw.
    with torch.random.fork_rng(devices=[]):
        send("answers", _answers_to(state.evaluated, test, ANSWER_BATCH), epoch=0)
    try:
        for score in train_beyond(state, recipe, beyond, seed, training=training, evaluation=nothing):
            send("answers", _answers_to(state.evaluated, test, ANSWER_BATCH), epoch=score.epoch)
    except DivergedError as error:
        # No refusal: what it reached until then was counted and stays in the verdict.
        send("diverged", reason=str(error))
        return
    again = _answers_to(state.evaluated, test[order], AGAIN_BATCH)
    send("again", again, order=order.tolist())
    send("done")


def _network_to_train(place: Path, beyond: Beyond) -> nn.Module:
    """Return the rebuilt network, behind its author's preparation of the images where that is another than ours."""
    network = _rebuilt(place)[0]
    return Prepared(network, beyond) if beyond.images_change else network


@torch.inference_mode()
def _answers_to(network: nn.Module, images: Tensor, batch: int) -> bytes:
    """Return the outputs ``[n, 10]`` (float32, raw) of *network* in ``eval()``, *batch* images at a time."""
    network.eval()
    # A last part of one image may lose its row to a squeeze(), which is none of the answer's.
    outputs: Sequence[Tensor] = [
        network(normalise(part)).float().reshape(len(part), -1) for part in images.split(batch)
    ]
    return torch.cat(list(outputs)).contiguous().numpy().tobytes()


def _unpacked_images(path: Path) -> Tensor:
    """Return the images (bytes) ``[n, 28, 28]`` in the file *path*."""
    # A bytearray, because torch warns of memory that it may not write to, and warnings are errors in the tests.
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8).reshape(-1, 28, 28)
