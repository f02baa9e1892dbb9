"""The same training with Lightning, as its documentation begins: a ``LightningModule``, ``Trainer.fit``, ``DataLoader``.

Everything is left at Lightning's defaults (its log files, its checkpoint of the last epoch, its two test batches beforehand),
but for the progress bar, which no script here shows. Loss and accuracy are logged with ``self.log``.
"""

import lightning
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.data import DataLoader

from given import Clock, Given, read_digits
from handgrad.digits.networks.published import NETWORKS
from one_by_one import Digits

Batch = tuple[Tensor, Tensor]


class Classifier(lightning.LightningModule):
    """A network of ten classes."""

    def __init__(self, network: torch.nn.Module, learning_rate: float, momentum: float) -> None:
        super().__init__()
        self.network, self.learning_rate, self.momentum = network, learning_rate, momentum

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss of a batch."""
        images, labels = batch
        logits = self.network(images)
        loss = F.cross_entropy(logits, labels)
        self.log("loss", loss)
        self.log("accuracy", (logits.argmax(dim=1) == labels).float().mean())
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Log the accuracy of a batch of test images."""
        images, labels = batch
        self.log("test accuracy", (self.network(images).argmax(dim=1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer."""
        return torch.optim.SGD(self.parameters(), lr=self.learning_rate, momentum=self.momentum)


class Watch(lightning.Callback):  # measurement
    """Tells the clock."""

    def __init__(self, clock: Clock) -> None:  # measurement
        self.on_train_epoch_start = clock.epoch_begins  # measurement
        self.on_train_batch_end = clock.batch_ends  # measurement


def main(given: Given, clock: Clock) -> None:
    """Train and print the accuracy."""
    train_images, train_labels, test_images, test_labels = read_digits(given.data)
    training = DataLoader(
        Digits(train_images, train_labels, given.rotation),
        batch_size=given.batch_size,
        shuffle=True,
        num_workers=given.workers,
        persistent_workers=given.workers > 0,
    )
    test = DataLoader(Digits(test_images, test_labels), batch_size=1000)
    classifier = Classifier(NETWORKS[given.network](), given.learning_rate, given.momentum)
    trainer = lightning.Trainer(
        max_epochs=given.epochs,
        accelerator="cpu",
        enable_progress_bar=False,
        callbacks=[Watch(clock)],  # measurement
    )
    trainer.fit(classifier, training, test)
    accuracy = 100 * float(trainer.callback_metrics["test accuracy"])
    print(f"test {accuracy:.2f} %")
    clock.ends(accuracy, sum(each.numel() for each in classifier.parameters()))  # measurement
