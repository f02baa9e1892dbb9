"""From a picture of handwriting to the 28×28 bytes that a network was trained on."""
