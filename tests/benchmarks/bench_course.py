"""Benchmark: the book built and built again, and starting up.

Command, with nothing else running:
    python tests/benchmarks/bench_course.py [--repeats 3]

Works on a copy of the book and the library. "edit" adds a sentence to a chapter; then
the press takes it into its notebook, keeping the outputs, and the book is built again:
once with the pages that did not change kept, once without, as `make book` does it.
"help" is `medvae-course --help`, "import" that of `medvae_course.ct`, each in a process
of its own; what they write to standard error ends the benchmark. Leaves `course.jsonl`
in the folder of --out.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import results

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "02_yardsticks"
SENTENCE = "\nThis sentence number {} is there to be timed.\n"
PACKAGES = ("jupyter-book", "sphinx", "myst-nb")


def seconds(command: list[str], folder: Path) -> float:
    """Run a command in a folder; return its wall time."""
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return time.perf_counter() - start


def measure(folder: Path, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each repeat for each job."""
    tool = str(Path(sys.executable).with_name("jupyter-book"))
    build = [tool, "build", "--warningiserror", "--nitpick", "--keep-going", "book"]
    press = [sys.executable, "book/press.py", CHAPTER]
    made, chapter = folder / "book/_build", folder / f"book/chapters/{CHAPTER}.md"
    pressed = folder / f"book/notebooks/{CHAPTER}.ipynb"
    found = {"whole": [], "press": [], "again": [], "again, all pages": []}
    for number in range(repeats):
        shutil.rmtree(made, ignore_errors=True)
        found["whole"].append(seconds(build, folder))
        for job in ("again", "again, all pages"):
            before = chapter.read_text("utf-8")
            chapter.write_text(before + SENTENCE.format(number), "utf-8")
            found["press"].append(seconds(press, folder))
            if job == "again, all pages":
                shutil.rmtree(made / "html")
            found[job].append(seconds(build, folder))
            page = (made / f"html/notebooks/{CHAPTER}.html").read_text("utf-8")
            if f"number {number} is" not in page or not pressed.exists():
                sys.exit("the edit did not reach the page")
    return found


def start_up(repeats: int) -> dict[str, list[float]]:
    """Return the seconds of processes that do nothing but start; the first warms up."""
    tool = str(Path(sys.executable).with_name("medvae-course"))
    jobs = {
        "help": [tool, "--help"],
        "import": [sys.executable, "-c", "import medvae_course.ct"],
    }
    found = {name: [] for name in jobs}
    for _ in range(repeats + 1):
        for name, command in jobs.items():
            start = time.perf_counter()
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            found[name].append(time.perf_counter() - start)
            if done.returncode or done.stderr:
                sys.exit(done.stderr or f"{name} ends with {done.returncode}")
    return {name: times[1:] for name, times in found.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=results.SPEED)
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words)
    common = results.about(words, PACKAGES)
    with tempfile.TemporaryDirectory() as name:
        leave = shutil.ignore_patterns("_build", "__pycache__")
        for part in ("book", "medvae_course"):
            shutil.copytree(ROOT / part, Path(name, part), ignore=leave)
        for file in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / file, name)
        found = measure(Path(name), options.repeats) | start_up(3 * options.repeats)
    records = []
    for job, times in found.items():
        print(f"{statistics.median(times):6.2f} s  {job}")
        records.append({"job": job, "seconds": [round(s, 3) for s in times]})
    results.write("course", [common | record for record in records], options.out)


if __name__ == "__main__":
    main()
