import json

import curves
import numpy as np
import pytest

from medvae_course.ct.datasets import Dataset, Split
from medvae_course.teach.curves import recorded

NAMES = {0: "background", 1: "left", 2: "right"}
KEYS = {"points": [1, 0], "seeds": [0], "share": 0.001}


def patients(first, n):
    rng = np.random.default_rng(first)
    labels = np.zeros((3 * n, 16, 16), np.uint8)
    labels[:, 4:9, 2:6], labels[:, 4:9, 9:14] = 1, 2
    labels[::3] = 0
    images = 0.3 * labels[..., None] + 0.1 * rng.random((3 * n, 16, 16, 1))
    names = np.repeat([f"p{first + i}" for i in range(n)], 3)
    position = np.tile(np.array([0, 0.5, 1], np.float32), n)
    return Split(images.astype("float32"), labels, names, position)


@pytest.fixture
def data(monkeypatch):
    """Give nine patients of three small slices, and networks of their size."""
    monkeypatch.setattr(curves, "FILTERS", (3, 4))
    monkeypatch.setattr(curves, "LOOKS", 2)
    parts = {"train": (0, 4), "validation": (4, 2), "test": (6, 3)}
    splits = {name: patients(*numbers) for name, numbers in parts.items()}
    return Dataset("small", **splits, label_names=NAMES, pixel_mm=1.0)


@pytest.mark.slow
def test_grid_is_measured_once_and_a_cut_run_goes_on(data, tmp_path, monkeypatch):
    where = {"results": tmp_path / "small.jsonl", "cache": tmp_path / "cache"}
    methods = ["head", "pseudo", "scratch"]
    curves.run(data, methods=["head"], **KEYS | {"points": [1]}, **where)
    first = where["results"].read_text()
    records = curves.run(data, methods=methods, **KEYS, **where)
    assert where["results"].read_text().startswith(first)
    found = [(r["method"], r["patients"]) for r in records]
    assert found == [
        ("head", 1),
        ("scratch", 1),
        ("pseudo", 1),  # and none for all: nobody is left without a label
        ("head", 0),
        ("scratch", 0),
    ]
    assert [len(r["mean_dice"]) for r in records] == [3] * 5
    assert all(r["measured_on"] == "test" for r in records)
    assert records[0]["course"]["steps"] == [1, 2]
    monkeypatch.setattr(curves, "fit", None)  # whoever calls it now fails
    assert curves.run(data, methods=methods, **KEYS, **where) == records
    assert [p.name for p in tmp_path.glob("*.jsonl")] == ["small.jsonl"]
    assert not list(tmp_path.rglob("*half*"))
    assert "p0" not in first
    lines = curves.summary(records).splitlines()
    assert lines[0].split() == ["labelled", "patients", "1", "all"]
    assert lines[1].split() == ["pca", "–", "–"]


def test_trial_leaves_the_test_patients_alone(data, tmp_path, monkeypatch):
    monkeypatch.setattr(curves.datasets, "load", lambda *args, **options: data)
    monkeypatch.setattr(curves.views, "with_four_channels", lambda data, side: data)
    object.__setattr__(data, "test", None)
    arguments = (
        "--trial --share 0.001 --patients 1 --seeds 0 --methods linear --rate 0.1"
    )
    assert curves.main(arguments.split(), book=tmp_path / "book") == 0
    results = tmp_path / "build" / "curves" / "trial-0.001" / "small.jsonl"
    (record,) = [json.loads(line) for line in results.read_text().splitlines()]
    assert record["measured_on"] == "validation"
    assert record["rate"] == 0.1
    assert not (tmp_path / "medvae_course").exists()
    with pytest.raises(SystemExit):
        curves.main(["--rate", "0.1"], book=tmp_path / "book")


def test_labelled_patients_are_nested_and_drawn_by_the_seed(data, monkeypatch):
    seen = []
    monkeypatch.setattr(
        curves.segmenter_training,
        "train_segmenter",
        lambda model, images, labels, **options: seen.append(images),
    )
    order = np.random.default_rng(3).permutation(np.unique(data.train.patients))
    shared = curves.Shared(data, 3, None, None, order)
    method = curves.Method(lambda shared: None, rate=1.0, steps=1)
    for n in (1, 2, 0):
        curves.fit(method, shared, n, seed=3)
    one, two, all_of_them = (len(images) for images in seen)
    assert (one, two, all_of_them) == (3, 6, 12)
    assert all((seen[1] == image).all(axis=(1, 2, 3)).any() for image in seen[0])


def test_true_labels_are_a_third_of_what_a_student_sees(data, monkeypatch):
    seen = []
    monkeypatch.setattr(
        curves.segmenter_training,
        "train_segmenter",
        lambda model, images, labels, **options: seen.append(labels),
    )
    monkeypatch.setattr(
        curves.pseudo_labels,
        "pseudo_labels",
        lambda teacher, images: np.full(images.shape[:3], 255, np.uint8),
    )
    shared = curves.Shared(data, 3, None, None, np.unique(data.train.patients))
    method = curves.Method(lambda shared: None, rate=1.0, steps=1)
    curves.fit(method, shared, 1, seed=0, teacher="one")
    guessed = (seen[0] == 255).all(axis=(1, 2))
    assert guessed.sum() == 9
    assert 0.2 < (~guessed).mean() < 0.5


def test_organ_that_nobody_outlined_has_no_dice(data, monkeypatch):
    labels = data.test.labels.copy()
    predicted = labels.copy()
    labels[data.test.patients == "p7"] *= labels[data.test.patients == "p7"] != 2
    predicted[data.test.patients == "p8"] = 0
    split = Split(data.test.images, labels, data.test.patients, data.test.position)
    monkeypatch.setattr(
        curves.segmenter_training, "predict_labels", lambda model, images: predicted
    )
    dice = curves.dice_by_patient(None, split, NAMES)
    assert dice == {"left": [1.0, 1.0, 0.0], "right": [1.0, None, 0.0]}
    assert curves.mean_of_patients(dice) == [1.0, 1.0, 0.0]


def test_more_labels_get_more_steps(data, monkeypatch):
    seen = []
    monkeypatch.setattr(
        curves.segmenter_training,
        "train_segmenter",
        lambda *args, **options: seen.append(options["steps"]),
    )
    shared = curves.Shared(data, 3, None, None, np.unique(data.train.patients))
    method = curves.Method(lambda shared: None, rate=1.0, steps=100)
    for n in (1, 0):
        curves.fit(method, shared, n, seed=0)
    assert seen == [125, 200]


@pytest.mark.parametrize("name", ["phantom", "okbp_hn_dev"])
def test_recorded_curves_have_the_learning_rates_of_their_methods(name):
    # or trainings would be compared of which one was tuned and the other was not
    for record in recorded(name):
        assert record["rate"] == curves.METHODS[record["method"]].rate, record["method"]
