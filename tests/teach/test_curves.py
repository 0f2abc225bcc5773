"""The recorded curves say what was measured, and means and leads are theirs."""

import numpy as np
import pytest

from medvae_course.teach import curves

POINTS = {1, 2, 4, 8, 16, 0}  # 0 stands for all
RECORDS = [
    {"method": "a", "patients": 1, "seed": 1, "mean_dice": [0.4, 0.6, 0.8]},
    {"method": "a", "patients": 1, "seed": 0, "mean_dice": [0.2, 0.4, 0.6]},
    {"method": "a", "patients": 0, "seed": 0, "mean_dice": [0.9, 0.9, 0.9]},
    {"method": "b", "patients": 1, "seed": 0, "mean_dice": [0.1, 0.3, 0.5]},
]


def test_means_go_over_seeds_and_keep_patients_apart():
    np.testing.assert_allclose(
        curves.by_seed(RECORDS, "a", 1), [[0.2, 0.4, 0.6], [0.4, 0.6, 0.8]]
    )
    np.testing.assert_allclose(curves.by_patient(RECORDS, "a", 1), [0.3, 0.5, 0.7])


def test_curve_runs_from_few_to_all():
    found = curves.curve(RECORDS, "a")
    assert list(found) == [1, 0]
    assert found[1].estimate == pytest.approx(0.5)
    assert found[1].low < 0.5 < found[1].high


def test_lead_is_taken_patient_by_patient_over_the_seeds_of_both():
    # "a" was measured with the seeds 0 and 1, "b" with 0 alone
    found = curves.lead(RECORDS, "a", "b", 1)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))
    others = [r | {"seed": 7} for r in RECORDS if r["method"] == "b"]
    with pytest.raises(ValueError, match="same seed"):
        curves.lead([r for r in RECORDS if r["method"] == "a"] + others, "a", "b", 1)


def test_what_nobody_measured_is_said():
    with pytest.raises(ValueError, match="nobody measured 'b' with 4"):
        curves.by_seed(RECORDS, "b", 4)
    with pytest.raises(ValueError, match="choose from"):
        curves.recorded("../secrets")


@pytest.mark.parametrize("name", [p.stem for p in curves.FOLDER.glob("*.jsonl")])
def test_recorded_curves_are_whole_and_name_no_patient(name):
    records = curves.recorded(name)
    keys = [(r["method"], r["patients"], r["seed"]) for r in records]
    assert len(set(keys)) == len(keys)
    assert {r["measured_on"] for r in records} == {"test"}
    n_test = {len(r["mean_dice"]) for r in records}
    assert len(n_test) == 1
    for record in records:
        table = np.array(list(record["dice"].values()), dtype=float)
        np.testing.assert_allclose(
            np.nanmean(table, axis=0), record["mean_dice"], atol=1e-4
        )
        assert max(record["course"]["dice"]) > 0
    assert "pt_" not in (curves.FOLDER / f"{name}.jsonl").read_text("utf-8")


@pytest.mark.parametrize("name", ["phantom", "okbp_hn_dev"])
def test_six_methods_were_measured_with_the_same_labelled_patients(name):
    first = [r for r in curves.recorded(name) if r["seed"] == 0]
    for method in ("pca", "linear", "head", "scratch", "finetuned"):
        assert set(curves.curve(first, method)) == POINTS
    # with all labelled nobody is left to be guessed
    tried = {"phantom": {1, 2, 4, 8, 16}, "okbp_hn_dev": {1, 2, 4}}
    assert set(curves.curve(first, "pseudo")) == tried[name]


@pytest.mark.parametrize("name", ["phantom", "okbp_hn_dev"])
@pytest.mark.parametrize("method", ["head", "scratch", "finetuned"])
def test_what_is_drawn_was_measured_with_three_draws_at_each_point(name, method):
    records = curves.recorded(name)
    draws = {n: len(curves.by_seed(records, method, n)) for n in POINTS}
    assert draws == dict.fromkeys(POINTS, 3)


@pytest.mark.parametrize(
    ("name", "one", "two"), [("phantom", 0.01, 0.01), ("okbp_hn_dev", -0.03, -0.05)]
)
def test_leads_of_the_frozen_head_are_those_that_chapter_15_says(name, one, two):
    records = curves.recorded(name)
    leads = {n: curves.lead(records, "head", "scratch", n) for n in POINTS}
    assert leads[1].estimate == pytest.approx(one, abs=0.006)
    assert leads[2].estimate == pytest.approx(two, abs=0.006)
    assert all(leads[n].high < 0 for n in (8, 16, 0))
