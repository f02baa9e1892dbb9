"""The same training with Keras on torch, as its documentation begins: ``compile``, ``fit`` on arrays, preprocessing layers.

The rotation is Keras's own layer, a batch at a time, in front of the network; ``verbose=2`` prints a line per epoch. The layout
is Keras's default, channels last.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
from keras_networks import keras_network

from given import MEAN, STANDARD_DEVIATION, Clock, Given, read_digits


def main(given: Given, clock: Clock) -> None:
    """Train; Keras prints a line per epoch."""
    train_images, train_labels, test_images, test_labels = read_digits(given.data)
    network = keras_network(given.network)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.RandomRotation(given.rotation / 360, fill_mode="constant"),
            keras.layers.Rescaling(1 / STANDARD_DEVIATION, offset=-MEAN / STANDARD_DEVIATION),
            network,
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(given.learning_rate, momentum=given.momentum),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    watch = keras.callbacks.Callback()  # measurement
    watch.on_epoch_begin, watch.on_train_batch_end = clock.epoch_begins, clock.batch_ends  # measurement
    history = model.fit(
        train_images[..., None],
        train_labels,
        batch_size=given.batch_size,
        epochs=given.epochs,
        validation_data=(test_images[..., None], test_labels),
        validation_batch_size=1000,
        verbose=2,
        callbacks=[watch],  # measurement
    )
    clock.ends(100 * history.history["val_accuracy"][-1], count(network))  # measurement


def count(network: keras.Model) -> int:  # measurement
    """Return how many numbers of *network* are trained."""
    return sum(int(keras.ops.size(each)) for each in network.trainable_weights)  # measurement
