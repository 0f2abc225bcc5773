"""A folder to facts: every file once, one volume in memory at a time."""

from __future__ import annotations

import csv
import hashlib
import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from .. import dicom, nifti, patients
from .facts import Facts, Header, Scan
from .headers import read_header
from .scans import part_name, read_scan

Progress = Callable[[Iterable, str], Iterable]
"""Takes the things to go through and what they are; gives them back one by one."""


_DICOM = (".dcm", ".dicom", ".ima")


class AuditError(ValueError):
    """A folder or a split file that cannot be audited; the message says why."""


def collect(
    folder: str | Path,
    *,
    splits: str | Path | None = None,
    progress: Progress | None = None,
) -> Facts:
    """Read everything that the audit's rules need of a folder.

    Args:
        folder: folder of DICOM or NIfTI files, with everything below it.
        splits: file that says which patient is in which part: CSV with the columns
            patient and part, or JSON `{patient: part}` or `{part: [patients]}`.
        progress: shows how far it is, such as `tqdm`; none by default.

    Returns:
        The facts.

    Raises:
        AuditError: if there is no such folder, no file in it, or `splits` cannot be
            understood.

    Taught in: chapter 1.
    """
    folder = Path(folder)
    progress = progress or (lambda things, _: things)
    if not folder.is_dir():
        raise AuditError(f"a folder is needed, {folder} is none: check the path")
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    if not paths:
        raise AuditError(f"{folder} holds no file: name the folder with the images")
    split = read_split(splits) if splits else {}
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        digests = {
            p.relative_to(folder).as_posix(): _sha256(p)
            for p in progress(paths, "files")
        }
        headers, unreadable = _headers(folder, paths, progress)
        names = _label_names(folder)
        try:
            scans = _scans(folder, names=names, split=split, progress=progress)
        except ValueError as error:  # a broken table of names, or label object
            scans = []
            unreadable.append(("labels of the folder", str(error)))
    if not (headers or scans or unreadable):
        raise AuditError(
            f"{folder} must hold medical images, got {len(paths)} files and none that"
            " can be read as one: name the folder with the images"
        )
    return Facts(
        headers=tuple(headers),
        scans=tuple(scans),
        unreadable=tuple(unreadable),
        digests=digests,
        split=split,
        named=bool(names),
        notes=tuple(sorted({str(complaint.message) for complaint in complaints})),
    )


def read_split(path: str | Path) -> dict[str, str]:
    """Read which patient belongs to which part.

    Args:
        path: CSV or JSON file, as `collect` describes it.

    Returns:
        Patient to part.

    Raises:
        AuditError: if the file cannot be understood, or puts a patient into two parts.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        pairs = _json_pairs(text) if path.suffix == ".json" else _csv_pairs(text)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise AuditError(
            f"{path} must be a CSV with the columns patient and part, or JSON"
            f" {{patient: part}} or {{part: [patients]}}: {error}"
        ) from error
    split: dict[str, str] = {}
    for patient, part in pairs:
        if split.setdefault(patient, part) != part:
            raise AuditError(
                f"{path.name} must put each patient into one part, got"
                f" {split[patient]} and {part} for the patient of one row: correct it"
            )
    return split


def _json_pairs(text: str) -> list[tuple[str, str]]:
    table = json.loads(text)
    if all(isinstance(value, str) for value in table.values()):
        return [(str(key), part_name(value)) for key, value in table.items()]
    return [
        (str(patient), part_name(part))
        for part, members in table.items()
        for patient in members
    ]


def _csv_pairs(text: str) -> list[tuple[str, str]]:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if not rows or any(len(row) < 2 for row in rows):
        raise ValueError("each row must have two columns")
    titles = [title.strip().lower() for title in rows[0]]
    patient, part = 0, 1
    for name in ("patient", "patient_id", "patientid", "id", "case"):
        if name in titles:
            patient = titles.index(name)
            part = next(
                (titles.index(t) for t in ("part", "split", "set") if t in titles),
                1 - patient,
            )
            rows = rows[1:]
            break
    return [(row[patient].strip(), part_name(row[part])) for row in rows]


def _headers(
    folder: Path, paths: list[Path], progress: Progress
) -> tuple[list[Header], list[tuple[str, str]]]:
    headers, unreadable = [], []
    for path in progress(paths, "headers"):
        file = path.relative_to(folder).as_posix()
        if nifti.is_nifti(path):
            continue
        try:
            headers.append(read_header(path, file))
        except dicom.DicomError as error:
            if path.name.lower().endswith(_DICOM) or _is_marked(path):
                unreadable.append((file, str(error)))
    return headers, unreadable


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _label_names(folder: Path) -> dict[int, str]:
    try:
        return patients.read_label_names(folder)
    except (ValueError, AttributeError, TypeError):  # a table of something else
        return {}


def _scans(
    folder: Path, *, names: dict[int, str], split: dict[str, str], progress: Progress
) -> list[Scan]:
    try:
        sources = patients.find_patients(folder)
    except patients.PatientError:
        return []
    return [
        read_scan(source, folder, names=names, split=split)
        for source in progress(sources, "volumes")
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
