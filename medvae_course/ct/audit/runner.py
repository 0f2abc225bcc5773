"""Run every rule over a folder's facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from .facts import Facts
from .files import check_files
from .folder import Progress, collect
from .geometry import check_geometry
from .identity import check_identity
from .labels import check_labels
from .rules import SEVERITIES, Finding
from .splits import check_splits
from .values import check_values

CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    check_identity,
    check_splits,
    check_values,
    check_geometry,
    check_labels,
    check_files,
)
"""Every check of the audit: facts to findings."""


def audit(
    folder: str | Path,
    *,
    splits: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Finding]:
    """Look for what would spoil a study: identities, leaks, wrong HU, odd geometry.

    Args:
        folder: folder of DICOM or NIfTI files, with everything below it. Folders named
            `train`, `val` or `validation`, and `test` are the parts of a split.
        splits: file with the split instead, see `collect`.
        progress: shows how far it is, such as `tqdm`.

    Returns:
        The findings, the gravest first.

    Raises:
        AuditError: see `collect`.

    Taught in: chapter 1.
    """
    return check(collect(folder, splits=splits, progress=progress))


def check(facts: Facts) -> list[Finding]:
    """Run every check over the facts.

    Example:
        >>> check(Facts())
        []

    Taught in: chapter 1.
    """
    telling = sorted(facts.telling_names, key=len, reverse=True)
    found = [_without(telling, f) for rule in CHECKS for f in rule(facts)]
    return sorted(found, key=lambda f: (-SEVERITIES.index(f.severity), f.rule))


def _without(telling: list[str], finding: Finding) -> Finding:
    """Hide names of files and folders that would tell a person's name."""
    value, where = finding.value, finding.where
    for name in telling:
        value = value.replace(name, f"{name[0]}…")
        where = tuple(place.replace(name, f"{name[0]}…") for place in where)
    return replace(finding, value=value, where=where)
