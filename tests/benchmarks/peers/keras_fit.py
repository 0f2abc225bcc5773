"""Plain Keras: the same layers, a layer that samples and adds the KL, and `fit`."""

import keras
import task
from keras import ops
from keras_network import PACKAGES, AtStart, feed, halves, kl, nll, seed

__all__ = ["PACKAGES", "Peer", "seed"]


class Sample(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.generator = keras.random.SeedGenerator(0)

    def call(self, code):
        mean, log_var = code
        log_var = ops.clip(log_var, *task.LOG_VAR_RANGE)
        self.add_loss(ops.mean(kl(mean, log_var)))
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return mean + ops.exp(0.5 * log_var) * noise


class Peer:
    def __init__(self, pixels, *, feeding="arrays", course_loaded=False, **compiling):
        if course_loaded:  # which keeps tf.data's autotuner from holding epochs up
            import medvae_course.models  # noqa: F401 - for what it does to `fit`

        self.feeding = feeding
        self.encoder, self.decoder = halves(pixels)
        redrawn = self.decoder(Sample()(self.encoder.output))
        self.model = keras.Model(self.encoder.input, redrawn)
        self.n_parameters = self.encoder.count_params() + self.decoder.count_params()
        self.model.compile(keras.optimizers.Adam(task.RATE), loss=nll, **compiling)

    def fit(self, images, epochs, at_start):
        options = {"epochs": epochs, "callbacks": [AtStart(at_start)], "verbose": 0}
        self.model.fit(**feed(images, self.feeding, twice=True), **options)

    def reconstruct(self, images):
        return ops.convert_to_numpy(self.decoder(self.encoder(images)[0]))
