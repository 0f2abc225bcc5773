"""The ledger as a page of the book, made from the records of the claims."""

import json
import re
from pathlib import Path
from typing import Any

COLUMNS = {"Claim": 13, "Sentence": 40, "Measured": 31, "Data": 16}
MARKUP = re.compile(r"[\\`*_{}\[\]<>$|~#]")
HEAD = """\
# The ledger

A ledger is a book of entries that anyone may audit. Every sentence of this course that
claims something ends in a cell that checks it, and each check leaves an entry here,
with the data, the settings and the versions of the run. The notebooks show only the
verdicts, because digits differ between machines; the digits below are those of the run
that made the pages you read. That a model loses is a claim as well.

Under *Measured* stand the value, the bound on the side that the value keeps to, and the
interval around the value or, in brackets, why there is none. A claim without a number
is a plain yes or no.

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
    """Return the table of one notebook and the settings that it ran with."""
    rows = [list(COLUMNS), *(row(name, entry) for entry in entries)]
    table = "\n".join("* - " + "\n  - ".join(cells) for cells in rows)
    widths = " ".join(str(width) for width in COLUMNS.values())
    options = f":header-rows: 1\n:widths: {widths}\n"
    # a notebook is one run: these differ only where a library was not loaded yet
    used = sorted({text for entry in entries for text in versions(entry)})
    presets = ", ".join(sorted({entry["preset"] for entry in entries}))
    backends = ", ".join(sorted({e["backend"] for e in entries if e["backend"]}))
    settings = f"Preset {presets}, backend {backends or 'none'}; {', '.join(used)}."
    return f"## {heading}\n\n```{{list-table}}\n{options}\n{table}\n```\n\n{settings}\n"


def row(name: str, entry: dict[str, Any]) -> list[str]:
    """Return one entry as cells of the table."""
    verdict = "✓" if entry["holds"] else "✗ fails"
    seed = "" if entry["seed"] is None else f", seed {entry['seed']}"
    return [
        f"{verdict}\u00a0[{entry['id']}](notebooks/{name}.ipynb)",
        words(entry["text"]),
        measured(entry),
        words(entry["data"]) + seed,
    ]


def measured(entry: dict[str, Any]) -> str:
    """Return value, bound and interval, such as `0.98 dB > 0.95, [0.96, 0.99]`."""
    if entry["value"] is None:
        return "yes" if entry["holds"] else "no"
    unit = f"\u00a0{words(entry['unit'])}" if entry["unit"] else ""
    value = number(entry["value"]) + unit
    interval = entry["interval"]
    around = pair(interval) if interval else f"({words(entry['reason'])})"
    return f"{value} {bound(entry['value'], entry['bound'])} {around}"


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


def versions(entry: dict[str, Any]) -> list[str]:
    """Return names with versions, as text."""
    return [f"{name} {version}" for name, version in entry["versions"].items()]
