"""A store is the same whoever reads the CT, also after its cluster was killed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ct.store import dask_build
from dask.distributed import Client

from medvae_course.ct import dicom, phantom, store
from medvae_course.ct.volume import Volume

N_SERIES = 200
SCRIPT = Path(dask_build.__file__)


def scan(seed: int):
    """Return a small scan with labels; a module's function can be pickled."""
    rng = np.random.default_rng(seed)
    hu = np.rint(rng.normal(40, 20, (5, 32, 32))).astype(np.float32)
    return Volume(hu, (3.0, 1.5, 1.5)), rng.integers(0, 4, hu.shape).astype(np.uint8)


def items(n: int = 5):
    return [store.Item(f"p{seed}", partial(scan, seed)) for seed in range(n)]


def arrays(built):
    return [built.hu[:], built.labels[:], built.position, built.patients]


@pytest.mark.parametrize("kind", ["processes", "dask threads"])
def test_other_workers_build_the_same_store(tmp_path, kind):
    by_threads = store.build(items(), tmp_path / "a", **dask_build.SETTINGS)
    ticks = []
    options = dask_build.SETTINGS | {"progress": ticks.append}
    if kind == "processes":
        with ProcessPoolExecutor(2) as executor:
            other = store.build(items(), tmp_path / "b", executor=executor, **options)
    else:
        with Client(processes=False, dashboard_address=None) as client:
            executor = client.get_executor(pure=False)
            other = store.build(items(), tmp_path / "b", executor=executor, **options)
    assert sum(ticks) == 5
    for one, two in zip(arrays(by_threads), arrays(other), strict=True):
        np.testing.assert_array_equal(one, two)


def test_workers_may_have_another_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ProcessPoolExecutor(1, initializer=os.chdir, initargs=("/",)) as executor:
        store.build(items(2), "s", executor=executor, **dask_build.SETTINGS)
    assert (tmp_path / "s").is_dir()


def test_the_rest_is_not_read_once_somebody_stops_the_build(tmp_path):
    read = []

    def noted(source):
        return store.Item(
            source.patient_id, lambda: read.append(source.patient_id) or source.read()
        )

    def stop(n):
        raise KeyboardInterrupt

    options = dask_build.SETTINGS | {"workers": 1, "progress": stop}
    with pytest.raises(KeyboardInterrupt):
        store.build(list(map(noted, items(50))), tmp_path / "s", **options)
    assert len(read) < 50
    assert not (tmp_path / "s").exists()


def start(folder, target, log):
    command = [sys.executable, SCRIPT, folder, target, log]
    return subprocess.Popen(command, start_new_session=True)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no groups to kill")
def test_a_cluster_killed_half_way_loses_nothing_and_repeats_nothing(
    tmp_path, monkeypatch
):
    folder, target, log = tmp_path / "ct", tmp_path / "store", tmp_path / "log"
    made = [
        phantom.make_patient(seed, shape=(4, 16, 16), spacing_mm=(60, 24, 24)).volume
        for seed in range(4)  # which takes longer than to read them
    ]
    for n in range(N_SERIES):
        volume = replace(made[n % 4], hu=made[n % 4].hu + n)  # no two are alike
        dicom.write_series(volume, folder / f"p{n:03}", patient_id=f"p{n:03}")
    parts = tmp_path / ".store.building"
    run = start(folder, target, log)
    deadline = time.monotonic() + 300
    while len(list(parts.glob("*.json"))) < N_SERIES // 2:
        if run.poll() is not None or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    ended = run.poll()
    os.killpg(run.pid, signal.SIGKILL)
    assert ended is None, "it ended before it was killed"
    run.wait()
    assert not target.exists()
    kept = len(list(parts.glob("*.json")))
    assert N_SERIES // 2 <= kept < N_SERIES
    begun = set(log.read_text().split())
    log.unlink()
    assert start(folder, target, log).wait() == 0
    assert not parts.exists()
    read = Counter(log.read_text().split())
    assert set(read.values()) == {1}
    assert len(read) == N_SERIES - kept  # what was kept is not read again
    assert len(begun | read.keys()) == N_SERIES
    # read in both runs is what each of the two workers had in its hands, no more
    assert len(begun & read.keys()) <= 2
    built = store.open_store(target)
    monkeypatch.setenv("LOG", str(log))
    again = store.build(
        dask_build.sources(folder), tmp_path / "other", **dask_build.SETTINGS
    )
    assert len(set(built.patients)) == N_SERIES
    np.testing.assert_array_equal(built.hu[:], again.hu[:])
