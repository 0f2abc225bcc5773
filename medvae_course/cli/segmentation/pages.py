"""The report of one scan as a self-contained page."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from medvae_course.cli.report import Report
from medvae_course.cli.results import versions
from medvae_course.teach import figures
from medvae_course.teach.figures import canvas

from .inputs import Scan
from .model_folder import Card
from .outputs import CONTENTS, Summary
from .slices import DOUBT_STEPS, Found

LEVEL_HU, WIDTH_HU = 40.0, 400.0
_LARGEST = 256  # pixels of a picture's side
_MARGIN_MM = 40.0  # shown around the labels
LIMITS = (
    "Nothing here knows whether the scan shows the part of the body that the model "
    "was trained on, or a disease that it never saw: look at the pictures.",
    "Each slice is segmented by itself; labels may flicker from slice to slice.",
    "The uncertainty is the model's own word, fitted on patients like those of the "
    "training. On other scanners and diseases models are wrong with confidence.",
    "Not for clinical use.",
)


def scan_page(summary: Summary, scan: Scan, found: Found, card: Card) -> str:
    """Return the report of a segmented scan as HTML."""
    report = Report(f"Segmentation of {summary.name}")
    z, y, x = summary.shape
    spacing = " × ".join(f"{mm:.3g}" for mm in summary.spacing_mm)
    report.text(
        f"{z} slices of {y} × {x} voxels, {spacing} mm (z, y, x). Segmented by a model "
        f"trained on {card.patients} patients of {card.data}. It sees images of "
        f"{card.pixels} × {card.pixels} pixels of {card.pixel_of_model_mm:.2g} "
        f"mm{', around the body' if card.crop else ''}; outlines finer than that are "
        "interpolated.",
        note=True,
    )
    for words in _warnings(summary):
        report.text(words, note=True)
    report.section("Volumes")
    report.table(
        ["label", "volume (ml)", "uncertainty", "Dice of the model in training"],
        [
            [name, f"{ml:.1f}", _percent(summary.doubt[name]), dice_words(card, name)]
            for name, ml in summary.volume_ml.items()
        ],
    )
    report.text(
        "Uncertainty: the mean probability, by the model's own word, that a voxel with "
        "this label is wrong. Dice: mean over the training's test patients, in "
        "brackets the 95 % interval by patient."
    )
    _add_pictures(report, scan, found, card)
    report.section("Files and cost")
    took = ", ".join(f"{step} {s:.1f} s" for step, s in summary.seconds.items())
    report.table(
        ["", ""],
        [
            *([name, CONTENTS[name]] for name in summary.files),
            ["time", took],
            ["seconds per slice", f"{summary.seconds_per_slice:.3f}"],
            ["peak memory of the process", memory_words(summary)],
            ["model (SHA-256)", summary.model],
            *versions().items(),
        ],
    )
    report.section("What this report cannot show")
    for sentence in LIMITS:
        report.text(sentence)
    return report.to_html()


def dice_words(card: Card, name: str) -> str:
    """Return the Dice that a card tells of a label, such as 0.81 [0.77, 0.84]."""
    if name not in card.dice:
        return "unknown"
    estimate, low, high = card.dice[name]
    if low is None or high is None:
        return f"{estimate:.2f} (one patient)"
    return f"{estimate:.2f} [{low:.2f}, {high:.2f}]"


def memory_words(summary: Summary) -> str:
    """Return the peak memory in words."""
    return f"{summary.peak_gib:.2f} GiB" if summary.peak_gib else "unknown"


def plot_doubt(hu: np.ndarray, doubt: np.ndarray, pixel_mm: float | None) -> Figure:
    """Show slices, and below them how probable it is that their labels are wrong.

    Args:
        hu: (n, height, width), HU.
        doubt: the same shape, 0 to 1.
        pixel_mm: size of a pixel for the scale bar, mm.
    """
    rows: Mapping[str, np.ndarray] = {"CT": hu, "uncertainty": doubt}
    fig, axes, _ = canvas.in_course_style(canvas.rows_of_panels)(rows, right_inches=0.8)
    for column, (image, wrong) in enumerate(zip(hu, doubt, strict=True)):
        canvas.draw_hu(axes[0, column], image, level_hu=LEVEL_HU, width_hu=WIDTH_HU)
        drawn = axes[1, column].imshow(wrong, vmin=0, vmax=1, cmap="magma")
    fig.colorbar(drawn, ax=axes[1], label="P(wrong)", fraction=0.05)
    canvas.add_scale_bar(axes[0, 0], pixel_mm, width=hu.shape[2])
    return fig


def _warnings(summary: Summary) -> list[str]:
    words = [
        f"Accepted by --resample: {rule}. The numbers of the training do not hold here."
        for rule in summary.accepted
    ]
    words += [f"Note: {note}." for note in summary.notes]
    if summary.unseen_share > 0.01:
        words.append(
            f"{summary.unseen_share:.0%} of the body lies outside the model's field of "
            "view and has no label."
        )
    if summary.skipped_slices:
        words.append(
            f"{summary.skipped_slices} slices show next to no body and have no label."
        )
    return words


def _square_around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Rows and columns around a mask (n, rows, columns); all of them if it is empty."""
    places = [np.flatnonzero(mask.any(axis)) for axis in ((0, 2), (0, 1))]
    if not len(places[0]):
        return slice(0, mask.shape[1]), slice(0, mask.shape[2])
    middles = [(found[0] + found[-1] + 1) // 2 for found in places]
    side = 2 * margin + max(int(np.ptp(found)) + 1 for found in places)
    sides = [min(side, n) for n in mask.shape[1:]]
    starts = [
        min(max(middle - side // 2, 0), n - side)
        for middle, side, n in zip(middles, sides, mask.shape[1:], strict=True)
    ]
    return tuple(
        slice(int(start), int(start) + side)
        for start, side in zip(starts, sides, strict=True)
    )


def _percent(share: float | None) -> str:
    return "not found" if share is None else f"{share:.0%}"


def _add_pictures(report: Report, scan: Scan, found: Found, card: Card) -> None:
    report.section("Pictures")
    rows = list(found.pictures)
    pictures = np.stack(list(found.pictures.values()))
    margin = round(_MARGIN_MM / min(scan.volume.spacing_mm[1:]))
    square = _square_around(found.labels[rows] > 0, margin)
    step = max(1, -(-max(one.stop - one.start for one in square) // _LARGEST))
    hu, labels, doubt = (
        array[:, *square][:, ::step, ::step]
        for array in (pictures, found.labels[rows], found.doubt[rows])
    )
    mm = scan.volume.spacing_mm
    pixel_mm = step * mm[2] if np.isclose(mm[1], mm[2], rtol=0.01) else None
    window = {"level_hu": LEVEL_HU, "width_hu": WIDTH_HU}
    where = ", ".join(str(row) for row in rows)
    around = ", around the labels" if found.labels.any() else ""
    below = (
        f"Slices {where}, counted from the lowest, 0{around}. Window: level 40, width "
        "400 HU."
    )
    report.figure(
        figures.plot_segmentations(
            hu, {"labels": labels}, card.labels, **window, pixel_mm=pixel_mm
        ),
        alt="Slices from bottom to top, and below them the labels in colour.",
        caption=below,
    )
    report.figure(
        plot_doubt(hu, doubt / DOUBT_STEPS, pixel_mm),
        alt="The same slices, and below them the uncertainty, bright where the model "
        "doubts its label.",
        caption="The same slices: the probability, by the model's own word, that the "
        "label of a voxel is wrong.",
    )
