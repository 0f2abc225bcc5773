"""MONAI's `AutoencoderKL`: its encode, sample and decode around the network of `task`.

Its own halves are residual blocks with group normalisation and a code that keeps
height and width; no settings make them this network. So they are put in by hand.
"""

import task
import torch
import torch_loop
from monai.networks.nets import AutoencoderKL
from torch import nn
from torch_network import decoder, features, head, kl, nll

seed = torch.manual_seed
PACKAGES = ["monai", "torch"]


class KL(AutoencoderKL):
    def __init__(self, pixels):
        super().__init__(
            spatial_dims=2,
            channels=(32,),
            num_res_blocks=1,
            attention_levels=(False,),
            latent_channels=task.LATENT,
            with_encoder_nonlocal_attn=False,
            with_decoder_nonlocal_attn=False,
        )
        self.encoder, smallest = features(pixels)
        self.quant_conv_mu, self.quant_conv_log_sigma = head(smallest), head(smallest)
        self.post_quant_conv = nn.Identity()
        self.decoder = decoder(smallest)

    def forward(self, images):
        """Return the loss."""
        redrawn, mean, sigma = super().forward(images)
        return nll(images, redrawn) + kl(mean, 2 * torch.log(sigma))

    def redraw(self, images):
        return self.reconstruct(images)


class Peer(torch_loop.Peer):
    make = KL
