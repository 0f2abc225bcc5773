import numpy as np
import pytest

from medvae_course.ct import datasets, phantom
from medvae_course.ct.phantom.patient import make_body

FAST = {"shape": (3, 32, 32), "spacing_mm": (60.0, 12.8, 12.8)}


def test_patients_on_many_cores_are_those_of_one():
    made = list(phantom.make_patients(5, **FAST))
    assert [p.patient_id for p in made] == [f"phantom-{s:04d}" for s in range(5)]
    for seed, patient in enumerate(made):
        alone = phantom.make_patient(seed, **FAST)
        np.testing.assert_array_equal(patient.volume.hu, alone.volume.hu)
        np.testing.assert_array_equal(patient.labels, alone.labels)
        assert patient.factors == alone.factors


@pytest.mark.parametrize("name", list(phantom.PRESETS))
def test_presets_show_the_same_field_of_view(name):
    preset = phantom.PRESETS[name]
    sides = [n * mm for n, mm in zip(preset.shape, preset.spacing_mm, strict=True)]
    assert sides[1:] == pytest.approx([409.6, 409.6])
    assert 240 <= sides[0] <= 320
    assert preset.patients >= 3  # enough to split


def test_tiny_set_is_loaded_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path))
    dataset = datasets.load("phantom-tiny", image_size=16)
    assert dataset.name == "phantom-tiny"
    parts = (dataset.train, dataset.validation, dataset.test)
    assert sum(len(set(part.patients)) for part in parts) == 4
    assert sum(len(part.images) for part in parts) == 48


def test_arms_lie_beside_the_body_of_who_has_them_down():
    down = next(s for s in range(99) if phantom.draw_factors(s)["arms_down"])
    up = next(s for s in range(99) if not phantom.draw_factors(s)["arms_down"])
    share = {}
    for seed in (down, up):
        canvas, *_ = make_body(seed, (8, 64, 64), (16.0, 6.4, 6.4))
        share[seed] = np.mean(canvas.labels[4:, :, [0, 1, -2, -1]] > 0)
    assert share[down] > 0.05
    assert share[up] == 0


def test_contrast_phase_sets_which_blood_is_bright():
    seeds = {}
    for seed in range(99):
        seeds.setdefault(int(phantom.draw_factors(seed)["contrast_phase"]), seed)
    drawn = {phase: phantom.draw_factors(seeds[phase]) for phase in phantom.PHASES}
    assert drawn[0]["contrast"] == 0
    assert drawn[0]["blood_hu"] == drawn[0]["portal blood_hu"]
    assert drawn[1]["blood_hu"] > drawn[1]["hepatic blood_hu"] + 100
    assert drawn[1]["kidney_hu"] > drawn[1]["medulla_hu"] + 30
    assert abs(drawn[2]["blood_hu"] - drawn[2]["hepatic blood_hu"]) < 20
    assert drawn[2]["liver_hu"] > drawn[0]["liver_hu"]
