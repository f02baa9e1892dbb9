"""The five published networks in Keras layers: what `handgrad.digits.networks.published` says in torch's, layer by layer.

Keras's default layout, channels last, and torch's BatchNorm constants. A copy of the weights gives the same scores, which a
test shows for each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
from keras import layers


def conv(outputs: int, kernel: int = 3, *, padding: int = 0, bias: bool = True) -> Any:
    """A convolution; *padding* of one pixel with a 3×3 kernel is what Keras calls same."""
    return layers.Conv2D(outputs, kernel, padding="same" if padding else "valid", use_bias=bias)


def norm() -> Any:
    """BatchNorm with torch's constants; Keras counts momentum from the other end."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


def relu() -> Any:
    """ReLU."""
    return layers.Activation("relu")


def conv_relu_norm(outputs: int, *, padding: int = 0, bias: bool = True) -> list[Any]:
    """A convolution, ReLU, BatchNorm."""
    return [conv(outputs, padding=padding, bias=bias), relu(), norm()]


def conv_norm_relu(outputs: int, kernel: int = 3, *, padding: int = 0, bias: bool = True) -> list[Any]:
    """A convolution, BatchNorm, ReLU."""
    return [conv(outputs, kernel, padding=padding, bias=bias), norm(), relu()]


def pool() -> Any:
    """Maximum of 2×2."""
    return layers.MaxPooling2D(2)


def average(size: int) -> Any:
    """Mean of *size* × *size*."""
    return layers.AveragePooling2D(size)


def channels_dropped(probability: float) -> Any:
    """Dropout of whole channels."""
    return layers.SpatialDropout2D(probability)


def squeeze_16k() -> list[Any]:
    """16,452 parameters."""
    return [
        *[*conv_relu_norm(16), *conv_relu_norm(32), conv(10, 1), pool(), channels_dropped(0.1)],
        *[*conv_relu_norm(16), *conv_relu_norm(16), channels_dropped(0.1)],
        *[*conv_relu_norm(16), channels_dropped(0.069), *conv_relu_norm(32)],
        *[average(4), layers.Flatten(), layers.Dense(10)],
    ]


def twopool_17k() -> list[Any]:
    """17,498 parameters."""
    return [
        *[*conv_norm_relu(16, padding=1), *conv_norm_relu(32, padding=1), pool(), *conv_norm_relu(8, 1)],
        *[*conv_norm_relu(16, padding=1), *conv_norm_relu(32, padding=1), pool(), *conv_norm_relu(8, 1)],
        *[conv(16), relu(), layers.Dropout(0.15), conv(32), relu(), layers.GlobalAveragePooling2D()],
        *[layers.Dropout(0.15), layers.Dense(10), layers.Activation("log_softmax")],
    ]


def biasfree_12k() -> list[Any]:
    """11,924 parameters."""
    return [
        *[*conv_norm_relu(4, bias=False), *conv_norm_relu(8, bias=False), conv(16, 1, bias=False), pool()],
        *[*conv_norm_relu(32, bias=False), layers.Dropout(0.05)],
        *[*conv_norm_relu(16, 1, bias=False), layers.Dropout(0.05)],
        *[*conv_norm_relu(16, bias=False), layers.Dropout(0.05)],
        *[*conv_norm_relu(16, bias=False), *conv_norm_relu(10, bias=False)],
        *[average(4), conv(10, 1, bias=False), layers.Flatten()],
    ]


def transition_11k() -> list[Any]:
    """11,392 parameters."""
    return [
        *[*conv_relu_norm(16, bias=False), layers.Dropout(0.05)],
        *[*conv_relu_norm(32, bias=False), layers.Dropout(0.05), conv(10, 1, bias=False), pool()],
        *[*conv_relu_norm(16, bias=False), layers.Dropout(0.05)],
        *[*conv_relu_norm(12, bias=False), layers.Dropout(0.05)],
        *[*conv_relu_norm(12, bias=False), layers.Dropout(0.05)],
        *[*conv_relu_norm(14, padding=1, bias=False), average(6), conv(10, 1, bias=False), layers.Flatten()],
    ]


def gap10_17k() -> list[Any]:
    """17,466 parameters."""
    return [
        *[*conv_relu_norm(16, padding=1), *conv_relu_norm(32, padding=1), pool(), conv(8, 1), layers.Dropout(0.3)],
        *[*conv_relu_norm(16), *conv_relu_norm(32), conv(8, 1), layers.Dropout(0.3)],
        *[conv(16), relu(), conv(32), relu(), conv(10, 1), average(6), layers.Flatten()],
    ]


KERAS_NETWORKS: dict[str, Callable[[], list[Any]]] = {
    "squeeze-16k": squeeze_16k,
    "twopool-17k": twopool_17k,
    "biasfree-12k": biasfree_12k,
    "transition-11k": transition_11k,
    "gap10-17k": gap10_17k,
}


def keras_network(name: str) -> Any:
    """Return network *name*, taking ``[batch, 28, 28, 1]``."""
    return keras.Sequential([keras.Input((28, 28, 1)), *KERAS_NETWORKS[name]()])
