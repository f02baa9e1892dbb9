"""A trained network taken elsewhere: one inference plan as plain data, and a renderer a file.

``plan`` is the data, ``evaluate`` the reference in numpy, ``from_module`` the reader that makes a plan of a PyTorch module,
``fold`` what makes it shorter. All but the reader know no PyTorch. Everything that leaves takes raw bytes 0 to 255: the
normalisation that the network was trained with is inside.
"""
