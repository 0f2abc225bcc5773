"""The ledger as a page of the book, made from the records of the claims.

`ledger/NAME.jsonl` holds the run that made the notebook, `ledger/seeds/NAME.jsonl` runs
with other seeds, `ledger/real/NAME.jsonl` one on real CT; `ledger/contest/DATA.jsonl`
what contest.py measured of four codes, `ledger/presets` and `ledger/backends` what runs
under other presets and on other backends of Keras found. The press writes the page, and
so does `python book/ledger_page.py`.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from ledger_cells import (
    Entry,
    against_real,
    estimate,
    measured,
    over_seeds,
    spread,
    verdict,
    versions,
    words,
)

COLUMNS = {"Claim": 12, "Sentence": 28, "Measured": 24, "Seeds": 15, "Real CT": 21}
HEAD = """\
# The ledger

A ledger is a book of entries that anyone may audit. Every sentence of this course that
claims something ends in a cell that checks it, and each check leaves an entry here,
with the data, the settings and the versions of the run. The notebooks show only the
verdicts, because digits differ between machines; the digits below are those of the run
that made the pages you read. That a model loses is a claim as well.

Under *Measured* stand the value, the bound on the side that the value keeps to, and the
interval around the value or, in brackets, why there is none. A claim without a number
is a plain yes or no. Data are the phantoms where nothing else is named. Under *Seeds*
stands with which seed, or with how many of several (`make ledger`) the claim holds, and
from where to where the value goes. Under *Real CT* stands what the same cell measured
on real patients (`make real DATA=folder`); ✗ is a claim that holds on phantoms only.

<!-- written by press.py from the notebooks' runs; changes by hand are lost -->
"""

CONTEST = """\
## Four codes of 32 numbers

The same slices of 64 × 64 pixels, each redrawn from 32 numbers, on patients that none
of the four has seen: what chapters 4 and 8 compare by parts, in one table. The
networks train as in chapter 4, the VAE like the convolutional autoencoder, with a
measured σ, and is redrawn from the mean of its posterior. Means over slices, intervals
by patient; the first seed stands in front. `make ledger` and `make real` measure it.
"""

PRESETS = """\
## Other presets and backends

The same notebooks under another preset or backend: wall time, how many of the claims
hold, which do not, and how many cells print something else than what is stored. The
presets `gpu` and `gpu-small` train in bfloat16, but for chapter 6 and parts of chapters
3, 10 and 14, which compare numbers closely. A processor without arithmetic in bfloat16
emulates it: chapter 4 then took PyTorch 5.6 times as long as in float32, and as long as
in float32 on a processor that has it. The times below are from both kinds.
"""


BACKENDS = """\
## One model, three backends

The same weights and the same images: the largest difference between what a model and
its losses give on another backend of Keras and on TensorFlow, relative where the number
is larger than 1. Tests demand less than 1e-4 (`make backends`).
"""


def records(path: Path) -> list[Entry]:
    """Read the entries of one notebook; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def page(book: Path) -> str:
    """Return the page as MyST Markdown, one section a notebook."""
    parts, ledger = [HEAD], book / "ledger"
    for path in sorted(ledger.glob("*.jsonl")):
        others = {
            kind: records(ledger / kind / path.name) for kind in ("seeds", "real")
        }
        parts.append(
            section(path.stem, title(book, path.stem), records(path), **others)
        )
    if len(parts) == 1:
        parts.append("No chapter has been pressed yet.\n")
    else:
        parts.append(contest(ledger / "contest"))
        parts.append(presets(book))
        parts.append(backends(ledger / "backends"))
        parts.append(costs(book))
    return "\n".join(parts)


def title(book: Path, name: str) -> str:
    """Return the first heading of a notebook's text."""
    folder = "solutions" if name.startswith("solutions_") else "chapters"
    source = book / folder / f"{name.removeprefix('solutions_')}.md"
    lines = source.read_text("utf-8").splitlines() if source.exists() else []
    return next((line[2:] for line in lines if line.startswith("# ")), name)


def section(
    name: str,
    heading: str,
    entries: list[Entry],
    *,
    seeds: list[Entry] = (),
    real: list[Entry] = (),
) -> str:
    """Return the table of one notebook and the settings that it ran with."""
    rows = [[*COLUMNS]]
    for entry in entries:
        again = [other for other in seeds if same_claim(other, entry)]
        on_real = [other for other in real if same_claim(other, entry)]
        rows.append(
            [
                f"{verdict(entry)}\u00a0[{entry['id']}](notebooks/{name}.ipynb)",
                words(entry["text"]),
                measured(entry),
                over_seeds([entry, *again]),
                against_real(entry, on_real),
            ]
        )
    return (
        f"## {heading}\n\n{table(rows, COLUMNS.values())}\n{settings(entries, real)}\n"
    )


def same_claim(one: Entry, other: Entry) -> bool:
    """Whether two runs checked one sentence; an older wording is another claim."""
    return (one["id"], one["text"]) == (other["id"], other["text"])


def settings(entries: list[Entry], real: list[Entry]) -> str:
    """Return in a sentence what a notebook ran with."""
    # a notebook is one run: these differ only where a library was not loaded yet
    used = sorted(versions(entries))
    presets = ", ".join(sorted({entry["preset"] for entry in entries}))
    backends = ", ".join(sorted({e["backend"] for e in entries if e["backend"]}))
    text = f"Preset {presets}, backend {backends or 'none'}; {', '.join(used)}."
    sets = sorted({e["data"] for e in real} - {e["data"] for e in entries})
    return text + (f" Real CT: {words(', '.join(sets))}." if sets else "")


def table(rows: list[list[str]], widths: Iterable[int]) -> str:
    """Return rows, the first of them the head, as a MyST table; widths in per cent."""
    body = "\n".join("* - " + "\n  - ".join(cells) for cells in rows)
    shares = " ".join(str(width) for width in widths)
    options = f":header-rows: 1\n:widths: {shares}\n"
    return f"```{{list-table}}\n{options}\n{body}\n```\n"


def contest(folder: Path) -> str:
    """Return how well four codes of one size redraw patients, a table a data set."""
    if not folder.is_dir():
        return ""
    parts = [CONTEST]
    # the phantoms, which everyone has, come first
    for path in sorted(folder.glob("*.jsonl"), key=lambda p: (p.stem != "phantom", p)):
        found = records(path)
        rows = [["Code", "PSNR", "Lead over PCA", "Lead, all seeds", "MAE", "SSIM"]]
        for code in dict.fromkeys(record["code"] for record in found):
            runs = [record for record in found if record["code"] == code]
            first, leads = runs[0], [run["lead"][0] for run in runs]
            rows.append(
                [
                    code,
                    estimate(first["psnr"], 1, "dB"),
                    "" if code == "PCA" else estimate(first["lead"], 1, "dB"),
                    "" if len(runs) == 1 else spread(leads),
                    estimate(first["mae_hu"], 0, "HU"),
                    estimate(first["ssim"], 2),
                ]
            )
        train, _, test = found[0]["patients"]
        parts += [
            f"**{words(found[0]['data'])}**: {train} patients to learn from, {test} to "
            f"be judged on, keras {found[0]['versions']['keras']} with the backend "
            f"{found[0]['backend']}.\n",
            table(rows, (24, 18, 18, 14, 14, 12)),
        ]
    return "\n".join(parts)


def presets(book: Path) -> str:
    """Return what runs under other presets and backends cost, and what did not hold."""
    files = sorted((book / "ledger" / "presets").glob("*.jsonl"))
    runs = {path.stem: {r["notebook"]: r for r in records(path)} for path in files}
    if not runs:
        return ""
    first = [next(iter(run.values())) for run in runs.values()]
    heads = [f"{one['backend']}, {one['preset']}" for one in first]
    rows, told = [["Notebook", *heads]], []
    for name in sorted({name for run in runs.values() for name in run}):
        cells = [
            cost_and_verdict(run[name]) if name in run else "not run"
            for run in runs.values()
        ]
        rows.append([f"[{title(book, name)}](notebooks/{name}.ipynb)", *cells])
    for head, one, run in zip(heads, first, runs.values(), strict=True):
        named = ", ".join(versions(run.values()))
        command = f"KERAS_BACKEND={one['backend']} make gpu PRESET={one['preset']}"
        total = sum(record["seconds"] for record in run.values())
        told.append(
            f"- {head}: `{command}`, {words(one['device'])}, {total} s; {words(named)}."
        )
    body = table(rows, [30, *(70 // len(runs) for _ in runs)])
    return "\n".join([PRESETS, body, *told]) + "\n"


def backends(folder: Path) -> str:
    """Return how far other backends' numbers are from TensorFlow's, a row a model."""
    found = [json.loads(p.read_text("utf-8")) for p in sorted(folder.glob("*.json"))]
    if not found:
        return ""
    rows = [["Model", *(one["backend"] for one in found)]]
    for name in found[0]["differences"]:
        rows.append([name, *(f"{one['differences'][name]:.0e}" for one in found)])
    named = ", ".join(versions(found))
    body = table(rows, [40, *(60 // len(found) for _ in found)])
    return "\n".join([BACKENDS, body, f"{words(named)}.\n"])


def cost_and_verdict(record: Entry) -> str:
    """Say in a line what a run under a preset cost and found."""
    parts = [f"{record['seconds']} s"]
    if record["gpu_mib"]:
        parts.append(f"{record['gpu_mib']} MiB of the GPU")
    if record["claims"]:
        held = record["claims"] - len(record["fail"])
        parts.append(f"{held} of {record['claims']} hold")
    elif not record["differ"]:
        parts.append("as stored")
    if record["fail"]:
        parts.append("not: " + " ".join(record["fail"]))
    if record["differ"]:
        parts.append(f"{len(record['differ'])} of {record['cells']} cells differ")
    return ", ".join(parts)


def costs(book: Path) -> str:
    """Return the time and memory of each notebook's run, and the sum of the time."""
    rows, total = [["Notebook", "Time", "Memory"]], 0
    for path in sorted((book / "notebooks").glob("*.ipynb")):
        cost = cost_of(path)
        if cost:
            total += cost["seconds"]
            rows.append(
                [
                    f"[{title(book, path.stem)}](notebooks/{path.name})",
                    f"{cost['seconds']} s",
                    f"{cost['megabytes']} MB",
                ]
            )
    rows.append(["All", f"{total} s", ""])
    return (
        "## What the notebooks cost\n\nWall time of the run that made each notebook, "
        "and the most memory that it held at once, on two cores without a GPU.\n\n"
        + table(rows, (60, 20, 20))
    )


def cost_of(path: Path) -> dict[str, int]:
    """Return what a notebook says of its run; nothing where it cannot be read."""
    try:
        notebook = json.loads(path.read_text("utf-8"))
    except ValueError:  # a conflict: the press is about to write it anew
        return {}
    return notebook.get("metadata", {}).get("medvae", {}).get("cost", {})


if __name__ == "__main__":
    from press import BOOK, replace

    replace(BOOK / "ledger.md", page(BOOK))
