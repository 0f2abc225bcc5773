"""Benchmark: how long the course's VAE waits for its images.

Command, with nothing else running:
    python tests/benchmarks/bench_feeding.py

Trains on slices of phantom patients, an epoch each by turns, and adds up the time
between asking for a batch and having it, the start of an epoch included. Batches come
as Keras feeds them to `fit` on TensorFlow:

- arrays: all slices in memory, model units;
- store: HU on disk (`ct.store`), read and made model units batch by batch, by
  `BlockFeed`, while the network trains.

Leaves `feeding.jsonl` in the folder of --out: seconds of each epoch, and those waited.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}  # as chapters
os.environ |= {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}

import keras
import numpy as np
import results
import tensorflow as tf
from keras.src.trainers.data_adapters import get_data_adapter  # what `fit` uses

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
import task  # noqa: E402 - it lies beside the peers, which import it by this name
from course import PACKAGES, Peer  # noqa: E402

from medvae_course.ct import datasets, hounsfield, store  # noqa: E402
from medvae_course.ct.volume import Volume  # noqa: E402
from medvae_course.models.feeding import BlockFeed  # noqa: E402

TO_MODEL = store.tabulate(hounsfield.to_model_units)


def build(data: datasets.Dataset, pixels: int, folder: Path) -> store.Store:
    """Put the training patients into a store on disk."""

    def item(patient: str) -> store.Item:
        hu = data.to_hu(data.train.images[data.train.patients == patient])
        volume = Volume(hu.astype(np.float32), (8.0, data.pixel_mm, data.pixel_mm))
        return store.Item(patient, lambda: (volume, None))

    items = [item(patient) for patient in np.unique(data.train.patients)]
    side = pixels * data.pixel_mm
    return store.build(items, folder, side_mm=side, pixels=pixels)


def source(opened: store.Store) -> BlockFeed:
    return BlockFeed(
        opened.hu, patients=opened.patients, prepare=TO_MODEL, batch_size=task.BATCH
    )


def epoch(model, adapter, dataset: tf.data.Dataset) -> tuple[float, float]:
    """Train for an epoch; return its seconds, and those of waiting for batches."""
    waited, start = 0.0, time.perf_counter()
    adapter.on_epoch_begin()
    asked = time.perf_counter()
    for batch in dataset:
        waited += time.perf_counter() - asked
        model.train_on_batch(keras.tree.flatten(batch)[0])
        asked = time.perf_counter()
    adapter.on_epoch_end()
    return time.perf_counter() - start, waited


def measure(model, ways: dict, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Return seconds of each epoch, run by turns; the first turn is not counted."""
    fed = {}
    for name, (x, options) in ways.items():
        adapter = get_data_adapter(x, **options)
        fed[name] = adapter, adapter.get_tf_dataset()
    found = {"seconds": {n: [] for n in ways}, "waited": {n: [] for n in ways}}
    for turn in range(repeats + 1):
        for name, way in fed.items():
            for kind, s in zip(found, epoch(model, *way), strict=True):
                if turn:
                    found[kind][name].append(round(s, 4))
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pixels", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, default=results.SPEED)
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words)
    common = results.about(words, PACKAGES)
    records = []
    for pixels in options.pixels:
        data = datasets.load("phantom", image_size=pixels, patients=options.patients)
        with tempfile.TemporaryDirectory() as folder:
            opened = build(data, pixels, Path(folder, "store"))
            images = TO_MODEL(opened.hu[:])
            ways = {
                "arrays": (images, {"batch_size": task.BATCH, "shuffle": True}),
                "store": (source(opened), {"shuffle": False}),
            }
            found = measure(Peer(pixels).model, ways, options.repeats)
        for way, seconds in found["seconds"].items():
            share = statistics.median(shares(found, way))
            rate = len(images) / statistics.median(seconds)
            print(f"{pixels}: {rate:6.0f} images/s, {share:6.1%} waiting  {way}")
        records.append(common | {"pixels": pixels, "images": len(images)} | found)
    results.write("feeding", records, options.out)


def shares(found: dict, way: str) -> list[float]:
    """Return the share of each epoch that was spent on waiting."""
    pairs = zip(found["waited"][way], found["seconds"][way], strict=True)
    return [waited / seconds for waited, seconds in pairs]


if __name__ == "__main__":
    main()
