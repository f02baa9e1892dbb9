"""How many parameters each shipped network has: stored, so that a list of recipes needs no torch; a test counts them."""

from __future__ import annotations

PARAMETERS = {
    "squeeze-16k": 16_452,
    "twopool-17k": 17_498,
    "biasfree-12k": 11_924,
    "transition-11k": 11_392,
    "gap10-17k": 17_466,
    "stem-16k": 15_538,
    "stemdrop-16k": 15_538,
    "swift-16k": 15_538,
    "narrow-5k": 4_946,
    "squeezed-8k": 7_938,
    "orbit-18k": 17_694,
    "orbit-8k": 7_669,
    "orbit-3k": 2_974,
    "orbit-2k": 1_986,
}
