"""Sections of "How fast is it?" after the comparison: a step, data, the course."""

import statistics

import ledger_page
from ledger_cells import Entry


def steps(records: list[Entry], rivals: dict[int, float | None]) -> str:
    """Return where the time of a training step goes, a row for each size.

    `rivals` are the images per second of the fastest peer at a size, if there is one.
    """
    if not records:
        return ""
    rows = [
        ["Pixels", "Layers alone", "Network between", "Adam", "`fit` around", "A step"]
    ]
    lines = []
    for record in records:
        taken = [record["seconds"][k] for k in ("layers", "gradients", "step", "fit")]
        each = [b - a for a, b in zip([0, *taken[:-1]], taken, strict=True)]
        shares = [f"{1000 * s:z.1f} ms, {s / taken[-1]:z.0%}" for s in each]
        shares = [share.replace("-", "−") for share in shares]
        size = f"{record['pixels']} × {record['pixels']}"
        rows.append([size, *shares, f"{1000 * taken[-1]:.1f} ms"])
        speed, bare = record["operations"] / taken[0], record["batch"] / taken[0]
        line = (
            f"- At {size} the layers run at {speed / record['ceiling']:.0%} of the "
            f"{record['ceiling'] / 1e9:.0f} billion operations a second that a product "
            f"of large matrices reaches here. If they were all, {bare:.0f} images "
            "would be trained in a second"
        )
        rival = rivals[record["pixels"]]
        if rival:
            line += f", {bare / rival:.2f} times the fastest peer's"
        lines.append(line + ".")
    table_ = ledger_page.table(rows, [15, *5 * [17]])
    return "\n".join([STEP, table_, *lines]) + "\n"


STEP = """\
## Where the time of a step goes

A step of this course's `fit` taken apart: its convolutions and dense layers, each for
itself with its activation and its gradients; what the network adds between them
(sampling, reshaping, loss); Adam; and what `fit` adds (feeding, metrics, callbacks).
Each is the difference of two medians: below nothing is chance.
"""


def gpu(records: list[Entry]) -> str:
    """Return speed and share of the ceiling on a GPU, a row for each way."""
    made = {
        (record["way"], tuple(record["shape"][:-1])): record
        for record in records
        if "seconds" in record
    }
    if not made:
        return ""
    sizes = list(dict.fromkeys(size for _, size in made))
    rows = [["Way to train", *(" × ".join(map(str, size)) for size in sizes)]]
    for way in dict.fromkeys(record["way"] for record in records):
        cells = []
        for size in sizes:
            record = made.get((way, size))
            if record is None:
                cells.append("fails")
                continue
            s = statistics.median(record["seconds"])
            share = record["operations"] / s / record["ceiling"]
            cells.append(f"{record['images'] / s:.0f} a second, {share:.0%}")
        rows.append([way, *cells])
    shares = [40, *(60 // len(sizes) for _ in sizes)]
    table_ = ledger_page.table(rows, shares)
    name = next(iter(made.values()))["machine"]["gpu"] or "no GPU"
    return "\n".join([GPU.format(name=name), table_]) + "\n"


GPU = """\
## On a GPU

Images or volumes a second in bfloat16 on {name}, and the share of the operations a
second that a product of large matrices reaches there: this course's `fit` on a backend
of Keras, and the same layers in PyTorch with `torch.compile` and a loop by hand.
"""


def reading(records: list[Entry]) -> str:
    """Return how fast a series is read, a row for each way."""
    if not records:
        return ""
    rows = [["Slices a second", *(record["series"] for record in records)]]
    for way in records[0]["seconds"]:
        cells = []
        for record in records:
            n, s = record["shape"][0], record["seconds"][way]
            cells.append(
                f"{n / statistics.median(s):.0f} "
                f"[{n / max(s):.0f},\u00a0{n / min(s):.0f}]"
            )
        rows.append([way, *cells])
    shares = [40, *(30 for _ in records)]
    table_ = ledger_page.table(rows, shares)
    z, y, x = records[0]["shape"]
    return "\n".join([READING.format(z=z, y=y, x=x), table_]) + "\n"


READING = """\
## Reading

A CT series of {z} slices of {y} × {x}, from files to HU: median and range of the
repeats. This course checks what it reads (orientation, spacing, missing slices), the
loop by hand does not.
"""


def store(records: list[Entry]) -> str:
    """Return what memory a store on disk saves, a row for each number of slices."""
    if not records:
        return ""
    names = {"store": "Store on disk", "memory": "Arrays in memory"}
    sizes = dict.fromkeys(record["slices"] for record in records)
    rows = [["Slices come from", *(f"{n} slices" for n in sizes)]]
    for kind in dict.fromkeys(record["kind"] for record in records):
        found = {r["slices"]: r for r in records if r["kind"] == kind}
        cells = [
            f"{found[n]['resident']:.0f} MiB, {found[n]['feeding']:.0f} a second"
            for n in sizes
        ]
        rows.append([names.get(kind, kind), *cells])
    widths = [25, *(75 // len(sizes) for _ in sizes)]
    text = STORE.format(pixels=records[0]["pixels"])
    return "\n".join([text, ledger_page.table(rows, widths)]) + "\n"


STORE = """\
## Keeping more than memory holds

Slices of {pixels} × {pixels} from a store on disk and from an array in memory: the
memory that the process holds while it trains, TensorFlow's own included, as the median
over steps of the last epoch, and how many slices a second are read, shuffled and made
model units, without a network.
"""


def feeding(records: list[Entry]) -> str:
    """Return which share of its time the network waits for images."""
    if not records:
        return ""
    names = {"arrays": "Arrays in memory", "store": "Store on disk"}
    rows = [["Images come from", *(f"{r['pixels']} × {r['pixels']}" for r in records)]]
    for way, name in names.items():
        cells = []
        for record in records:
            pairs = zip(record["waited"][way], record["seconds"][way], strict=True)
            found = [waited / seconds for waited, seconds in pairs]
            low, high = min(found), max(found)
            middle = statistics.median(found)
            cells.append(f"{middle:.1%} [{low:.1%},\u00a0{high:.1%}]")
        rows.append([name, *cells])
    widths = [40, *(30 for _ in records)]
    table_ = ledger_page.table(rows, widths)
    return "\n".join([FEEDING, table_]) + "\n"


FEEDING = """\
## Feeding

Share of an epoch between asking for a batch and having it, while this course's VAE
trains: median and range of epochs. Batches are read on the same cores, ahead of time.
"""


def course(records: list[Entry]) -> str:
    """Return how long the book takes to build, and the library to start."""
    if not records:
        return ""
    s = {record["job"]: statistics.median(record["seconds"]) for record in records}
    return f"""\
## The course itself

- What time and memory each notebook takes stands in {{doc}}`the ledger <ledger>`.
- The book is built from nothing in {s["whole"]:.0f} s.
- After a change of prose, the press takes {s["press"]:.0f} s for the notebook and
  `jupyter-book build book` {s["again"]:.0f} s; `make book`, which writes every page
  anew, takes {s["again, all pages"]:.0f} s.
- `medvae-course --help` answers in {s["help"]:.2f} s, `import medvae_course.ct` takes
  {s["import"]:.2f} s: TensorFlow is loaded by what trains, and by nothing else.
"""
