"""Runs a script of `data_scripts/` in this process, as the command line would."""

import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "data_scripts"


def run(monkeypatch, name: str, *arguments: object) -> str | int | None:
    """Return what the script exits with: None if all went well."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    monkeypatch.syspath_prepend(str(FOLDER))
    try:
        runpy.run_path(str(FOLDER / name), run_name="__main__")
    except SystemExit as end:
        return end.code
    return None
