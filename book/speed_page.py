"""The page "How fast is it?", made from what the benchmarks measured.

    python book/speed_page.py

`make bench` (tests/benchmarks) writes what is in `speed/`; this writes `how_fast.md`.
"""

import statistics
import sys
from pathlib import Path

import ledger_page
from ledger_cells import Entry, words
from press import BOOK, replace
from speed_picture import picture
from speed_sections import course, feeding, gpu, reading, steps, store

USUAL = "as it comes"
HEAD = """\
# How fast is it?

The same variational autoencoder, trained by this course and as others would train it:
same layers and number of weights ({parameters}), same slices of phantom patients, same
batch of {batch}, optimizer (Adam) and loss, on a processor without a GPU. Each way was
tried in several forms, all in one run and by turns, and the fastest form is shown.

<!-- written by speed_page.py after `make bench`; changes by hand are lost -->
"""
NOTES = """\
Speeds are medians over epochs, with quartiles in brackets; how many times as long an
epoch takes is the median over pairs that ran in one round. The first epochs, in which
programs are compiled, are not counted. Seconds are those of training, compiling
included, until patients whom the model has not seen are redrawn better than by
principal components with as many numbers: median and range over the seeds.

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


def arrival(records: list[Entry], way: str) -> str:
    """Return the seconds to the quality, of the form that arrives first."""
    forms: dict[str, list[float]] = {}
    for record in records:
        if record["way"] == way:
            passed = record.get("passed", False)
            seconds = sum(record["seconds"]) if passed else float("inf")
            forms.setdefault(record["form"], []).append(seconds)
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
    seconds: dict[str, list[float]] = {}
    for record in quality:
        if record.get("passed"):
            key = f"{record['way']}, {words(record['form'])}"
            seconds.setdefault(key, []).append(sum(record["seconds"]))
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    ours = [s for name, s in medians.items() if name.startswith("this course")]
    if not ours:
        return ""
    first = min(medians, key=medians.__getitem__)
    return (
        f"- To {quality[0]['goal_db']:.1f} dB on patients that it has not seen, this "
        f"course trains {min(ours):.0f} s at {quality[0]['pixels']} × "
        f"{quality[0]['pixels']}; {first} is there first, after "
        f"{medians[first]:.0f} s.\n"
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
Every form ran at {first} × {first}; at a larger size only the two of each way that were
fastest there.

{table}````
"""


def rivals(records: list[Entry]) -> dict[int, float]:
    """Return the images per second of the fastest peer at each size."""
    found: dict[int, float] = {}
    for (_, pixels), record in best(records).items():
        if record["kind"] == "peer":
            found[pixels] = max(found.get(pixels, 0.0), rate(record)[0])
    return found


def verdicts(records: list[Entry]) -> str:
    """Say in a sentence a size how this course compares, whoever wins."""
    lines, fastest = [], best(records)
    for pixels in sorted({pixels for _, pixels in fastest}):
        of_size = [r for (_, p), r in fastest.items() if p == pixels]
        ours = [r for r in of_size if r["kind"] == "course"]
        others = [r for r in of_size if r["kind"] == "peer"]
        if not ours or not others:
            continue
        fastest_ = [max(others, key=lambda r: rate(r)[0])]
        on_torch = [r for r in others if "torch" in r["versions"]]
        if on_torch and fastest_[0] not in on_torch:
            fastest_.append(max(on_torch, key=lambda r: rate(r)[0]))
        compared = [
            f"{rate(ours[0])[0] / rate(rival)[0]:.2f} times as fast as the fastest "
            f"{whose} ({rival['way']}, {words(rival['form'])})"
            for rival, whose in zip(
                fastest_, ("of the others", "on PyTorch"), strict=False
            )
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
        memory = f", {on['memory_gib']} GiB" if "memory_gib" in on else ""
        used = {k: v for r in mine for k, v in r.get("versions", {}).items()}
        named = "".join(f"; {name} {version}" for name, version in used.items())
        parts.append(
            f"- `{command}`, part of `make bench`; {words(on['processor'])} with "
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
        steps(apart, rivals(training)),
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
