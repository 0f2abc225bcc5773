"""Rules A: what leads back to a patient, in headers, paths and pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from .facts import Facts, Header, examples
from .rules import Finding

_SAFE_PRIVATE = "113111"  # Retain Safe Private Option, PS3.15 E.3.10
_CAPTURES = ("SECONDARY CAPTURE", "SCREEN SAVE", "SCREENSHOT", "SCREEN CAPTURE")
_OFTEN_TEXT = {"US", "SC", "OT", "IVUS", "ES", "XC"}
_NEVER_TEXT = {"MR", "PT", "NM"}  # derived images are common there
_CAPTURE_CLASS = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture, and .7.1 to .7.4
_NO_IMAGE = {"SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "SEG", "PR", "KO", "DOC", "REG"}


def check_identity(facts: Facts) -> Iterator[Finding]:
    """Yield what would identify a patient.

    Args:
        facts: of a folder.

    Yields:
        Findings of the rules A; an element's name and number, never its value.

    Source: DICOM PS3.15 table E.1-1; PS3.3 C.12.1 and C.7.6.1.
    Taught in: chapter 1.
    """
    yield from _identifiers(facts.headers)
    yield from _private(facts.headers)
    yield from _silent(facts.headers)
    yield from _names_in_paths(facts)
    yield from _pixels(facts.headers)


def _identifiers(headers: Sequence[Header]) -> Iterator[Finding]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for header in headers:
        for tag, name, kind in header.identifiers:
            if kind == "person":
                rule = "A02" if header.identity_removed else "A01"
            else:
                rule = "A04" if kind == "uid" else "A03"
            if rule != "A04":
                found[rule, f"{name} {tag}"].append(header.file)
            else:
                found[rule, "UIDs"].append(header.file)
    for (rule, name), files in sorted(found.items()):
        n = len(set(files))
        yield Finding(rule, _of(name, n, headers), examples(files), n)


def _private(headers: Sequence[Header]) -> Iterator[Finding]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for header in headers:
        safe = _SAFE_PRIVATE in header.options
        for tag, person in header.private_text:
            rule = "A06" if safe and not person else "A05"
            name = f"{tag}, perhaps a person's name" if person else tag
            found[rule, name].append(header.file)
    for (rule, name), files in sorted(found.items()):
        n = len(set(files))
        yield Finding(rule, _of(name, n, headers), examples(files), n)


def _silent(headers: Sequence[Header]) -> Iterator[Finding]:
    silent = [h.file for h in headers if not h.identity_removed]
    if silent:
        name = "Patient Identity Removed (0012,0062) is not YES"
        yield Finding(
            "A07", _of(name, len(silent), headers), examples(silent), len(silent)
        )


def _names_in_paths(facts: Facts) -> Iterator[Finding]:
    telling = facts.telling_names
    files = [file for file in facts.digests if telling & set(file.split("/"))]
    if files:
        yield Finding("A08", f"{len(files)} paths", examples(files), len(files))


def _pixels(headers: Sequence[Header]) -> Iterator[Finding]:
    rules: tuple[tuple[str, str, Callable[[Header], bool]], ...] = (
        (
            "A09",
            "Burned In Annotation (0028,0301) is YES",
            lambda h: h.tags.get("BurnedInAnnotation") == "YES",
        ),
        ("A10", "no Burned In Annotation, and often with text", _often_has_text),
        (
            "A11",
            "Recognizable Visual Features (0028,0302) is YES",
            lambda h: h.tags.get("RecognizableVisualFeatures") == "YES",
        ),
    )
    for rule, name, holds in rules:
        files = [header.file for header in headers if holds(header)]
        if files:
            yield Finding(
                rule, _of(name, len(files), headers), examples(files), len(files)
            )


def _often_has_text(header: Header) -> bool:
    tags = header.tags
    is_image = tags.get("Modality") not in _NO_IMAGE and "Rows" in tags
    if tags.get("BurnedInAnnotation") or not is_image:
        return False
    is_xray = tags.get("Modality") not in _NEVER_TEXT
    kinds = tags.get("ImageType", "").upper().split("\\")
    plain = kinds[2:3] in (["AXIAL"], ["VOLUME"], ["LOCALIZER"])
    return (
        tags.get("Modality") in _OFTEN_TEXT
        or tags.get("SOPClassUID", "").startswith(_CAPTURE_CLASS)
        or any(capture in kinds for capture in _CAPTURES)
        or (kinds[1:2] == ["SECONDARY"] and not plain and is_xray)
    )


def _of(name: str, n: int, headers: Sequence[Header]) -> str:
    return f"{name}, in {n} of {len(headers)} DICOM files"
