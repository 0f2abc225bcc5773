"""A segmenter on disk: `model.keras` and the card that says what it was trained on."""

import hashlib
import json
import math
import os
import shutil
import uuid
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import keras

# Keras has to know the classes to load
import medvae_course.models.segmentation_losses
import medvae_course.models.segmenters
import medvae_course.models.vae  # noqa: F401

from .archive import check_archive

MODEL, CARD = "model.keras", "card.json"
FORMAT = 1


@dataclass(frozen=True)
class Card:
    """What a segmenter was trained on, and how good it was.

    Args:
        labels: label value of each class → name, in the order of the classes; the
            first is background, 0.
        image_size: pixels per side of a slice brought to the field of view.
        side_mm: side of the field of view, mm.
        level_hu: centre of the window of the model units, HU.
        width_hu: width of that window, HU.
        pixel_mm: least and most in-plane spacing of the training scans, mm.
        slice_mm: least and most distance of their slices, mm.
        body_hu: least and most, over the patients, of the median of what is above
            -500 HU in what the model saw of them, HU.
        temperature: by which logits are divided before they become probabilities.
        data: name of the training data.
        patients: how many were trained on.
        dice: name → mean Dice of the test patients, and both ends of its 95 %
            interval (None for one patient).
        versions: package → version at training.
        crop: pixels per side of the square around the body that the model sees of
            that slice; None if it sees the slice whole.
    """

    labels: dict[int, str]
    image_size: int
    side_mm: float
    level_hu: float
    width_hu: float
    pixel_mm: tuple[float, float]
    slice_mm: tuple[float, float]
    body_hu: tuple[float, float]
    temperature: float = 1.0
    data: str = "unknown"
    patients: int = 0
    dice: dict[str, list] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    crop: int | None = None

    def __post_init__(self) -> None:
        values = list(self.labels)
        _demand(len(values) >= 2, "labels", "at least two", len(values))
        _demand(
            values[0] == 0
            and all(isinstance(v, int) and 0 <= v <= 255 for v in values),
            "labels",
            "whole numbers from 0 to 255 that begin with 0",
            values,
        )
        names = [name for value, name in self.labels.items() if value]
        _demand(
            all(
                isinstance(n, str) and n.isprintable() and 0 < len(n) < 65
                for n in names
            )
            and len(set(names)) == len(names),
            "labels",
            "different names of 1 to 64 characters",
            names,
        )
        _demand(
            isinstance(self.image_size, int) and 8 <= self.image_size <= 4096,
            "image_size",
            "from 8 to 4096 pixels",
            self.image_size,
        )
        _demand(
            self.crop is None
            or (isinstance(self.crop, int) and 8 <= self.crop <= self.image_size),
            "crop",
            f"from 8 to the {self.image_size} pixels of a slice",
            self.crop,
        )
        for name in ("side_mm", "width_hu", "temperature"):
            value = getattr(self, name)
            _demand(_is_number(value) and value > 0, name, "a positive number", value)
        _demand(_is_number(self.level_hu), "level_hu", "a number", self.level_hu)
        for name in ("pixel_mm", "slice_mm", "body_hu"):
            pair = getattr(self, name)
            _demand(
                isinstance(pair, (list, tuple))
                and len(pair) == 2
                and all(map(_is_number, pair))
                and pair[0] <= pair[1]
                and (pair[0] > 0 or name == "body_hu"),
                name,
                "the least and the most",
                pair,
            )

        for name, three in self.dice.items():
            _demand(
                name in names
                and isinstance(three, (list, tuple))
                and len(three) == 3
                and _is_number(three[0])
                and all(end is None or _is_number(end) for end in three),
                "dice",
                "label → mean and both ends of its interval",
                {name: three},
            )

    @property
    def pixel_of_model_mm(self) -> float:
        """Size of a pixel of the model's images, mm."""
        return self.side_mm / self.image_size

    @property
    def pixels(self) -> int:
        """Pixels per side of the model's images."""
        return self.crop or self.image_size

    def to_json(self, sha256: str) -> str:
        """Return the card as text, with the fingerprint of the model beside it."""
        labels = {str(value): name for value, name in self.labels.items()}
        found = {"format": FORMAT, "sha256": sha256, **asdict(self), "labels": labels}
        if self.crop is None:  # older versions know no crop
            del found["crop"]
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def save_segmenter(model: keras.Model, card: Card, folder: Path) -> None:
    """Write model and card as a new folder, whole or not at all."""
    check_fits(model, card)
    partial = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    partial.mkdir(parents=True)
    try:
        model.save(partial / MODEL)
        text = card.to_json(fingerprint(partial / MODEL))
        (partial / CARD).write_text(text, encoding="utf-8")
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def load_segmenter(folder: Path) -> tuple[keras.Model, Card, str]:
    """Load a segmenter; nothing in its files is run to load it.

    Args:
        folder: with `model.keras` and `card.json`.

    Returns:
        The model, its card, and the fingerprint (SHA-256) of the model's file.

    Raises:
        ValueError: if a file is missing, damaged, or not what it must be.
    """
    for name in (MODEL, CARD):
        if not (folder / name).is_file():
            raise ValueError(
                f"a segmenter is a folder with {MODEL} and {CARD}, {folder / name} is "
                "missing: give the folder that `segment --train` wrote"
            )
    card, sha256 = _read_card(folder / CARD)
    found = fingerprint(folder / MODEL)
    if sha256 != found:
        raise ValueError(
            f"{folder / CARD} must belong to the {MODEL} beside it, its sha256 is of "
            "another file: copy both files of a segmenter together"
        )
    check_archive(folder / MODEL)
    try:
        model = keras.saving.load_model(folder / MODEL, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds on damaged files
        raise ValueError(
            f"{folder / MODEL} cannot be loaded: {str(error).splitlines()[0]}"
        ) from error
    check_fits(model, card)
    return model, card, found


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_fits(model: keras.Model, card: Card) -> None:
    """Refuse a model that takes other images, or gives other classes, than the card."""
    side, classes = card.pixels, len(card.labels)
    for name, found, wanted in (
        ("take images", model.input_shape, (side, side, 1)),
        ("give logits", model.output_shape, (side, side, classes)),
    ):
        shape = tuple(found[1:]) if isinstance(found, tuple) else found
        if shape != wanted:
            raise ValueError(
                f"the model must {name} of shape (n, {', '.join(map(str, wanted))}) "
                f"as its card says, got {found}: correct the card, or train anew"
            )


def _read_card(path: Path) -> tuple[Card, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version, sha256 = found.pop("format"), str(found.pop("sha256"))
        _demand(version == FORMAT, "format", str(FORMAT), version)
        known = {entry.name for entry in fields(Card)}
        _demand(set(found) <= known, "entries", "those of a card", set(found) - known)
        found["labels"] = {int(v): name for v, name in found["labels"].items()}
        return Card(**found), sha256
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is no card of a segmenter: {error}") from error


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _demand(condition: bool, name: str, rule: str, value: object) -> None:
    if not condition:
        raise ValueError(f"`{name}` must be {rule}, got {value}")
