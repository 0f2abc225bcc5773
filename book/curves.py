"""Label-efficiency curves: Dice against the number of labelled patients.

    python book/curves.py --data phantom
    python book/curves.py --data FOLDER --pixels 128 --side 64 --share 2
    python book/curves.py --data FOLDER --patients 1 2 --seeds 0 --trial

Each result is one line of `../medvae_course/teach/curves/<data>.jsonl`, which
`teach.curves` reads; a run that was cut goes on where it stopped. A trial leaves the
test patients alone and writes to `../build/curves/`. Networks that learned without
labels are kept there too.

Two runs beside each other with OMP_NUM_THREADS=1, for other data or other seeds, take
less time than one after the other: these networks are too small to fill two cores.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from press import BOOK, replace

from medvae_course.ct import datasets, views
from medvae_course.evaluate import metrics
from medvae_course.models import (
    augmentation,
    denoising,
    patch_pca,
    pseudo_labels,
    segmenter_training,
    segmenters,
    training,
    vae,
)

FILTERS = (16, 32, 64)
HIDDEN = (64,)
POINTS = (1, 2, 4, 8, 16, 0)  # 0 stands for all
SEEDS = (0, 1, 2)
LOOKS = 6
BATCH = 8
IMAGES_TO_PRETRAIN = {"denoiser": 25_000, "vae": 50_000}
LARGEST_NOISE = 0.3
"""Standard deviation of what the denoiser takes away at most, model units."""


@dataclass(frozen=True)
class Method:
    """How a segmenter is made, and how fast and how long it is trained.

    Attributes:
        make: from the things of a seed to a segmenter.
        rate: first learning rate of Adam.
        steps: with one labelled patient; twice as many with all of 28.
    """

    make: Callable[["Shared"], keras.Model]
    rate: float
    steps: int


@dataclass(frozen=True)
class Shared:
    """What all methods of one seed have in common."""

    data: datasets.Dataset
    n_classes: int
    vae: keras.Model
    """Encoder of a convolutional VAE."""
    denoiser: keras.Model
    patients: np.ndarray
    """Training patients in the order in which they are labelled."""


def _head(hidden, network=lambda shared: shared.denoiser):
    return lambda shared: segmenters.latent_head(
        network(shared),
        shared.n_classes,
        image_shape=shared.data.train.images.shape[1:],
        hidden=hidden,
    )


def _pca(shared):
    return patch_pca.patch_pca_encoder(shared.data.train.images, filters=FILTERS)


def _unet(pretrained):
    return lambda shared: segmenters.unet(
        shared.data.train.images.shape[1:],
        shared.n_classes,
        filters=FILTERS,
        encoder=shared.vae if pretrained else None,
    )


METHODS = {
    "pca": Method(_head(HIDDEN, _pca), rate=4e-2, steps=600),
    "linear": Method(_head(()), rate=8e-2, steps=600),
    "head": Method(_head(HIDDEN), rate=4e-2, steps=600),
    "scratch": Method(_unet(False), rate=6e-3, steps=600),
    "finetuned": Method(_unet(True), rate=6e-3, steps=600),
    "pseudo": Method(_unet(True), rate=6e-3, steps=600),
}
TEACHER = "finetuned"
"""Who labels the unlabelled patients for "pseudo"."""


# === One cell: a method, so many labelled patients, a seed ===


def fit(
    method: Method,
    shared: Shared,
    n_patients: int,
    *,
    seed: int,
    share: float = 1.0,
    rate: float | None = None,
    teacher: keras.Model | None = None,
) -> tuple[keras.Model, segmenter_training.Course]:
    """Train one segmenter on the first `n_patients`, chosen on validation patients."""
    data = shared.data
    chosen = shared.patients[: n_patients or None]
    rows = np.isin(data.train.patients, chosen)
    images, labels = data.train.images[rows], data.train.labels[rows]
    more = len(chosen) / len(shared.patients)
    steps = max(LOOKS, round(share * method.steps * (1 + more)))
    if teacher is not None and not rows.all():
        guessed = pseudo_labels.pseudo_labels(teacher, data.train.images[~rows])
        # true labels are a third of what is drawn, however few they are
        repeats = max(1, len(guessed) // (2 * len(images)))
        images = np.concatenate([*[images] * repeats, data.train.images[~rows]])
        labels = np.concatenate([*[labels] * repeats, guessed])
    training.set_seed(1000 * seed + n_patients)
    model = method.make(shared)
    course = segmenter_training.train_segmenter(
        model,
        images,
        labels,
        validation=(data.validation.images, data.validation.labels),
        steps=steps,
        check_every=-(-steps // LOOKS),
        batch_size=BATCH,
        learning_rate=rate or method.rate,
        augmentation=augmentation.Augmentation(),
        seed=seed,
    )
    return model, course


def dice_by_patient(
    model: keras.Model, split: datasets.Split, label_names: dict[int, str]
) -> dict[str, list[float | None]]:
    """Dice of each organ in each patient's volume, patients in their sorted order.

    An organ that a patient's labels do not show, perhaps because nobody outlined it,
    has no Dice there: None.
    """
    predicted = segmenter_training.predict_labels(model, split.images)
    found = {}
    for value, name in label_names.items():
        if value == 0:
            continue
        found[name] = []
        for patient in np.unique(split.patients):
            rows = split.patients == patient
            true = split.labels[rows] == value
            dice = metrics.dice(true, predicted[rows] == value) if true.any() else None
            found[name].append(None if dice is None else round(dice, 4))
    return found


def mean_of_patients(dice: dict[str, list[float | None]]) -> list[float]:
    """Mean over the organs that a patient has, for each patient."""
    table = np.array(list(dice.values()), dtype=float)
    return [round(float(value), 4) for value in np.nanmean(table, axis=0)]


# === The grid ===


def run(
    data: datasets.Dataset,
    *,
    results: Path,
    cache: Path,
    methods: list[str],
    points: list[int],
    seeds: list[int],
    share: float = 1.0,
    rate: float | None = None,
    test: bool = True,
) -> list[dict]:
    """Measure what is missing in `results`, one line after the other."""
    records = _read(results)
    keys = ("method", "patients", "seed", "rate")
    done = {tuple(record[key] for key in keys) for record in records}
    everyone = np.unique(data.train.patients)
    points = [n for n in points if n < len(everyone)]
    part = "test" if test else "validation"
    for seed in seeds:
        shared = None
        for n in points:
            teacher = None
            for name in (name for name in METHODS if name in methods):
                method = METHODS[name]
                key = (name, n, seed, rate or method.rate)
                if key in done or (name == "pseudo" and not n):
                    continue
                started = time.process_time()
                shared = shared or _shared(data, seed, cache, share)
                options = {"seed": seed, "share": share}
                if name == "pseudo" and teacher is None:
                    teacher, _ = fit(METHODS[TEACHER], shared, n, **options)
                model, course = fit(
                    method,
                    shared,
                    n,
                    rate=rate,
                    teacher=teacher if name == "pseudo" else None,
                    **options,
                )
                teacher = model if name == TEACHER else teacher
                dice = dice_by_patient(model, getattr(data, part), data.label_names)
                record = dict(zip(keys, key, strict=True)) | {
                    "measured_on": part,
                    "mean_dice": mean_of_patients(dice),
                    "dice": dice,
                    "course": _rounded(asdict(course)),
                    "cpu_s": round(time.process_time() - started),
                }
                records = [*_read(results), record]  # another run may have added some
                _write(results, records)
                print(_line(record), flush=True)
                del model
            keras.utils.clear_session()  # or each graph would stay in memory
            shared = None
    return records


def summary(records: list[dict]) -> str:
    """Mean Dice over patients and seeds: a row for each method, a column for each n."""
    points = sorted({r["patients"] for r in records}, key=lambda n: n or np.inf)
    head = "".join(f"{n or 'all':>8}" for n in points)
    lines = [f"{'labelled patients':<18}{head}"]
    for method in METHODS:
        cells = []
        for n in points:
            values = [
                np.mean(r["mean_dice"])
                for r in records
                if (r["method"], r["patients"]) == (method, n)
            ]
            cells.append(f"{np.mean(values):8.3f}" if values else f"{'–':>8}")
        lines.append(f"{method:<18}{''.join(cells)}")
    return "\n".join(lines)


def _shared(data, seed, cache, share):
    """Train what needs no label on all training patients, once for each seed.

    A share above 1 lengthens what learns from labels only.
    """
    share = min(share, 1.0)
    images = data.train.images
    makers = {"denoiser": _denoiser, "vae": _vae}
    networks = {}
    for kind, make in makers.items():
        path = cache / f"{data.name}-{kind}-{seed}-{share:g}.keras"
        if not path.exists():
            steps = max(1, round(share * IMAGES_TO_PRETRAIN[kind] / 32))
            training.set_seed(seed)
            model = make(images, steps, seed)
            cache.mkdir(parents=True, exist_ok=True)
            half = cache / f".half-{path.name}"
            model.save(half)
            half.replace(path)
        networks[kind] = keras.saving.load_model(path)
    order = np.random.default_rng(seed).permutation(np.unique(data.train.patients))
    return Shared(
        data,
        max(data.label_names) + 1,
        networks["vae"].encoder,
        networks["denoiser"],
        order,
    )


def _vae(images, steps, seed):
    model = vae.convolutional_vae(
        images.shape[1:], 32, filters=FILTERS, sigma="optimal", seed=seed
    )
    model.compile(_optimizer(3e-3, steps))
    for x in _batches(images, steps, seed):
        model.train_on_batch(x)
    return model


def _denoiser(images, steps, seed):
    """Train the network of chapter 5 on noise of any strength up to the largest."""
    model = denoising.denoising_network(
        FILTERS, channels=images.shape[-1], noise_scale=LARGEST_NOISE
    )
    model.compile(_optimizer(2e-3, steps), loss="mse")
    rng = np.random.default_rng(seed)
    for x in _batches(images, steps, seed):
        sigma = LARGEST_NOISE * rng.random((len(x), 1, 1, 1))
        noise = sigma * rng.standard_normal(x.shape)
        model.train_on_batch((x + noise).astype("float32"), x)
    return model


def _optimizer(rate, steps):
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))


def _batches(images, steps, seed):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        yield images[rng.integers(len(images), size=32)]


def _read(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _write(path, records):
    replace(path, "".join(json.dumps(record) + "\n" for record in records))


def _rounded(course):
    return {
        name: [round(v, 4) for v in values] if isinstance(values, list) else values
        for name, values in course.items()
    }


def _line(record):
    curve = " ".join(f"{value:.2f}" for value in record["course"]["dice"])
    return (
        f"{record['method']:<10} {record['patients'] or 'all':>3} patients, seed "
        f"{record['seed']}: Dice {np.mean(record['mean_dice']):.3f} "
        f"({record['measured_on']}), on the way {curve}, {record['cpu_s']} CPU-s"
    )


def main(arguments: list[str] | None = None, *, book: Path = BOOK) -> int:
    """Run the grid that is asked for, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="phantom", help="name, or folder of CT")
    parser.add_argument("--pixels", type=int, default=64, help="per side of a slice")
    parser.add_argument("--side", type=int, help="cut so many around the body")
    parser.add_argument("--patients", nargs="+", type=int, default=POINTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--share", type=float, default=1.0, help="of the steps")
    parser.add_argument("--trial", action="store_true", help="on validation patients")
    parser.add_argument("--rate", type=float, help="learning rate, for trials only")
    options = parser.parse_args(arguments)
    if options.rate and not options.trial:
        parser.error("--rate is for trials: the test patients choose no learning rate")
    patients = 40 if options.data == "phantom" else None
    data = datasets.load(options.data, image_size=options.pixels, patients=patients)
    if data.train.labels is None:
        parser.error(f"{data.name} has no labels")
    data = views.with_four_channels(data, side=options.side)
    build = book.parent / "build" / "curves"
    kept = book.parent / "medvae_course" / "teach" / "curves"
    folder = build / f"trial-{options.share:g}" if options.trial else kept
    records = run(
        data,
        results=folder / f"{data.name}.jsonl",
        cache=build,
        methods=options.methods,
        points=options.patients,
        seeds=options.seeds,
        share=options.share,
        rate=options.rate,
        test=not options.trial,
    )
    print(summary(records))
    return 0


if __name__ == "__main__":
    sys.exit(main())
