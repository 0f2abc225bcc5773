"""Benchmark: where the time of a training step of the course's VAE goes.

Command, with nothing else running:
    python tests/benchmarks/bench_step.py

Takes a step of `fit` apart, on TensorFlow, each part a compiled function of one batch
that stays the same, all by turns:

- product: a product of large matrices, the most that this machine computes a second;
- layers: each layer for itself, with its gradients, nothing in between;
- gradients: the whole network, its loss and the gradients;
- step: that and Adam;
- fit: that and feeding, metrics and callbacks, an epoch divided by its steps; not the
  first epoch, before which `fit` takes the images over.

Leaves `step.jsonl` in the folder of --out: medians of seconds, and the floating point
operations of the layers.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}  # as chapters
os.environ |= {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}

import keras
import numpy as np
import results
import tensorflow as tf
from operations import operations, weighted

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
import task  # noqa: E402 - it lies beside the peers, which import it by this name
from course import PACKAGES, Peer  # noqa: E402
from keras_network import AtStart  # noqa: E402

SIDE = 2048  # of the matrices
N_STEPS = 20  # of an epoch


def alone(layer: keras.layers.Layer, first: bool):
    """Return a function that runs a layer and its gradients on random numbers."""
    x, g = (
        tf.random.normal((task.BATCH, *tensor.shape[1:]))
        for tensor in (layer.input, layer.output)
    )
    weights = [weight.value for weight in layer.trainable_weights]

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return tape.gradient(y, weights if first else [x, *weights], g)

    return run


def parts(model: keras.Model, pixels: int) -> dict:
    """Return functions to be timed, by name."""
    x = np.random.default_rng(0).random((task.BATCH, pixels, pixels, 1), np.float32)
    many = np.concatenate([x] * N_STEPS)
    batch, square = tf.constant(x), tf.random.normal((SIDE, SIDE))
    weights = [weight.value for weight in model.trainable_variables]

    def gradients_of():
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=batch, y_pred=model(batch, training=True))
        return tape.gradient(loss, weights)

    @tf.function
    def step():
        model.optimizer.apply(gradients_of(), model.trainable_variables)

    layers = [alone(k, n == 0) for n, k in enumerate(weighted(model))]
    return {
        "product": tf.function(lambda: tf.matmul(square, square)),
        "layers": lambda: [run() for run in layers][-1],
        "gradients": tf.function(gradients_of),
        "step": step,
        "fit": lambda: epoch(model, many),
    }


def epoch(model: keras.Model, images: np.ndarray) -> float:
    """Return the seconds of the second epoch of `fit`."""
    starts = []
    watch = AtStart(lambda: starts.append(time.perf_counter()))
    options = {"batch_size": task.BATCH, "epochs": 3, "verbose": 0}
    model.fit(images, callbacks=[watch], **options)
    return starts[2] - starts[1]


def measure(functions: dict, repeats: int) -> dict[str, float]:
    """Return median seconds of each, run by turns; the first turn is not counted."""
    found = {name: [] for name in functions}
    for _ in range(repeats + 1):
        for name, function in functions.items():
            if name == "fit":
                found[name].append(function() / N_STEPS)
                continue
            start = time.perf_counter()
            for _ in range(N_STEPS):
                function()
            found[name].append((time.perf_counter() - start) / N_STEPS)
    return {name: statistics.median(times[1:]) for name, times in found.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pixels", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path, default=results.SPEED)
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words)
    common = results.about(words, PACKAGES)
    records = []
    for pixels in options.pixels:
        keras.utils.set_random_seed(0)
        model = Peer(pixels).model
        seconds = measure(parts(model, pixels), options.repeats)
        work = task.BATCH * operations(weighted(model))
        ceiling = 2 * SIDE**3 / seconds.pop("product")
        share = work / seconds["layers"] / ceiling
        print(
            f"{pixels}: "
            + ", ".join(f"{k} {1000 * s:.1f} ms" for k, s in seconds.items())
        )
        print(f"{pixels}: layers at {share:.0%} of {ceiling / 1e9:.0f} GFLOP/s")
        records.append(
            common
            | {"pixels": pixels, "batch": task.BATCH, "operations": work}
            | {"ceiling": round(ceiling), "seconds": seconds}
        )
    results.write("step", records, options.out)


if __name__ == "__main__":
    main()
