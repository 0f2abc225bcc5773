"""The ledger as a page of the book, made from the records of the claims."""

import json
from pathlib import Path
from typing import Any

COLUMNS = {
    "Claim": ":---",
    "Sentence": ":---",
    "Verdict": ":---",
    "Value": "---:",
    "Bound": "---:",
    "Interval": "---:",
    "Unit": ":---",
    "Data": ":---",
    "Preset": ":---",
    "Backend": ":---",
    "Seed": "---:",
}
HEAD = """\
# The ledger

A ledger is a book of entries that anyone may audit. Every sentence of this course that
claims something ends in a cell that checks it, and each check leaves an entry here: the
sentence, whether it held, the number that was measured, the bound it was held against
and the interval around it, with the data, the settings and the versions of that run.
The notebooks show only the verdicts, because digits differ between machines; the digits
below are those of the run that made the pages you read. A claim without a number is a
plain yes or no. A sentence that says that a model loses is a claim as well.

<!-- written by press.py from the notebooks' runs; changes by hand are lost -->
"""


def records(path: Path) -> list[dict[str, Any]]:
    """Read the entries of one notebook."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def page(book: Path) -> str:
    """Return the page as MyST Markdown, one section a notebook."""
    parts = [HEAD]
    for path in sorted((book / "ledger").glob("*.jsonl")):
        parts.append(section(path.stem, title(book, path.stem), records(path)))
    if len(parts) == 1:
        parts.append("No chapter has been pressed yet.\n")
    return "\n".join(parts)


def title(book: Path, name: str) -> str:
    """Return the first heading of a notebook's text."""
    folder = "solutions" if name.startswith("solutions_") else "chapters"
    source = book / folder / f"{name.removeprefix('solutions_')}.md"
    lines = source.read_text("utf-8").splitlines() if source.exists() else []
    return next((line[2:] for line in lines if line.startswith("# ")), name)


def section(name: str, heading: str, entries: list[dict[str, Any]]) -> str:
    """Return the table of one notebook and the versions that it ran with."""
    rows = [list(COLUMNS), list(COLUMNS.values()), *(row(name, e) for e in entries)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    used = sorted({text for entry in entries for text in versions(entry)})
    return f"## {heading}\n\n{table}\n\nRun with {', '.join(used)}.\n"


def row(name: str, entry: dict[str, Any]) -> list[str]:
    """Return one entry as cells of the table."""
    cells = [
        f"[{entry['id']}](notebooks/{name}.ipynb)",
        entry["text"],
        "✓ holds" if entry["holds"] else "✗ fails",
        number(entry["value"]),
        bound(entry["value"], entry["bound"]),
        pair(entry["interval"]) if entry["interval"] else entry["reason"] or "–",
        entry["unit"] or "–",
        entry["data"],
        entry["preset"],
        entry["backend"] or "–",
        number(entry["seed"]),
    ]
    return [cell.replace("|", "\\|") for cell in cells]


def number(value: float | None) -> str:
    """Return a number as it is read, with a real minus sign."""
    if value is None:
        return "–"
    text = str(value) if isinstance(value, int) else f"{value:.4g}"
    return text.replace("-", "−")


def pair(numbers: list[float]) -> str:
    """Return an interval in brackets."""
    return f"[{number(numbers[0])}, {number(numbers[1])}]"


def bound(value: float | None, limit: float | list[float] | None) -> str:
    """Return a bound with the side on which a value lies that keeps to it."""
    if value is None or limit is None:
        return "–"
    if isinstance(limit, list):
        return f"in {pair(limit)}"
    sign = "=" if value == limit else "≥" if value > limit else "≤"
    return f"{sign} {number(limit)}"


def versions(entry: dict[str, Any]) -> list[str]:
    """Return names with versions, as text."""
    return [f"{name} {version}" for name, version in entry["versions"].items()]
