"""What stands in the cells of the ledger's tables: numbers and words of its entries."""

import re
from collections.abc import Iterable
from typing import Any

MARKUP = re.compile(r"[\\`*_{}\[\]<>$|~#]")

Entry = dict[str, Any]
"""One claim's record, as `teach.claims` writes it."""


def verdict(entry: Entry) -> str:
    """Return the sign of an entry."""
    return "✓" if entry["holds"] else "✗ fails"


def measured(entry: Entry) -> str:
    """Return value, bound and interval, such as `0.98 dB > 0.95, [0.96, 0.99]`."""
    data = "" if entry["data"] == "phantom" else f"; {words(entry['data'])}"
    if entry["value"] is None:
        return ("yes" if entry["holds"] else "no") + data
    limit = bound(entry["value"], entry["bound"])
    return f"{amount(entry)} {limit} {around(entry)}{data}"


def over_seeds(runs: list[Entry]) -> str:
    """Return with which seeds a claim holds; the first run is the notebook's."""
    first = runs[0]
    if first["seed"] is None:
        return ""
    if len(runs) == 1:
        return f"seed {first['seed']}"
    holds = sum(run["holds"] for run in runs)
    text = f"{holds} of {len(runs)}"
    values = [run["value"] for run in runs if run["value"] is not None]
    return f"{text}: {number(min(values))} to {number(max(values))}" if values else text


def against_real(entry: Entry, found: list[Entry]) -> str:
    """Return what the same cell measured on real CT."""
    if not found:
        return ""
    if found[0]["data"] == entry["data"]:
        return "phantoms only" if entry["data"] == "phantom" else ""
    sign = "✓" if found[0]["holds"] else "✗"
    if found[0]["value"] is None:
        return sign
    interval = found[0]["interval"]  # why there is none stands beside it already
    return f"{sign} {amount(found[0])}" + (f" {pair(interval)}" if interval else "")


def amount(entry: Entry) -> str:
    """Return a value with its unit."""
    unit = f"\u00a0{words(entry['unit'])}" if entry["unit"] else ""
    return number(entry["value"]) + unit


def around(entry: Entry) -> str:
    """Return the interval or why there is none."""
    interval = entry["interval"]
    return pair(interval) if interval else f"({words(entry['reason'])})"


def estimate(interval: list[float], digits: int, unit: str = "") -> str:
    """Return an estimate with its interval."""
    middle, low, high = (f"{x:.{digits}f}".replace("-", "−") for x in interval)
    return f"{middle}\u00a0{unit} [{low},\u00a0{high}]".replace("\u00a0 ", " ")


def words(text: str) -> str:
    """Return words as they are, whatever Markdown would make of them."""
    return MARKUP.sub(r"\\\g<0>", text)


def number(value: float) -> str:
    """Return a number as it is read, with a real minus sign."""
    text = str(value) if isinstance(value, int) else f"{value:.4g}"
    return text.replace("-", "−")


def pair(numbers: list[float]) -> str:
    """Return an interval in brackets."""
    return f"[{number(numbers[0])},\u00a0{number(numbers[1])}]"


def bound(value: float, limit: float | list[float]) -> str:
    """Return a bound with the side on which a value lies that keeps to it."""
    if isinstance(limit, list):
        return f"in\u00a0{pair(limit)}"
    sign = "=" if value == limit else ">" if value > limit else "<"
    return f"{sign}\u00a0{number(limit)}"


def versions(entries: Iterable[Entry]) -> list[str]:
    """Return names with versions of all entries, as text, each once."""
    texts = (f"{k} {v}" for entry in entries for k, v in entry["versions"].items())
    return list(dict.fromkeys(texts))


def spread(values: list[float]) -> str:
    """Return from where to where values go."""
    return f"{min(values):+.1f} to {max(values):+.1f}".replace("-", "−")
