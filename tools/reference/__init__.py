"""Writes the pages of reference from the code: ``python tools/reference`` fills ``docs/reference``."""
