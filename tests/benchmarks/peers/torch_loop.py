"""PyTorch with a loop written by hand, on a tensor that is in memory as a whole."""

import task
import torch
from torch_network import VAE, initialise

seed = torch.manual_seed
PACKAGES = ["torch"]


def to_torch(images) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


class Peer:
    make = VAE

    def __init__(
        self, pixels, *, threads, channels_last=False, fused=False, compiled=False
    ):
        torch.set_num_threads(threads)
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.model = initialise(self.make(pixels)).to(memory_format=self.layout)
        self.n_parameters = sum(p.numel() for p in self.model.parameters())
        parameters = self.model.parameters()
        self.optimizer = torch.optim.Adam(parameters, lr=task.RATE, fused=fused)
        self.loss = torch.compile(self.model) if compiled else self.model

    def fit(self, images, epochs, at_start):
        images = to_torch(images).to(memory_format=self.layout)
        for _ in range(epochs):
            at_start()
            for rows in torch.randperm(len(images)).split(task.BATCH):
                self.optimizer.zero_grad(set_to_none=True)
                self.loss(images[rows]).backward()
                self.optimizer.step()

    @torch.no_grad()
    def reconstruct(self, images):
        redrawn = self.model.redraw(to_torch(images))
        return redrawn.permute(0, 2, 3, 1).numpy()
