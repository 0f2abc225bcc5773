"""Tables of label values and names, in the files that lie beside label volumes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from .structures import LabelError

_SNAP = re.compile(r'^\s*(\d+)(?:\s+[\d.]+){6}\s+"(.*)"\s*$')
_SLICER = re.compile(r"^\s*(\d+)\s+(\S+)(?:\s+\d+){4}\s*$")
_LARGEST = 2**20  # bytes of a table; more is something else


def find_names(path: Path, stem: str) -> dict[int, str]:
    """Return the names of a label volume from the table beside it, or nothing.

    Args:
        path: the label volume.
        stem: its name without suffix.

    Returns:
        Label value → name from the first of `<stem>.json`, `<stem>.txt`,
        `<stem>.label`, `<stem>.ctbl`, and the folder's first `labels*.json`.

    Raises:
        LabelError: if the table is no table.
    """
    own = [path.with_name(stem + suffix) for suffix in _SUFFIXES]
    for table in [*own, *sorted(path.parent.glob("labels*.json"))]:
        if table.is_file():
            return read_names(table)
    return {}


def read_names(path: str | Path) -> dict[int, str]:
    r"""Read a table of label values and names.

    Args:
        path: JSON (`{"1": "liver", ...}`, or the same under `"labels"`), a label
            description of ITK-SNAP, or a colour table of 3D Slicer.

    Returns:
        Label value → name.

    Raises:
        LabelError: if the file is none of these.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     table = Path(folder, "snap.txt")
        ...     n = table.write_text('# comment\n2  0 255 0  1 1 1  "spleen"\n')
        ...     read_names(table)
        {2: 'spleen'}

    Taught in: chapter 1.
    """
    path = Path(path)
    if path.stat().st_size > _LARGEST:
        raise LabelError(f"{path.name} is too large for a table of names")
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return _from_json(text) if path.suffix == ".json" else _from_lines(text)
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise LabelError(
            f'{path.name} must be a table such as {{"1": "liver"}}, got something'
            f" else ({str(error)[:80]})"
        ) from error


def write_names(path: Path, names: Mapping[int, str]) -> None:
    """Write a table as JSON that `read_names` takes."""
    table = {str(value): name for value, name in sorted(names.items())}
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _from_json(text: str) -> dict[int, str]:
    table = json.loads(text)
    table = table.get("labels", table)
    return {int(value): str(name) for value, name in table.items()}


def _from_lines(text: str) -> dict[int, str]:
    lines = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
    found = [_SNAP.match(line) or _SLICER.match(line) for line in lines]
    if not found or not all(found):
        raise ValueError("neither ITK-SNAP's nor 3D Slicer's lines")
    return {int(match[1]): match[2] for match in found}


_SUFFIXES = (".json", ".txt", ".label", ".ctbl")
