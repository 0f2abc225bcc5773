"""The demo's results as a report for people."""

from dataclasses import asdict

import keras
import numpy as np

from medvae_course.evaluate.bootstrap import Interval
from medvae_course.teach import figures

from .clusters import N_CLUSTERS
from .measure import SIGMA
from .report import Report
from .results import Results, versions

LIMITS = (
    "One training run with one seed: give others with --seed and see how far the "
    "numbers move before you lean on a small difference.",
    "Small slices one by one: nothing here knows the neighbouring slice, and detail "
    "finer than a pixel of the table below is gone before the network sees it.",
    "Values outside the window are clipped; errors in HU are measured inside it.",
    "Patients are told apart by the names in the files. If one person has two names, "
    "that person may be on both sides of the split.",
    "Good PSNR does not show that a lesion is kept: none was looked for.",
    "Not for clinical use.",
)


def to_report(results: Results) -> Report:
    """Return the report, to be written."""
    report = Report(f"A variational autoencoder on {results.dataset.name}")
    report.text(results.comparison.verdict + " " + _first_sentence(results), note=True)
    _add_data(report, results)
    _add_comparison(report, results)
    _add_segmentation(report, results)
    _add_samples(report, results)
    report.section("What this report cannot show")
    if results.settings.data is None:
        report.text("The patients are phantoms: synthetic, and simpler than people.")
    for sentence in LIMITS:
        report.text(sentence)
    _add_settings(report, results)
    return report


def _first_sentence(results: Results) -> str:
    counts = results.counts()
    return (
        f"Measured on {counts['test']} patients whom neither model has seen; "
        f"{counts['train']} patients to train, {counts['validation']} to watch the "
        "training. In brackets: the 95 % interval by patient."
    )


def _add_data(report: Report, results: Results) -> None:
    report.section("The data")
    volumes = [v for v in results.found["volumes"] if "problem" not in v]
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
    problems = [v for v in results.found["volumes"] if "problem" in v]
    for volume in problems:
        report.text(f"Not read: {volume['where']}: {volume['problem']}", note=True)
    for warning in results.found["warnings"]:
        report.text(f"Warning: {warning}", note=True)
    images = results.dataset.train.images
    rows = np.linspace(0, len(images) - 1, 10).astype(int)
    report.figure(
        figures.plot_images(
            results.dataset.to_hu(images[rows]), n_columns=5, **results.window()
        ),
        alt="Ten axial CT slices of training patients at different heights.",
        caption=f"Training slices as the models see them: {images.shape[1]} pixels "
        f"a side of {results.dataset.pixel_mm:.1f} mm. {results.window_words()}",
    )


def _add_comparison(report: Report, results: Results) -> None:
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
            for row in results.comparison.rows
        ],
    )
    report.text(
        "The mean image shows what no number per image buys; PCA is the best "
        "linear code of this size on the training slices. PSNR of model units "
        "(range 1), mean absolute error inside the window."
    )
    rows = results.test_rows(5)
    shown = {"CT": results.dataset.test.images} | results.comparison.images
    pictures = {n: results.dataset.to_hu(x[rows]) for n, x in shown.items()}
    report.figure(
        figures.plot_reconstructions(pictures, **results.window()),
        alt="Five slices of unseen patients, as scanned and as each method gives "
        "them back; the mean image is the same blur each time.",
        caption=f"Slices of unseen patients. {results.window_words()}",
    )
    truth = pictures.pop("CT")
    report.figure(
        figures.plot_errors(
            {name: hu - truth for name, hu in pictures.items()},
            pixel_mm=results.dataset.pixel_mm,
        ),
        alt="Signed errors of the same slices; the largest lie along the outlines.",
        caption="Errors of the same slices, reconstruction minus CT, in HU.",
    )
    curves = {
        "training": [-value for value in results.curves["elbo"]],
        "validation patients": [-value for value in results.curves["val_elbo"]],
    }
    report.figure(
        figures.plot_curves(curves, xlabel="epoch", ylabel="−ELBO (nats per image)"),
        alt="The negative evidence lower bound over the epochs, for training and "
        "validation patients.",
        caption="Training: the negative evidence lower bound, in nats per image; "
        "lower is better.",
    )


def _add_segmentation(report: Report, results: Results) -> None:
    report.section("Segmentation by clustering")
    dice, test = results.segmentation.dice, results.dataset.test
    named = any(row[kind].estimate > 0 for row in dice for kind in ("HU", "latents"))
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
        report.text(results.segmentation.verdict)
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
    rows = results.test_rows(4)
    source = results.segmentation.maps if named else results.segmentation.clusters
    maps = {f"by {name}": found[rows] for name, found in source.items()}
    names = {value: f"cluster {value}" for value in range(N_CLUSTERS)}
    if named:
        names = results.dataset.label_names
        maps["labels"] = test.labels[rows]
    report.figure(
        figures.plot_segmentations(
            results.dataset.to_hu(test.images[rows]), maps, names, **results.window()
        ),
        alt="Four slices of unseen patients, and below them in colour what each "
        "method finds.",
        caption=f"The same slices, segmented. {results.window_words()}",
    )


def _add_samples(report: Report, results: Results) -> None:
    report.section("Images the model makes up")
    samples = results.vae.generate(10, seed=results.settings.seed)
    images = np.clip(keras.ops.convert_to_numpy(samples), 0, 1)
    report.figure(
        figures.plot_images(
            results.dataset.to_hu(images), n_columns=5, **results.window()
        ),
        alt="Ten images decoded from random codes, blurred and partly anatomical.",
        caption="Decoded from codes drawn from the prior: they show no patient. "
        "Blur and impossible anatomy tell what the model has not learned.",
    )


def _add_settings(report: Report, results: Results) -> None:
    report.section("Settings and versions")
    chosen = [[name, value] for name, value in asdict(results.settings).items()]
    chosen = [row for row in chosen if row[0] not in ("out", "epochs", "data")]
    report.table(
        ["setting", "value"],
        [
            ["data", results.dataset.name],
            *chosen,
            ["epochs", results.epochs],
            ["sigma of the likelihood (model units)", SIGMA],
            *(
                [f"{part}, patients", ", ".join(results.names(part))]
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
        f"(n, {results.settings.image_size}, {results.settings.image_size}, 1)\n"
        "x_hat = vae.reconstruct(images)"
    )


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
