"""Repeat the notebooks with other seeds or on real CT, for the ledger.

    python book/repeat.py --seeds 1000,2000 [NAME …]
    python book/repeat.py --data FOLDER [NAME …]

The notebooks stay as they are; what their claims measure goes to `ledger/seeds/` or
`ledger/real/`, and from there to `ledger.md`. A claim that does not hold is recorded
and named here, and the notebook goes on. A NAME is the beginning of a chapter's name.
"""

import argparse
import json
import sys
from pathlib import Path

import ledger_page
from execution import PressError, run
from press import BOOK, code_cells, read, replace, sources


def repeat(
    name: str, source: Path, settings: dict[str, str], *, book: Path = BOOK
) -> tuple[str, list[str]]:
    """Run one chapter with other settings.

    Returns:
        The records of its claims, and in words what went wrong.
    """
    notebook = read(name, source)
    settings = {"MEDVAE_CLAIMS": "record"} | settings
    done = run(notebook, book, settings=settings, go_on=True)
    entries = [json.loads(line) for line in done.ledger.splitlines()]
    wrong = [f"✗ {e['id']} {e['text']}" for e in entries if not e["holds"]]
    for number, cell in enumerate(code_cells(notebook), 1):
        for output in cell.outputs:
            if output.output_type == "error":
                wrong.append(f"code cell {number}: {output.ename}: {output.evalue}")
    return done.ledger, wrong


def main(arguments: list[str] | None = None, *, book: Path = BOOK) -> int:
    """Repeat what is asked for, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of chapters' names")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--seeds", help="added to every seed, such as 1000,2000")
    way.add_argument("--data", type=Path, help="folder of CT, or a data set's name")
    options = parser.parse_args(arguments)
    if options.data:
        folder = options.data.resolve() if options.data.exists() else options.data
        kind, runs = "real", [{"MEDVAE_DATA": str(folder)}]
    else:
        shifts = options.seeds.split(",")
        if not all(shift.isdecimal() for shift in shifts):
            parser.error(f"--seeds takes numbers with commas, got {options.seeds!r}")
        kind, runs = "seeds", [{"MEDVAE_SEED": shift} for shift in shifts]
    chapters = {k: v for k, v in sources(book).items() if not k.startswith("solutions")}
    for start in options.names:
        if not any(name.startswith(start) for name in chapters):
            parser.error(f"no chapter's name begins with {start!r}")
    broken = False
    for name, source in chapters.items():
        if options.names and not name.startswith(tuple(options.names)):
            continue
        ledger = ""
        for settings in runs:
            print(name, *settings.values(), end=" … ", flush=True)
            try:
                text, wrong = repeat(name, source, settings, book=book)
            except PressError as error:  # the kernel died
                text, wrong = "", [str(error)]
            broken = broken or not text
            ledger += text
            print(f"{text.count(chr(10))} claims", *wrong, sep="\n  ")
        replace(book / "ledger" / kind / f"{name}.jsonl", ledger)
    replace(book / "ledger.md", ledger_page.page(book))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
