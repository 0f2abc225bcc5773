"""Where benchmarks leave what they measured: JSON lines, with command and machine."""

import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

SPEED = Path(__file__).resolve().parents[2] / "book" / "speed"
PLACES = {"--out", "--peers", "--torch"}  # options that say where, not what


def command(arguments: list[str]) -> str:
    """Return how this was called, without the places on this machine."""
    kept = []
    words = iter(arguments)
    for word in words:
        if word in PLACES:
            next(words)
        else:
            kept.append(word)
    script = Path(sys.argv[0]).name
    return shlex.join(["python", f"tests/benchmarks/{script}", *kept])


def machine() -> dict:
    """Return the processor, its cores and the memory; no name of the machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(k for k in lines if k.startswith("model name")).split(": ")[1]
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, StopIteration, ValueError):
        return {"processor": platform.machine(), "cores": os.cpu_count()}
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "load": round(os.getloadavg()[0], 1),
    }


def about(arguments: list[str], packages: Iterable[str]) -> dict:
    """Return what all records of a run have in common; warn where it is disturbed."""
    warn_if_busy()
    return {
        "command": command(arguments),
        "machine": machine(),
        "versions": {name: version(name) for name in packages},
    }


def warn_if_busy() -> None:
    if os.getloadavg()[0] > 0.5:
        print("something else runs on this machine: the numbers will be disturbed")


def write(name: str, records: list[dict], folder: Path) -> None:
    """Write the records of a benchmark, one a line."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / f"{name}.jsonl").write_text(text, "utf-8", newline="\n")


def last_line(said: str) -> str:
    """Return the last line that is not empty, without folders of a machine."""
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "no reason given"
    return re.sub(r"(?<!\w)/\S*/", "", last)[:200]


def gpu() -> str | None:
    """Return the name of the first GPU, or None without one."""
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, check=True)
        return found.stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None
