"""Pages to play with, one HTML file each: the lesson of a small network, and a trained network with a canvas.

Python writes what is known as data (the graph of a training step, the inference plan of a run) and joins it with plain
JavaScript modules from ``scripts/``; the page loads nothing and asks nobody.
"""
