"""The network of bench_gpu.py in PyTorch, for images or volumes."""

import math

import torch
from torch import nn
from torch_network import kl, nll


class VAE(nn.Module):
    """A VAE whose stages halve and then double; `forward` returns the loss."""

    def __init__(self, size: tuple[int, ...], filters: tuple[int, ...], latent: int):
        super().__init__()
        down, up = (
            (nn.Conv2d, nn.ConvTranspose2d)
            if len(size) == 2
            else (nn.Conv3d, nn.ConvTranspose3d)
        )
        smallest = (filters[-1], *(n // 2 ** len(filters) for n in size))
        encoder, decoder = [], []
        for one, other in zip((1, *filters[:-1]), filters, strict=True):
            encoder += [down(one, other, 4, 2, 1), nn.LeakyReLU(0.2)]
            decoder = [up(other, one, 4, 2, 1), nn.LeakyReLU(0.2), *decoder]
        self.features = nn.Sequential(*encoder, nn.Flatten())
        self.mean, self.log_var = (
            nn.Linear(math.prod(smallest), latent) for _ in range(2)
        )
        start = [nn.Linear(latent, math.prod(smallest)), nn.Unflatten(1, smallest)]
        self.decoder = nn.Sequential(*start, *decoder[:-1])

    def forward(self, images):
        flat = self.features(images)
        mean, log_var = self.mean(flat).float(), self.log_var(flat).float()
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        return nll(images, self.decoder(z).float()) + kl(mean, log_var)
