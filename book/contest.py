"""Measure four codes of 32 numbers, for the ledger: what the chapters compare by parts.

    python book/contest.py [--data FOLDER] [--seeds 0,1000,2000]

PCA, the dense and the convolutional autoencoder of chapter 4, and the convolutional
VAE, on patients that none has seen. The results go to `ledger/contest/DATA.jsonl`, a
line for each code and seed, and from there to `ledger.md`.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # keeps the log of TensorFlow out

import keras
import ledger_page
import numpy as np
from press import BOOK, replace

from medvae_course.ct import datasets
from medvae_course.evaluate import baselines, bootstrap, metrics
from medvae_course.models import autoencoders, training, vae

CODE = 32
MAKERS = {
    "dense autoencoder": (autoencoders.dense_autoencoder, {}, 20),
    "convolutional autoencoder": (autoencoders.convolutional_autoencoder, {}, 40),
    "convolutional VAE": (vae.convolutional_vae, {"sigma": "optimal"}, 40),
}
"""Name → how it is made, and for how many epochs it trains (chosen in chapter 4)."""


def trained(name: str, x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Train on differences from the mean image; return what redraws others."""
    make, options, epochs = MAKERS[name]
    model = make(x.shape[1:], CODE, **options)
    decay = keras.optimizers.schedules.CosineDecay(
        0.003, epochs * int(np.ceil(len(x) / 32))
    )
    is_vae = isinstance(model, vae.VAE)
    model.compile(keras.optimizers.Adam(decay), loss=None if is_vae else "mse")
    model.fit(x, None if is_vae else x, batch_size=32, epochs=epochs, verbose=0)

    def redraw(images: np.ndarray) -> np.ndarray:
        if is_vae:  # of the posterior's mean: 32 numbers, like the others
            return keras.ops.convert_to_numpy(model.reconstruct(images))
        return model.predict(images, batch_size=256, verbose=0)

    return redraw


def measured(
    data: datasets.Dataset, redrawn: np.ndarray, baseline: np.ndarray
) -> dict[str, list[float]]:
    """Return estimate, low and high of each measure, by patient."""
    test = data.test
    db = metrics.psnr_per_image(test.images, redrawn, data_range=1.0)
    off_hu = np.abs(data.to_hu(redrawn) - data.to_hu(test.images)).mean(axis=(1, 2))
    ssim = metrics.ssim_per_image(test.images, redrawn, data_range=1.0)
    values = {"psnr": db, "mae_hu": off_hu, "ssim": ssim, "lead": db - baseline}
    found = {}
    for name, value in values.items():
        one = bootstrap.interval(value, test.patients)
        found[name] = [round(x, 4) for x in (one.estimate, one.low, one.high)]
    return found


def contest(data: datasets.Dataset, seeds: list[int]) -> list[dict]:
    """Return a record for each code and seed; PCA has none to draw."""
    train, test = data.train, data.test
    mean = train.images.mean(axis=0)
    by_pca = baselines.PCA(CODE).fit(train.images).reconstruct(test.images)
    pca = metrics.psnr_per_image(test.images, by_pca, data_range=1.0)
    common = {
        "data": data.name,
        "patients": [
            len(np.unique(part.patients)) for part in (train, data.validation, test)
        ],
        "versions": {"keras": keras.__version__, "numpy": np.__version__},
        "backend": keras.config.backend(),
    }
    records = [
        common | {"code": "PCA", "seed": None} | measured(data, by_pca, pca),
    ]
    for name in MAKERS:
        for seed in seeds:
            print(f"{data.name}: {name}, seed {seed}", end=" … ", flush=True)
            training.set_seed(seed)
            redrawn = trained(name, train.images - mean)(test.images - mean) + mean
            found = measured(data, redrawn, pca)
            records.append(common | {"code": name, "seed": seed} | found)
            print(f"{found['psnr'][0]:.1f} dB, {found['lead'][0]:+.1f} dB over PCA")
            keras.backend.clear_session()
    return records


def main(arguments: list[str] | None = None, *, book: Path = BOOK) -> int:
    """Hold the contest on one data set, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="phantom", help="a folder of CT, or a name")
    parser.add_argument("--seeds", default="0,1000,2000", help="one run for each")
    options = parser.parse_args(arguments)
    data = datasets.load(options.data, image_size=64, patients=40)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    lines = [json.dumps(record) for record in contest(data, seeds)]
    path = book / "ledger" / "contest" / f"{data.name}.jsonl"
    replace(path, "".join(line + "\n" for line in lines))
    replace(book / "ledger.md", ledger_page.page(book))
    return 0


if __name__ == "__main__":
    sys.exit(main())
