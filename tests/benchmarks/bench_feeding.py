"""Benchmark: how long the course's VAE waits for its images.

Command, with nothing else running:
    python tests/benchmarks/bench_feeding.py

Trains on slices of phantom patients in three ways, an epoch each by turns:

- one batch: the same batch at every step, which nobody has to wait for;
- arrays: all slices in memory, model units;
- store: HU on disk (`ct.store`), read and made model units batch by batch, by
  `BlockFeed`, while the network trains.

Leaves `feeding.jsonl` in the folder of --out: seconds of each epoch.
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

import numpy as np
import results
import tensorflow as tf

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


def measure(ways: dict, repeats: int) -> dict[str, list[float]]:
    """Return seconds of each epoch, run by turns; the first turn is not counted."""
    found = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, epoch in ways.items():
            start = time.perf_counter()
            epoch()
            found[name].append(round(time.perf_counter() - start, 4))
    return {name: seconds[1:] for name, seconds in found.items()}


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
            seconds = measure(ways(Peer(pixels).model, images, opened), options.repeats)
        least = statistics.median(seconds["one batch"])
        for way, found in seconds.items():
            taken = statistics.median(found)
            print(
                f"{pixels}: {len(images) / taken:6.0f} images/s, "
                f"{1 - least / taken:6.1%} waiting  {way}"
            )
        records.append(
            common | {"pixels": pixels, "images": len(images), "seconds": seconds}
        )
    results.write("feeding", records, options.out)


def ways(model, images: np.ndarray, opened: store.Store) -> dict:
    """Return functions that train for an epoch, by name."""
    n_steps = -(-len(images) // task.BATCH)
    batch = tf.data.Dataset.from_tensors(images[: task.BATCH]).cache()
    untuned = tf.data.Options()
    untuned.autotune.enabled = False  # nor does it tune what the course feeds
    batch = batch.repeat(n_steps).with_options(untuned)
    stored = source(opened)
    fed = {"batch_size": task.BATCH, "verbose": 0}
    return {
        "one batch": lambda: model.fit(batch, shuffle=False, verbose=0),
        "arrays": lambda: model.fit(images, **fed),
        "store": lambda: model.fit(stored, shuffle=False, verbose=0),
    }


if __name__ == "__main__":
    main()
