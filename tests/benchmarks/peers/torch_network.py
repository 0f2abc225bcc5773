"""The network of `task` in PyTorch, with Keras' initial weights."""

import math

import task
import torch
from torch import nn
from torch.nn import functional

STEP = {"kernel_size": task.KERNEL, "stride": task.STRIDE, "padding": 1}


def features(pixels: int) -> tuple[nn.Module, tuple[int, int, int]]:
    """Return layers from images to flat features, and the shape before they are flat.

    With kernels of 4, strides of 2 and even sizes, Keras' padding "same" is 1.
    """
    channels = (1, *task.FILTERS)
    layers = []
    for one, other in zip(channels[:-1], channels[1:], strict=True):
        layers += [nn.Conv2d(one, other, **STEP), nn.LeakyReLU(task.SLOPE)]
    side = pixels // task.STRIDE ** len(task.FILTERS)
    return nn.Sequential(*layers, nn.Flatten()), (channels[-1], side, side)


def head(smallest: tuple[int, int, int]) -> nn.Module:
    return nn.Linear(math.prod(smallest), task.LATENT)


def decoder(smallest: tuple[int, int, int]) -> nn.Module:
    channels = (*task.FILTERS[::-1], 1)
    layers = [nn.Linear(task.LATENT, math.prod(smallest)), nn.Unflatten(1, smallest)]
    for one, other in zip(channels[:-1], channels[1:], strict=True):
        layers += [nn.ConvTranspose2d(one, other, **STEP), nn.LeakyReLU(task.SLOPE)]
    return nn.Sequential(*layers[:-1])


def initialise(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return model


def nll(images, redrawn):
    """Return the negative log-likelihood but for constants, nats, mean of the batch."""
    squares = functional.mse_loss(redrawn, images, reduction="sum")
    return 0.5 / task.SIGMA**2 * squares / len(images)


def kl(mean, log_var):
    """Return the divergence from the prior, nats, mean of the batch."""
    return 0.5 * torch.sum(mean**2 + log_var.exp() - 1 - log_var) / len(mean)


class VAE(nn.Module):
    def __init__(self, pixels: int):
        super().__init__()
        self.features, smallest = features(pixels)
        self.mean, self.log_var = head(smallest), head(smallest)
        self.decoder = decoder(smallest)

    def forward(self, images):
        """Return the loss."""
        flat = self.features(images)
        mean, log_var = self.mean(flat), self.log_var(flat)
        log_var = log_var.clamp(*task.LOG_VAR_RANGE)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        return nll(images, self.decoder(z)) + kl(mean, log_var)

    def redraw(self, images):
        return self.decoder(self.mean(self.features(images)))
