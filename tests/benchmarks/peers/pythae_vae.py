"""Pythae's `VAE` and its `BaseTrainer` with the network of `task`."""

import tempfile

import task
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch_loop import to_torch
from torch_network import decoder, features, head, initialise, kl, nll

seed = torch.manual_seed
PACKAGES = ["pythae", "torch"]


class Encoder(BaseEncoder):
    def __init__(self, pixels):
        super().__init__()
        self.features, self.smallest = features(pixels)
        self.mean, self.log_var = head(self.smallest), head(self.smallest)

    def forward(self, images):
        flat = self.features(images)
        log_var = self.log_var(flat).clamp(*task.LOG_VAR_RANGE)
        return ModelOutput(embedding=self.mean(flat), log_covariance=log_var)


class Decoder(BaseDecoder):
    def __init__(self, smallest):
        super().__init__()
        self.layers = decoder(smallest)

    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z))


class WithSigma(VAE):
    """Pythae's own loss is this one with a standard deviation of 1."""

    def loss_function(self, recon_x, x, mu, log_var, z):
        parts = nll(x, recon_x), kl(mu, log_var)
        return sum(parts), *parts


class AtStart(TrainingCallback):
    def __init__(self, function):
        self.function = function

    def on_epoch_begin(self, training_config, **_):
        self.function()


class Peer:
    def __init__(self, pixels, *, threads, channels_last=False, compiled=False):
        torch.set_num_threads(threads)
        encoder = Encoder(pixels)
        shape = VAEConfig(input_dim=(1, pixels, pixels), latent_dim=task.LATENT)
        self.model = initialise(WithSigma(shape, encoder, Decoder(encoder.smallest)))
        if channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.n_parameters = sum(p.numel() for p in self.model.parameters())
        if compiled:  # not the whole: its outputs are dictionaries of a kind of its own
            self.model.encoder.features.compile()
            self.model.decoder.layers.compile()

    def fit(self, images, epochs, at_start):
        data = BaseDataset(to_torch(images), torch.zeros(len(images)))
        with tempfile.TemporaryDirectory() as folder:
            settings = BaseTrainerConfig(
                output_dir=folder,
                num_epochs=epochs,
                per_device_train_batch_size=task.BATCH,
                learning_rate=task.RATE,
                keep_best_on_train=True,
            )
            callbacks = [AtStart(at_start)]
            BaseTrainer(self.model, data, None, settings, callbacks).train()

    @torch.no_grad()
    def reconstruct(self, images):
        codes = self.model.encoder(to_torch(images)).embedding
        return self.model.decoder(codes).reconstruction.permute(0, 2, 3, 1).numpy()
