"""`gap10-17k` with its dropout elsewhere: the publication says how much, but not where."""

from __future__ import annotations

from torch import nn

from handgrad.digits.networks.published import conv_relu_norm


class Gap10(nn.Sequential):
    """`gap10-17k` with dropout of 0.30 on the 32 maps before each squeeze, not on the eight after it; 17,466 parameters."""

    def __init__(self) -> None:
        super().__init__(
            *conv_relu_norm(1, 16, padding=1),
            *conv_relu_norm(16, 32, padding=1),
            nn.MaxPool2d(2),
            nn.Dropout(0.30),
            nn.Conv2d(32, 8, 1),
            *conv_relu_norm(8, 16),
            *conv_relu_norm(16, 32),
            nn.Dropout(0.30),
            nn.Conv2d(32, 8, 1),
            *[nn.Conv2d(8, 16, 3), nn.ReLU()],
            *[nn.Conv2d(16, 32, 3), nn.ReLU()],
            nn.Conv2d(32, 10, 1),
            nn.AvgPool2d(6),
            nn.Flatten(),
        )
