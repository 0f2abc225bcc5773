"""A process that trains one model in one way when it is told to.

    python worker.py MODULE SETTINGS

MODULE is one of the files beside this one; its `Peer(pixels, **form)` has the number
of its parameters, and the verbs `fit(images, epochs, at_start)`, which calls
`at_start` when an epoch starts, and `reconstruct(images)`. SETTINGS is a JSON object:
`pixels`, `seed`, `form` and the folder of the images, `data`. Orders come as JSON
lines to standard input, answers go as JSON lines to standard output.
"""

import importlib
import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path

import numpy as np


class Enough(Exception):
    """Ends a training from within."""


def epochs(peer, images, n: int) -> list[float]:
    """Train n epochs; return seconds from the start of each to that of the next."""
    starts = []

    def at_start():
        starts.append(time.perf_counter())
        if len(starts) > n:
            raise Enough

    train(peer, images, n + 1, at_start)
    return np.diff(starts).tolist()


def until(peer, images, test, goal_db: float, most: int) -> tuple[list, list]:
    """Train until the test images are redrawn better than `goal_db`, or `most` epochs.

    Returns seconds and PSNR of each epoch; redrawing is not within the seconds.
    """
    seconds, psnr, started = [], [], []

    def at_start():
        if started:
            seconds.append(time.perf_counter() - started.pop())
            psnr.append(mean_psnr(test, peer.reconstruct(test)))
            if psnr[-1] > goal_db or len(psnr) == most:
                raise Enough
        started.append(time.perf_counter())

    train(peer, images, most + 1, at_start)
    return seconds, psnr


def train(peer, images, n: int, at_start) -> None:
    try:
        peer.fit(images, n, at_start)
    except Enough:
        return
    raise RuntimeError("the training ended by itself, before it was told to")


def mean_psnr(reference, images) -> float:
    """As `medvae_course.evaluate.metrics.psnr_per_image`, mean, for a range of 1."""
    squares = np.square(np.asarray(reference - images, np.float64))
    return float(np.mean(-10 * np.log10(squares.mean(axis=(1, 2, 3)))))


def versions(packages: list[str]) -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in packages}


def main(name: str, settings: dict) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to standard error

    def answer(**content):
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    data = Path(settings["data"])
    images, test = (
        np.load(data / f"{part}{settings['pixels']}.npy") for part in ("train", "test")
    )
    form = settings["form"]
    if name == "course" or form.get("course_loaded"):
        importlib.import_module("medvae_course")  # before Keras: turns oneDNN on
    elif form.pop("onednn", False):
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    module = importlib.import_module(name)
    module.seed(settings["seed"])
    peer = module.Peer(settings["pixels"], **form)
    answer(parameters=peer.n_parameters, versions=versions(module.PACKAGES))
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "epochs":
            answer(seconds=epochs(peer, images, order["n"]))
        else:
            seconds, psnr = until(peer, images, test, order["goal_db"], order["most"])
            answer(seconds=seconds, psnr=psnr)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
