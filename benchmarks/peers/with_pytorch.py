"""The usual PyTorch script: the loop of the framework's own beginner's examples.

A ``DataLoader`` over one image at a time, fp32, default layout, ``loss.item()`` and a running accuracy at every step, the test
images after every epoch. No progress bar, as in every script here: it would measure the terminal.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch.utils.data import DataLoader

from given import Clock, Given, read_digits
from handgrad.digits.networks.published import NETWORKS
from one_by_one import Digits


def main(given: Given, clock: Clock) -> None:
    """Train and print the accuracy of every epoch."""
    train_images, train_labels, test_images, test_labels = read_digits(given.data)
    training = DataLoader(
        Digits(train_images, train_labels, given.rotation),
        batch_size=given.batch_size,
        shuffle=True,
        num_workers=given.workers,
        persistent_workers=given.workers > 0,
    )
    test = DataLoader(Digits(test_images, test_labels), batch_size=1000)
    network = NETWORKS[given.network]()
    optimizer = torch.optim.SGD(network.parameters(), lr=given.learning_rate, momentum=given.momentum)
    for epoch in range(given.epochs):
        clock.epoch_begins()  # measurement
        network.train()
        right, seen, total = 0, 0, 0.0
        for images, labels in training:
            optimizer.zero_grad()
            output = F.log_softmax(network(images), dim=1)
            loss = F.nll_loss(output, labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            right += int((output.argmax(dim=1) == labels).sum().item())
            seen += len(labels)
            clock.batch_ends()  # measurement
        network.eval()
        with torch.no_grad():
            correct = sum(int((network(images).argmax(dim=1) == labels).sum().item()) for images, labels in test)
        accuracy = 100 * correct / len(test_labels)
        print(f"epoch {epoch + 1}: loss {total / seen:.4f}, training {100 * right / seen:.2f} %, test {accuracy:.2f} %")
    clock.ends(accuracy, sum(each.numel() for each in network.parameters()))  # measurement
