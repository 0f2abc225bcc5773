"""Benchmark: which share of a GPU's matrix products training reaches, 2-D and 3-D.

Command, with a GPU and nothing else running:
    python tests/benchmarks/bench_gpu.py [--torch PYTHON]

PYTHON is that of an environment with PyTorch and Keras, where it is another one.

Trains one VAE on random images and one on random volumes, in bfloat16, a process for
each way: this course's `VAE` and `fit` on a backend of Keras (`jax`, `torch`,
`tensorflow`), or the same layers in PyTorch with `torch.compile` (as it comes, and with
CUDA graphs), channels last, fused Adam and a loop by hand, on a tensor that lies on the
GPU. Each process also measures a product of large bfloat16 matrices; the fastest of all
is the ceiling. A way that fails is reported with the reason.

Leaves `gpu.jsonl` in the folder of --out: seconds of each epoch, after one that does
not count, operations of an epoch, and the ceiling in operations a second.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import results

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
import task  # noqa: E402 - it lies beside the peers, which import it by this name

LOOPS = {
    "torch.compile": "default",
    "torch.compile, CUDA graphs": "reduce-overhead",
}
"""Ways with a loop by hand, and how they compile."""
WAYS = ["tensorflow", "jax", "torch", *LOOPS]
FILTERS = (32, 64, 128, 256)
LATENT = 64
STEPS = 32  # of an epoch


def seconds_per_product(matmul, matrix, wait, repeats: int = 30) -> float:
    """Return seconds of a product of square matrices, the median of three tries."""
    found = []
    for _ in range(4):
        product = matrix
        start = time.perf_counter()
        for _ in range(repeats):
            product = matmul(matrix, product)
        wait(product)
        found.append((time.perf_counter() - start) / repeats)
    return statistics.median(found[1:])


def halves(shape: tuple[int, ...]):
    """Return encoder and decoder for images or volumes of a shape."""
    from keras import Input, Model, layers

    flat = len(shape) == 3
    down = layers.Conv2D if flat else layers.Conv3D
    up = layers.Conv2DTranspose if flat else layers.Conv3DTranspose
    options = {"strides": 2, "padding": "same"}
    x = images = Input(shape)
    for filters in FILTERS:
        x = down(filters, 4, activation="leaky_relu", **options)(x)
    smallest = x.shape[1:]
    x = layers.Flatten()(x)
    code = [layers.Dense(LATENT, dtype="float32")(x) for _ in range(2)]
    y = codes = Input((LATENT,))
    y = layers.Reshape(smallest)(layers.Dense(int(np.prod(smallest)))(y))
    for filters in FILTERS[-2::-1]:
        y = up(filters, 4, activation="leaky_relu", **options)(y)
    y = up(1, 4, dtype="float32", **options)(y)
    return Model(images, code), Model(codes, y)


def by_course(images: np.ndarray, batch: int, epochs: int, side: int) -> dict:
    """Train with this course on the backend that Keras has."""
    import keras
    from keras_network import AtStart
    from operations import operations, weighted

    from medvae_course.models import variational

    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = variational.VAE(*halves(images.shape[1:]), sigma=task.SIGMA)
    model.compile(keras.optimizers.Adam(task.RATE))
    starts = []
    watch = AtStart(lambda: starts.append(time.perf_counter()))
    options = {"batch_size": batch, "epochs": epochs + 2, "verbose": 0}
    model.fit(images, callbacks=[watch], **options)
    matrix = keras.random.normal((side, side), stddev=side**-0.5, dtype="bfloat16")

    def wait(product):  # as float32, which NumPy knows
        keras.ops.convert_to_numpy(keras.ops.cast(product[:1, :1], "float32"))

    taken = seconds_per_product(keras.ops.matmul, matrix, wait)
    counted = (model.encoder.count_params(), model.decoder.count_params())
    return {
        "parameters": sum(counted),
        "seconds": np.diff(starts)[1:].round(5).tolist(),
        "operations": len(images) * operations(weighted(model)),
        "ceiling": round(2 * side**3 / taken),
    }


def by_hand(mode: str, images: np.ndarray, batch: int, epochs: int, side: int) -> dict:
    """Train with PyTorch, compiled; operations are those of the same layers."""
    import torch
    from operations import operations, weighted
    from torch_network import initialise
    from torch_volume import VAE

    from medvae_course.models import variational

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True  # XLA tries its convolutions too
    layout = torch.channels_last if images.ndim == 4 else torch.channels_last_3d
    place = {"device": device, "memory_format": layout}
    model = initialise(VAE(images.shape[1:-1], FILTERS, LATENT)).to(**place)
    optimizer = torch.optim.Adam(model.parameters(), lr=task.RATE, fused=True)
    loss = torch.compile(model, mode=mode)
    x = torch.from_numpy(np.moveaxis(images, -1, 1)).to(**place)
    starts = [time.perf_counter()]
    for _ in range(epochs + 1):
        for rows in torch.randperm(len(x), device=device).split(batch):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device, torch.bfloat16):
                found = loss(x[rows])
            found.backward()
            optimizer.step()
        found.item()  # waits for the GPU
        starts.append(time.perf_counter())
    matrix = torch.randn((side, side), device=device, dtype=torch.bfloat16)
    taken = seconds_per_product(
        torch.matmul, matrix * side**-0.5, lambda m: m[0, 0].item()
    )
    same = variational.VAE(*halves(images.shape[1:]), sigma=task.SIGMA)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "seconds": np.diff(starts)[1:].round(5).tolist(),
        "operations": len(images) * operations(weighted(same)),
        "ceiling": round(2 * side**3 / taken),
    }


def one(way: str, options: argparse.Namespace) -> None:
    """Measure one way in this process; print its records."""
    names = ["keras", "torch" if way in LOOPS else way]
    versions = {name: importlib.import_module(name).__version__ for name in names}
    run = partial(by_hand, LOOPS[way]) if way in LOOPS else by_course
    for shape, n in (
        ((options.pixels, options.pixels, 1), options.images),
        ((*3 * [options.voxels], 1), options.volumes),
    ):
        images = np.random.default_rng(0).random((n, *shape), np.float32)
        batch = max(1, n // STEPS)
        found = run(images, batch, options.epochs, options.side)
        record = {"way": way, "shape": shape, "images": n, "batch": batch}
        print(json.dumps(record | {"versions": versions} | found), flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ways", nargs="+", default=WAYS)
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--pixels", type=int, default=256)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--voxels", type=int, default=64)
    parser.add_argument("--volumes", type=int, default=512)
    parser.add_argument("--side", type=int, default=8192, help="of the matrices")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--one", metavar="WAY", help="measure it in this process")
    parser.add_argument("--out", type=Path, default=results.SPEED)
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words)
    if options.one:
        one(options.one, options)
        return
    common = {"command": results.command(words)}
    common |= {"machine": results.machine() | {"gpu": results.gpu()}}
    records = []
    for way in options.ways:
        environment = os.environ | {
            "KERAS_BACKEND": "torch" if way in LOOPS else way,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        paths = [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        python = options.torch if way in ("torch", *LOOPS) else sys.executable
        call = [python, __file__, *words, "--one", way]
        done = subprocess.run(call, env=environment, capture_output=True, text=True)
        found = [json.loads(k) for k in done.stdout.splitlines() if k[:1] == "{"]
        if done.returncode:
            last = results.last_line(done.stderr)
            found.append({"way": way, "reason": last})
            print(f"{way} fails: {last}")
        records += [common | record for record in found]
    measured = [record for record in records if "seconds" in record]
    ceiling = max((record["ceiling"] for record in measured), default=0)
    for record in measured:
        record["ceiling"] = ceiling
        print(told(record))
    results.write("gpu", records, options.out)


def told(record: dict) -> str:
    taken = statistics.median(record["seconds"])
    share = record["operations"] / taken / record["ceiling"]
    size = " x ".join(map(str, record["shape"][:-1]))
    return (
        f"{size}: {record['images'] / taken:6.0f} images/s, {share:.0%} of "
        f"{record['ceiling'] / 1e12:.1f} TFLOP/s  {record['way']}"
    )


if __name__ == "__main__":
    main()
