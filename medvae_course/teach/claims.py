"""Sentences of the course that are checked where they stand, and their ledger.

A claim prints one line without digits, so that the same line is expected on every
machine; the digits go to a ledger, one JSON object a line, when `MEDVAE_LEDGER` names
a file for it. With `MEDVAE_CLAIMS=record` a claim that does not hold is put on record
and the notebook goes on: for runs on other data or with other seeds.
"""

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import medvae_course

_ID = re.compile(r"C\d\d\.[1-9]\d?")


class ClaimError(ValueError):
    """A claim that does not hold."""


def claim(
    claim_id: str,
    text: str,
    holds: bool,
    *,
    value: float | None = None,
    bound: float | tuple[float, float] | None = None,
    unit: str = "",
    interval: Any = None,
    reason: str = "",
    data: str | None = None,
    seed: int | None = None,
) -> None:
    """Print a claim that holds, refuse one that does not, and put both on record.

    A claim with a measured number needs the bound it is held against, and either the
    interval around the number or the reason why there is none. A claim without a number
    is a plain yes, such as an equality shown with `np.allclose`.

    Args:
        claim_id: chapter and number, such as `"C03.2"`.
        text: the claim as a sentence of one line, without capital and full stop.
        holds: whether it is true; a Boolean or an array of one.
        value: what was measured, in `unit`; kept with four significant digits.
        bound: the number that `value` may not cross, or the `(low, high)` it has to lie
            between, in `unit`.
        unit: unit of `value`, `bound` and `interval`, such as `"dB"` or `"HU"`.
        interval: `(low, high)` around `value`, or an object with `low` and `high`.
        reason: why there is no interval, such as `"exact arithmetic"`.
        data: name of the data set; without it the name in `MEDVAE_DATA`, or phantom.
        seed: seed of what was drawn or trained.

    Raises:
        ClaimError: if its number is not finite, or the claim does not hold and is not
            only put on record.
        ValueError: if the claim is not stated in full.

    Example:
        >>> claim("C01.1", "air is lighter than water", -1000 < 0)
        ✓ C01.1 air is lighter than water

    Taught in: chapter 1.
    """
    if not _ID.fullmatch(claim_id):
        raise ValueError(f"a claim id looks like C03.2, got {claim_id!r}")
    if not text.strip() or "\n" in text:
        raise ValueError(f"{claim_id}: the claim is a sentence of one line: {text!r}")
    record = {
        "id": claim_id,
        "text": text,
        "holds": _truth(claim_id, holds),
        "value": None if value is None else _number(claim_id, value),
        "bound": _bound(claim_id, bound),
        "unit": unit,
        "interval": _interval(claim_id, interval),
        "reason": reason,
        "data": _data_name(data),
        "preset": os.environ.get("MEDVAE_PRESET") or "cpu",
        "backend": _backend(),
        "seed": None if seed is None else int(seed) + _seed_shift(),
        "versions": _versions(),
    }
    _require_bound_and_interval(record)
    _append(record)
    if record["holds"]:
        print(f"✓ {claim_id} {text}")
    elif os.environ.get("MEDVAE_CLAIMS") == "record":
        print(f"✗ {claim_id} {text}")
    else:
        raise ClaimError(f"{claim_id} does not hold: {text}. {_measured(record)}")


def _truth(claim_id: str, holds: Any) -> bool:
    truth = np.asarray(holds)
    if truth.size != 1:
        raise ValueError(
            f"{claim_id}: `holds` must be one truth value, got shape {truth.shape}; "
            "say np.all or np.any"
        )
    return bool(truth.item())


def _number(claim_id: str, number: Any) -> int | float:
    number = np.asarray(number)
    if number.size != 1 or number.dtype.kind not in "biuf":
        raise ValueError(f"{claim_id}: expected one number, got {number!r}")
    if not np.isfinite(number.item()):
        raise ClaimError(f"{claim_id}: the measured number is {number.item()}")
    if number.dtype.kind in "biu":
        return int(number.item())
    # four digits: more than any claim needs, fewer than the noise of summation order
    return float(f"{number.item():.4g}") + 0.0


def _bound(claim_id: str, bound: Any) -> int | float | list[int | float] | None:
    if isinstance(bound, Sequence):
        return _pair(claim_id, bound)
    return None if bound is None else _number(claim_id, bound)


def _interval(claim_id: str, interval: Any) -> list[int | float] | None:
    if hasattr(interval, "low") and hasattr(interval, "high"):
        interval = (interval.low, interval.high)
    return None if interval is None else _pair(claim_id, interval)


def _pair(claim_id: str, pair: Sequence[float]) -> list[int | float]:
    numbers = [_number(claim_id, number) for number in pair]
    if len(numbers) != 2 or numbers[0] > numbers[1]:
        raise ValueError(f"{claim_id}: expected (low, high), got {tuple(numbers)}")
    return numbers


def _require_bound_and_interval(record: dict[str, Any]) -> None:
    if record["value"] is None:
        return
    if record["bound"] is None:
        raise ValueError(f"{record['id']}: a measured value needs a bound")
    if record["interval"] is None and not record["reason"]:
        raise ValueError(
            f"{record['id']}: a measured value needs interval=(low, high), "
            'or reason="…" that says why there is none'
        )
    bound = record["bound"]
    if record["holds"] and isinstance(bound, list):
        # the one contradiction that shows without knowing the direction of a bound
        record["holds"] = bound[0] <= record["value"] <= bound[1]


def _data_name(data: str | None) -> str:
    data = data or os.environ.get("MEDVAE_DATA") or "phantom"
    # a folder of data is named, never located: ledgers are published
    return Path(data).resolve().name


def _seed_shift() -> int:
    """Return what `training.set_seed` adds, without importing Keras."""
    return int(os.environ.get("MEDVAE_SEED") or 0)


def _backend() -> str | None:
    """Name the backend without importing Keras, which takes seconds."""
    keras = sys.modules.get("keras")
    return None if keras is None else keras.config.backend()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in ("numpy", "keras", _backend()):
        if name in sys.modules:
            versions[name] = sys.modules[name].__version__
    return versions | {"medvae-course": medvae_course.__version__}


def _measured(record: dict[str, Any]) -> str:
    if record["value"] is None:
        return "It is a plain yes or no, and it is no."
    parts = [f"Measured {record['value']}", f"bound {record['bound']}"]
    if record["interval"]:
        parts.append(f"interval {record['interval']}")
    return ", ".join(parts) + (f", in {record['unit']}." if record["unit"] else ".")


def _append(record: dict[str, Any]) -> None:
    path = os.environ.get("MEDVAE_LEDGER")
    if path:
        line = json.dumps(record, ensure_ascii=False) + "\n"
        # unbuffered: one write call, so that notebooks run side by side do not mix
        with open(path, "ab", buffering=0) as ledger:
            ledger.write(line.encode())
