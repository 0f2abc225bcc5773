"""Building a store: each CT is decoded once, several at a time."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from .. import cache
from ..atomic import replacing
from ..field_of_view import shows_body, square
from ..volume import Volume
from .opened import INDEX, Store, StoreError, open_store, read_index

_INT16 = np.iinfo(np.int16)


class Readable(Protocol):
    """What a store takes patients from: `ct.patients.Source`, `Item`, or alike."""

    patient_id: str

    def read(self) -> tuple[Volume, np.ndarray | None]:
        """Return a volume with axes (z, y, x) along S, P, L, and its labels."""


@dataclass(frozen=True)
class Item:
    """A patient who is made or read by a function, a phantom for instance.

    Args:
        patient_id: who.
        read: returns the volume and its uint8 labels or None; called in a worker.

    Example:
        >>> def scan():
        ...     return Volume(np.zeros((4, 8, 8)), (5.0, 1.0, 1.0)), None
        >>> Item("a", scan).read()[0].shape
        (4, 8, 8)
    """

    patient_id: str
    read: Callable[[], tuple[Volume, np.ndarray | None]]


def build(
    sources: Sequence[Readable],
    folder: str | Path,
    *,
    side_mm: float,
    pixels: int,
    label_names: Mapping[int, str] | None = None,
    key: str = "",
    workers: int = 2,
    executor: Executor | None = None,
    progress: Callable[[int], object] | None = None,
) -> Store:
    """Decode each CT once and keep its slices on disk, or open what is kept.

    Every patient gets the same square field of view; slices that show next to no body
    are left out. An interrupted build goes on with the patients that are missing. The
    folder appears when it is complete; a store made of other sources, with other
    settings or by other code is replaced.

    Args:
        sources: the patients; of `patients.Source` the files are looked at, of others
            what `key` says.
        folder: of the store, new or to be replaced; its parent must be writable.
        side_mm: side of the field of view, mm.
        pixels: pixels per side.
        label_names: label value → name, kept with the store.
        key: whatever else the slices depend on.
        workers: how many CT are read at a time; each takes a volume of memory.
        executor: who reads them instead: a pool of processes, or a Dask cluster,
            `dask.distributed.Client(address).get_executor(pure=False)`. Sources must be
            such as can be pickled, their files named by absolute paths, and its
            machines must share all these folders.
        progress: called with 1 for each CT that is done.

    Returns:
        The store, opened.

    Raises:
        StoreError: if there is nothing to keep, some patients have labels and others
            have none, or the folder is no store and not empty.
        DicomError, NiftiError: if a CT cannot be read.
        OSError: if the disk is full.

    Taught in: chapter 1.
    """
    folder = Path(folder).absolute()  # workers may have another working directory
    if not sources or pixels < 1 or side_mm <= 0 or workers < 1:
        raise StoreError(
            "a store needs sources, positive `pixels`, `side_mm` and `workers`, got "
            f"{len(sources)} sources, {pixels}, {side_mm} and {workers}"
        )
    sources = sorted(sources, key=lambda source: source.patient_id)
    label_names = dict(label_names or {})
    code = f"{cache.code_version()} {side_mm} {pixels} {label_names} {key}"
    names = [_fingerprint(code, n, source) for n, source in enumerate(sources)]
    made_of = hashlib.sha256("".join(names).encode()).hexdigest()
    if folder.exists() and read_index(folder)["made_of"] == made_of:
        return open_store(folder)
    parts = folder.with_name(f".{folder.name}.building")
    parts.mkdir(parents=True, exist_ok=True)
    jobs = list(zip(names, sources, strict=True))
    with nullcontext(executor) if executor else ThreadPoolExecutor(workers) as pool:
        _prepare_all(pool, jobs, parts, side_mm, pixels, progress)
    about = {"made_of": made_of, "label_names": label_names}
    whole = _join(parts, names, about)
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(whole, folder)
    shutil.rmtree(parts)
    return open_store(folder)


def _prepare_all(
    pool: Executor,
    jobs: list[tuple[str, Readable]],
    parts: Path,
    side_mm: float,
    pixels: int,
    progress: Callable[[int], object] | None,
) -> None:
    missing = [job for job in jobs if not (parts / f"{job[0]}.json").exists()]
    tick = progress or (lambda n: None)
    for _ in range(len(jobs) - len(missing)):
        tick(1)
    futures = []
    try:
        for name, source in missing:
            futures.append(pool.submit(_prepare, name, source, parts, side_mm, pixels))
        for future in as_completed(futures):
            future.result()
            tick(1)
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _prepare(
    name: str, source: Readable, parts: Path, side_mm: float, pixels: int
) -> None:
    """Write the slices of one CT beside the others: arrays first, then their entry."""
    volume, labels = source.read()
    hu = square(volume, side_mm, pixels)
    kept = shows_body(hu)
    whole = np.clip(np.rint(hu[kept]), _INT16.min, _INT16.max).astype(np.int16)
    _save(parts / f"{name}.hu.npy", whole)
    if labels is not None:
        grid = replace(volume, hu=labels.astype(np.float32))
        own = square(grid, side_mm, pixels, order=0)[kept].astype(np.uint8)
        _save(parts / f"{name}.labels.npy", own)
    position = np.linspace(0, 1, len(kept), dtype=np.float32)[kept]
    _save(parts / f"{name}.position.npy", position)
    plane_mm = [
        max(1, round(side_mm / mm)) * mm / pixels for mm in volume.spacing_mm[1:]
    ]
    entry = {
        "patient": str(source.patient_id),
        "n": int(kept.sum()),
        "spacing_mm": [volume.spacing_mm[0], *plane_mm],
        "labelled": labels is not None,
    }
    text = json.dumps(entry)
    with replacing(parts / f"{name}.json") as beside:
        beside.write_text(text, "utf-8")


def _save(path: Path, array: np.ndarray) -> None:
    with replacing(path) as beside:  # a worker that was given up may still write it
        np.save(beside, array)


def _join(parts: Path, names: list[str], about: dict) -> Path:
    """Put the slices of all patients into one array each."""
    entries = [
        json.loads((parts / f"{name}.json").read_text("utf-8")) for name in names
    ]
    n = sum(entry["n"] for entry in entries)
    labelled = {entry["labelled"] for entry in entries}
    if n == 0:
        raise StoreError(
            "no slice shows a body (more than 2 % of it above -500 HU): are the values "
            "HU? `medvae-course data inspect` shows what there is"
        )
    if len(labelled) > 1:
        missing = [entry["patient"] for entry in entries if not entry["labelled"]]
        raise StoreError(
            "labels are needed for all patients or for none, they are missing for "
            f"{', '.join(missing[:5])}: add them, or move the label files away"
        )
    whole = parts / "store"
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    kinds = ["hu", "position", *(["labels"] if labelled == {True} else [])]
    for kind in kinds:
        _concatenate([parts / f"{name}.{kind}.npy" for name in names], n, whole, kind)
    index = json.dumps(about | {"patients": entries}, indent=1)
    (whole / INDEX).write_text(index + "\n", encoding="utf-8")
    return whole


def _concatenate(files: Iterable[Path], n: int, whole: Path, kind: str) -> None:
    start, joined = 0, None
    for file in files:
        part = np.load(file, mmap_mode="r", allow_pickle=False)
        if joined is None:
            shape = (n, *part.shape[1:])
            joined = np.lib.format.open_memmap(
                whole / f"{kind}.npy", mode="w+", dtype=part.dtype, shape=shape
            )
        joined[start : start + len(part)] = part
        start += len(part)
    joined.flush()


def _fingerprint(code: str, n: int, source: Readable) -> str:
    """Name a part after all that it depends on."""
    image = getattr(source, "image", None)
    files = getattr(image, "files", [image] if image else [])
    files = [*files, *filter(None, [getattr(source, "labels", None)])]
    seen = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in map(Path, files)]
    text = f"{code} {n} {source.patient_id} {seen}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]
