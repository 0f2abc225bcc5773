"""Press chapters into executed notebooks: the one way from text to artefact.

    python book/press.py [NAME …] [--force]

Reads `chapters/*.md` and `solutions/*.md`, runs what changed, and writes
`notebooks/*.ipynb`, `ledger/*.jsonl` and `ledger.md`. A notebook is run when its code
cells changed, or a module of the library that they import; else it keeps its outputs
and only its text is renewed. A NAME is a notebook's name or the beginning of one.
"""

import argparse
import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import jupytext
import ledger_page
import nbformat
from execution import PressError, run
from fingerprints import fingerprint, library_fingerprint
from nbformat import NotebookNode

BOOK = Path(__file__).resolve().parent
LARGEST_BYTES = 500_000  # a figure that runs in the page brings its weights along
LONGEST_S, LARGEST_MB = 150, 4096  # on two cores, preset cpu
STUB = re.compile(r"# stub: (E\d\d\.\d+)")
BEGIN, END, GAP = "# begin solution", "# end solution", "...  # your code here"
# Python's own warnings and log records; TensorFlow's C++ log lines look different
WARNING = re.compile(r"^.*:\d+: \w*Warning: .*$|^WARNING:\w+:.*$", re.MULTILINE)
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


def sources(book: Path = BOOK) -> dict[str, Path]:
    """Return the notebooks' names, each with the text that it is pressed from."""
    chapters = sorted((book / "chapters").glob("*.md"))
    solutions = sorted((book / "solutions").glob("*.md"))
    named = {path.stem: path for path in chapters}
    return named | {f"solutions_{path.stem}": path for path in solutions}


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def solution_cells(path: Path) -> dict[str, str]:
    """Return exercise ids with the solutions that a page of solutions holds."""
    cells = code_cells(jupytext.read(path, fmt="md:myst")) if path.exists() else []
    tagged = [cell for cell in cells if "solution" in cell.metadata.get("tags", [])]
    return {
        cell.source.split("\n")[0].removeprefix("# "): cell.source for cell in tagged
    }


def split_solution(source: str) -> tuple[str, str]:
    """Return a solution without its framed parts, and those parts."""
    starter, answer, inside, frames = [], [], False, 0
    for line in source.splitlines():
        mark = line.strip()
        if mark in (BEGIN, END):
            if inside == (mark == BEGIN):
                raise PressError(f"unpaired `{mark}` in the solution\n{source}")
            inside, frames = not inside, frames + 1
            if inside:
                starter.append(line.replace(mark, GAP))
        else:
            (answer if inside else starter).append(line)
    if inside or not frames:
        raise PressError(f"the solution needs `{BEGIN}` and `{END}`\n{source}")
    return "\n".join(starter), "\n".join(answer)


def read(name: str, source: Path) -> NotebookNode:
    """Read a chapter or its solutions as the notebook it becomes, not yet run."""
    notebook = jupytext.read(source, fmt="md:myst")
    solutions = solution_cells(source.parents[1] / "solutions" / source.name)
    for number, cell in enumerate(notebook.cells, 1):
        kept = {k: cell.metadata[k] for k in ("tags", "mystnb") if k in cell.metadata}
        cell.metadata = nbformat.from_dict(kept)
        cell.id = f"{name}-{number:03d}"  # jupytext draws new ones each time
        stub = STUB.fullmatch(cell.source.strip())
        if stub and stub[1] not in solutions:
            raise PressError(f"no solution of {stub[1]} for its stub")
        if stub:
            cell.source = split_solution(solutions[stub[1]])[0]
        elif "solution" in kept.get("tags", []):
            lines = cell.source.splitlines()
            cell.source = "\n".join(k for k in lines if k.strip() not in (BEGIN, END))
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["kernelspec"] = nbformat.from_dict(KERNELSPEC)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def seal(notebook: NotebookNode, ledger: str) -> str:
    """Hash what a run wrote, so that a change by hand shows."""
    written = [[cell.execution_count, cell.outputs] for cell in code_cells(notebook)]
    return fingerprint(json.dumps(written, sort_keys=True) + ledger)


def tidy(notebook: NotebookNode) -> None:
    """Drop stderr, give each figure's sentence to its cell, refuse what is unfit."""
    for cell in code_cells(notebook):
        errors = "".join(o.text for o in cell.outputs if o.get("name") == "stderr")
        if WARNING.search(errors):
            raise PressError(f"a warning in the cell\n{cell.source}\n\n{errors}")
        cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
        pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        alts = [o.metadata.get("image/png", {}).get("alt") for o in pictures]
        if len(alts) > 1 or None in alts:
            raise PressError(f"one figure a cell, with its alt\n{cell.source}")
        if alts:  # the book reads the cell's metadata, not the output's
            image = cell.metadata.setdefault("mystnb", {}).setdefault("image", {})
            image["alt"] = alts[0]


def press(name: str, source: Path, *, book: Path = BOOK, force: bool = False) -> str:
    """Press one notebook and say what was done."""
    notebook = read(name, source)
    target = book / "notebooks" / f"{name}.ipynb"
    records = book / "ledger" / f"{name}.jsonl"
    code = "\n".join(cell.source for cell in code_cells(notebook))
    library = library_fingerprint(code, book.parent)
    old = nbformat.v4.new_notebook()  # missing, or not to be read for a conflict
    with suppress(OSError, ValueError):
        old = nbformat.read(target, as_version=4)
    ledger = records.read_text("utf-8") if records.exists() else ""
    pressed = old.metadata.get("medvae", {})
    marks = {"library": library, "seal": seal(old, ledger)}
    same = [c.source for c in code_cells(old)] == [
        c.source for c in code_cells(notebook)
    ]
    if same and not force and marks.items() <= pressed.items() and "cost" in pressed:
        for cell, kept in zip(code_cells(notebook), code_cells(old), strict=True):
            cell.outputs, cell.execution_count = kept.outputs, kept.execution_count
        cost, done = pressed["cost"], "outputs kept"
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = run(notebook, target.parent)
        ledger = made.ledger
        cost = {"seconds": made.seconds, "megabytes": made.megabytes}
        done = f"run in {made.seconds} s, {made.megabytes} MB"
    tidy(notebook)
    marks = {"library": library, "seal": seal(notebook, ledger)}
    notebook.metadata["medvae"] = marks | {"cost": cost}
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    within_limits(len(text.encode()), **cost)
    replace(records, ledger)
    replace(target, text)
    return done


def within_limits(size: int, *, seconds: float, megabytes: float) -> None:
    """Refuse a notebook that is too large, took too long, or held too much memory."""
    if size > LARGEST_BYTES:
        raise PressError(f"{size / 1000:.0f} kB; at most {LARGEST_BYTES / 1000:.0f} kB")
    if os.environ.get("MEDVAE_PRESET", "cpu") != "cpu":
        return
    budget = float(os.environ.get("MEDVAE_BUDGET_S", LONGEST_S))
    if seconds > budget:
        raise PressError(
            f"{seconds:.0f} s; at most {budget:.0f} s (on a slow or busy machine set "
            "MEDVAE_BUDGET_S)"
        )
    if megabytes > LARGEST_MB:
        raise PressError(f"{megabytes:.0f} MB of memory; at most {LARGEST_MB} MB")


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all; an empty text leaves no file."""
    if not text:
        path.unlink(missing_ok=True)
    elif not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f".{path.name}.half")
        half.write_text(text, "utf-8", newline="\n")
        half.replace(path)


def main(arguments: list[str] | None = None, *, book: Path = BOOK) -> int:
    """Press what is asked for, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", help="notebooks, or beginnings of their names"
    )
    parser.add_argument(
        "--force", action="store_true", help="run even what is unchanged"
    )
    options = parser.parse_args(arguments)
    known, failed = sources(book), []
    for start in options.names:
        if not any(name.startswith(start) for name in known):
            parser.error(f"no notebook {start!r}; there are: {', '.join(known)}")
    for name, source in known.items():
        if options.names and not name.startswith(tuple(options.names)):
            continue
        print(name, end=" … ", flush=True)
        try:
            print(press(name, source, book=book, force=options.force))
        except (PressError, SyntaxError) as error:
            print(f"FAILED, nothing written\n{error}\n")
            failed.append(name)
    replace(book / "ledger.md", ledger_page.page(book))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
