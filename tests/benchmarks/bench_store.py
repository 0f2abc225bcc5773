"""Benchmark: memory and speed of feeding `fit` from a store, against arrays.

Command, with nothing else running:
    python tests/benchmarks/bench_store.py [--slices 1000 4000 --pixels 64]

Every row is a process of its own, which opens a store of n slices and trains a small
model on it for some epochs. Memory is read while it trains (Linux):

- private: `RssAnon`, what the process has asked for and nobody else can use;
- resident: `VmRSS`, that and the pages of files it has mapped: the larger number,
  and the one to compare with a machine's memory. Pages that the system itself keeps of
  files it has read (page cache) are in neither; it gives them up when it needs to.

Both are medians over the steps of the last epoch. "feeding" is a pass over all batches
without a model, images per second, median of 5; what the disk has to give was in the
page cache. A store is made model units batch by batch; the arrays in memory are model
units from the start. Leaves `store.jsonl` in the folder of --out.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import results

EPOCHS, REPEATS, PER_PATIENT = 2, 5, 100


def build(folder: Path, n: int, pixels: int):
    """Make a store of n slices of noise, each patient's made when it is read."""
    from medvae_course.ct import store
    from medvae_course.ct.volume import Volume

    def patient(number: int) -> store.Item:
        def read():
            rng = np.random.default_rng(number)
            shape = (PER_PATIENT, pixels, pixels)
            hu = rng.normal(0, 200, shape).astype(np.float32)
            return Volume(hu, (1.0, 1.0, 1.0)), None

        return store.Item(f"p{number:05}", read)

    items = [patient(number) for number in range(n // PER_PATIENT)]
    return store.build(items, folder, side_mm=float(pixels), pixels=pixels)


def memory() -> tuple[float, float]:
    """Return private and resident memory of this process, MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    table = dict(line.split(":", 1) for line in lines)
    kib = [int(table[name].split()[0]) for name in ("RssAnon", "VmRSS")]
    return kib[0] / 1024, kib[1] / 1024


def measure(folder: str, kind: str, batch_size: int) -> dict:
    """Train on a store, or on the same slices in memory; return what was measured."""
    import keras

    from medvae_course.ct import hounsfield, store
    from medvae_course.models.feeding import BlockFeed

    opened = store.open_store(folder)
    to_model = store.tabulate(hounsfield.to_model_units)
    settings = {"patients": opened.patients, "batch_size": batch_size}
    if kind == "memory":
        images = to_model(opened.hu[:])
        feed = BlockFeed(images, block_size=1, **settings)
    elif kind == "tf.data":
        feed = tf_data(opened, to_model, batch_size)
    else:
        feed = BlockFeed(opened.hu, prepare=to_model, block_size=8, **settings)
    shape = (*opened.hu.shape[1:], 1)
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile("sgd", loss=lambda y, p: keras.ops.mean(p**2))
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(memory())

    source = feed if kind == "tf.data" else with_targets(feed)
    model.fit(source, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[Watch()])
    last = seen[len(seen) // EPOCHS * (EPOCHS - 1) :]
    rates = [rate(feed, len(opened)) for _ in range(REPEATS)]
    return {
        "private": statistics.median(p for p, _ in last),
        "resident": statistics.median(r for _, r in last),
        "feeding": statistics.median(rates),
    }


def with_targets(feed):
    """Give each batch a target, so that a plain Keras model can be fitted."""
    import keras

    class Targets(keras.utils.PyDataset):
        def __len__(self):
            return len(feed)

        def __getitem__(self, index):
            (x,) = feed[index]
            return x, np.zeros(len(x), np.float32)

        def on_epoch_end(self):
            feed.on_epoch_end()

    return Targets()


def tf_data(opened, to_model, batch_size: int):
    """The same batches through tf.data: slices by index, read ahead."""
    import tensorflow as tf

    from medvae_course.models.feeding import BlockFeed

    order = BlockFeed(
        np.arange(len(opened)), patients=opened.patients, batch_size=batch_size
    )

    def batches():
        for index in range(len(order)):
            x = to_model(opened.hu[np.sort(order[index][0])])
            yield x, np.zeros(len(x), np.float32)

    shape = (None, *opened.hu.shape[1:], 1)
    signature = (tf.TensorSpec(shape), tf.TensorSpec((None,)))
    made = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return made.prefetch(tf.data.AUTOTUNE)


def rate(feed, n: int) -> float:
    """Pass over all batches once; images per second."""
    start = time.perf_counter()
    if hasattr(feed, "prefetch"):
        for _ in feed:
            pass
    else:
        for index in range(len(feed)):
            feed[index]
        feed.on_epoch_end()
    return n / (time.perf_counter() - start)


def main(options: argparse.Namespace, words: list[str]) -> None:
    """Print a row for each number of slices and each way to feed, and keep them."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    common, records = results.about(words, ["medvae-course", "keras", "numpy"]), []
    print("slices  kind     stored MiB  private MiB  resident MiB  feeding images/s")
    with tempfile.TemporaryDirectory() as place:
        for n in options.slices:
            folder = Path(place, str(n))
            opened = build(folder, n, options.pixels)
            for kind in options.kinds:
                arguments = [__file__, "--one", str(folder), kind]
                done = subprocess.run(
                    [sys.executable, *arguments, "--batch", str(options.batch)],
                    env=environment,
                    capture_output=True,
                    text=True,
                )
                if done.returncode:
                    sys.exit(done.stderr)
                row = json.loads(done.stdout.splitlines()[-1])
                row |= {"slices": n, "pixels": options.pixels, "kind": kind}
                row["stored"] = opened.hu.array.nbytes / 2**20
                records.append(common | row)
                print(
                    f"{n:6}  {kind:7}  {row['stored']:10.0f}  "
                    f"{row['private']:11.0f}  {row['resident']:12.0f}  "
                    f"{row['feeding']:16.0f}",
                    flush=True,
                )
    results.write("store", records, options.out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--slices", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--pixels", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--kinds", nargs="+", default=["store", "memory"])
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "KIND"))
    parser.add_argument("--out", type=Path, default=results.SPEED)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(*chosen.one, chosen.batch)))
    else:
        main(chosen, sys.argv[1:])
