"""The ways to train that `make bench` compares train one network on one loss."""

import importlib
import json

import keras
import numpy as np
import pytest

from medvae_course.models import losses, vae

PIXELS = 16
if keras.backend.backend() != "tensorflow":
    pytest.skip("`make bench` runs on TensorFlow", allow_module_level=True)


@pytest.fixture
def peers(root, monkeypatch):
    """Import modules as a process of the benchmark does."""
    monkeypatch.syspath_prepend(root / "tests/benchmarks")
    monkeypatch.syspath_prepend(root / "tests/benchmarks/peers")
    return importlib.import_module


@pytest.fixture
def course(peers):
    shape, task = (PIXELS, PIXELS, 1), peers("task")
    return vae.convolutional_vae(shape, task.LATENT, filters=task.FILTERS)


@pytest.mark.parametrize("name", ["course", "keras_fit", "keras_tape"])
def test_peer_trains_the_same_network_as_the_course(peers, course, name):
    worker, module = peers("worker"), peers(name)
    module.seed(0)
    peer = module.Peer(PIXELS)
    halves = course.encoder.count_params() + course.decoder.count_params()
    assert peer.n_parameters == halves
    images = np.random.default_rng(0).random((8, PIXELS, PIXELS, 1), np.float32)
    before = peer.reconstruct(images)
    assert len(worker.epochs(peer, images, 2)) == 2
    after = peer.reconstruct(images)
    assert after.shape == images.shape
    assert (after != before).any()
    seconds, psnr = worker.until(peer, images, images, goal_db=99, most=2)
    assert len(seconds) == len(psnr) == 2
    assert all(value > 0 for value in seconds)


def test_plain_keras_computes_what_the_course_computes(peers, course):
    task, plain = peers("task"), peers("keras_network")
    encoder, decoder = plain.halves(PIXELS)
    encoder.set_weights(course.encoder.get_weights())
    decoder.set_weights(course.decoder.get_weights())
    rng = np.random.default_rng(0)
    images = rng.random((4, PIXELS, PIXELS, 1), np.float32)
    mean, log_var = encoder(images)
    np.testing.assert_allclose(mean, course.encode(images)[0], atol=1e-5)
    redrawn = decoder(mean)
    np.testing.assert_allclose(redrawn, course.decode(mean), atol=1e-5)
    np.testing.assert_allclose(
        plain.kl(mean, log_var), losses.kl(mean, log_var), rtol=1e-4
    )
    full = losses.gaussian_nll(images, redrawn, sigma=task.SIGMA)
    constant = PIXELS**2 * (np.log(task.SIGMA) + 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(plain.nll(images, redrawn) + constant, full, rtol=1e-4)


def test_operations_of_a_step_are_those_counted_by_hand(peers, course):
    count = peers("operations")
    layers = count.weighted(course)
    # pairs of kernels and places: three convolutions, code, decoder; three back
    products = 16 * (1 * 16 * 8**2 + 16 * 32 * 4**2 + 32 * 64 * 2**2)
    first = 16 * 16 * 8**2
    dense = 3 * 32 * 64 * 2**2
    total = products + dense + products
    assert count.operations(layers) == 2 * (3 * total - first)


def test_parts_of_a_step_are_timed(peers):
    step, module = peers("bench_step"), peers("course")
    peer = module.Peer(PIXELS)
    model = peer.model
    before = model.decoder.get_weights()[0]
    seconds = step.measure(step.parts(peer, PIXELS), repeats=1)
    assert list(seconds) == ["product", "layers", "gradients", "step", "fit"]
    assert min(seconds.values()) > 0
    assert (model.decoder.get_weights()[0] != before).any()


def test_images_and_volumes_are_trained_on_a_gpu_as_counted(peers, tmp_path):
    small = ["--pixels", "32", "--images", "4", "--voxels", "16", "--volumes", "2"]
    small += ["--side", "64", "--epochs", "1", "--out", str(tmp_path)]
    peers("bench_gpu").main(["--ways", "tensorflow", "nobody", *small])
    written = (tmp_path / "gpu.jsonl").read_text("utf-8").splitlines()
    flat, deep, failed = map(json.loads, written)
    assert flat["ceiling"] == deep["ceiling"]
    assert flat["shape"] == [32, 32, 1]
    assert deep["shape"] == [16, 16, 16, 1]
    for record in (flat, deep):
        assert len(record["seconds"]) == 1
        assert record["seconds"][0] > 0
        assert record["operations"] > 0
        assert record["ceiling"] > 0
    assert failed["way"] == "nobody"
    assert failed["reason"]


def test_feeding_is_timed(peers, tmp_path):
    feeding = peers("bench_feeding")
    feeding.main(
        ["--pixels", "16", "--patients", "3", "--repeats", "1", "--out", str(tmp_path)]
    )
    record = json.loads((tmp_path / "feeding.jsonl").read_text("utf-8"))
    assert record["images"] > 0
    for way in ("arrays", "store"):
        (seconds,), (waited,) = record["seconds"][way], record["waited"][way]
        assert 0 < waited < seconds
