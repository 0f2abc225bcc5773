"""A course on autoencoders for medical images, and the library behind it."""

import os

__version__ = "0.1.0"

# TensorFlow leaves oneDNN off on processors without AVX-512, where a training step of a
# VAE of 64 x 64 pixels is 1.25 to 1.5 times as fast with it (book/how_fast.md). It is
# read when TensorFlow is imported, so this comes too late after `import keras`.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
