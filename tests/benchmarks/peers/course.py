"""This course: its VAE and `fit`."""

import keras
import task
from keras_network import PACKAGES as PACKAGES_OF_KERAS
from keras_network import AtStart

from medvae_course.models import training, vae

seed = training.set_seed
PACKAGES = ["medvae-course", *PACKAGES_OF_KERAS]


class Peer:
    def __init__(self, pixels: int, **compiling):
        self.model = vae.convolutional_vae(
            (pixels, pixels, 1), task.LATENT, filters=task.FILTERS, sigma=task.SIGMA
        )
        halves = self.model.encoder, self.model.decoder
        self.n_parameters = sum(half.count_params() for half in halves)
        self.model.compile(keras.optimizers.Adam(task.RATE), **compiling)

    def fit(self, images, epochs, at_start):
        callbacks = [AtStart(at_start)]
        options = {"batch_size": task.BATCH, "callbacks": callbacks, "verbose": 0}
        self.model.fit(images, epochs=epochs, **options)

    def reconstruct(self, images):
        return keras.ops.convert_to_numpy(self.model.reconstruct(images))
