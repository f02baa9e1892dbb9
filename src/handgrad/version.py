"""The one place where the version stands; the package, its metadata and every run folder read it here."""

__version__ = "0.1.0"
