"""One shape at seven widths, about 1,000 to 100,000 parameters: four 3×3 convolutions, one pool, global average pooling.

A recipe or a benchmark names one of them as ``benchmarks/widths.py:wide_16``.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from handgrad.digits.networks.published import conv_norm_relu


class Wide(nn.Sequential):
    """``width`` channels before the pool and twice as many after it."""

    def __init__(self, width: int) -> None:
        super().__init__(
            *conv_norm_relu(1, width, bias=False),
            *conv_norm_relu(width, width, bias=False),
            nn.MaxPool2d(2),
            *conv_norm_relu(width, 2 * width, bias=False),
            *conv_norm_relu(2 * width, 2 * width, bias=False),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(2 * width, 10),
        )


WIDTHS = (4, 6, 8, 12, 18, 27, 40)
wide_4, wide_6, wide_8, wide_12, wide_18, wide_27, wide_40 = (partial(Wide, width) for width in WIDTHS)
