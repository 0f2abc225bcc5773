"""What every way of training is given: one network, one loss, one optimizer.

The network is that of `medvae_course.models.vae.convolutional_vae`. The loss is the
negative evidence lower bound in nats per image, but for constants, under a Gaussian
of standard deviation SIGMA.
"""

FILTERS = (16, 32, 64)
KERNEL, STRIDE = 4, 2
LATENT = 32
SLOPE = 0.2  # of the leaky ReLU, below zero
SIGMA = 0.05
LOG_VAR_RANGE = (-20.0, 10.0)

BATCH = 64
RATE = 1e-3  # of Adam
