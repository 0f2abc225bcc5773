"""The report of a training as a self-contained page."""

from medvae_course.cli.report import Report
from medvae_course.teach import figures

from .model_folder import Card
from .rules import span
from .trained import KMEANS, SEGMENTER, Trained, interval_words

LIMITS = (
    "One training with one seed: give others with --seed and see how far Dice moves.",
    "Dice is counted in the model's own pixels. On the grid of the scan the outlines "
    "are interpolated, and Dice of small labels is lower.",
    "Patients come from one data set. Another scanner, protocol or disease is not "
    "covered by these numbers.",
    "Not for clinical use.",
)


def training_page(trained: Trained) -> Report:
    """Return the report of a training, to be written."""
    card, dataset = trained.card, trained.dataset
    report = Report(f"A segmenter trained on {card.data}")
    report.text(trained.verdict, note=True)
    report.section("Unseen patients")
    report.table(
        ["label", f"Dice, {KMEANS}", f"Dice, {SEGMENTER}", "patients"],
        [
            [
                row["label"],
                interval_words(row[KMEANS]),
                interval_words(row[SEGMENTER]),
                row[SEGMENTER].n_patients,
            ]
            for row in trained.scores
        ],
    )
    report.text(
        "Dice of whole patients, over the test patients who have the label; in "
        "brackets the 95 % interval by patient. k-means: clusters of HU alone, each "
        "named by the label that most of its training pixels have."
    )
    _add_pictures(report, trained)
    report.section("The training")
    report.figure(
        figures.plot_curves(
            {"validation patients": trained.course.dice},
            xlabel=f"look, every {trained.course.steps[0]} steps",
            ylabel="mean Dice",
        ),
        alt="Mean Dice of the validation patients while the segmenter was trained.",
        caption=f"Mean Dice of the validation patients. The weights of step "
        f"{trained.course.best_step}, where it was highest, were kept.",
    )
    report.section("What the segmenter expects")
    report.table(
        ["", ""],
        [
            ["field of view", f"{card.side_mm:.0f} mm"],
            ["pixels of the model", f"{card.pixel_of_model_mm:.2f} mm"],
            ["the model sees", _seen(card)],
            ["pixels of the training scans", span(*card.pixel_mm) + " mm"],
            ["slice distance of the training scans", span(*card.slice_mm) + " mm"],
            ["median of the body", span(*card.body_hu) + " HU"],
            ["window", f"level {card.level_hu:.0f}, width {card.width_hu:.0f} HU"],
            ["temperature", f"{card.temperature:.2f}"],
            ["training patients", card.patients],
            ["test patients", ", ".join(sorted(set(dataset.test.patients)))],
            *card.versions.items(),
        ],
    )
    report.section("What this report cannot show")
    for sentence in LIMITS:
        report.text(sentence)
    return report


def _seen(card: Card) -> str:
    pixels = f"{card.pixels} × {card.pixels} pixels"
    return f"{pixels} around the body" if card.crop else f"{pixels}, the whole slice"


def _add_pictures(report: Report, trained: Trained) -> None:
    test, names = trained.dataset.test, trained.card.labels
    # of four patients the slice with the most labels
    patients = sorted(set(test.patients))[:4]
    rows = [
        max(
            (i for i, who in enumerate(test.patients) if who == patient),
            key=lambda i: (len(set(test.labels[i].ravel().tolist())), -i),
        )
        for patient in patients
    ]
    maps = {name: found[rows] for name, found in trained.maps.items()}
    report.figure(
        figures.plot_segmentations(
            trained.dataset.to_hu(test.images[rows]),
            {**maps, "labels": test.labels[rows]},
            names,
            level_hu=40.0,
            width_hu=400.0,
            pixel_mm=trained.dataset.pixel_mm,
        ),
        alt="A slice each of unseen patients, and below them in colour what k-means "
        "and the segmenter find, and the labels.",
        caption="Slices of unseen patients with most labels. Window: level 40, width "
        "400 HU.",
    )
