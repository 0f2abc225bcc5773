import numpy as np
import pytest

from medvae_course.ct.scanner import attenuation


@pytest.mark.parametrize(
    ("material", "kev", "per_cm"),
    [
        ("water", 60.0, 0.2059),  # a line of the table
        ("water", 70.0, 0.1929),  # XCOM, between two lines
        ("bone", 60.0, 0.3148 * 1.92),
    ],
)
def test_coefficients_are_those_of_nist(material, kev, per_cm):
    found = attenuation.attenuation_per_mm(material, kev)
    assert found == pytest.approx(per_cm / 10, rel=3e-4)


def test_the_effective_energy_is_the_one_of_the_constant():
    found = attenuation.attenuation_per_mm("water", attenuation.EFFECTIVE_KEV)
    assert found == pytest.approx(attenuation.MU_WATER_PER_MM, rel=1e-4)


def test_spectrum_holds_every_photon_once():
    assert sum(attenuation.SPECTRUM.values()) == pytest.approx(1.0)


def test_hu_and_attenuation_are_inverse_and_nothing_is_below_air():
    hu = np.array([-1000.0, -860.0, 0.0, 55.0, 3000.0])
    mu = attenuation.to_attenuation(hu)
    assert np.allclose(attenuation.from_attenuation(mu), hu, atol=1e-3)
    assert attenuation.to_attenuation(np.array([-1024.0])) == 0


def test_water_and_bone_mix_to_the_same_attenuation_and_grow_steadily():
    hu = np.linspace(-1000, 3000, 4001)
    water, bone = attenuation.to_water_and_bone(hu)
    mu = water * attenuation.MU_WATER_PER_MM
    mu = mu + bone * attenuation.attenuation_per_mm("bone", 70.0)
    assert np.allclose(attenuation.from_attenuation(mu), hu, atol=0.2)
    assert (np.diff(bone) >= 0).all()
    assert min(water.min(), bone.min()) >= 0
    assert bone[hu <= attenuation.BONE_FROM_HU].max() == 0


def test_beam_hardens_in_water_and_the_correction_undoes_it():
    length_mm = np.array([-5.0, 1.0, 100.0, 400.0])
    readings = attenuation.polyenergetic(length_mm, np.zeros(4))
    assert (np.diff(readings / length_mm)[1:] < 0).all()
    corrected = attenuation.correct_for_water(readings)
    assert np.allclose(corrected, length_mm * attenuation.MU_WATER_PER_MM, atol=1e-5)


def test_bone_hardens_more_than_the_correction_for_water_undoes():
    readings = attenuation.polyenergetic(np.array([200.0]), np.array([40.0]))
    mu_bone = attenuation.attenuation_per_mm("bone", 70.0)
    ideal = 200 * attenuation.MU_WATER_PER_MM + 40 * mu_bone
    assert attenuation.correct_for_water(readings)[0] < ideal - 0.05


def test_correction_keeps_the_type_of_its_readings():
    assert attenuation.correct_for_water(np.ones(3, np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("material", "kev", "match"),
    [("iron", 70.0, "material"), ("water", 5.0, "energy"), ("water", 511.0, "energy")],
)
def test_what_the_table_lacks_is_refused(material, kev, match):
    with pytest.raises(ValueError, match=match):
        attenuation.attenuation_per_mm(material, kev)
