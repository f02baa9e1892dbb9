"""Judging what is handed in: assignments as data, networks examined by what they compute, verdicts made outside."""
