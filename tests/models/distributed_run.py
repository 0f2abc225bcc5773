"""What test_distribution.py runs in processes of its own; prints JSON at the end.

python distributed_run.py devices|processes
"""

import json
import os
import sys

MODE, N_DEVICES = sys.argv[1], 2
BACKEND = os.environ["KERAS_BACKEND"]
if MODE == "devices":  # before JAX is imported
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={N_DEVICES}"

import keras  # noqa: E402
import numpy as np  # noqa: E402

from medvae_course.models import (  # noqa: E402
    autoencoders,
    distribution,
    feeding,
    layers,
    training,
    vae,
)

SHAPE, BATCH, SEED = (8, 8, 1), 16, 5
X = np.random.default_rng(0).random((40, *SHAPE)).astype("float32")
TRAINING = {"epochs": 2, "verbose": 0}


class InParts(keras.layers.Layer):
    """The noise of several replicas of TensorFlow, on one device."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Sampling(SEED + number) for number in range(N_DEVICES)]

    def call(self, inputs, training=False):
        shares = zip(*(keras.ops.split(one, N_DEVICES) for one in inputs), strict=True)
        drawn = [
            part(list(share), training=training)
            for part, share in zip(self.parts, shares, strict=True)
        ]
        return keras.ops.concatenate(drawn)


def feed(rows=None, shuffle=True, batch_size=BATCH, targets=None):
    patients = np.repeat(["a", "b", "c", "d"], 10)
    return feeding.BlockFeed(
        X,
        patients=patients,
        rows=rows,
        targets=targets,
        batch_size=batch_size,
        shuffle=shuffle,
        seed=3,
    )


class Whole(keras.utils.PyDataset):
    """A feed without its last, smaller batch."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(X) // BATCH

    def __getitem__(self, index):
        return self.batches[index]

    def on_epoch_end(self):
        self.batches.on_epoch_end()


def autoencoder():
    training.set_seed(0)
    model = autoencoders.convolutional_autoencoder(SHAPE, 4, filters=(4,))
    model.compile(keras.optimizers.SGD(0.5, momentum=0.9), loss="mse", metrics=["mae"])
    return model


def variational(**options):
    training.set_seed(0)
    model = vae.dense_vae(SHAPE, 3, hidden=(8,), seed=SEED, **options)
    model.compile(keras.optimizers.SGD(1e-3))
    return model


def measured():
    return variational(sigma="optimal", free_bits=0.05)


def simple():
    return variational(sigma=0.5)


MAKERS = {"autoencoder": autoencoder, "VAE": simple}
if BACKEND == "jax":
    MAKERS["measured VAE"] = measured


def validation():
    return feed(np.arange(BATCH), shuffle=False)


def on_one_device(make):
    model = make()
    if make is simple and BACKEND == "tensorflow":
        model.sampling = InParts()
    return model.fit(
        Whole(feed()), validation_data=validation(), shuffle=False, **TRAINING
    ).model


def on_all(make):
    return distribution.fit(make, feed(), validation=validation(), **TRAINING)


def told(model):
    weights = [w.numpy() if hasattr(w, "numpy") else w for w in model.get_weights()]
    weights = [w.ravel()[:8].tolist() for w in weights if w.dtype == "float32"]
    history = model.history.history
    # and then goes on, on one device: nothing may be divided any more
    judged = model.evaluate(validation(), verbose=0, return_dict=True)
    more = model.fit(feed(), shuffle=False, epochs=1, verbose=0).history
    model.compile(keras.optimizers.SGD(1e-3), loss=model.loss)  # is traced anew
    anew = model.fit(feed(), shuffle=False, epochs=1, verbose=0).history
    later = {"judged": judged, "more": more["loss"], "anew": anew["loss"]}
    return {"history": history, "weights": weights, "later": later}


class Own(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return keras.ops.mean(y_pred)


def own():
    inputs = keras.Input(SHAPE)
    model = Own(inputs, keras.layers.Flatten()(inputs))
    model.compile("sgd")
    return model


def normalised():
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, keras.layers.BatchNormalization(name="bn")(inputs))
    model.compile("sgd", loss="mse")
    return model


def refusals():
    """Return what was said of each thing that cannot be done."""
    cases = {
        "odd batch": (simple, 5),
        "own loss": (own, 4),
        "measured": (measured, 4),
        "of the batch": (normalised, 4),
    }
    said = {}
    for name, (make, size) in cases.items():
        try:
            targets = X if make is normalised else None
            batches = feed(batch_size=size, targets=targets)
            distribution.fit(make, batches, verbose=0)
        except ValueError as error:
            said[name] = str(error)
    return said


def main():
    found = {}
    if MODE == "devices":
        if BACKEND == "tensorflow":
            import tensorflow as tf

            (cpu,) = tf.config.list_physical_devices("CPU")
            one = tf.config.LogicalDeviceConfiguration()
            tf.config.set_logical_device_configuration(cpu, [one] * N_DEVICES)
        found["alone"] = {name: told(on_one_device(m)) for name, m in MAKERS.items()}
        found["refused"] = refusals()
    found["together"] = {name: told(on_all(make)) for name, make in MAKERS.items()}
    found["first"] = distribution.is_first()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
