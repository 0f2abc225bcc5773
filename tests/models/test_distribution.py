"""Several devices, and two processes, train like one; on the backend under test.

`make test` runs this with TensorFlow and with JAX. Each case runs in processes of its
own, for the number of devices is fixed when a backend starts.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from medvae_course.models import distribution

SCRIPT = Path(__file__).with_name("distributed_run.py")
BACKEND = keras.backend.backend()
MODELS = ["autoencoder", "VAE"] + ["measured VAE"] * (BACKEND == "jax")
LIMIT_S = 240  # where a hang would end; it takes a tenth of that
DRAWN_ANEW = "val_elbo", "val_loss", "val_reconstruction_nll"
needs_an_engine = pytest.mark.skipif(
    BACKEND == "torch", reason="Model.fit trains on one device of PyTorch"
)


def free_ports(n: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def variables(process: int, ports: list[int]) -> dict[str, str]:
    """Return what tells a process of the other."""
    addresses = [f"127.0.0.1:{port}" for port in ports]
    if BACKEND == "tensorflow":
        task = {"type": "worker", "index": process}
        config = {"cluster": {"worker": addresses}, "task": task}
        return {"TF_CONFIG": json.dumps(config)}
    return {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": addresses[0],
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
        "KERAS_DISTRIBUTION_PROCESS_ID": str(process),
    }


def results(mode: str, extra: list[dict[str, str]], folder: Path) -> list[dict]:
    """Run one process for each set of variables; none outlives this call."""
    common = os.environ | {"KERAS_BACKEND": BACKEND, "CUDA_VISIBLE_DEVICES": ""}
    started = []
    try:
        for number, own in enumerate(extra):
            with (folder / f"{mode}{number}").open("w") as said:
                command = [sys.executable, str(SCRIPT), mode]
                started.append(
                    subprocess.Popen(
                        command, env=common | own, stdout=subprocess.PIPE, stderr=said
                    )
                )
        told = [process.communicate(timeout=LIMIT_S)[0] for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    for number, process in enumerate(started):
        assert process.returncode == 0, (folder / f"{mode}{number}").read_text()[-3000:]
    return [json.loads(one.decode().splitlines()[-1]) for one in told]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("distribution")


@pytest.fixture(scope="module")
def devices(folder) -> dict:
    """One process: each model on one device, then on two virtual ones."""
    return results("devices", [{}], folder)[0]


@pytest.fixture(scope="module")
def processes(folder) -> list[dict]:
    ports = free_ports(2)
    return results("processes", [variables(i, ports) for i in (0, 1)], folder)


def assert_equal(found: dict, expected: dict, leave_out=()) -> None:
    assert found["history"].keys() == expected["history"].keys()
    for name in found["history"].keys() - set(leave_out):
        values = found["history"][name], expected["history"][name]
        assert np.allclose(*values, rtol=2e-5, atol=0), name
    for mine, theirs in zip(found["weights"], expected["weights"], strict=True):
        assert np.allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def assert_goes_on(found: dict, expected: dict, exactly: bool) -> None:
    """The noise of a VAE is another one then, where replicas drew it."""
    tolerance = 2e-4 if exactly else 0.1
    for name, value in expected["later"]["judged"].items():
        assert np.allclose(found["later"]["judged"][name], value, rtol=tolerance), name
    for name in ("more", "anew"):
        values = found["later"][name], expected["later"][name]
        assert np.allclose(*values, rtol=tolerance), name


def left_out(name: str) -> tuple[str, ...]:
    # the draws of `evaluate` begin anew on each device of TensorFlow
    return DRAWN_ANEW if BACKEND == "tensorflow" and name == "VAE" else ()


@needs_an_engine
@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_two_devices_train_like_one(name, devices):
    found, expected = devices["together"][name], devices["alone"][name]
    losses = expected["history"]["loss"]
    assert abs(losses[1] / losses[0] - 1) > 0.01  # something was learnt
    assert_equal(found, expected, left_out(name))
    assert_goes_on(found, expected, exactly=not left_out(name))


@needs_an_engine
@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_two_processes_train_like_one(name, devices, processes):
    for one in processes:
        assert_equal(one["together"][name], devices["alone"][name], left_out(name))


@needs_an_engine
@pytest.mark.slow
def test_one_process_is_the_first(devices, processes):
    assert devices["first"]
    assert [one["first"] for one in processes] == [True, False]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TF_CONFIG is TensorFlow's")
def test_a_chief_comes_before_the_workers(monkeypatch):
    cluster = {"chief": ["a:1"], "worker": ["b:1"]}
    for kind, first in (("chief", True), ("worker", False)):
        config = {"cluster": cluster, "task": {"type": kind, "index": 0}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        assert distribution.is_first() is first


@needs_an_engine
@pytest.mark.slow
def test_refusals_name_rule_value_and_remedy(devices):
    said = devices["refused"]
    assert "divisible by the number of devices, 2, got 5" in said["odd batch"]
    if BACKEND == "tensorflow":
        assert "got a `compute_loss` of Own: set KERAS_BACKEND" in said["own loss"]
        assert "got sigma='optimal' and free_bits=0.05" in said["measured"]
        assert "layers ['bn']: set KERAS_BACKEND" in said["of the batch"]
    else:  # JAX computes one loss of the whole batch
        assert len(said) == 1


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="got 'torch'.*set KERAS_BACKEND=jax"):
        distribution.fit(lambda: None, None)
