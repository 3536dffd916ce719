"""Apache OpenWhisk rebuilt as actors."""

__version__ = "0.1.0"
