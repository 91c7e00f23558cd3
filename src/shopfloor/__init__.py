"""shopfloor puts a model in charge of a robot cell and measures the shift it works."""

__all__ = ["__version__"]

__version__ = "0.1.0"
