"""The same training with skorch, as its documentation begins: ``NeuralNetClassifier.fit`` on a torch ``Dataset``.

The test images are given as skorch's predefined split, so that its own table has their accuracy after every epoch; the
``DataLoader`` is set through ``iterator_train__…``.
"""

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from skorch.helper import predefined_split

from given import Clock, Given, read_digits
from handgrad.digits.networks.published import NETWORKS
from one_by_one import Digits


class Watch(Callback):  # measurement
    """Tells the clock."""

    def __init__(self, clock: Clock) -> None:  # measurement
        self.clock = clock  # measurement

    def on_epoch_begin(self, *_: object, **__: object) -> None:  # measurement
        """An epoch begins."""
        self.clock.epoch_begins()  # measurement

    def on_batch_end(self, *_: object, training: bool, **__: object) -> None:  # measurement
        """A batch is done, of training or of evaluation."""
        if training:  # measurement
            self.clock.batch_ends()  # measurement


def main(given: Given, clock: Clock) -> None:
    """Train; skorch prints the table of epochs."""
    train_images, train_labels, test_images, test_labels = read_digits(given.data)
    classifier = NeuralNetClassifier(
        NETWORKS[given.network],
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        optimizer__momentum=given.momentum,
        classes=list(range(10)),
        lr=given.learning_rate,
        max_epochs=given.epochs,
        batch_size=given.batch_size,
        iterator_train__shuffle=True,
        iterator_train__num_workers=given.workers,
        iterator_train__persistent_workers=given.workers > 0,
        iterator_valid__batch_size=1000,
        train_split=predefined_split(Digits(test_images, test_labels)),
        callbacks=[Watch(clock)],  # measurement
    )
    classifier.fit(Digits(train_images, train_labels, given.rotation), y=None)
    accuracy = 100 * classifier.history[-1, "valid_acc"]
    clock.ends(accuracy, sum(each.numel() for each in classifier.module_.parameters()))  # measurement
