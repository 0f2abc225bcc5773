"""Run notebooks strictly under a preset, with this Python and its backend of Keras.

    python book/preset_run.py [NAME …] [--preset gpu] [-- OPTIONS]

Each notebook is a run of nbval of its own: what it prints is compared with what is
stored, cell by cell, unless a cell says that it may differ. OPTIONS are those of
pytest; `make gpu` names them. Leaves a JSON line for each notebook in
`ledger/presets/PRESET_BACKEND.jsonl`, and in the ledger's page: seconds, most memory of
the GPU beyond what was in use before, cells that printed something else, claims and
what they measured; a claim that was not reached has failed. Ends with 1 if a cell
differed or a claim did not hold.
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
COUNT = {
    "tensorflow": "len(tensorflow.config.list_physical_devices('GPU'))",
    "jax": "sum(device.platform == 'gpu' for device in jax.devices())",
    "torch": "torch.cuda.device_count()",
}
"""How many GPUs a backend sees, as an expression."""
SETTINGS = {
    # or JAX would take three quarters of the GPU's memory at its start, TensorFlow all
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    # or products of float32 would round to 10 bits (TensorFloat-32), and chapters
    # that check arithmetic in float32 would find that of the GPU wrong
    "NVIDIA_TF32_OVERRIDE": "0",
    "JAX_DEFAULT_MATMUL_PRECISION": "float32",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
"""Environment variables of all runs."""


def gpu() -> tuple[str, int] | None:
    """Return name and memory in use (MiB) of the first GPU, or None without one.

    A part of a GPU (MIG) does not tell its memory, which is 0 then.
    """
    try:
        found = subprocess.run(QUERY, capture_output=True, text=True, check=True)
        name, used = found.stdout.splitlines()[0].rsplit(",", 1)
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None
    return name.strip(), int(used) if used.strip().isdigit() else 0


def backend() -> str:
    """Return the backend that the notebooks will have; end where it is none."""
    name = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name not in COUNT:
        sys.exit(f"KERAS_BACKEND must be one of {', '.join(COUNT)}, got {name!r}")
    return name


def n_gpus() -> int:
    """Return how many GPUs the backend sees, which may be none of those there are.

    Ends this process with the reason where the backend cannot be loaded.
    """
    asked = f"import keras, {backend()}; print({COUNT[backend()]})"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        sys.exit(
            f"the backend {backend()} cannot be loaded by this Python: {reason}. "
            "`make gpu` chooses the environment by KERAS_BACKEND"
        )
    return int(done.stdout.split()[-1])


class Watch(threading.Thread):
    """Looks at the GPU's memory once a second; `most` is what came on top, MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        seen = gpu()
        self.before, self.most = seen[1] if seen else 0, 0
        self.over = threading.Event()

    def run(self) -> None:
        """Look until `over` is set."""
        while not self.over.wait(1):
            seen = gpu()
            self.most = max(self.most, seen[1] - self.before if seen else 0)


def run(notebook: Path, preset: str, options: list[str], on_gpu: bool) -> dict:
    """Run one notebook; return its record."""
    watch = Watch()
    if on_gpu:
        watch.start()
    with tempfile.TemporaryDirectory() as folder:
        ledger, report = Path(folder, "ledger.jsonl"), Path(folder, "report.xml")
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
            + [f"--junitxml={report}", str(notebook)],
            cwd=ROOT,
            env=os.environ
            | SETTINGS
            | {"MEDVAE_PRESET": preset, "MEDVAE_LEDGER": str(ledger)},
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
    stored = notebook.parents[1] / "ledger" / f"{notebook.stem}.jsonl"
    claims = {entry["id"]: False for entry in ledger_page.records(stored)}
    claims |= {entry["id"]: entry["holds"] for entry in entries}
    differ = [cell for cell in cells if {"failure", "error"} & {k.tag for k in cell}]
    return {
        "notebook": notebook.stem,
        "backend": backend(),
        "versions": {k: v for e in entries for k, v in e["versions"].items()},
        "seconds": round(seconds),
        "gpu_mib": watch.most,
        "cells": len(cells),
        "differ": [cell.get("name") for cell in differ],
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
            "this machine: take `make gpu PRESET=gpu-small`, which computes alike with "
            "less"
        )
        return 1
    notebooks = sorted((book / "notebooks").glob("*.ipynb"))
    chosen = [p for p in notebooks if p.stem.startswith(tuple(asked.names) or ("",))]
    if not chosen:
        parser.error(f"no notebook's name begins with {' or '.join(asked.names)}")
    seen, on_gpu = gpu(), n_gpus() > 0
    if asked.preset in RUN_ON_GPU and not on_gpu:
        print(
            f"the preset {asked.preset} needs a GPU, and the backend {backend()} sees "
            "none, though nvidia-smi does: `make DEVICE=gpu env` brings TensorFlow and "
            "JAX with CUDA; after `rm -r .venv-torch`, `make gpu TORCH=…` sets up the "
            "build of PyTorch that you name, which must be one with CUDA"
        )
        return 1
    device = seen[0] if seen and on_gpu else f"{os.cpu_count()} cores, no GPU"
    common, records = {"preset": asked.preset, "device": device}, []
    for notebook in chosen:
        print(f"{notebook.stem} … ", end="", flush=True)
        options = words[split + 1 :]
        records.append(common | run(notebook, asked.preset, options, on_gpu))
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
