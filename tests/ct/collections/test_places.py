"""A collection is found by name when it is complete; else the command is named."""

import json

import numpy as np
import pytest

from medvae_course.ct import datasets
from medvae_course.ct.collections import (
    SCRIPTS,
    CollectionError,
    Lock,
    collection_dir,
    find_collection,
    finish_collection,
    read_registry,
)
from medvae_course.ct.nifti import write_nifti
from medvae_course.ct.volume import Volume


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_absent_collection_names_its_script(name, root):
    with pytest.raises(CollectionError, match=f"is not here.*\n.*{SCRIPTS[name]}"):
        find_collection(name)
    assert (root / "data_scripts" / SCRIPTS[name]).is_file()


def test_unfinished_collection_says_so():
    collection_dir("lctsc").mkdir(parents=True)
    with pytest.raises(CollectionError, match="not downloaded to its end"):
        find_collection("lctsc")
    with pytest.raises(CollectionError, match="download_openkbp"):
        datasets.load("openkbp")


def test_finished_collection_is_loaded_by_name():
    folder = collection_dir("openkbp")
    for patient in range(4):
        (folder / f"pt_{patient}").mkdir(parents=True)
        volume = Volume(np.full((6, 20, 20), 40.0), (3.0, 4.0, 4.0))
        labels = np.ones((6, 20, 20), np.uint8)
        write_nifti(folder / f"pt_{patient}" / "ct.nii.gz", volume.hu, volume)
        write_nifti(folder / f"pt_{patient}" / "oar.nii.gz", labels, volume)
    (folder / "labels.json").write_text(json.dumps({"1": "Brainstem"}))
    finish_collection(folder, {"name": "OpenKBP"})
    assert find_collection("openkbp") == folder
    data = datasets.load("openkbp", image_size=16)
    assert data.name == "openkbp"
    assert data.label_names == {1: "Brainstem"}
    assert {*data.train.patients} | {*data.test.patients} < {
        f"pt_{n}" for n in range(4)
    }


def test_unknown_name_lists_what_there_is():
    with pytest.raises(CollectionError, match="openkbp, lctsc"):
        find_collection("imagenet")


@pytest.mark.parametrize("name", ["../x", "/etc", "", "A", "a/b"])
def test_name_is_no_path(name):
    with pytest.raises(ValueError, match="letters and digits"):
        collection_dir(name)


def test_lock_keeps_the_first_hash_and_compares_the_next(tmp_path):
    lock = Lock(tmp_path / "deep" / "lock.json", {"known": "sha256:aa"})
    assert lock.verify("known", "sha256:aa")
    assert not lock.path.exists()
    assert not lock.verify("new", "sha256:bb")
    assert not Lock(lock.path, {}).verify("new", "sha256:bb")
    for name, found in (("known", "sha256:ab"), ("new", "sha256:ba")):
        with pytest.raises(CollectionError, match=f"{name} must have"):
            lock.verify(name, found)
    assert json.loads(lock.path.read_text()) == {"new": "sha256:bb"}


@pytest.mark.parametrize("text", ["", "[1]", "{", '"x"'])
def test_damaged_lock_is_never_overwritten(tmp_path, text):
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(CollectionError, match="cannot be read"):
        Lock(tmp_path / "lock.json", {}).verify("new", "sha256:bb")
    assert (tmp_path / "lock.json").read_text() == text


def test_registry_is_read_and_damage_refused(tmp_path, root):
    registry = read_registry(root / "data_scripts" / "registry.txt")
    assert len([name for name in registry if name.startswith("openkbp/pt_")]) == 40
    kinds = {value.partition(":")[0]: name for name, value in registry.items()}
    assert kinds.keys() == {"sha256", "md5"}
    (tmp_path / "registry.txt").write_text("one two three four\n")
    with pytest.raises(CollectionError, match="registry"):
        read_registry(tmp_path / "registry.txt")
    with pytest.raises(CollectionError, match="registry"):
        read_registry(tmp_path / "absent.txt")
