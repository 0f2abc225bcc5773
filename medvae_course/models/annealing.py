"""A KL term that comes in slowly."""

import keras


class BetaWarmUp(keras.callbacks.Callback):
    """Raise the weight of the KL term from 0 to the model's `beta` in equal steps.

    The first of the epochs has weight 0, the one after the last has the full weight,
    which the model also has again when the training ends, however early.

    Args:
        epochs: how many epochs have less than the full weight; at least 1.

    Raises:
        ValueError: if `epochs` is less than 1.

    Example:
        >>> import numpy as np
        >>> from medvae_course.models import vae
        >>> model = vae.dense_vae((4, 4, 1), 2, hidden=(), beta=2.0)
        >>> model.compile("adam")
        >>> x = np.zeros((4, 4, 4, 1), "float32")
        >>> slow = BetaWarmUp(4)
        >>> seen = model.fit(x, epochs=6, callbacks=[slow], verbose=0).history["beta"]
        >>> seen
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]

    Source: Bowman et al., Generating sentences from a continuous space (2016), section
        3.1; Sonderby et al., Ladder variational autoencoders (2016).
    Taught in: chapter 8.
    """

    def __init__(self, epochs: int) -> None:
        if not epochs >= 1:
            raise ValueError(f"`epochs` must be at least 1, got {epochs}")
        super().__init__()
        self.epochs = epochs

    def on_train_begin(self, logs=None):
        """Remember the full weight."""
        self.full = self.model.beta

    def on_epoch_begin(self, epoch, logs=None):
        """Set the weight of this epoch."""
        self.model.beta = self.full * min(1.0, epoch / self.epochs)

    def on_epoch_end(self, epoch, logs=None):
        """Put the weight into the history."""
        if logs is not None:
            logs["beta"] = self.model.beta

    def on_train_end(self, logs=None):
        """Give the model its full weight back."""
        self.model.beta = self.full
