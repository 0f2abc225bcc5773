"""Rules as functions of facts: no file is read."""

import numpy as np
import pytest

from medvae_course.ct.audit import RULES, SEVERITIES, check, prints, read_split, summary
from medvae_course.ct.audit.facts import HU_EDGES, Facts, Header, Scan, Structure


def scans_with(**values):
    """Eight scans; each keyword gives one value per scan."""
    return tuple(
        Scan(f"p{i}", patient_id=f"p{i}", **{k: v[i] for k, v in values.items()})
        for i in range(8)
    )


def found(**facts):
    return [(f.rule, f.where) for f in check(Facts(**facts))]


def test_every_rule_is_complete_and_its_id_is_stable():
    assert list(RULES) == sorted(RULES)
    for rule in RULES.values():
        assert rule.severity in SEVERITIES
        assert rule.why[-1] in ".?"
        assert rule.remedy.endswith(".")
    assert [len([r for r in RULES if r[0] == group]) for group in "ABCDEF"] == [
        *(11, 6, 10, 7, 6, 5)
    ]


def test_spacing_is_held_against_the_median():
    spacing = [(3.0, 1.0, 1.0 + 0.01 * i) for i in range(8)]
    assert found(scans=scans_with(spacing_mm=spacing)) == []
    spacing[5] = (3.0, 1.0, 2.0)
    assert found(scans=scans_with(spacing_mm=spacing)) == [("D01", ("p5",))]


def test_two_kinds_of_slices_are_no_outliers_but_are_told():
    spacing = [(1.0, 1.0, 1.0)] * 4 + [(5.0, 1.0, 1.0)] * 4
    assert found(scans=scans_with(spacing_mm=spacing)) == [("D06", ())]


def test_an_organ_far_from_the_others_unless_the_scan_cuts_it():
    def organ(ml, hu, *, cut=False):
        return (Structure(1, "liver", ml, hu, cut),)

    organs = [organ(1400 + 50 * i, 50.0 + i) for i in range(8)]
    labelled = [True] * 8
    assert found(scans=scans_with(structures=organs, labelled=labelled)) == []
    organs[0] = organ(90.0, 50.0)
    organs[1] = organ(90.0, 50.0, cut=True)
    organs[2] = organ(1400.0, -700.0)
    assert found(scans=scans_with(structures=organs, labelled=labelled)) == [
        ("E05", ("p0",)),
        ("E06", ("p2",)),
    ]


def test_a_volume_that_is_lung_and_air_only_is_not_called_unscaled():
    histogram = np.zeros(len(HU_EDGES) - 1, int)
    histogram[np.searchsorted(HU_EDGES, -900)] = 100
    scan = Scan("p", low_hu=-1000, high_hu=1200, histogram=histogram)
    assert found(scans=(scan,)) == []


def series(n, *, step=(0, 0, 5), **tags):
    """Headers of an axial CT series."""
    tags = {"Modality": "CT", "PatientIdentityRemoved": "YES", **tags}
    return tuple(
        Header(
            f"s{i}.dcm",
            patient_id="p",
            uids={"Series Instance UID": "1", "SOP Instance UID": str(i)},
            tags=tags,
            position_mm=tuple(float(i * d) for d in step),
            orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        )
        for i in range(n)
    )


def test_gaps_tilt_and_thickness_from_positions():
    assert found(headers=series(5)) == []
    assert found(headers=series(5)[:2] + series(5)[3:])[0][0] == "D04"
    assert found(headers=series(9, step=(0, 2, 5)))[0][0] == "D05"
    assert found(headers=series(5, SliceThickness="2.5"))[0][0] == "D02"
    assert found(headers=series(5, SliceThickness="5")) == []


def test_derived_axial_slices_are_not_suspected_of_text():
    assert (
        found(headers=series(3, ImageType="DERIVED\\SECONDARY\\AXIAL", Rows="9")) == []
    )
    us = series(1, Modality="US", Rows="9")
    assert "A10" in {rule for rule, _ in found(headers=us)}
    us = series(1, Modality="US", Rows="9", BurnedInAnnotation="NO")
    assert "A10" not in {rule for rule, _ in found(headers=us)}


def test_slices_of_different_patients_stay_below_the_limit(audit_patients):
    volumes = [patient.volume.hu for patient in audit_patients]
    made = [prints.fingerprints(hu) for hu in volumes]
    coarse, fine = (np.concatenate([one[i] for one in made]) for i in (1, 2))
    groups = np.repeat(range(6), [len(one[0]) for one in made])
    pairs = list(prints.near_duplicates(coarse, fine, groups, limit=0.0))
    assert len(pairs) > len(coarse) / 2
    assert max(score for *_, score in pairs) < prints.LIMIT


def test_real_patients_stay_far_below_the_limit(shared_ct):
    from medvae_course.ct import nifti

    files = sorted((shared_ct / "okbp_hn_dev").glob("pt_*/ct.nii.gz"))[:6]
    made = [prints.fingerprints(nifti.read_nifti(file).hu[::4]) for file in files]
    coarse, fine = (np.concatenate([one[i] for one in made]) for i in (1, 2))
    groups = np.repeat(range(len(made)), [len(one[0]) for one in made])
    scores = [s for *_, s in prints.near_duplicates(coarse, fine, groups, limit=0.0)]
    assert 0.5 < max(scores) < 0.87


def test_split_files_in_each_form(tmp_path):
    forms = {
        "a.csv": "patient_id,split\nx,training\ny,val\n",
        "b.csv": "x,train\ny,validation\n",
        "c.csv": "split,case\ntrain,x\nvalid,y\n",
        "d.json": '{"x": "train", "y": "val"}',
        "e.json": '{"train": ["x"], "val": ["y"]}',
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
        assert read_split(tmp_path / name) == {"x": "train", "y": "validation"}, name


@pytest.mark.parametrize("text", ["", "one column", "{"])
def test_split_files_that_say_nothing(tmp_path, text):
    for name in ("a.csv", "a.json"):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match="patient"):
            read_split(tmp_path / name)


def test_small_groups_of_people_are_not_counted():
    def person(i, sex):
        return Header(f"{i}", patient_id=str(i), tags={"PatientSex": sex})

    people = [person(i, "F" if i < 6 else "M") for i in range(10)]
    assert summary.people(people) == {}
    people.append(person(10, "M"))
    assert summary.people(people) == {"sex": {"F": 6, "M": 5}}


def test_the_documentation_lists_every_rule(root):
    page = (root / "book" / "api" / "cli.md").read_text(encoding="utf-8")
    for rule in RULES.values():
        row = (rule.id, rule.severity, rule.title, f"{rule.why} {rule.remedy}")
        assert f"| {' | '.join(row)} |" in page
