"""A Keras model in the style of Keras' own VAE example: a `train_step` with a tape."""

import keras
import task
import tensorflow as tf
from keras_network import PACKAGES, AtStart, feed, halves, kl, nll, seed

__all__ = ["PACKAGES", "Peer", "seed"]


class TapeVAE(keras.Model):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.built = True
        names = ("loss", "reconstruction_loss", "kl_loss")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self):
        return self.trackers

    def train_step(self, images):
        with tf.GradientTape() as tape:
            mean, log_var = self.encoder(images)
            log_var = tf.clip_by_value(log_var, *task.LOG_VAR_RANGE)
            noise = tf.random.normal(tf.shape(mean))
            redrawn = self.decoder(mean + tf.exp(0.5 * log_var) * noise)
            parts = [tf.reduce_mean(nll(images, redrawn))]
            parts.append(tf.reduce_mean(kl(mean, log_var)))
            loss = parts[0] + parts[1]
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_weights, strict=True)
        )
        for tracker, value in zip(self.trackers, (loss, *parts), strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


class Peer:
    def __init__(self, pixels, *, feeding="arrays", **compiling):
        self.feeding = feeding
        self.model = TapeVAE(*halves(pixels))
        halves_ = self.model.encoder, self.model.decoder
        self.n_parameters = sum(half.count_params() for half in halves_)
        self.model.compile(keras.optimizers.Adam(task.RATE), **compiling)

    def fit(self, images, epochs, at_start):
        options = {"epochs": epochs, "callbacks": [AtStart(at_start)], "verbose": 0}
        self.model.fit(**feed(images, self.feeding, twice=False), **options)

    def reconstruct(self, images):
        codes = self.model.encoder(images)[0]
        return keras.ops.convert_to_numpy(self.model.decoder(codes))
