"""The demo's results as a report for people and as a summary for scripts."""

import platform
from dataclasses import asdict, dataclass
from importlib import metadata

import keras
import numpy as np

from medvae_course.ct.datasets import Dataset
from medvae_course.evaluate.bootstrap import Interval
from medvae_course.models.vae import VAE
from medvae_course.teach import figures

from .measure import N_CLUSTERS, SIGMA, Comparison, Segmentation
from .report import Report

LIMITS = (
    "One training run with one seed: another seed moves the network's numbers by a few "
    "tenths of a decibel.",
    "Small slices one by one: nothing here knows the neighbouring slice, and detail "
    "finer than a pixel of the table below is gone before the network sees it.",
    "Values outside the window are clipped; errors in HU are measured inside it.",
    "Patients are told apart by the names in the files. If one person has two names, "
    "that person may be on both sides of the split.",
    "Good PSNR does not show that a lesion is kept: none was looked for.",
    "Not for clinical use.",
)
PACKAGES = ("medvae-course", "keras", "numpy", "scikit-learn", "pydicom")


@dataclass(frozen=True)
class Results:
    """All that the demo found out.

    Args:
        settings: what the user chose, a `demo.Settings`.
        epochs: passes over the training images.
        found: what `inspect_folder` told.
        dataset: the images, split by patient.
        vae: the trained model.
        curves: name → one value an epoch, nats per image.
        comparison: VAE and baselines on the unseen patients.
        segmentation: clusters of pixels of the unseen patients.
    """

    settings: object
    epochs: int
    found: dict
    dataset: Dataset
    vae: VAE
    curves: dict[str, list[float]]
    comparison: Comparison
    segmentation: Segmentation

    def to_summary(self) -> dict:
        """Return the numbers as plain types."""
        return {
            "data": self.dataset.name,
            "image_size": self.settings.image_size,
            "code_size": self.settings.code_size,
            "epochs": self.epochs,
            "seed": self.settings.seed,
            "patients": self._counts(),
            "comparison": [_plain(row) for row in self.comparison.rows],
            "gain_db": _plain(self.comparison.gain_db),
            "verdict": self.comparison.verdict,
            "dice": [_plain(row) for row in self.segmentation.dice],
            "warnings": self.found["warnings"],
            "versions": versions(),
        }

    def to_report(self) -> Report:
        """Return the report, to be written."""
        report = Report(f"A variational autoencoder on {self.dataset.name}")
        report.text(self.comparison.verdict + " " + self._first_sentence(), note=True)
        self._add_data(report)
        self._add_comparison(report)
        self._add_segmentation(report)
        self._add_samples(report)
        report.section("What this report cannot show")
        if self.settings.data is None:
            report.text(
                "The patients are phantoms: synthetic, and simpler than people."
            )
        for sentence in LIMITS:
            report.text(sentence)
        self._add_settings(report)
        return report

    def _first_sentence(self) -> str:
        counts = self._counts()
        return (
            f"Measured on {counts['test']} patients whom neither model has seen; "
            f"{counts['train']} patients to train, {counts['validation']} to watch the "
            "training. In brackets: the 95 % interval by patient."
        )

    def _counts(self) -> dict[str, int]:
        parts = ("train", "validation", "test")
        return {
            name: len(np.unique(getattr(self.dataset, name).patients)) for name in parts
        }

    def _add_data(self, report: Report) -> None:
        report.section("The data")
        volumes = [v for v in self.found["volumes"] if "problem" not in v]
        report.table(
            ["", "least", "most"],
            [
                ["slices", *_range(v["shape"][0] for v in volumes)],
                ["slice distance (mm)", *_range(v["spacing_mm"][0] for v in volumes)],
                ["pixel (mm)", *_range(v["spacing_mm"][2] for v in volumes)],
                ["lowest value (HU)", *_range(v["hu"][0] for v in volumes)],
                ["highest value (HU)", *_range(v["hu"][1] for v in volumes)],
            ],
        )
        problems = [v for v in self.found["volumes"] if "problem" in v]
        for volume in problems:
            report.text(f"Not read: {volume['where']}: {volume['problem']}", note=True)
        for warning in self.found["warnings"]:
            report.text(f"Warning: {warning}", note=True)
        images = self.dataset.train.images
        rows = np.linspace(0, len(images) - 1, 10).astype(int)
        report.figure(
            figures.plot_images(
                self.dataset.to_hu(images[rows]), n_columns=5, **self._window()
            ),
            alt="Ten axial CT slices of training patients at different heights.",
            caption=f"Training slices as the models see them: {images.shape[1]} pixels "
            f"a side of {self.dataset.pixel_mm:.1f} mm. {self._window_words()}",
        )

    def _add_comparison(self, report: Report) -> None:
        report.section("Reconstruction of unseen patients")
        report.table(
            ["method", "numbers per image", "PSNR (dB)", "error (HU)", "SSIM"],
            [
                [
                    row["method"],
                    row["code_size"],
                    _words(row["psnr_db"], 1),
                    _words(row["mae_hu"], 0),
                    _words(row["ssim"], 3),
                ]
                for row in self.comparison.rows
            ],
        )
        report.text(
            "The mean image shows what no number per image buys; PCA is the best "
            "linear code of this size on the training slices. PSNR of model units "
            "(range 1), mean absolute error inside the window."
        )
        rows = self._test_rows(5)
        shown = {"CT": self.dataset.test.images} | self.comparison.images
        pictures = {n: self.dataset.to_hu(x[rows]) for n, x in shown.items()}
        report.figure(
            figures.plot_reconstructions(pictures, **self._window()),
            alt="Five slices of unseen patients, as scanned and as each method gives "
            "them back; the mean image is the same blur each time.",
            caption=f"Slices of unseen patients. {self._window_words()}",
        )
        truth = pictures.pop("CT")
        report.figure(
            figures.plot_errors(
                {name: hu - truth for name, hu in pictures.items()},
                pixel_mm=self.dataset.pixel_mm,
            ),
            alt="Signed errors of the same slices; the largest lie along the outlines.",
            caption="Errors of the same slices, reconstruction minus CT, in HU.",
        )
        curves = {
            "training": [-value for value in self.curves["elbo"]],
            "validation patients": [-value for value in self.curves["val_elbo"]],
        }
        report.figure(
            figures.plot_curves(
                curves, xlabel="epoch", ylabel="−ELBO (nats per image)"
            ),
            alt="The negative evidence lower bound over the epochs, for training and "
            "validation patients.",
            caption="Training: the negative evidence lower bound, in nats per image; "
            "lower is better.",
        )

    def _add_segmentation(self, report: Report) -> None:
        report.section("Segmentation by clustering")
        dice, test = self.segmentation.dice, self.dataset.test
        named = any(
            row[kind].estimate > 0 for row in dice for kind in ("HU", "latents")
        )
        report.text(
            f"k-means with {N_CLUSTERS} clusters of the pixels of training patients: "
            "by HU alone (the baseline), and by the features of the encoder."
        )
        if dice:
            report.text(
                "Each cluster takes the label that most of its training pixels have; "
                "Dice per patient, over unseen patients who have the label."
            )
            report.table(
                ["label", "Dice, HU alone", "Dice, latents"],
                [
                    [row["label"], _words(row["HU"], 2), _words(row["latents"], 2)]
                    for row in dice
                ],
            )
        if dice and not named:
            report.text(
                "No label fills most of any cluster, so clustering finds none of "
                "them: organs this small need to be taught. The colours are clusters."
            )
        if not dice:
            report.text(
                "The data have no labels, so nothing is measured: the colours are "
                "clusters, which mean no tissue."
            )
        rows = self._test_rows(4)
        source = self.segmentation.maps if named else self.segmentation.clusters
        maps = {f"by {name}": found[rows] for name, found in source.items()}
        names = {value: f"cluster {value}" for value in range(N_CLUSTERS)}
        if named:
            names = self.dataset.label_names
            maps["labels"] = test.labels[rows]
        report.figure(
            figures.plot_segmentations(
                self.dataset.to_hu(test.images[rows]), maps, names, **self._window()
            ),
            alt="Four slices of unseen patients, and below them in colour what each "
            "method finds.",
            caption=f"The same slices, segmented. {self._window_words()}",
        )

    def _add_samples(self, report: Report) -> None:
        report.section("Images the model makes up")
        samples = self.vae.generate(10, seed=self.settings.seed)
        images = np.clip(keras.ops.convert_to_numpy(samples), 0, 1)
        report.figure(
            figures.plot_images(
                self.dataset.to_hu(images), n_columns=5, **self._window()
            ),
            alt="Ten images decoded from random codes, blurred and partly anatomical.",
            caption="Decoded from codes drawn from the prior: they show no patient. "
            "Blur and impossible anatomy tell what the model has not learned.",
        )

    def _add_settings(self, report: Report) -> None:
        report.section("Settings and versions")
        chosen = [[name, value] for name, value in asdict(self.settings).items()]
        chosen = [row for row in chosen if row[0] not in ("out", "epochs", "data")]
        report.table(
            ["setting", "value"],
            [
                ["data", self.dataset.name],
                *chosen,
                ["epochs", self.epochs],
                ["sigma of the likelihood (model units)", SIGMA],
                *(
                    [f"{part}, patients", ", ".join(self._names(part))]
                    for part in ("train", "validation", "test")
                ),
                *versions().items(),
            ],
        )
        report.text("To use the model:")
        report.code(
            "import keras\nimport medvae_course.models.vae\n"
            'vae = keras.saving.load_model("model.keras")\n'
            "z_mean, z_log_var = vae.encode(images)   # model units, "
            f"(n, {self.settings.image_size}, {self.settings.image_size}, 1)\n"
            "x_hat = vae.reconstruct(images)"
        )

    def _names(self, part: str) -> list[str]:
        return np.unique(getattr(self.dataset, part).patients).tolist()

    def _window(self) -> dict:
        return {
            "level_hu": self.dataset.level_hu,
            "width_hu": self.dataset.width_hu,
            "pixel_mm": self.dataset.pixel_mm,
        }

    def _window_words(self) -> str:
        level, width = self.dataset.level_hu, self.dataset.width_hu
        return f"Window: level {level:.0f} HU, width {width:.0f} HU."

    def _test_rows(self, n: int) -> np.ndarray:
        """Return a slice each of `n` test patients, at rising heights."""
        test = self.dataset.test
        patients = np.resize(np.unique(test.patients), n)
        heights = np.linspace(0.15, 0.85, n)
        return np.array(
            [
                np.argmin(
                    np.abs(test.position - height) + 9 * (test.patients != patient)
                )
                for patient, height in zip(patients, heights, strict=True)
            ]
        )


def versions() -> dict[str, str]:
    """Return the versions that the numbers depend on."""
    found = {name: metadata.version(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        **found,
        "backend": keras.backend.backend(),
    }


def _range(values) -> tuple[str, str]:
    values = list(values)
    return f"{min(values):g}", f"{max(values):g}"


def _words(interval: Interval, digits: int) -> str:
    if not np.isfinite(interval.low):
        return f"{interval.estimate:.{digits}f} (one patient)"
    return (
        f"{interval.estimate:.{digits}f} "
        f"[{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
    )


def _plain(value: object) -> object:
    if isinstance(value, Interval):
        return {k: v if np.isfinite(v) else None for k, v in asdict(value).items()}
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value
