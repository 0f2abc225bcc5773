"""Many patients, on all cores."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from .patient import Phantom, make_patient


def make_patients(
    n: int,
    *,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
) -> Iterator[Phantom]:
    """Make the patients of the seeds from 0, a few at a time: memory stays flat.

    Threads, not processes: they need no guard in a notebook on any system, numpy
    leaves Python's lock while it computes, and each patient has generators of its own,
    so order and bits are those of one core.

    Args:
        n: how many.
        shape: voxels along (z, y, x).
        spacing_mm: distance of voxels along (z, y, x), mm.

    Yields:
        The patients, in the order of their seeds.

    Example:
        >>> few = make_patients(2, shape=(2, 16, 16), spacing_mm=(60, 25.6, 25.6))
        >>> [patient.patient_id for patient in few]
        ['phantom-0000', 'phantom-0001']

    Taught in: chapter 1.
    """
    cores = os.cpu_count() or 1

    def make(seed: int) -> Phantom:
        return make_patient(seed, shape=shape, spacing_mm=spacing_mm)

    with ThreadPoolExecutor(cores) as pool:
        for start in range(0, n, cores):
            yield from pool.map(make, range(start, min(start + cores, n)))
