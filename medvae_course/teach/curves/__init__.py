"""Label-efficiency curves, measured by `book/curves.py`.

Each line of `<data>.jsonl` is one segmenter: method, labelled patients (0 for all),
seed, the Dice of each test patient and organ, and its learning curve on validation
patients. Training them takes hours; reading them does not.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...evaluate.bootstrap import Interval, interval

FOLDER = Path(__file__).parent
Record = dict[str, Any]


def recorded(name: str) -> list[Record]:
    """Read what was measured on one data set.

    Args:
        name: `"phantom"`, or the name of a folder of CT that was measured.

    Returns:
        A record for each segmenter.

    Raises:
        ValueError: if there are no curves of that name; the message names those that
            there are.

    Taught in: chapter 15.
    """
    known = {path.stem: path for path in sorted(FOLDER.glob("*.jsonl"))}
    if name not in known:
        raise ValueError(
            f"no curves were measured on {name!r}, choose from {sorted(known)}: or "
            "measure them with book/curves.py"
        )
    lines = known[name].read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def by_patient(records: Sequence[Record], method: str, n_labelled: int) -> np.ndarray:
    """Return the mean Dice of each test patient, means over seeds.

    Args:
        records: from `recorded`.
        method: its name there.
        n_labelled: labelled patients, 0 for all.

    Returns:
        (test patients,), 0 to 1, no unit.

    Raises:
        ValueError: if nobody measured that.

    Taught in: chapter 15.
    """
    return by_seed(records, method, n_labelled).mean(axis=0)


def by_seed(records: Sequence[Record], method: str, n_labelled: int) -> np.ndarray:
    """Return the mean Dice of each test patient with each seed.

    A seed draws which patients are labelled, and the initial weights.

    Args:
        records: from `recorded`.
        method: its name there.
        n_labelled: labelled patients, 0 for all.

    Returns:
        (seeds, test patients), 0 to 1, no unit.

    Raises:
        ValueError: if nobody measured that.

    Example:
        >>> key = {"method": "head", "patients": 1, "seed": 0}
        >>> by_seed([key | {"mean_dice": [0.4, 0.5]}], "head", 1)
        array([[0.4, 0.5]])

    Taught in: chapter 15.
    """
    return np.array(list(_seeds(records, method, n_labelled).values()))


def _seeds(records, method, n_labelled):
    """Dice of each test patient for each seed, seeds in their sorted order."""
    found = {
        record["seed"]: record["mean_dice"]
        for record in records
        if (record["method"], record["patients"]) == (method, n_labelled)
    }
    if not found:
        raise ValueError(f"nobody measured {method!r} with {n_labelled} patients")
    return dict(sorted(found.items()))


def curve(records: Sequence[Record], method: str) -> dict[int, Interval]:
    """Return for each number of labelled patients the mean Dice, with its interval.

    Args:
        records: from `recorded`.
        method: its name there.

    Returns:
        Labelled patients, 0 for all → mean over seeds and test patients; the interval
        is one by test patient.

    Taught in: chapter 15.
    """
    numbers = {r["patients"] for r in records if r["method"] == method}
    return {
        n: of_patients(by_patient(records, method, n))
        for n in sorted(numbers, key=lambda n: n or np.inf)
    }


def lead(
    records: Sequence[Record], method: str, other: str, n_labelled: int
) -> Interval:
    """Return by how much one method is better than another, patient by patient.

    Only seeds that both were measured with count: another seed labels other patients.

    Args:
        records: from `recorded`.
        method: the one in front, if the result is positive.
        other: the one that it is compared with.
        n_labelled: labelled patients, 0 for all.

    Returns:
        Difference of the mean Dice, with its interval by test patient.

    Raises:
        ValueError: if nobody measured one of them, or never with the same seed.

    Taught in: chapter 15.
    """
    one, two = (_seeds(records, name, n_labelled) for name in (method, other))
    both = one.keys() & two.keys()
    if not both:
        raise ValueError(
            f"{method!r} has seeds {[*one]} and {other!r} has {[*two]} with "
            f"{n_labelled} patients: measure both with the same seed"
        )
    gains = [np.subtract(one[seed], two[seed]) for seed in sorted(both)]
    return of_patients(np.mean(gains, axis=0))


def of_patients(values: np.ndarray) -> Interval:
    """Return the mean of one value for each patient, with its interval."""
    return interval(values, np.arange(len(values)))
