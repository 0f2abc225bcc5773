"""Benchmark: one VAE trained by this course and as others would train it.

Command, with nothing else running:
    python tests/benchmarks/bench_training.py --peers PYTHON

PYTHON is that of an environment with PyTorch, pythae and MONAI; `make bench` sets it
up. All train the same network (`peers/task.py`) on the same phantom slices with the
same batch, optimizer and loss, each in several forms, all in one run:

- speed: every form is a process that is stopped until its turn comes. In each round
  each trains an epoch, in an order drawn anew, so that a machine that drifts slows them
  alike. The first epochs, in which programs are compiled, are not counted. At the first
  size all forms run a few rounds; the two of each way that are fastest then, and those
  that tell the overhead of this course as they come, run on, and at further sizes.
- quality: seconds of training until the patients of the test are redrawn better than
  by PCA with as many numbers; compiling counts, looking does not. It is run by the
  form that was fastest, and where that is a compiled one also by the fastest other.

A form that fails is reported with the reason. All forms together hold some 15 GB.
Leaves `training.jsonl` and `quality.jsonl` in the folder of --out.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import results

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
import task  # noqa: E402 - it lies beside the peers, which import it by this name

KERAS = {
    "as it comes": {},
    "XLA": {"jit_compile": True},
    "7 steps at once": {"steps_per_execution": 7},
}
PLAIN = KERAS | {
    "tf.data": {"feeding": "tf.data"},
    "tf.data, oneDNN": {"feeding": "tf.data", "onednn": True},
    "oneDNN": {"onednn": True},
    "oneDNN, 7 steps at once": {"onednn": True, "steps_per_execution": 7},
}
TORCH = {
    "eager": {"threads": 2},
    "channels last": {"threads": 2, "channels_last": True},
    "channels last, 1 thread": {"threads": 1, "channels_last": True},
    "compiled": {"threads": 2, "compiled": True},
    "compiled, channels last": {"threads": 2, "compiled": True, "channels_last": True},
    "compiled, 1 thread": {"threads": 1, "compiled": True, "channels_last": True},
}
FUSED = {
    f"{name}, fused Adam": TORCH[name] | {"fused": True}
    for name in ("channels last", "compiled, channels last")
}
COURSE = "this course: `VAE`, `fit`"
LOADED = {name: form | {"course_loaded": True} for name, form in KERAS.items()}
WAYS = {
    COURSE: ("course", KERAS),
    "Keras `fit`, same layers, course loaded": ("keras_fit", LOADED),
    "Keras `fit`, same layers": ("keras_fit", PLAIN),
    "Keras, gradient tape in `train_step`": ("keras_tape", PLAIN),
    "PyTorch, loop by hand": ("torch_loop", TORCH | FUSED),
    "MONAI `AutoencoderKL`, network put in": ("monai_kl", TORCH | FUSED),
    "pythae `VAE`, `BaseTrainer`": ("pythae_vae", TORCH),
}
"""Name → module of `peers/` and its forms."""
OF_TORCH = {"torch_loop", "monai_kl", "pythae_vae"}
COMPILED = {"compiled", "jit_compile"}


class Failed(Exception):
    """A form that did not come to its end, with the reason."""


@dataclass
class Worker:
    """A process of `peers/worker.py`."""

    name: str
    form: str
    options: dict
    process: subprocess.Popen
    errors: Path
    about: dict = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        raise Failed(results.last_line(self.errors.read_text("utf-8", "replace")))

    def ask(self, **order) -> dict:
        self.signal("SIGCONT")
        with suppress(BrokenPipeError):  # then the answer says why
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        try:
            return self.answer()
        finally:
            self.signal("SIGSTOP")

    def signal(self, name: str) -> None:
        if hasattr(signal, name):  # not on Windows, where a form only waits
            self.process.send_signal(getattr(signal, name))

    def end(self) -> None:
        self.signal("SIGCONT")
        with suppress(BrokenPipeError):
            self.process.stdin.close()  # which ends its loop
        self.process.wait()


def start(name: str, form: str, pixels: int, seed: int, place: Path, peers: str):
    """Start a worker; it has built its model when it gives its first answer."""
    module, forms = WAYS[name]
    settings = {"pixels": pixels, "seed": seed, "data": str(place)}
    settings["form"] = forms[form]
    errors = place / f"{module} {form} {pixels} {seed}.txt"
    python = peers if module in OF_TORCH else sys.executable
    paths = [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
    inherited = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    with errors.open("w") as file:
        process = subprocess.Popen(
            [python, str(HERE / "peers/worker.py"), module, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=inherited  # whether oneDNN is on, the form says
            | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
            | {"CUDA_VISIBLE_DEVICES": ""}
            | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        )
    return Worker(name, form, forms[form], process, errors)


def prepare(place: Path, pixels: int, patients: int) -> dict:
    """Write differences from the mean image, for all; return what is to be beaten."""
    from medvae_course.ct import datasets
    from medvae_course.evaluate import baselines, metrics

    data = datasets.load("phantom", image_size=pixels, patients=patients)
    train, test = data.train.images, data.test.images
    mean = train.mean(axis=0)
    np.save(place / f"train{pixels}.npy", train - mean)
    np.save(place / f"test{pixels}.npy", test - mean)
    by_pca = baselines.PCA(task.LATENT).fit(train).reconstruct(test)
    db = metrics.psnr_per_image(test, by_pca, data_range=1.0)
    return {"images": len(train), "goal_db": float(db.mean())}


def begin(
    options, pixels: int, place: Path, forms: dict[str, list[str]]
) -> tuple[list[Worker], list[dict]]:
    """Start all forms one after the other, and let each compile what it will."""
    workers, failures = [], []
    for name in options.ways:
        for form in forms[name]:
            print(f"{pixels}: {name}, {form}", end=" … ", flush=True)
            worker = start(name, form, pixels, 0, place, options.peers)
            try:
                worker.about = worker.answer()
                worker.ask(do="epochs", n=2)
            except Failed as reason:
                failures.append(failure(worker, reason))
            else:
                print(f"{worker.about['parameters']} parameters")
                workers.append(worker)
    numbers = {worker.about["parameters"] for worker in workers}
    if len(numbers) != 1:
        sys.exit(f"the networks must have one number of parameters, got {numbers}")
    return workers, failures


def failure(worker: Worker, reason: Failed) -> dict:
    """Say why a form came to no end; the others go on."""
    print(f"{worker.name}, {worker.form} fails: {reason}", flush=True)
    worker.end()
    return {"way": worker.name, "form": worker.form, "reason": str(reason)}


def speed(
    options, pixels: int, place: Path, n_images: int, forms: dict[str, list[str]]
) -> list[dict]:
    """Return a record for each form."""
    workers, failures = begin(options, pixels, place, forms)
    order, kept = random.Random(0), list(workers)
    for number in range(options.rounds):
        print(f"{pixels}: round {number + 1} of {options.rounds}", flush=True)
        if number == options.first_rounds:
            so_far = [told(worker) for worker in workers]
            kept = [w for w in workers if w.form in further(so_far, w.name)]
        for worker in order.sample(kept, len(kept)):
            try:
                worker.seconds += worker.ask(do="epochs", n=1)["seconds"]
            except Failed as reason:
                failures.append(failure(worker, reason))
                workers.remove(worker)
                kept.remove(worker)
    records = []
    for worker in workers:
        worker.end()
        rate = n_images / statistics.median(worker.seconds)
        print(f"{pixels}: {rate:6.0f} images/s  {worker.name}, {worker.form}")
        record = told(worker) | {"images": n_images, "to_the_end": worker in kept}
        records.append(record)
    return [{"pixels": pixels} | record for record in records + failures]


def told(worker: Worker) -> dict:
    """Return what was measured of a form."""
    return (
        {"way": worker.name, "form": worker.form, "kind": kind(worker)}
        | {"options": worker.options}
        | worker.about
        | {"seconds": [round(s, 4) for s in worker.seconds]}
    )


def kind(worker: Worker) -> str:
    if worker.options.get("course_loaded"):
        return "keras, course loaded"
    return "course" if worker.name == COURSE else "peer"


def by_speed(records: list[dict], name: str) -> list[dict]:
    """Return the records of a way's forms, the fastest first."""
    mine = [r for r in records if r["way"] == name and "seconds" in r]
    return sorted(mine, key=lambda record: statistics.median(record["seconds"]))


def further(records: list[dict], name: str) -> list[str]:
    """Return the forms of a way that run on."""
    mine = [record["form"] for record in by_speed(records, name)[:2]]
    usual = ["as it comes"] if WAYS[name][1] in (KERAS, LOADED) else []
    return list(dict.fromkeys([*mine, *usual]))


def finalists(records: list[dict], name: str) -> list[str]:
    """Return the fastest form of a way, and the fastest that compiles no kernels."""
    mine = [r for r in by_speed(records, name) if r["to_the_end"]]
    waiting = [r["form"] for r in mine if not COMPILED & r["options"].keys()]
    return list(dict.fromkeys([r["form"] for r in mine[:1]] + waiting[:1]))


def quality(options, pixels: int, place: Path, speeds: list[dict], goal_db: float):
    """Return a record for each finalist and seed."""
    runs = [(name, f) for name in options.ways for f in finalists(speeds, name)]
    records = []
    for seed in range(options.seeds):
        for name, form in random.Random(seed).sample(runs, len(runs)):
            record = {"way": name, "form": form, "pixels": pixels, "seed": seed}
            worker = start(name, form, pixels, seed, place, options.peers)
            try:
                record["versions"] = worker.answer()["versions"]
                found = worker.ask(do="until", goal_db=goal_db, most=options.most)
            except Failed as reason:
                found = {"reason": str(reason)}
                said = f"fails: {reason}"
            else:
                passed = found["psnr"][-1] > goal_db
                said = f"{sum(found['seconds']):.1f} s, {len(found['seconds'])} epochs"
                said += "" if passed else f", only {found['psnr'][-1]:.2f} dB"
                found = {
                    "passed": passed,
                    "seconds": [round(s, 4) for s in found["seconds"]],
                    "psnr": round(found["psnr"][-1], 3),
                }
            worker.end()
            print(f"{goal_db:.2f} dB, seed {seed}: {said}  {name}, {form}", flush=True)
            records.append(record | found | {"goal_db": round(goal_db, 3)})
    return records


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--out", type=Path, default=results.SPEED)
    parser.add_argument("--pixels", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--first-rounds", type=int, default=3, help="of all forms")
    parser.add_argument("--seeds", type=int, default=3, help="of quality; 0 for none")
    parser.add_argument("--most", type=int, default=200, help="epochs to a quality")
    parser.add_argument("--only", nargs="+", help="modules of peers/ to run")
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words)
    options.ways = [name for name, (m, _) in WAYS.items() if m in (options.only or [m])]
    results.warn_if_busy()
    common = {"command": results.command(words), "machine": results.machine()}
    common |= {"batch": task.BATCH}
    speeds, goals = [], []
    forms = {name: list(WAYS[name][1]) for name in options.ways}
    with tempfile.TemporaryDirectory() as name:
        for pixels in options.pixels:
            given = prepare(Path(name), pixels, options.patients)
            found = speed(options, pixels, Path(name), given["images"], forms)
            forms = {way: further(found, way) for way in forms}
            speeds += [common | record for record in found]
            results.write("training", speeds, options.out)
            goals.append(given["goal_db"])
        if options.seeds:
            first = options.pixels[0]
            of_first = [record for record in speeds if record["pixels"] == first]
            found = quality(options, first, Path(name), of_first, goals[0])
            results.write("quality", [common | r for r in found], options.out)


if __name__ == "__main__":
    main()
