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
from functools import partial
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
import worker  # noqa: E402
from course import PACKAGES, Peer  # noqa: E402

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


def steps_of(function) -> float:
    """Return the mean seconds of a call, of as many as an epoch has steps."""
    start = time.perf_counter()
    for _ in range(N_STEPS):
        function()
    return (time.perf_counter() - start) / N_STEPS


def parts(peer: Peer, pixels: int) -> dict:
    """Return functions that return the seconds of a step, by name."""
    model = peer.model
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
    called = {
        "product": tf.function(lambda: tf.matmul(square, square)),
        "layers": lambda: [run() for run in layers][-1],
        "gradients": tf.function(gradients_of),
        "step": step,
    }
    timed = {name: partial(steps_of, function) for name, function in called.items()}
    return timed | {"fit": lambda: worker.epochs(peer, many, 2)[1] / N_STEPS}


def measure(functions: dict, repeats: int) -> dict[str, float]:
    """Return median seconds of each, run by turns; the first turn is not counted."""
    found = {name: [] for name in functions}
    for _ in range(repeats + 1):
        for name, function in functions.items():
            found[name].append(function())
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
        peer = Peer(pixels)
        seconds = measure(parts(peer, pixels), options.repeats)
        work = task.BATCH * operations(weighted(peer.model))
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
