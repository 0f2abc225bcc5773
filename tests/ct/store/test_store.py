"""A store holds what its sources hold, whole or not at all, and stays out of memory."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from medvae_course.ct import datasets, hounsfield, patients, phantom, store
from medvae_course.ct.field_of_view import shows_body, square
from medvae_course.ct.nifti import write_nifti
from medvae_course.ct.volume import Volume

SETTINGS = {"side_mm": 48.0, "pixels": 24}


def scan(seed: int, depth: int = 6):
    rng = np.random.default_rng(seed)
    hu = np.rint(rng.normal(40, 20, (depth, 32, 32))).astype(np.float32)
    hu[:, :4] = -1000
    hu[0] = -1000  # shows no body
    labels = rng.integers(0, 4, hu.shape).astype(np.uint8)
    return Volume(hu, (3.0, 1.5, 1.5)), labels


def item(name: str, seed: int, *, labelled: bool = True, depth: int = 6) -> store.Item:
    def read():
        volume, labels = scan(seed, depth)
        return volume, labels if labelled else None

    return store.Item(name, read)


def items(n: int = 4) -> list[store.Item]:
    return [item(f"p{seed}", seed, depth=5 + seed) for seed in range(n)]


class Failing(store.Item):
    def __init__(self, name):
        super().__init__(name, self._fail)

    def _fail(self):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("workers", [1, 3])
def test_store_holds_every_slice_with_its_patient_and_labels(tmp_path, workers):
    built = store.build(items(), tmp_path / "s", workers=workers, **SETTINGS)
    row = 0
    for seed in range(4):
        volume, labels = scan(seed, 5 + seed)
        hu = square(volume, 48.0, 24)
        kept = shows_body(hu)
        assert not kept[0]
        grid = Volume(labels.astype(np.float32), volume.spacing_mm)
        rows = slice(row, row + kept.sum())
        assert np.array_equal(built.hu[rows], np.rint(hu[kept]).astype(np.int16))
        assert np.array_equal(built.labels[rows], square(grid, 48.0, 24, order=0)[kept])
        assert set(built.patients[rows]) == {f"p{seed}"}
        assert np.array_equal(built.rows_of([f"p{seed}"]), np.arange(len(built))[rows])
        assert np.allclose(built.position[rows], np.linspace(0, 1, len(kept))[kept])
        row += kept.sum()
    assert row == len(built) == len(built.hu) == len(built.labels)
    assert np.allclose(built.spacing_mm, (3.0, 2.0, 2.0))
    assert built.hu.dtype == np.int16
    assert built.labels.dtype == np.uint8


def test_opened_store_is_read_only_and_equal(tmp_path):
    built = store.build(items(), tmp_path / "s", label_names={1: "liver"}, **SETTINGS)
    again = store.open_store(tmp_path / "s")
    assert np.array_equal(again.hu[:], built.hu[:])
    assert again.label_names == {1: "liver"}
    with pytest.raises(ValueError, match="read-only"):
        again.hu.array[0] = 0
    part = again.hu[[3, 1]]
    part[:] = 0  # a copy
    assert again.hu[3].any()
    files = {path.name for path in (tmp_path / "s").iterdir()}
    assert files == {"hu.npy", "labels.npy", "position.npy", "index.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_patients_without_labels_give_a_store_without(tmp_path):
    sources = [item("a", 0, labelled=False), item("b", 1, labelled=False)]
    built = store.build(sources, tmp_path / "s", **SETTINGS)
    assert built.labels is None


def test_labels_for_some_only_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(store.StoreError, match="missing for b"):
        store.build(
            [item("a", 0), item("b", 1, labelled=False)], tmp_path / "s", **SETTINGS
        )
    assert not (tmp_path / "s").exists()


def test_sources_come_in_the_order_of_patients(tmp_path):
    built = store.build(items()[::-1], tmp_path / "s", **SETTINGS)
    assert built.patients.tolist() == sorted(built.patients)


def test_second_call_reads_nothing_and_a_change_builds_anew(tmp_path):
    read = []

    def counted(name, seed):
        def scan_and_count():
            read.append(name)
            return scan(seed)

        return store.Item(name, scan_and_count)

    sources = [counted("a", 0), counted("b", 1)]
    for expected, changes in (
        (2, {}),
        (2, {}),
        (4, {"key": "other"}),
        (6, {"pixels": 16}),
        (8, {"label_names": {1: "x"}}),
    ):
        built = store.build(sources, tmp_path / "s", **SETTINGS | changes)
        assert len(read) == expected
        assert built.hu.shape[1] == changes.get("pixels", 24)


def test_interrupted_build_goes_on_with_what_is_missing(tmp_path):
    whole = store.build(items(), tmp_path / "whole", **SETTINGS)
    with pytest.raises(OSError, match="No space"):
        store.build(
            [*items()[:3], Failing("p3")], tmp_path / "s", workers=1, **SETTINGS
        )
    assert not (tmp_path / "s").exists()
    read = []

    def noted(source):
        return store.Item(
            source.patient_id, lambda: read.append(source.patient_id) or source.read()
        )

    built = store.build(list(map(noted, items())), tmp_path / "s", **SETTINGS)
    assert read == ["p3"]
    assert np.array_equal(built.hu[:], whole.hu[:])


def test_changed_file_is_decoded_again(tmp_path):
    folder = tmp_path / "ct"
    for seed in range(3):
        (folder / f"p{seed}").mkdir(parents=True)
        volume, labels = scan(seed)
        write_nifti(folder / f"p{seed}" / "ct.nii.gz", volume.hu, volume)
        write_nifti(folder / f"p{seed}" / "seg.nii.gz", labels, volume)
    sources = patients.find_patients(folder)
    first = store.build(sources, tmp_path / "s", **SETTINGS)
    assert np.array_equal(first.hu[:5], np.rint(square(scan(0)[0], 48.0, 24))[1:])
    volume, _ = scan(9)
    write_nifti(folder / "p0" / "ct.nii.gz", volume.hu, volume)
    second = store.build(sources, tmp_path / "s", **SETTINGS)
    assert not np.array_equal(second.hu[:5], np.rint(square(scan(0)[0], 48.0, 24))[1:])
    assert np.array_equal(second.hu[5:], first.hu[5:])


@pytest.mark.parametrize(
    ("sources", "changes"),
    [
        ([], {}),
        (items(1), {"pixels": 0}),
        (items(1), {"side_mm": 0.0}),
        (items(1), {"workers": 0}),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, sources, changes):
    with pytest.raises(store.StoreError, match="needs sources"):
        store.build(sources, tmp_path / "s", **SETTINGS | changes)
    assert not list(tmp_path.iterdir())


def test_scans_of_air_are_refused(tmp_path):
    air = store.Item(
        "a", lambda: (Volume(np.full((3, 8, 8), -1000.0), (1, 1, 1)), None)
    )
    with pytest.raises(store.StoreError, match="no slice shows a body"):
        store.build([air], tmp_path / "s", **SETTINGS)


def test_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    with pytest.raises(store.StoreError, match="no store"):
        store.build(items(1), tmp_path / "mine", **SETTINGS)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "words"


def cut(path):
    path.write_bytes(path.read_bytes()[:-500])


def shorten(path):
    np.save(path, np.load(path)[:-1])


def pickled(path):
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize("name", ["hu.npy", "labels.npy", "position.npy"])
@pytest.mark.parametrize("damage", [cut, shorten, pickled])
def test_damaged_arrays_are_refused(tmp_path, name, damage):
    store.build(items(12), tmp_path / "s", **SETTINGS)
    if name == "position.npy" and damage is cut:
        damage = shorten
    damage(tmp_path / "s" / name)
    with pytest.raises(store.StoreError, match="damaged"):
        store.open_store(tmp_path / "s")


@pytest.mark.parametrize("text", ["", "{}", "[1]", json.dumps({"made_of": "x"})])
def test_damaged_index_is_refused(tmp_path, text):
    store.build(items(1), tmp_path / "s", **SETTINGS)
    (tmp_path / "s" / "index.json").write_text(text)
    with pytest.raises(store.StoreError, match="damaged"):
        store.open_store(tmp_path / "s")


def test_store_holds_what_the_data_set_of_the_same_folder_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "ct"
    for seed in range(4):
        (folder / f"p{seed}").mkdir(parents=True)
        volume, labels = scan(seed)
        write_nifti(folder / f"p{seed}" / "ct.nii.gz", volume.hu, volume)
        write_nifti(folder / f"p{seed}" / "seg.nii.gz", labels, volume)
    data = datasets.load(folder, image_size=24)
    built = store.build(patients.find_patients(folder), tmp_path / "s", **SETTINGS)
    for part in (data.train, data.validation, data.test):
        rows = built.rows_of(part.patients)
        assert built.patients[rows].tolist() == part.patients.tolist()
        half_hu = 0.51 / data.width_hu
        model = store.tabulate(hounsfield.to_model_units)(built.hu[rows])
        np.testing.assert_allclose(model, part.images, atol=half_hu)
        assert np.array_equal(built.labels[rows], part.labels)
        assert np.allclose(built.position[rows], part.position)


def test_phantoms_are_stored(tmp_path):
    def read(seed):
        made = phantom.make_patient(
            seed, shape=(4, 32, 32), spacing_mm=(40, 12.8, 12.8)
        )
        return made.volume, made.labels

    sources = [store.Item(f"phantom-{n}", partial(read, n)) for n in range(2)]
    built = store.build(
        sources, tmp_path / "s", side_mm=409.6, pixels=32, label_names=phantom.LABELS
    )
    volume, labels = read(1)
    rows = built.rows_of(["phantom-1"])
    assert np.array_equal(built.hu[rows], np.rint(volume.hu[-len(rows) :]))
    assert np.array_equal(built.labels[rows], labels[-len(rows) :])
    assert built.label_names == dict(phantom.LABELS)


def test_table_gives_what_the_function_gives_for_every_whole_hu():
    every = np.arange(-32768, 32768).astype(np.int16).reshape(256, 256)
    looked_up = store.tabulate(hounsfield.to_model_units)(every)
    assert looked_up.dtype == np.float32
    assert np.array_equal(looked_up[..., 0], hounsfield.to_model_units(every))
    assert np.array_equal(
        store.tabulate(hounsfield.to_model_units)(every[::3, ::2]),
        hounsfield.to_model_units(every[::3, ::2])[..., None],
    )
    with pytest.raises(ValueError, match="int16"):
        store.tabulate(hounsfield.to_model_units)(np.zeros(3, np.float32))


READ_ALL = """
import sys
from pathlib import Path
from medvae_course.ct import store

def resident_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(l for l in lines if l.startswith("VmRSS")).split()[1]) / 1024

opened = store.open_store(sys.argv[1])
opened.hu[:64].sum()
before = resident_mib()
for start in range(0, len(opened), 64):
    opened.hu[start : start + 64].sum()
print(len(opened), opened.hu.array.nbytes / 2**20, resident_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_reading_a_large_store_takes_no_memory(tmp_path):
    volume = Volume(np.zeros((256, 128, 128), np.float32), (1.0, 1.0, 1.0))
    sources = [store.Item(f"p{n}", lambda: (volume, None)) for n in range(8)]
    store.build(sources, tmp_path / "s", side_mm=128.0, pixels=128)
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, tmp_path / "s"],
        capture_output=True,
        text=True,
        check=True,
    )
    n, stored_mib, grown_mib = map(float, done.stdout.split())
    assert (n, stored_mib) == (2048, 64.0)
    assert grown_mib < 6.4
