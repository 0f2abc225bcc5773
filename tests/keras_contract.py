"""What every layer and model of the course promises, in one function."""

import copy
import inspect

import keras
import numpy as np
from keras import tree


def check_contract(make, inputs, *, folder, loss=None):
    """Assert that what `make` returns is a well-behaved layer or model.

    It comes back from its config and from a file with equal outputs, foretells the
    shape of its output, gives the same numbers for the same seed, and passes a
    gradient to each of its trainable weights; a layer also to each of its inputs.

    Args:
        make: function without arguments that returns a new layer or model.
        inputs: array, or list of arrays, to call it on; the first axis is the batch.
        folder: where a model may be saved.
        loss: what to compile a model with; None for one that has its own loss.
    """
    _check_config(make)
    _check_shape(make, inputs)
    _check_seed(make, inputs)
    model, target = make(), None
    if not isinstance(model, keras.Model):
        model, loss = _model_around(model, inputs), "mse"
        target = np.ones_like(to_numpy(model(inputs)))
    _check_file(model, inputs, folder)
    model.compile(keras.optimizers.SGD(1e-3), loss=loss, run_eagerly=True)
    _check_gradients(model, inputs, target)


def to_numpy(outputs):
    """Turn every tensor of a structure into an array."""
    return tree.map_structure(keras.ops.convert_to_numpy, outputs)


def assert_equal(first, second):
    """Assert that two structures of arrays hold the same numbers."""
    tree.assert_same_structure(first, second)
    for one, other in zip(tree.flatten(first), tree.flatten(second), strict=True):
        np.testing.assert_array_equal(one, other)


def _check_config(make):
    original = make()
    config = original.get_config()
    # Keras takes a config apart while reading it, hence the copy
    assert type(original).from_config(copy.deepcopy(config)).get_config() == config
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(original)
    )
    assert type(again) is type(original)
    assert again.get_config() == config


def _check_shape(make, inputs):
    layer = make()
    foretold = layer.compute_output_shape(tree.map_structure(np.shape, inputs))
    real = to_numpy(layer(inputs))
    if isinstance(real, dict):
        assert set(foretold) == set(real)
        assert all(foretold[name] == real[name].shape for name in real)
    else:
        assert foretold == real.shape


def _check_seed(make, inputs):
    def draw():
        keras.utils.set_random_seed(7)
        layer = make()
        random = "training" in inspect.signature(layer.call).parameters
        options = {"training": True} if random else {}
        return [to_numpy(layer(inputs, **options)) for _ in range(2)]

    assert_equal(draw(), draw())


def _model_around(layer, inputs):
    """Put a weight before each input: a gradient has to reach it through the layer."""
    sources = tree.map_structure(lambda array: keras.Input(array.shape[1:]), inputs)
    weighted = tree.map_structure(
        lambda source: keras.layers.Dense(source.shape[-1])(source), sources
    )
    return keras.Model(sources, layer(weighted))


def _check_file(model, inputs, folder):
    model.save(folder / "contract.keras")
    loaded = keras.saving.load_model(folder / "contract.keras")
    assert_equal(to_numpy(model(inputs)), to_numpy(loaded(inputs)))


def _check_gradients(model, inputs, target):
    """Plain gradient descent moves a weight exactly where there is a gradient."""
    before = [to_numpy(weight) for weight in model.trainable_weights]
    assert before, "nothing to train"
    model.train_on_batch(inputs, target)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        new = to_numpy(weight)
        assert np.isfinite(new).all(), f"{weight.path} is not finite"
        assert (new != old).any(), f"no gradient reaches {weight.path}"
