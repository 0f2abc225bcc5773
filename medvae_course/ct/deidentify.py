"""Take what identifies a patient out of a DICOM data set, and check what is left.

The table of what to remove is DICOM's own (PS3.15, Annex E, Basic Profile); the library
`dicom-anonymizer` brings it. Pixels are not looked at: text burned into an image, or a
face that a rendering of the head would show, stay.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator

from dicomanonymizer.simpledicomanonymizer import (
    anonymize_dataset,
    delete,
    delete_or_empty,
    delete_or_empty_or_replace_UID,
    empty,
    initialize_actions,
)
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID

_EDITION = "dicomfields_2026c"
_UID_MARK = 0x6D656476  # upper 32 of 128 bits of each replaced UID, to know it again
_PSEUDONYM = re.compile(r"ANON-[0-9A-F]{16}")
_DATES = {"DA": "19000101", "DT": "19000101000000"}  # validators refuse the year 1
_META = (  # of the file's own header, what says how to read the file and no more
    "FileMetaInformationGroupLength",
    "FileMetaInformationVersion",
    "MediaStorageSOPClassUID",
    "MediaStorageSOPInstanceUID",
    "TransferSyntaxUID",
    "ImplementationClassUID",
    "ImplementationVersionName",
)


def deidentify(dataset: Dataset, *, key: str = "") -> Dataset:
    """Apply DICOM's Basic Application Level Confidentiality Profile to a copy.

    Every UID is replaced by one that follows from it and `key`, so the files of a
    series stay together. Sequences are searched to the bottom; private elements go.

    Args:
        dataset: data set as pydicom reads it, with its file header if it has one.
        key: secret text. With it Patient ID becomes a pseudonym, the same in all files
            of a patient; without it all patients get one Patient ID. Who knows the key
            can find out whose pseudonym it is: keep it, or throw it away.

    Returns:
        A data set of its own; the argument stays as it is.

    Example:
        >>> dataset = Dataset()
        >>> dataset.PatientName = "Doe^Jane"
        >>> str(deidentify(dataset).PatientName)
        ''

    Source: DICOM PS3.15 E.1.1 and table E.1-1, Basic Profile.
    Taught in: chapter 1.
    """
    result = _without_identity(dataset, key)
    result.PatientIdentityRemoved = "YES"
    result.LongitudinalTemporalInformationModified = "REMOVED"
    methods = list(result.get("DeidentificationMethodCodeSequence") or [])
    if all(method.get("CodeValue") != "113100" for method in methods):
        methods.append(_method())
    result.DeidentificationMethodCodeSequence = methods
    return result


def identifying_tags(dataset: Dataset) -> list[tuple[BaseTag, str]]:
    """List the elements that the Basic Profile would still remove or replace.

    Args:
        dataset: data set as pydicom reads it.

    Returns:
        (tag, name) of each element that holds such a value, also inside sequences;
        empty after `deidentify`.

    Example:
        >>> dataset = Dataset()
        >>> dataset.PatientName, dataset.Modality = "Doe^Jane", "CT"
        >>> identifying_tags(dataset)
        [((0010,0010), "Patient's Name")]
        >>> identifying_tags(deidentify(dataset))
        []

    Source: DICOM PS3.15 table E.1-1, Basic Profile.
    Taught in: chapter 1.
    """
    clean = _without_identity(dataset, "")
    found = list(_changed(dataset, clean))
    if hasattr(dataset, "file_meta"):
        found += _changed(dataset.file_meta, clean.file_meta)
    return sorted(set(found))


def _without_identity(dataset: Dataset, key: str) -> Dataset:
    result = copy.deepcopy(dataset)
    pseudonym = _pseudonym(result.get("PatientID"), key)
    _clean(result, _rules(key))
    if pseudonym:
        result.PatientID = pseudonym
    if hasattr(result, "file_meta"):
        for element in list(result.file_meta):
            if element.keyword not in _META:
                del result.file_meta[element.tag]
    if hasattr(result, "preamble"):
        result.preamble = bytes(128)  # could hold anything
    return result


def _rules(key: str) -> dict[tuple, Callable]:
    """The profile's action on each tag, made safe, repeatable and free of state."""

    def rule(action: Callable) -> Callable:
        def apply(dataset: Dataset, tag: tuple) -> None:
            element = dataset.get(tag)
            if element is None:
                return
            if action is delete:
                del dataset[tag]
            elif element.VR == "SQ":
                # references stay, with the UIDs in their items replaced; what else
                # the profile fills with dummy values is left without items
                if action is not delete_or_empty_or_replace_UID:
                    element.value = []
            elif element.VR == "UI":
                element.value = _replaced_uids(element.value, key)
            elif action in (empty, delete_or_empty):
                element.clear()
            elif element.VR in _DATES:
                element.value = _DATES[element.VR]
            else:
                try:
                    action(dataset, tag)
                except NotImplementedError:  # no dummy for this value representation
                    del dataset[tag]

        return apply

    return {tag: rule(action) for tag, action in initialize_actions(_EDITION).items()}


def _clean(dataset: Dataset, rules: dict[tuple, Callable]) -> None:
    # of 655 rules an item needs few: those for its tags, for ranges and for the header
    tags = {(tag.group, tag.element) for tag in dataset.keys()}
    needed = {
        tag: rule
        for tag, rule in rules.items()
        if tag in tags or len(tag) > 2 or tag[0] == 0x0002
    }
    anonymize_dataset(dataset, base_rules_gen=lambda: needed)
    for element in dataset:  # the library stops at the top level
        if element.VR == "SQ":
            for item in element.value:
                _clean(item, rules)


def _hash(text: str, key: str) -> int:
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:12])


def _replaced_uids(value: str | MultiValue | None, key: str) -> str | list[str]:
    if isinstance(value, MultiValue | list):
        return [_replaced_uids(one, key) for one in value]
    if not value or _is_replaced(value):
        return value or ""
    return UID(f"2.25.{_UID_MARK << 96 | _hash(value, key)}")


def _is_replaced(uid: str) -> bool:
    number = uid.removeprefix("2.25.")
    return number != uid and number.isdigit() and int(number) >> 96 == _UID_MARK


def _pseudonym(patient_id: str | None, key: str) -> str:
    if patient_id and _PSEUDONYM.fullmatch(patient_id):
        return patient_id  # one of ours already
    if not patient_id or not key:
        return ""
    return f"ANON-{_hash(patient_id, key) >> 32:016X}"


def _method() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    return code


def _changed(before: Dataset, after: Dataset) -> Iterator[tuple[BaseTag, str]]:
    for element in before:
        if element.is_empty:
            continue
        if element.tag not in after:
            yield element.tag, element.name
        elif element.VR == "SQ" and after[element.tag].value:
            items = zip(element.value, after[element.tag].value, strict=True)
            for item, cleaned in items:
                yield from _changed(item, cleaned)
        elif element.value != after[element.tag].value:
            yield element.tag, element.name
