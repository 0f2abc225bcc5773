"""One model, one set of weights, one batch: the same numbers on every backend of Keras.

`backends.json` holds what TensorFlow found; `python tests/models/test_backends.py`
writes it anew. Whatever backend runs these tests has to find the same; there the script
leaves the largest differences for the page of the ledger. And each model trains.
"""

import json
import zlib
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from medvae_course.cli.report import write_text
from medvae_course.ct import datasets
from medvae_course.models import (
    autoencoders,
    conditional,
    denoising,
    losses,
    mixture,
    patch_pca,
    probabilistic,
    segmentation_losses,
    segmenters,
    ssim_loss,
    vae,
)

REFERENCE = Path(__file__).with_name("backends.json")
LEDGER = Path(__file__).parents[2] / "book/ledger/backends"
BACKEND = keras.backend.backend()
SHAPE, N_CLASSES = (16, 16, 1), 3
SHOWN = 12  # numbers of each output, evenly spaced
RNG = np.random.default_rng(0)
X = RNG.random((4, *SHAPE)).astype("float32")
Y = RNG.integers(0, N_CLASSES, size=X.shape[:-1])
CONDITION = RNG.random((4, 1)).astype("float32")
FILTERS = {"filters": (4, 8)}


def encoder():
    return autoencoders.convolutional_autoencoder(SHAPE, 5, **FILTERS).encoder


MODELS = {
    "linear autoencoder": lambda: autoencoders.linear_autoencoder(SHAPE, 5),
    "dense autoencoder": lambda: autoencoders.dense_autoencoder(SHAPE, 5),
    "convolutional autoencoder": lambda: autoencoders.convolutional_autoencoder(
        SHAPE, 5, **FILTERS
    ),
    "denoising network": lambda: denoising.denoising_network((4, 8)),
    "dense VAE": lambda: vae.dense_vae(SHAPE, 5, likelihood="bernoulli"),
    "convolutional VAE": lambda: vae.convolutional_vae(SHAPE, 5, sigma=0.1, **FILTERS),
    "VAE with free bits": lambda: vae.convolutional_vae(
        SHAPE, 5, sigma="optimal", free_bits=0.1, **FILTERS
    ),
    "conditional VAE": lambda: conditional.conditional_vae(SHAPE, 5, **FILTERS),
    "mixture VAE": lambda: mixture.mixture_vae(SHAPE, 5, n_clusters=3),
    "U-Net": lambda: segmenters.unet(SHAPE, N_CLASSES, **FILTERS),
    "latent head": lambda: segmenters.latent_head(encoder(), N_CLASSES, hidden=(8,)),
    "head on PCA": lambda: segmenters.latent_head(
        patch_pca.patch_pca_encoder(X, **FILTERS), N_CLASSES
    ),
    "probabilistic U-Net": lambda: probabilistic.probabilistic_unet(
        SHAPE, N_CLASSES, **FILTERS
    ),
}
SEGMENTERS = ("U-Net", "latent head", "head on PCA")


def inputs_of(name):
    return [X, CONDITION] if name == "conditional VAE" else X


def with_known_weights(name):
    """The model with weights from NumPy, which draws alike under every backend."""
    model = MODELS[name]()
    model(inputs_of(name))
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    weights = []
    for one in model.weights:
        fan_in = np.prod(one.shape[:-1]) if len(one.shape) > 1 else 25
        draw = rng.normal(scale=fan_in**-0.5, size=one.shape)
        weights.append(np.abs(draw) + 0.5 if "variance" in one.path else draw)
    model.set_weights([w.astype("float32") for w in weights])
    return model


def numbers(name):
    """What a model gives for a fixed batch, and the losses of that: flat, by name."""
    model = with_known_weights(name)
    outputs = model(inputs_of(name), training=False)
    if not isinstance(outputs, dict):
        outputs = {"output": outputs}
    found = {}
    for key, value in outputs.items():
        flat = ops.convert_to_numpy(value).ravel()
        rows = np.linspace(0, flat.size - 1, min(SHOWN, flat.size)).astype(int)
        found[key] = flat[rows]
    found |= {key: ops.convert_to_numpy(v) for key, v in costs(name, model, outputs)}
    return {key: np.asarray(v, float).ravel().tolist() for key, v in found.items()}


def costs(name, model, outputs):
    if name in SEGMENTERS:
        logits = outputs["output"]
        yield "loss", segmentation_losses.DiceCrossEntropy()(Y, logits)
        yield "soft Dice", segmentation_losses.soft_dice(Y, logits)
    elif name == "probabilistic U-Net":
        yield "loss", model.nll(Y, outputs["output"])
    elif "z_mean" in outputs:
        yield "nll", model.nll(ops.convert_to_tensor(X), outputs["decoded"])
        kl = model.kl if name == "mixture VAE" else losses.kl
        yield "kl", kl(outputs["z_mean"], outputs["z_log_var"])
    else:
        yield "loss", keras.losses.MeanSquaredError()(X, outputs["output"])
        yield "SSIM loss", ssim_loss.ssim_loss(data_range=1.0)(X, outputs["output"])


def difference(name):
    """The largest difference from TensorFlow, relative for what is larger than 1."""
    expected = json.loads(REFERENCE.read_text("utf-8"))[name]
    found = numbers(name)
    assert set(found) == set(expected)
    return max(
        float(np.max(np.abs(np.subtract(found[key], v)) / np.maximum(1, np.abs(v))))
        for key, v in expected.items()
    )


@pytest.mark.parametrize("name", MODELS)
def test_every_backend_finds_the_same_numbers(name):
    assert difference(name) < 1e-4


@pytest.fixture(scope="module")
def slices():
    """A dozen slices of tiny phantoms, model units, and a class for each pixel."""
    split = datasets.load("phantom-tiny", image_size=16).train
    images = split.images[-12:]
    return images, np.digitize(images[..., 0], (0.2, 0.5))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_trains_for_an_epoch(name, slices):
    images, classes = slices
    model = MODELS[name]()
    if name in SEGMENTERS:
        y, loss = classes, segmentation_losses.DiceCrossEntropy()
    elif name == "probabilistic U-Net":
        y, loss = classes, None
    elif "VAE" in name:
        y, loss = None, None
    else:
        y, loss = images, "mse"
    x = [images, np.ones((12, 1), "float32")] if "conditional" in name else images
    model.compile(keras.optimizers.Adam(1e-2), loss=loss)
    model(keras.tree.map_structure(lambda part: part[:1], x))
    before = [ops.convert_to_numpy(one).copy() for one in model.trainable_variables]
    history = model.fit(x, y, batch_size=6, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for was, one in zip(before, model.trainable_variables, strict=True):
        assert np.any(was != ops.convert_to_numpy(one)), one.path


if __name__ == "__main__":
    if BACKEND == "tensorflow":
        text = json.dumps({name: numbers(name) for name in MODELS}, indent=1)
        write_text(REFERENCE, text + "\n")
    else:
        record = {"backend": BACKEND} | {
            "versions": {name: version(name) for name in ("keras", BACKEND)},
            "differences": {name: difference(name) for name in MODELS},
        }
        LEDGER.mkdir(parents=True, exist_ok=True)
        write_text(LEDGER / f"{BACKEND}.json", json.dumps(record, indent=1) + "\n")
