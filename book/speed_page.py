"""The page "How fast is it?", made from what the benchmarks measured.

    python book/speed_page.py

`make bench` (tests/benchmarks) writes what is in `speed/`; this writes `how_fast.md`.
"""

import statistics
import sys
from pathlib import Path

import ledger_page
from ledger_cells import Entry, versions, words
from press import BOOK, replace
from speed_picture import picture
from speed_sections import course, feeding, gpu, reading, steps, store

USUAL = "as it comes"
HEAD = """\
# How fast is it?

The same variational autoencoder, trained by this course and as others would train it:
same layers and number of weights ({parameters}), same slices of phantom patients, same
batch of {batch}, optimizer (Adam) and loss, on a processor without a GPU. Each way was
tried in several forms, which trained by turns in one run, and the fastest is shown.

<!-- written by speed_page.py after `make bench`; changes by hand are lost -->
"""
NOTES = """\
Speeds are medians over epochs, with quartiles in brackets; how many times as long an
epoch takes is the median over pairs that ran in one round. The first epochs, in which
programs are compiled, are not counted. Seconds are those of training, compiling
included, until patients whom the model has not seen are redrawn better than by
principal components with as many numbers, one form after the other: median and range
over the seeds.

Where TensorFlow feeds arrays, its tuner may sleep at the end of an epoch and hold it
up. Importing this course turns the tuner off, for plain Keras too ("course loaded"). On
processors without AVX-512, TensorFlow leaves its fast convolutions (oneDNN) off; the
course turns them on, and forms named "oneDNN" do too, by `TF_ENABLE_ONEDNN_OPTS=1`.
"""


def rate(record: Entry) -> tuple[float, float, float]:
    """Return images per second: median, low and high quartile."""
    low, middle, high = statistics.quantiles(record["seconds"], method="inclusive")
    return tuple(record["images"] / seconds for seconds in (middle, high, low))


def best(records: list[Entry]) -> dict[tuple[str, int], Entry]:
    """Return the fastest form of each way and size, in the order of the records.

    Of those that ran to the end: a slower one may have had the better minutes.
    """
    found: dict[tuple[str, int], Entry] = {}
    for record in records:
        key = record["way"], record["pixels"]
        if record.get("to_the_end") and (
            key not in found or rate(record)[0] > rate(found[key])[0]
        ):
            found[key] = record
    return found


def to_goal(quality: list[Entry]) -> dict[tuple[str, str], list[float]]:
    """Return the seconds to the quality of each way and form, a number a seed.

    Endless where a seed did not arrive.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for record in quality:
        passed = record.get("passed", False)
        seconds = sum(record["seconds"]) if passed else float("inf")
        found.setdefault((record["way"], record["form"]), []).append(seconds)
    return found


def arrival(quality: list[Entry], way: str) -> str:
    """Return the seconds to the quality, of the form that arrives first."""
    forms = {form: s for (name, form), s in to_goal(quality).items() if name == way}
    if not forms:
        return ""
    form, seconds = min(forms.items(), key=lambda item: statistics.median(item[1]))
    if max(seconds) == float("inf"):
        arrived = sum(second < float("inf") for second in seconds)
        return f"{arrived} of {len(seconds)} seeds arrive"
    middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
    return f"{middle:.0f} [{low:.0f},\u00a0{high:.0f}], {form}"


def arrivals(quality: list[Entry]) -> str:
    """Say who arrives first at the quality, and when this course does."""
    medians = {key: statistics.median(s) for key, s in to_goal(quality).items()}
    ours = [s for (way, _), s in medians.items() if way.startswith("this course")]
    if not ours:
        return ""
    way, form = min(medians, key=medians.__getitem__)
    first, side = quality[0], quality[0]["pixels"]
    return (
        f"- To {first['goal_db']:.1f} dB on patients that it has not seen, this "
        f"course trains {min(ours):.0f} s at {side} × {side}; {way}, {words(form)} "
        f"is there first, after {medians[way, form]:.0f} s.\n"
    )


def table(fastest: dict[tuple[str, int], Entry], quality: list[Entry]) -> str:
    """Return a row for each way."""
    sizes = sorted({pixels for _, pixels in fastest})
    goal = f"s to {quality[0]['goal_db']:.1f} dB" if quality else "s to PCA"
    rows = [["Way to train", *(f"{p} × {p}, images/s" for p in sizes), goal]]
    for way in dict.fromkeys(way for way, _ in fastest):
        cells = []
        for pixels in sizes:
            record = fastest.get((way, pixels))
            if record is None:
                cells.append("fails")
                continue
            middle, low, high = rate(record)
            spread = f"[{low:.0f},\u00a0{high:.0f}]"
            cells.append(f"{middle:.0f} {spread}, {words(record['form'])}")
        rows.append([way, *cells, arrival(quality, way)])
    shares = [30, *(25 for _ in sizes), 20]
    return ledger_page.table(rows, shares)


def all_forms(records: list[Entry]) -> str:
    """Return a row for each form of each way, folded away."""
    sizes = sorted({record["pixels"] for record in records})
    rows = [["Way to train", "Form", *(f"{p} × {p}" for p in sizes)]]
    by_form: dict[tuple[str, str], dict[int, Entry]] = {}
    for record in records:
        sizes_of = by_form.setdefault((record["way"], record["form"]), {})
        sizes_of[record["pixels"]] = record
    for (way, form), found in by_form.items():
        cells = [
            f"{rate(found[p])[0]:.0f}" if "seconds" in found.get(p, {}) else "–"
            for p in sizes
        ]
        rows.append([way, words(form), *cells])
    table_ = ledger_page.table(rows, [40, 30, *(30 // len(sizes) for _ in sizes)])
    return ALL_FORMS.format(first=sizes[0], table=table_)


ALL_FORMS = """\
````{{admonition}} All forms, images per second
:class: dropdown
Every form ran at {first} × {first}, those that were not among the fastest of their way
for a few epochs only; at a larger size only the fastest of each way were run.

{table}````
"""


def rivals(records: list[Entry], pixels: int) -> list[Entry]:
    """Return the peers at a size, each in its fastest form, the fastest first."""
    peers = [r for r in best(records).values() if r["kind"] == "peer"]
    mine = [r for r in peers if r["pixels"] == pixels]
    return sorted(mine, key=lambda r: rate(r)[0], reverse=True)


def top(records: list[Entry], pixels: int) -> float | None:
    """Return the images per second of the fastest peer at a size."""
    found = rivals(records, pixels)
    return rate(found[0])[0] if found else None


def verdicts(records: list[Entry]) -> str:
    """Say in a sentence a size how this course compares, whoever wins."""
    lines = []
    for (_, pixels), ours in best(records).items():
        others = rivals(records, pixels)
        if ours["kind"] != "course" or not others:
            continue
        first = {"of the others": others[0]}
        on_torch = [r for r in others if "torch" in r["versions"]]
        if on_torch and on_torch[0] is not others[0]:
            first["on PyTorch"] = on_torch[0]
        compared = [
            f"{rate(ours)[0] / rate(rival)[0]:.2f} times as fast as the fastest "
            f"{whose} ({rival['way']}, {words(rival['form'])})"
            for whose, rival in first.items()
        ]
        line = f"- At {pixels} × {pixels} this course trains {', '.join(compared)}"
        over = overhead([r for r in records if r["pixels"] == pixels])
        if over is not None:
            middle, low, high = over
            line += (
                f"; an epoch takes {middle:.2f} [{low:.2f},\u00a0{high:.2f}] times as "
                "long as with Keras' `fit` on the same layers, fed alike"
            )
        lines.append(line + ".")
    return "\n".join(lines) + "\n"


def overhead(records: list[Entry]) -> tuple[float, float, float] | None:
    """Return how many times as long as with plain Keras an epoch takes, as it comes.

    Median and quartiles of the rounds, in each of which both trained an epoch.
    """
    ours, same = (
        [r["seconds"] for r in records if (r["kind"], r["form"]) == (kind, USUAL)]
        for kind in ("course", "keras, course loaded")
    )
    if not ours or not same:
        return None
    times = [mine / theirs for mine, theirs in zip(ours[0], same[0], strict=True)]
    low, middle, high = statistics.quantiles(times, method="inclusive")
    return middle, low, high


def conditions(records: list[Entry]) -> str:
    """Return commands, machines and versions, and what could not be run."""
    parts = ["## How it was measured\n"]
    for command in dict.fromkeys(record["command"] for record in records):
        mine = [record for record in records if record["command"] == command]
        on = mine[0]["machine"]
        part = "" if " --" in command else ", part of `make bench`"
        memory = f", {on['memory_gib']} GiB" if "memory_gib" in on else ""
        used = versions(r for r in mine if "versions" in r)
        named = "".join(f"; {text}" for text in used)
        parts.append(
            f"- `{command}`{part}; {words(on['processor'])} with "
            f"{on['cores']} cores{memory}{words(named)}."
        )
    for record in records:
        if "reason" in record:
            what = [record["way"], words(record.get("form", ""))]
            what += [f"{record['pixels']} pixels"] if "pixels" in record else []
            named = ", ".join(word for word in what if word)
            parts.append(f"- {named}, could not be run: {words(record['reason'])}")
    if not any(record["machine"].get("gpu") for record in records):
        parts.append(
            "- `python tests/benchmarks/bench_gpu.py` was not run on a GPU yet: this "
            "page says nothing about one."
        )
    return "\n".join(parts) + "\n"


def page(book: Path) -> str:
    """Return the page as MyST Markdown; nothing where nothing was measured."""
    names = ("training", "quality", "step", "gpu", "reading")
    names += ("store", "feeding", "course")
    training, quality, apart, on_gpu, read, kept, fed, built = (
        ledger_page.records(book / "speed" / f"{name}.jsonl") for name in names
    )
    fastest = best(training)
    if not fastest:
        return ""
    first = next(iter(fastest.values()))
    parts = [
        HEAD.format(parameters=first["parameters"], batch=first["batch"]),
        verdicts(training) + arrivals(quality),
        table(fastest, quality),
        picture({key: (rate(r), r["kind"]) for key, r in fastest.items()}),
        NOTES,
        all_forms(training),
        steps(apart, {r["pixels"]: top(training, r["pixels"]) for r in apart}),
        gpu(on_gpu),
        reading(read),
        store(kept),
        feeding(fed),
        course(built),
        conditions([*training, *quality, *apart, *on_gpu, *read, *kept, *fed, *built]),
    ]
    return "\n".join(part for part in parts if part)


def main(book: Path = BOOK) -> int:
    """Write the page, and return the exit status."""
    replace(book / "how_fast.md", page(book))
    return 0


if __name__ == "__main__":
    sys.exit(main())
