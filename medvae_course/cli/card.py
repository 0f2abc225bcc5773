"""A data card from the files themselves: what is in a set, for who has not seen it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydicom.uid import UID

from medvae_course.ct.atomic import replacing
from medvae_course.ct.audit import RULES, SEVERITIES, Finding, check, summary
from medvae_course.ct.audit.facts import Facts, Scan

_BY_HAND = "*To be filled in by a person:*"
_QUESTIONS = {
    "Motivation": "why was the set made, by whom, and who paid for it?",
    "Collection process": "where and when were the images made, for what reason, how "
    "were patients chosen, who agreed (ethics committee, consent)?",
    "Uses": "what is it good for, what was it used for, and what must it not be used "
    "for? Not for diagnosis.",
    "Distribution": "under which licence and conditions, and how is it cited?",
    "Maintenance": "who answers questions, corrects mistakes, and removes patients "
    "who withdraw?",
}


def make_card(facts: Facts, *, title: str, version: str, date: str) -> str:
    """Return a data card in Markdown.

    Args:
        facts: as `ct.audit.collect` gives them.
        title: name of the set.
        version: of this tool.
        date: of the card.

    Returns:
        Markdown with the headings of *Datasheets for datasets*; no identifier is in it.
    """
    findings = check(facts)
    parts = [
        f"# Data card: {title}",
        f"Made from the files by medvae_course {version} on {date}. What no file can "
        "tell is marked, and left to a person. Not for diagnosis.",
        *_by_hand("Motivation"),
        *_composition(facts),
        *_by_hand("Collection process"),
        *_table("Technical attributes (number of series)", _technical_rows(facts)),
        *_preprocessing(facts),
        *_labels(facts),
        *_splits(facts),
        *_audit(findings),
        *_by_hand("Uses"),
        *_by_hand("Distribution"),
        *_by_hand("Maintenance"),
        f"sha256 of the list of all {len(facts.digests)} files (`sha256sum` of each, "
        f"sorted by path): `{summary.file_digest(facts)}`",
    ]
    return "\n\n".join(parts) + "\n"


def write_card(path: Path, text: str, *, force: bool = False) -> None:
    """Write a card, all at once.

    Args:
        path: file to write.
        text: the card.
        force: replace a file that is there; what people filled in is lost.

    Raises:
        ValueError: if the file is there and `force` is not set.
    """
    check_free(path, force=force)
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def check_free(path: Path, *, force: bool) -> None:
    """Raise ValueError if a card could not be written there."""
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(
            f"{path} must be a file in a folder that exists: correct --out"
        )
    if path.exists() and not force:
        raise ValueError(f"{path} is there already: choose another --out, or --force")


def _by_hand(heading: str) -> Iterator[str]:
    yield f"## {heading}"
    yield f"{_BY_HAND} {_QUESTIONS[heading]}"


def _composition(facts: Facts) -> Iterator[str]:
    scans = facts.readable
    series = {h.uids.get("Series Instance UID") for h in facts.headers}
    shapes, mm = [scan.shape for scan in scans], [scan.spacing_mm for scan in scans]
    rows = [
        ("patients", _patients(facts.scans)),
        ("CT volumes", len(facts.scans)),
        ("CT volumes that cannot be read", len(facts.scans) - len(scans)),
        ("slices in readable volumes", sum(shape[0] for shape in shapes)),
        ("DICOM series of all kinds", len(series)),
        ("DICOM files", len(facts.headers)),
        ("files", len(facts.digests)),
    ]
    if scans:
        rows += [
            ("slices per volume", _range([s[0] for s in shapes])),
            ("rows", _range([s[1] for s in shapes])),
            ("columns", _range([s[2] for s in shapes])),
            ("slice distance, mm", _range([s[0] for s in mm])),
            ("row distance, mm", _range([s[1] for s in mm])),
            ("column distance, mm", _range([s[2] for s in mm])),
        ]
    yield "## Composition"
    yield _markdown(("what", "number or range"), rows)
    people = summary.people(facts.headers)
    for name, counts in people.items():
        yield from _table(f"Patients by {name}", list(counts.items()), level=4)
    if not people:
        yield (
            "Sex and age are not told: not in the files, or fewer than "
            f"{summary.FEWEST} patients in a group."
        )
    wanted = (0.5, 5, 25, 50, 75, 95, 99.5)
    values = summary.percentiles([s.histogram for s in scans], wanted=wanted)
    if values:
        yield "### Hounsfield units"
        rows = [(f"{p:g} %", f"{hu:.0f}") for p, hu in zip(wanted, values, strict=True)]
        yield "All voxels of all volumes, to 8 HU; by structure under *Labels*."
        yield _markdown(("percentile", "HU"), rows)


def _technical_rows(facts: Facts) -> list[tuple[str, str]]:
    rows = []
    for name, counts in summary.technical(facts.headers).items():
        for value, n in counts.items():
            shown = UID(value).name if name == "transfer syntax" else value
            rows.append((name, f"{shown}: {n}"))
    return rows


def _preprocessing(facts: Facts) -> Iterator[str]:
    kinds = Counter(scan.kind for scan in facts.scans)
    whole = sum(scan.whole for scan in facts.readable)
    yield "## Preprocessing, cleaning"
    yield _markdown(
        ("what", "number"),
        [
            *((f"volumes as {kind}", n) for kind, n in sorted(kinds.items())),
            ("volumes of whole numbers only", whole),
            (
                "lowest value of a volume, HU",
                _range([s.low_hu for s in facts.readable]),
            ),
            (
                "highest value of a volume, HU",
                _range([s.high_hu for s in facts.readable]),
            ),
        ],
    )
    yield f"{_BY_HAND} what was done to the images before they came here?"


def _labels(facts: Facts) -> Iterator[str]:
    scans = facts.readable
    labelled = sum(scan.labelled for scan in scans)
    yield "## Labels"
    yield f"{labelled} of {len(scans)} volumes have labels."
    rows = [
        (
            *(row["name"], row["patients"], _spread(row["ml"]), _spread(row["hu"])),
            " / ".join(f"{hu:.0f}" for hu in row["percentiles_hu"]),
            row["cut"],
        )
        for row in summary.label_table(scans)
    ]
    if rows:
        yield (
            "Median and range over volumes; percentiles (5, 50, 95 %) over voxels; "
            "*cut* volumes reach the first or last slice."
        )
        titles = ("label", "patients", "ml", "mean HU", "HU percentiles", "cut")
        yield _markdown(titles, rows)
        yield f"{_BY_HAND} who drew the labels, how, and who checked them?"


def _splits(facts: Facts) -> Iterator[str]:
    yield "## Splits"
    parts = sorted({scan.part for scan in facts.scans} - {""})
    if not parts:
        yield "The files name no split."
        return
    rows = []
    for part in [*parts, ""]:
        scans = [scan for scan in facts.scans if scan.part == part]
        if scans:
            slices = sum(scan.shape[0] for scan in scans)
            rows.append((part or "in no part", _patients(scans), len(scans), slices))
    yield _markdown(("part", "patients", "volumes", "slices"), rows)


def _audit(findings: Sequence[Finding]) -> Iterator[str]:
    yield "## Audit"
    counts = Counter(finding.rule for finding in findings)
    if not counts:
        yield f"None of {len(RULES)} rules found anything."
        return
    order = sorted(counts, key=lambda r: (-SEVERITIES.index(RULES[r].severity), r))
    rows = [(r, RULES[r].severity, RULES[r].title, counts[r]) for r in order]
    yield "`medvae-course data audit` says where, why it matters and what to do."
    yield _markdown(("rule", "severity", "what", "findings"), rows)


def _patients(scans: Sequence[Scan]) -> int:
    return len({scan.patient_id or scan.where for scan in scans})


def _table(heading: str, rows: Sequence[tuple], *, level: int = 3) -> Iterator[str]:
    if rows:
        yield f"{'#' * level} {heading}"
        yield _markdown(("what", "number"), rows)


def _markdown(titles: Sequence[str], rows: Sequence[Sequence]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in lines)


def _cell(content: object) -> str:
    """Text that cannot leave its cell, nor become a link or a picture."""
    text = " ".join(str(content).split())
    return re.sub(r"([|<>\[\]`*_])", r"\\\1", text)


def _range(values: Sequence[float]) -> str:
    if not values:
        return "none"
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _spread(values: tuple[float, float, float]) -> str:
    return "{:.0f} ({:.0f} to {:.0f})".format(*values)
