import pytest

from medvae_course.ct import phantom
from medvae_course.ct.labels.coding import colour, find_code


@pytest.mark.parametrize(
    ("name", "category", "kind", "side"),
    [
        ("Liver", "Anatomical Structure", "Liver", None),
        ("lungs", "Anatomical Structure", "Lung", None),
        ("RightParotid", "Anatomical Structure", "Parotid gland", "Right"),
        ("kidney_left", "Anatomical Structure", "Kidney", "Left"),
        ("SpinalCord", "Anatomical Structure", "Spinal cord", None),
        ("solid lung nodule", "Morphologically Abnormal Structure", "Nodule", None),
        ("muscle", "Tissue", "Muscle", None),
        ("delivery", "Tissue", "Tissue", None),
        ("liver margin 5 mm", "Tissue", "Tissue", None),
        ("", "Tissue", "Tissue", None),
    ],
)
def test_names_become_codes_or_tissue(name, category, kind, side):
    found = find_code(name)
    assert [code and code.meaning for code in found] == [category, kind, side]
    assert {code.scheme_designator for code in found if code} == {"SCT"}


def test_every_organ_of_the_phantom_has_a_code():
    for name in phantom.LABELS.values():
        if name != "background":
            assert find_code(name)[1].meaning != "Tissue", name


def test_colours_differ():
    assert len({colour(index) for index in range(60)}) == 60
    assert all(0 <= part <= 255 for index in range(60) for part in colour(index))
