"""The ``Dataset`` of the scripts with a ``DataLoader``: one image at a time through PIL, as torchvision's transforms do it.

RandomRotation, ToTensor and Normalize written out, because torchvision has no build for every torch. Its lines count for
each script that uses it: with torchvision they would be three, and the transforms as slow.
"""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from given import MEAN, STANDARD_DEVIATION, Bytes


class Digits(Dataset[tuple[Tensor, int]]):
    """Images ``[1, 28, 28]``, normalised, each turned by up to *rotation* degrees, with their labels."""

    def __init__(self, images: Bytes, labels: Bytes, rotation: float = 0.0) -> None:
        self.images, self.labels, self.rotation = images, labels.tolist(), rotation

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index])
        if self.rotation:
            image = image.rotate(float(torch.empty(1).uniform_(-self.rotation, self.rotation)))
        tensor = torch.from_numpy(np.array(image)).unsqueeze(0).float().div(255)
        return tensor.sub(MEAN).div(STANDARD_DEVIATION), self.labels[index]
