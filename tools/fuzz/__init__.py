"""Damages every kind of file that Handgrad reads, and watches what reading it does; ``make fuzz``."""
