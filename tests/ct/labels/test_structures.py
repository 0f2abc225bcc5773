import numpy as np
import pytest

from medvae_course.ct.labels import LabelError, LabelMap, Structures
from medvae_course.ct.volume import Volume

VOLUME = Volume(np.zeros((2, 4, 4)), spacing_mm=(5, 1, 1))


def _mask(*index):
    mask = np.zeros(VOLUME.shape, dtype=bool)
    mask[index] = True
    return mask


def _both():
    return Structures(
        {"lung": _mask(0), "nodule": _mask(0, slice(0, 2), 0)}, VOLUME, ("seen",)
    )


def test_what_comes_later_lies_in_front_and_is_counted():
    found = _both().to_labels()
    assert found.names == {1: "lung", 2: "nodule"}
    assert found.labels.dtype == np.uint8
    assert (found.labels == 1).sum() == 14
    assert (found.labels == 2).sum() == 2
    assert found.overlaps == {("lung", "nodule"): 2}


def test_a_table_decides_values_order_and_what_is_left_out():
    found = _both().to_labels({0: "air", 9: "lung", 4: "nodule", 7: "liver"})
    assert found.names == {4: "nodule", 9: "lung"}
    assert set(np.unique(found.labels)) == {0, 9}  # the lung lies in front
    assert found.overlaps == {("nodule", "lung"): 2}
    assert _both().to_labels({1: "heart"}).labels.max() == 0


def test_many_labels_take_two_bytes():
    found = _both().to_labels({1: "lung", 300: "nodule"})
    assert found.labels.dtype == np.uint16
    assert found.labels.max() == 300


@pytest.mark.parametrize("table", [{-1: "lung"}, {70000: "lung"}, {1: "a", 2: "a"}])
def test_impossible_tables_are_refused(table):
    with pytest.raises(LabelError, match="label values|one value"):
        _both().to_labels(table)


def test_masks_must_lie_on_the_grid():
    with pytest.raises(LabelError, match=r"'liver' must be bool .* \(2, 4, 4\)"):
        Structures({"liver": np.zeros((2, 4, 5), bool)}, VOLUME)
    with pytest.raises(LabelError, match="uint8"):
        Structures({"liver": np.zeros((2, 4, 4), np.uint8)}, VOLUME)
    with pytest.raises(LabelError, match="uint8 or uint16"):
        LabelMap(np.zeros((2, 4, 4), np.int64), {}, VOLUME)


def test_labels_become_structures_again():
    labels = np.zeros(VOLUME.shape, np.uint8)
    labels[0], labels[1, 0] = 3, 8
    found = LabelMap(labels, {0: "none", 3: "liver", 5: "liver"}, VOLUME)
    masks = found.to_structures().masks
    assert list(masks) == ["liver", "liver (2)", "label 8"]
    assert masks["liver"].sum() == 16
    assert masks["liver (2)"].sum() == 0
    assert masks["label 8"].sum() == 4


def test_nothing_can_be_changed_afterwards():
    masks = {"lung": _mask(0)}
    found = Structures(masks, VOLUME)
    masks["liver"] = _mask(1)
    assert list(found.masks) == ["lung"]
    with pytest.raises(TypeError):
        found.masks["liver"] = _mask(1)
