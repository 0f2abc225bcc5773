"""Measure chapter 13's scores on real tumours, patient by patient.

    python book/real_tumours.py FOLDER

FOLDER holds `sts_gtv_dev` (soft-tissue sarcomas) and `msd_lung_patches_dev` (patches
of lung with tumours, grey values from 0 to 1 that are no HU). Each patient is scored by
what was chosen and trained on the others: a threshold of brightness, a roughness, the
residuals of their mean image and of PCA, and on the sarcomas those of a VAE, and what
restoration with it changes, trained on slices without tumour. Numbers only are written,
to `ledger/real/13_tumours.jsonl`. It takes 4 minutes.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np

from medvae_course.ct import hounsfield, nifti
from medvae_course.ct.field_of_view import square
from medvae_course.evaluate import anomaly, baselines, detection, tallies
from medvae_course.models import restoration, training, vae

LEDGER = Path(__file__).resolve().parent / "ledger" / "real" / "13_tumours.jsonl"
SIDE_MM, PIXELS = 192.0, 64
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def sarcomas(folder: Path) -> Arrays:
    """Images in model units, tumours, bodies and patients of the CT crops."""
    parts = []
    for number, place in enumerate(sorted((folder / "nifti").iterdir())):
        volume = nifti.read_nifti(place / "CT_image.nii.gz")
        tumour = nifti.read_nifti(place / "CT_mask.nii.gz")
        hu = square(volume, SIDE_MM, PIXELS)
        mask = square(tumour, SIDE_MM, PIXELS, order=0) > 0.5
        images = hounsfield.to_model_units(hu)
        parts.append((images, mask, anomaly.body(hu), np.full(len(hu), number)))
    images, masks, bodies, patients = (
        np.concatenate(p) for p in zip(*parts, strict=True)
    )
    return images, masks & bodies, bodies, patients


def patches(folder: Path) -> Arrays:
    """Grey values, tumours, all pixels and patients of the patches of lung."""
    with h5py.File(folder / "val_patches.h5") as file:
        images, masks = file["images"][:, 0], file["labels"][:, 0] > 0
    patients = np.repeat(np.arange(len(images) // 10), 10)
    return images.astype(np.float32), masks, np.ones(masks.shape, bool), patients


def pca_residual(train: np.ndarray, images: np.ndarray, k: int) -> np.ndarray:
    """Score images by PCA of the training slices."""
    redraw = baselines.PCA(k).fit(train[..., None]).reconstruct
    return anomaly.residual(images[..., None], redraw(images[..., None]), smooth_px=1)


def of_vae(train: np.ndarray, images: np.ndarray) -> dict[str, dict]:
    """Scores of images by a VAE of the training slices, shifted by up to two pixels."""
    moves = [(a, b) for a in (-2, 0, 2) for b in (-2, 0, 2)]
    many = np.concatenate([np.roll(train, move, axis=(1, 2)) for move in moves])
    mean = many.mean(axis=0)
    training.set_seed(0)
    model = vae.convolutional_vae((*many.shape[1:], 1), 16, sigma="optimal")
    model.compile(keras.optimizers.Adam(0.002))
    model.fit((many - mean)[..., None], batch_size=32, epochs=5, verbose=0)
    x = (images - mean)[..., None]
    x_hat = model.predict(x, batch_size=256, verbose=0)["x_hat"]
    sigma = float(keras.ops.convert_to_numpy(model.current_sigma))
    redrawn = {"VAE": {1: x_hat}, "restoration": {}}
    for times in (3, 10):
        redrawn["restoration"][times] = restoration.restore(
            model, x, tv_weight=times / sigma, steps=10, learning_rate=0.03
        )
    return {
        name: {s: anomaly.residual(x, y, smooth_px=1) for s, y in settings.items()}
        for name, settings in redrawn.items()
    }


def scores(healthy: np.ndarray, images: np.ndarray, networks: bool) -> dict[str, dict]:
    """Name of a score and of its settings to the scores of all images."""
    levels = {level: -np.abs(images - level) for level in np.arange(0.4, 1.01, 0.05)}
    mean = np.broadcast_to(healthy.mean(axis=0), images.shape)
    found = {
        "threshold": levels,
        "roughness": {n: anomaly.roughness(images, size_px=n) for n in (3, 5)},
        "mean image": {
            n: anomaly.residual(images[..., None], mean[..., None], smooth_px=n)
            for n in (0, 1)
        },
        "PCA": {k: pca_residual(healthy, images, k) for k in (4, 8, 16)},
    }
    return found | (of_vae(healthy, images) if networks else {})


def left_out(arrays: Arrays, networks: bool) -> Iterator[tuple[str, int, Callable]]:
    """Give each score of each patient, with settings chosen on the others."""
    images, masks, inside, patients = arrays
    for patient in np.unique(patients):
        others = patients != patient
        healthy = images[others & ~masks.any(axis=(1, 2))]
        for name, settings in scores(healthy, images, networks).items():
            tried = {}
            for setting, score in settings.items():
                at = tallies.levels(score[inside])
                tried[setting] = count(score, arrays, others, at)
            best = max(tried, key=lambda s: float(detection.auprc(tried[s])))
            threshold = detection.best_threshold(tried[best])
            yield name, patient, (settings[best], threshold)


def count(score, arrays: Arrays, rows: np.ndarray, levels: np.ndarray):
    """Tally of the pixels of some slices."""
    _, masks, inside, patients = arrays
    which = inside & rows[:, None, None]
    who = np.broadcast_to(patients[:, None, None], which.shape)
    return tallies.tally(score[which], masks[which], who[which], levels=levels)


def measured(name: str, arrays: Arrays, *, networks: bool) -> list[dict]:
    """Return one record for each score: AUPRC and Dice with intervals by patient."""
    images, masks, inside, patients = arrays
    joined, margins = {}, {}
    for score_name, patient, (score, threshold) in left_out(arrays, networks):
        rows = patients == patient
        joined.setdefault(score_name, np.zeros(images.shape))[rows] = score[rows]
        margin = margins.setdefault(score_name, np.zeros(images.shape))
        margin[rows] = score[rows] - threshold
    records = []
    for score_name, score in joined.items():
        everyone = np.ones(len(images), bool)
        counts = count(score, arrays, everyone, tallies.levels(score[inside]))
        marks = count(margins[score_name], arrays, everyone, np.zeros(1))
        area = detection.interval(counts, detection.auprc)
        dice = detection.interval(marks, lambda c: detection.dice(c, 0.0))
        record = {"data": name, "score": score_name, "patients": area.n_patients}
        record |= {"prevalence": float(detection.prevalence(counts))}
        record |= {"auprc": [area.estimate, area.low, area.high]}
        record |= {"dice": [dice.estimate, dice.low, dice.high]}
        record |= {"best_dice": float(detection.best_dice(counts))}
        records.append(record)
    return records


def main() -> None:
    """Measure both collections and write the ledger."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    records = measured(
        "sarcomas", sarcomas(folder / "sts_gtv_dev"), networks=True
    ) + measured(
        "lung patches", patches(folder / "msd_lung_patches_dev"), networks=False
    )
    LEDGER.parent.mkdir(parents=True, exist_ok=True)
    rounded = json.loads(
        json.dumps(records), parse_float=lambda text: float(f"{float(text):.3g}")
    )
    LEDGER.write_text("".join(json.dumps(record) + "\n" for record in rounded))
    for record in rounded:
        print(json.dumps(record))


if __name__ == "__main__":
    main()
