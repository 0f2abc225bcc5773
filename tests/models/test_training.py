import dataclasses
import random

import keras
import numpy as np
import pytest

from medvae_course.models import training


def test_seed_fixes_every_source_of_chance():
    def draw():
        training.set_seed(5)
        noise = keras.ops.convert_to_numpy(keras.random.normal((2,)))
        return random.random(), np.random.rand(), noise.tolist()  # noqa: NPY002 legacy

    assert draw() == draw()


def test_preset_is_cpu_where_nothing_is_said(monkeypatch):
    monkeypatch.delenv("MEDVAE_PRESET", raising=False)
    assert training.preset().name == "cpu"
    monkeypatch.setenv("MEDVAE_PRESET", "")
    assert training.preset().name == "cpu"


def test_preset_follows_the_environment_unless_named(monkeypatch):
    monkeypatch.setenv("MEDVAE_PRESET", "gpu")
    assert training.preset().image_size == 256
    assert training.preset("cpu").image_size == 64


def test_unknown_preset_is_refused_where_it_was_set(monkeypatch):
    monkeypatch.setenv("MEDVAE_PRESET", "GPU")
    with pytest.raises(
        ValueError, match="MEDVAE_PRESET must be .*cpu, gpu, gpu-small, got 'GPU'"
    ):
        training.preset()
    with pytest.raises(
        ValueError, match="`name` must be one of cpu, gpu, gpu-small, got 'tpu'"
    ):
        training.preset("tpu")


def test_presets_name_policies_that_keras_knows():
    for preset in training.PRESETS.values():
        assert keras.dtype_policies.get(preset.dtype_policy).name == preset.dtype_policy


def test_small_gpu_computes_as_gpu_with_as_much_as_cpu():
    cpu, gpu, small = (training.preset(name) for name in ("cpu", "gpu", "gpu-small"))
    assert small == dataclasses.replace(
        cpu, name="gpu-small", dtype_policy=gpu.dtype_policy
    )


def test_preset_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        training.preset("cpu").longer = 2


def test_environment_shifts_every_seed(monkeypatch):
    def draw(seed):
        training.set_seed(seed)
        return keras.ops.convert_to_numpy(keras.random.normal((2,))).tolist()

    monkeypatch.delenv("MEDVAE_SEED", raising=False)
    shifted = draw(12)
    assert draw(5) != shifted
    monkeypatch.setenv("MEDVAE_SEED", "7")
    assert draw(5) == shifted


def test_shift_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setenv("MEDVAE_SEED", "-1")
    with pytest.raises(ValueError, match="MEDVAE_SEED must be .*, got '-1'"):
        training.set_seed(0)
