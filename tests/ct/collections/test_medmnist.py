"""OrganAMNIST: read as its publisher split it, and nothing in it is run."""

import numpy as np
import pytest

from medvae_course.ct.collections import CollectionError, read_medmnist


def arrays():
    rng = np.random.default_rng(0)
    return {
        f"{part}_{kind}": rng.integers(0, high, (n, *shape), dtype=np.uint8)
        for part, n in (("train", 12), ("val", 5), ("test", 7))
        for kind, high, shape in (("images", 256, (28, 28)), ("labels", 11, (1,)))
    }


def test_parts_are_those_of_the_publisher(tmp_path):
    given = arrays()
    np.savez_compressed(tmp_path / "a.npz", **given)
    parts = read_medmnist(tmp_path / "a.npz")
    assert {name: len(part.images) for name, part in parts.items()} == {
        "train": 12,
        "validation": 5,
        "test": 7,
    }
    images = parts["validation"].images
    assert images.shape == (5, 28, 28, 1)
    assert images.dtype == np.float32
    assert np.array_equal(np.rint(images[..., 0] * 255), given["val_images"])
    assert np.array_equal(parts["test"].classes, given["test_labels"][:, 0])


@pytest.mark.parametrize(
    "change",
    [
        {"train_images": np.zeros((12, 28, 28, 3), np.uint8)},
        {"train_images": np.zeros((12, 28, 28))},
        {"train_images": np.zeros((0, 28, 28), np.uint8)},
        {"val_labels": np.zeros((4, 1), np.uint8)},
        {"val_labels": np.full((5, 1), 11, np.uint8)},
        {"test_labels": None},
        {"train_images": np.array([print] * 12, dtype=object)},
    ],
)
def test_file_of_another_kind_is_refused(tmp_path, change):
    given = {k: v for k, v in (arrays() | change).items() if v is not None}
    np.savez(tmp_path / "a.npz", **given)
    with pytest.raises(CollectionError, match="no MedMNIST file"):
        read_medmnist(tmp_path / "a.npz")


def test_damaged_file_and_bomb_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **arrays())
    content = path.read_bytes()
    for damaged in (content[:-100], content[:100], b"", b"<html>"):
        path.write_bytes(damaged)
        with pytest.raises(CollectionError):
            read_medmnist(path)
    np.savez_compressed(path, **arrays(), bomb=np.zeros(1 << 25, np.uint8))
    with pytest.raises(CollectionError, match="credible"):
        read_medmnist(path)
    with pytest.raises(CollectionError, match="download it again"):
        read_medmnist(tmp_path / "absent.npz")
