"""The commands `data audit` and `data card`, as a user or a script calls them."""

import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from medvae_course.cli import app
from medvae_course.ct.audit import RULES

from .planted import change


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_clean_set_ends_with_status_0(clean_dicom):
    result = call("data", "audit", clean_dicom)
    assert result.exit_code == 0, result.output
    assert result.stdout == "nothing found\n"


def test_status_follows_the_severity(dicom_set):
    for file in (dicom_set / "train" / "p0").glob("labels*"):
        file.unlink()  # a warning
    assert call("data", "audit", dicom_set).exit_code == 0
    result = call("data", "audit", dicom_set, "--fail-on", "warning")
    assert result.exit_code == 1
    for word in ("E01 warning", "train/p0", RULES["E01"].why, RULES["E01"].remedy):
        assert word in result.stdout
    assert result.stdout.endswith("1 warning\n")


def test_json_has_every_finding_with_its_rule(dicom_set):
    def name(dataset):
        dataset.PatientName = "Wintermute^Ann"

    change(dicom_set / "train" / "p0", name)
    result = call("data", "audit", dicom_set, "--json", "--fail-on", "warning")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["counts"] == {"error": 0, "warning": 1, "note": 0}
    (finding,) = found["findings"]
    assert finding["rule"] == "A02"
    assert finding["n"] == len(finding["where"]) == 4
    assert "(0010,0010)" in finding["value"]
    assert "Wintermute" not in result.stdout


@pytest.mark.parametrize("fault", ["no folder", "empty", "no image", "bad split"])
def test_what_cannot_be_audited_ends_with_status_2(tmp_path, clean_nifti, fault):
    folder, words = tmp_path / "set", []
    if fault != "no folder":
        folder.mkdir()
    if fault == "no image":
        (folder / "notes.txt").write_text("no image")
    if fault == "bad split":
        folder = clean_nifti
        (tmp_path / "split.json").write_text('{"train": ["p0"], "test": ["p0"]}')
        words = ["--splits", tmp_path / "split.json"]
    result = call("data", "audit", folder, *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("medvae-course: ")
    assert result.stdout == ""


def test_the_card_is_made_from_the_files(clean_dicom, tmp_path):
    out = tmp_path / "card.md"
    result = call("data", "card", clean_dicom, "--out", out, "--title", "Phantoms")
    assert result.exit_code == 0, result.output
    text = out.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == [
        *("Motivation", "Composition", "Collection process"),
        *("Preprocessing, cleaning", "Labels", "Splits", "Audit"),
        *("Uses", "Distribution", "Maintenance"),
    ]
    for line in (
        "| patients | 6 |",
        "| slices in readable volumes | 24 |",
        "| manufacturer | medvae\\_course: 6 |",
        "| slice distance, mm | 60 |",
        "| train | 4 | 4 | 16 |",
        f"None of {len(RULES)} rules found anything.",
    ):
        assert line in text
    assert re.search(r"^\| liver \| 6 \|", text, flags=re.MULTILINE)
    again = call("data", "card", clean_dicom, "--title", "Phantoms")
    assert again.stdout == text


def test_the_card_replaces_nothing_unasked(clean_nifti, tmp_path):
    out = tmp_path / "card.md"
    out.write_text("filled in by a person")
    result = call("data", "card", clean_nifti, "--out", out)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert out.read_text() == "filled in by a person"
    assert call("data", "card", clean_nifti, "--out", out, "--force").exit_code == 0
    assert out.read_text().startswith("# Data card: nifti")
    assert [path.name for path in tmp_path.iterdir()] == ["card.md"]


def test_the_card_holds_no_identifier_and_no_small_group(dicom_set):
    secrets = (
        "Wintermute",
        "ID77-secret",
        "19500131",
        "1.2.840.9999.1",
        "St Elsewhere",
    )

    def identify(dataset):
        dataset.PatientName, dataset.PatientID = f"{secrets[0]}^Ann", secrets[1]
        dataset.PatientBirthDate, dataset.StudyInstanceUID = secrets[2], secrets[3]
        dataset.InstitutionName = secrets[4]
        dataset.PatientSex, dataset.PatientAge = "F", "071Y"
        dataset.ManufacturerModelName = f"Scanner of {secrets[0]}"
        dataset.ConvolutionKernel = "B30f | [x](y)"

    change(dicom_set / "train" / "p0", identify)
    text = call("data", "card", dicom_set).stdout
    assert not [secret for secret in secrets if secret in text]
    assert "70–79" not in text
    assert "B30f \\| \\[x\\](y): 1" in text


def test_groups_of_five_are_told(dicom_set):
    def describe(dataset):
        dataset.PatientSex, dataset.PatientAge = "F", "071Y"

    shutil.rmtree(dicom_set / "test")
    for folder in dicom_set.glob("*/p*"):
        change(folder, describe)
    text = call("data", "card", dicom_set).stdout
    assert "| F | 5 |" in text
    assert "| 70–79 | 5 |" in text
