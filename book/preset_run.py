"""Run notebooks strictly under a preset, with this Python and its backend of Keras.

    python book/preset_run.py [NAME …] [--preset gpu] [-- OPTIONS]

Each notebook is a run of nbval of its own: what it prints is compared with what is
stored, cell by cell, unless a cell says that it may differ. OPTIONS are those of
pytest; `make gpu` names them. Leaves a JSON line for each notebook in
`ledger/presets/PRESET_BACKEND.jsonl`, and in the ledger's page: seconds, most memory of
the GPU, cells that printed something else, claims and what they measured. Ends with 1
if a cell differed or a claim did not hold.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import ledger_page
from press import BOOK, replace

ROOT = BOOK.parent
RUN_ON_GPU = {"gpu"}
QUERY = ["nvidia-smi", "--query-gpu=name,memory.used", "--format=csv,noheader,nounits"]


def gpu() -> tuple[str, int] | None:
    """Return name and memory in use (MiB) of the first GPU, or None without one."""
    try:
        found = subprocess.run(QUERY, capture_output=True, text=True, check=True)
        name, used = found.stdout.splitlines()[0].rsplit(",", 1)
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None
    return name.strip(), int(used)


class Watch(threading.Thread):
    """Looks at the GPU's memory once a second; `most` is the peak, MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.over = 0, threading.Event()

    def run(self) -> None:
        """Look until `over` is set."""
        while not self.over.wait(1):
            seen = gpu()
            self.most = max(self.most, seen[1] if seen else 0)


def run(notebook: Path, preset: str, options: list[str]) -> dict:
    """Run one notebook; return its record."""
    watch = Watch()
    if preset in RUN_ON_GPU:
        watch.start()
    with tempfile.TemporaryDirectory() as folder:
        ledger, report = Path(folder, "ledger.jsonl"), Path(folder, "report.xml")
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
            + [f"--junitxml={report}", str(notebook)],
            cwd=ROOT,
            env=os.environ
            | {"MEDVAE_PRESET": preset, "MEDVAE_LEDGER": str(ledger)}
            # or JAX would take three quarters of the GPU's memory at its start
            | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - start
        watch.over.set()
        if not report.exists():
            sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
        cells = list(ET.parse(report).getroot().iter("testcase"))
        lines = ledger.read_text("utf-8").splitlines() if ledger.exists() else []
    entries = [json.loads(line) for line in lines]
    claims = {entry["id"]: entry["holds"] for entry in entries}
    return {
        "notebook": notebook.stem,
        "backend": os.environ.get("KERAS_BACKEND") or "tensorflow",
        "versions": {k: v for e in entries for k, v in e["versions"].items()},
        "seconds": round(seconds),
        "gpu_mib": watch.most,
        "cells": len(cells),
        "differ": [cell.get("name") for cell in cells if len(cell)],
        "claims": len(claims),
        "fail": [name for name, holds in claims.items() if not holds],
        "values": {entry["id"]: entry["value"] for entry in entries},
    }


def main(arguments: list[str] | None = None, *, book: Path = BOOK) -> int:
    """Run what is asked for, and return the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginning of a name")
    parser.add_argument("--preset", default="gpu")
    asked = parser.parse_args(words[:split])
    if asked.preset in RUN_ON_GPU and gpu() is None:
        print(
            f"the preset {asked.preset} needs a GPU, and none answers nvidia-smi on "
            "this machine: take --preset gpu-small, which computes alike with less"
        )
        return 1
    notebooks = sorted((book / "notebooks").glob("*.ipynb"))
    chosen = [p for p in notebooks if p.stem.startswith(tuple(asked.names) or ("",))]
    if not chosen:
        parser.error(f"no notebook's name begins with {' or '.join(asked.names)}")
    seen = gpu() if asked.preset in RUN_ON_GPU else None
    device = seen[0] if seen else f"{os.cpu_count()} cores, no GPU"
    common, records = {"preset": asked.preset, "device": device}, []
    for notebook in chosen:
        print(f"{notebook.stem} … ", end="", flush=True)
        records.append(common | run(notebook, asked.preset, words[split + 1 :]))
        print(ledger_page.cost_and_verdict(records[-1]), flush=True)
        keep(records[-1], book)
    total = sum(record["seconds"] for record in records)
    held = sum(not record["fail"] and not record["differ"] for record in records)
    print(f"{held} of {len(records)} notebooks as they are stored, {total} s")
    return 0 if held == len(records) else 1


def keep(record: dict, book: Path) -> None:
    """Put a record in the place of an older one of the same notebook."""
    name = f"{record['preset']}_{record['backend']}.jsonl"
    path = book / "ledger" / "presets" / name
    kept = {r["notebook"]: r for r in ledger_page.records(path)}
    kept[record["notebook"]] = record
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(kept[name], ensure_ascii=False) for name in sorted(kept)]
    replace(path, "\n".join(lines) + "\n")
    replace(book / "ledger.md", ledger_page.page(book))


if __name__ == "__main__":
    sys.exit(main())
