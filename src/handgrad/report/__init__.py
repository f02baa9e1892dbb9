"""Run folders become tables, plots and self-contained pages; never from a live model, and without torch."""
