"""Build a store on a Dask cluster of two processes, and log each CT that is read.

python dask_build.py FOLDER STORE LOG
"""

import os
import sys
from pathlib import Path

from dask.distributed import Client, LocalCluster

from medvae_course.ct import patients, store

SETTINGS = {"side_mm": 48.0, "pixels": 24}


class Logged(patients.Source):
    """A source that leaves a line in a file when it is read."""

    def read(self):
        line = f"{self.patient_id}\n".encode()
        log = os.open(os.environ["LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, line)
        os.close(log)
        return super().read()


def sources(folder: str) -> list[Logged]:
    """Every patient of a folder."""
    found = patients.find_patients(Path(folder))
    return [Logged(s.patient_id, s.image, s.labels, s.names) for s in found]


def main(folder: str, target: str, log: str) -> None:
    """Build the store, and say so when it is there."""
    os.environ["LOG"] = log  # the workers inherit it
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        executor = client.get_executor(pure=False)
        built = store.build(sources(folder), target, executor=executor, **SETTINGS)
    print(len(built), "slices")


if __name__ == "__main__":
    main(*sys.argv[1:])
