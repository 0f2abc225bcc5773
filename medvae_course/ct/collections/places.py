"""Where downloaded collections lie, and which command brings each."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from .. import cache
from ..atomic import replacing

SCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        "openkbp": "download_openkbp.py",
        "lctsc": "download_lctsc.py",
        "crlm": "download_crlm.py",
        "organamnist": "download_organamnist.py",
    }
)
"""Name of a collection → the script in `data_scripts/` that downloads it."""

_CARD = "collection.json"  # written last: a collection without it is not complete


class CollectionError(ValueError):
    """A public collection that is absent, incomplete or not what it should be."""


def collection_dir(name: str) -> Path:
    """Return where a collection belongs: a folder under `ct.cache.cache_dir()`."""
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(f"`name` must be lower-case letters and digits, got {name!r}")
    return cache.cache_dir() / "collections" / name


def find_collection(name: str) -> Path:
    """Return the folder of a collection that was downloaded.

    Args:
        name: one of `SCRIPTS`.

    Returns:
        The folder, as `ct.datasets.load` and `ct.patients.find_patients` read it.

    Raises:
        CollectionError: if it was not downloaded, or not to its end; the message names
            the command.

    Taught in: chapter 1.
    """
    if name not in SCRIPTS:
        raise CollectionError(
            f"there is no collection {name!r}; there are {', '.join(SCRIPTS)}"
        )
    folder = collection_dir(name)
    if not (folder / _CARD).is_file():
        state = "was not downloaded to its end" if folder.is_dir() else "is not here"
        raise CollectionError(
            f"the collection {name!r} {state} ({folder}): run\n"
            f"  python data_scripts/{SCRIPTS[name]}\n"
            "in the repository of the course; it goes on where it stopped"
        )
    return folder


def finish_collection(folder: Path, record: Mapping[str, object]) -> None:
    """Write beside the data what they are, and thereby that they are complete.

    Args:
        folder: of the collection.
        record: licence, citation, source and counts; JSON values.
    """
    write_text(folder / _CARD, json.dumps(dict(record), indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file beside its place and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")
