"""The program that measures real tumours, on tumours that are made up."""

import numpy as np
import pytest
import real_tumours


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(4), 12)
    images = (0.6 + 0.02 * rng.normal(size=(48, 24, 24))).astype("float32")
    masks = np.zeros(images.shape, bool)
    masks[::2, 6:10, 6:10] = True  # every second slice
    images[masks] += 0.2
    arrays = images, masks, np.ones(masks.shape, bool), patients
    return real_tumours.measured("made up", arrays, networks=False)


def test_bright_tumours_are_found_by_the_threshold(records):
    found = {record["score"]: record for record in records}
    assert set(found) == {"threshold", "roughness", "mean image", "PCA"}
    assert found["threshold"]["auprc"][0] > 0.9
    assert found["roughness"]["auprc"][0] < found["threshold"]["auprc"][0]
    assert found["threshold"]["dice"][0] > 0.9


def test_records_hold_numbers_only_and_in_order(records):
    for record in records:
        assert record["patients"] == 4
        assert record["prevalence"] == pytest.approx(16 / 24**2 / 2)
        for estimate, low, high in (record["auprc"], record["dice"]):
            assert low <= estimate <= high


def test_settings_are_chosen_without_the_patient_that_is_scored(records):
    """A patient of other brightness is missed: the others chose the level."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(4), 12)
    images = (0.6 + 0.02 * rng.normal(size=(48, 24, 24))).astype("float32")
    masks = np.zeros(images.shape, bool)
    masks[::2, 6:10, 6:10] = True
    images[masks] += np.where(patients == 0, -0.15, 0.2)[masks.nonzero()[0]]
    arrays = images, masks, np.ones(masks.shape, bool), patients
    chosen = {
        patient: score
        for name, patient, (score, _) in real_tumours.left_out(arrays, False)
        if name == "threshold"
    }
    first = masks & (patients == 0)[:, None, None]
    other = masks & (patients == 1)[:, None, None]
    assert chosen[0][first].mean() < chosen[1][other].mean()
