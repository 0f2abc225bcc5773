import errno
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from medvae_course.ct import cache


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def _arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {"images": rng.random((50, 8, 8)), "patients": np.array(["a", "b", "cc"])}


def _refuse():
    raise AssertionError("prepared twice")


def _assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def test_second_call_reads_what_the_first_prepared(folder):
    first = cache.cached("key", _arrays)
    _assert_same(cache.cached("key", _refuse), first)
    assert [path.suffix for path in folder.iterdir()] == [".npz"]


def test_another_key_is_prepared_anew():
    cache.cached("key", _arrays)
    _assert_same(cache.cached("other", lambda: _arrays(1)), _arrays(1))


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "flipped", "npy"])
def test_damaged_file_is_made_anew(folder, damage):
    cache.cached("key", _arrays)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[500] ^= 0xFF
    contents = {
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
        "garbage": b"no zip at all",
        "flipped": bytes(flipped),
        "npy": b"\x93NUMPY\x01\x00",
    }
    path.write_bytes(contents[damage])
    _assert_same(cache.cached("key", _arrays), _arrays())
    _assert_same(cache.cached("key", _refuse), _arrays())


class _Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_pickle_in_the_place_of_the_file_is_never_loaded(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    cache.cached("key", _arrays)
    (path,) = folder.iterdir()
    path.write_bytes(pickle.dumps(_Bomb()))
    _assert_same(cache.cached("key", _arrays), _arrays())
    with path.open("wb") as stream:
        np.savez(stream, images=np.array([_Bomb()], dtype=object))
    _assert_same(cache.cached("key", _arrays), _arrays())
    assert not (tmp_path / "exploded").exists()


def test_full_disk_names_folder_and_variable_and_leaves_nothing(folder, monkeypatch):
    def full(path, **arrays):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.np, "savez", full)
    with pytest.raises(OSError, match="MEDVAE_DATA_DIR") as caught:
        cache.cached("key", _arrays)
    assert str(folder) in str(caught.value)
    assert caught.value.errno == errno.ENOSPC
    assert list(folder.iterdir()) == []


def test_interrupted_writing_leaves_nothing(folder, monkeypatch):
    def interrupt(path, **arrays):
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.np, "savez", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cache.cached("key", _arrays)
    assert list(folder.iterdir()) == []


def test_place_that_is_no_folder_is_said_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(OSError, match="MEDVAE_DATA_DIR"):
        cache.cached("key", _refuse)


def test_user_cache_is_the_default(monkeypatch):
    monkeypatch.delenv("MEDVAE_DATA_DIR")
    assert cache.cache_dir().name == "medvae_course"


PREPARE = """
import numpy as np
from medvae_course.ct import cache
arrays = {"images": np.full((400, 64, 64), 2.0)}
print(cache.cached("shared", lambda: arrays)["images"].mean())
"""


def test_threads_that_prepare_at_once_corrupt_nothing(folder):
    def mean(value):
        arrays = {"images": np.full((400, 64, 64), value)}
        return cache.cached("shared", lambda: arrays)["images"].mean()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(mean, [1.0, 1.0, 1.0, 1.0])) == {1.0}
    assert len(list(folder.iterdir())) == 1


def test_processes_that_prepare_at_once_corrupt_nothing(folder):
    workers = [
        subprocess.Popen([sys.executable, "-c", PREPARE], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    answers = [worker.communicate()[0].split() for worker in workers]
    assert answers == [[b"2.0"]] * 3
    assert cache.cached("shared", _refuse)["images"].mean() == 2.0
    assert len(list(folder.iterdir())) == 1


def test_code_version_changes_with_the_code(tmp_path, monkeypatch):
    module = tmp_path / "cache.py"
    module.write_text("x = 1\n")
    monkeypatch.setattr(cache, "__file__", str(module))
    before = cache.code_version()
    assert cache.code_version() == before
    module.write_text("x = 2\n")
    assert cache.code_version() != before
