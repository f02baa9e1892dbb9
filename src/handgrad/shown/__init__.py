"""How a record shows itself: a few lines in a terminal, a table with its curve in a notebook, a frame, a figure."""
