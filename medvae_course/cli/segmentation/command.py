"""The command `segment`: one scan after the other, and what became of each."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
from tqdm import tqdm

from . import inputs, outputs, slices
from .model_folder import Card, load_segmenter, save_segmenter
from .pages import memory_words, scan_page

SEGMENTER, TRAINING = "segmenter", "training.html"
_SCALE = 8  # three stages of the encoder halve the sides


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        place: folder of CT, or a NIfTI file; None only trains.
        out: folder for the results.
        model: folder of a segmenter; None trains one.
        train: name or folder of labelled data to train on.
        resample: accept another spacing or orientation than that of the training.
        image_size: pixels per side of a slice, to train.
        crop: pixels per side of the square around the body that the model sees of it,
            to train; None for the whole slice.
        fine_tune: train the encoder along with the head.
        seed: of the training.
    """

    place: Path | None
    out: Path
    model: Path | None = None
    train: str | None = None
    resample: bool = False
    image_size: int = 64
    crop: int | None = None
    fine_tune: bool = True
    seed: int = 0


def run(request: Request, *, say: Callable[[str], object]) -> bool:
    """Train or load a segmenter, and segment every scan.

    Args:
        request: what the user asked for.
        say: receives each line of progress.

    Returns:
        Whether every scan was segmented.

    Raises:
        ValueError: if there is no model or no scan, or the output folder is in use.
        OSError: if a file cannot be written.
    """
    if (request.model is None) == (request.train is None):
        raise ValueError("give either --model FOLDER or --train DATA")
    if request.crop is not None and request.train is None:
        raise ValueError("--crop is for training: a segmenter remembers its own")
    if request.crop is not None and request.crop > request.image_size:
        raise ValueError(
            f"--crop must be at most the {request.image_size} pixels of a slice, got "
            f"{request.crop}: give a larger --image-size"
        )
    seen = request.crop or request.image_size
    if request.train is not None and seen % _SCALE:
        option = "--image-size" if request.crop is None else "--crop"
        raise ValueError(
            f"{option} must be a multiple of {_SCALE}, for the encoder halves it three "
            f"times, got {seen}: give {seen - seen % _SCALE}"
        )
    if request.place is None and request.train is None:
        raise ValueError("give a folder of CT to segment, or --train DATA")
    found = inputs.find_inputs(request.place) if request.place else None
    request.out.mkdir(parents=True, exist_ok=True)
    outputs.clear_unfinished(request.out)
    model, card, sha256 = _segmenter(request, say)
    if found is None:
        return True
    progress = Progress(request, model, card, sha256, say)
    n = len(found.scans)
    done = [progress.segment(one, i, n) for i, one in enumerate(found.scans, 1)]
    for name, reason in found.broken:
        say(f"not read: {name}: {reason}")
    for name, what in found.others:
        say(f"left out: {name}: {what}")
    say(f"{sum(done)} of {n + len(found.broken)} scans segmented: {request.out}")
    return all(done) and not found.broken


def _segmenter(request: Request, say) -> tuple[keras.Model, Card, str]:
    folder = request.model
    if folder is None:
        from .training import train
        from .training_page import training_page

        folder = request.out / SEGMENTER
        if folder.exists():
            raise ValueError(
                f"{folder} is there already: use it with --model, or give another --out"
            )
        trained = train(
            request.train,
            image_size=request.image_size,
            crop=request.crop,
            fine_tune=request.fine_tune,
            seed=request.seed,
            say=say,
        )
        training_page(trained).write(request.out / TRAINING)
        save_segmenter(trained.model, trained.card, folder)
        say(f"Segmenter: {folder}, report of the training: {request.out / TRAINING}")
    return load_segmenter(folder)


@dataclass(frozen=True)
class Progress:
    """Segments scans and says what became of each."""

    request: Request
    model: keras.Model
    card: Card
    sha256: str
    say: Callable[[str], object]

    def segment(self, one: inputs.Input, number: int, n: int) -> bool:
        """Segment a scan; a reason why not is said, and does not stop the others."""
        head = f"{number}/{n}  {one.name}"
        try:
            if self._is_done(one):
                self.say(f"{head}: done before, kept")
                return True
            summary = self._segment(one, head)
        except (ValueError, OSError) as error:
            self.say(f"{head}: not segmented: {error}")
            return False
        self.say(
            f"{head}: {summary.shape[0]} slices, {summary.seconds_per_slice:.2f} s "
            f"each, peak memory {memory_words(summary)}"
        )
        for note in summary.notes:
            self.say(f"       {note}")
        return True

    def _segment(self, one: inputs.Input, head: str) -> outputs.Summary:
        start = time.perf_counter()
        scan = one.read()
        reading = time.perf_counter() - start
        n_slices = len(scan.volume.hu)
        with tqdm(total=n_slices, desc=head, leave=False, disable=None) as bar:
            found = slices.segment_scan(
                scan,
                self.model,
                self.card,
                resample=self.request.resample,
                tick=bar.update,
            )
        found.seconds["read"] = reading
        scan = scan.without_hu()  # a DICOM SEG takes much memory to write
        return outputs.write_results(
            one,
            scan,
            found,
            self.card,
            self.request.out,
            model=self.sha256,
            page=scan_page,
        )

    def _is_done(self, one: inputs.Input) -> bool:
        folder = self.request.out / one.name
        if not folder.exists():
            return False
        try:
            text = (folder / outputs.SUMMARY).read_text(encoding="utf-8")
            before = json.loads(text)["model"]
        except (OSError, ValueError, KeyError, TypeError):
            before = None
        if before != self.sha256:
            raise ValueError(
                f"{folder} is in use, and not by this model: give another --out"
            )
        return True
