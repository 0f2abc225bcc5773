"""A course on autoencoders for medical images, and the library behind it."""

__version__ = "0.1.0"
