"""Features for every pixel, from the stages of a convolutional encoder.

Clustering them divides an image into tissues without a label; the clustering itself
needs no network and lives elsewhere.
"""

import keras
import numpy as np
from keras import layers

Statistics = tuple[np.ndarray, np.ndarray]
"""Mean and standard deviation of each channel over the training pixels."""


def pixel_features(
    encoder: keras.Model,
    images: np.ndarray,
    *,
    statistics: Statistics | None = None,
    position_weight: float = 0.0,
    batch_size: int = 64,
) -> np.ndarray:
    """Describe each pixel by the image and by every stage of a convolutional encoder.

    A coarse stage knows the surroundings, a fine one the place: each feature map is
    brought to the size of the image by bilinear interpolation, and all are stacked
    behind the image itself. The stages are weighted so that a stage with many
    channels counts no more than one with few.

    Args:
        encoder: functional model that holds `Conv2D` layers, such as the `encoder`
            of `convolutional_autoencoder` or `convolutional_vae`.
        images: (n, height, width, channels), model units.
        statistics: those of the training images, from `feature_statistics`; None
            leaves the features as they are, for computing the statistics.
        position_weight: factor of two more channels, row and column relative to the
            image, from -1 to 1; 0 leaves them out.
        batch_size: images at a time.

    Returns:
        float32 (n, height, width, features), unitless. An image of 64 x 64 takes
        2 MB with 113 features, so pass some hundred images, not thousands.

    Raises:
        ValueError: if the encoder has no convolution or the statistics are of
            another number of features.

    Example:
        >>> from medvae_course.models import autoencoders
        >>> model = autoencoders.convolutional_autoencoder((8, 8, 1), 3, filters=(4, 5))
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1), "float32")
        >>> statistics = feature_statistics(pixel_features(model.encoder, images))
        >>> pixel_features(model.encoder, images, statistics=statistics).shape
        (2, 8, 8, 10)

    Source: Hariharan et al., Hypercolumns for object segmentation and fine-grained
        localization (2015).
    Taught in: chapter 14.
    """
    maps = _stages(encoder)
    height, width = images.shape[1:3]
    resized = [layers.Resizing(height, width, dtype="float32")(m) for m in maps]
    model = keras.Model(encoder.inputs[0], layers.Concatenate(dtype="float32")(resized))
    # called, not `predict`: a compiled step for each new model would cost more
    batches = [
        model(images[start : start + batch_size])
        for start in range(0, len(images), batch_size)
    ]
    features = np.concatenate([keras.ops.convert_to_numpy(b) for b in batches])
    if statistics is not None:
        mean, std = statistics
        if len(mean) != features.shape[-1]:
            raise ValueError(
                f"the encoder gives {features.shape[-1]} features, got statistics of "
                f"{len(mean)}: compute them with the same encoder"
            )
        channels = np.array([m.shape[-1] for m in maps])
        features = (features - mean) / (std * np.sqrt(np.repeat(channels, channels)))
    if position_weight:
        features = _with_position(features, position_weight)
    return features.astype("float32", copy=False)


def feature_statistics(features: np.ndarray) -> Statistics:
    """Return mean and standard deviation of each feature over all pixels.

    Args:
        features: (n, height, width, features), from `pixel_features` without
            statistics, of training images.

    Returns:
        Two float32 arrays (features,); a constant feature gets the deviation 1.

    Example:
        >>> mean, std = feature_statistics(np.array([[[[0.0, 3.0], [2.0, 3.0]]]]))
        >>> mean.tolist(), std.tolist()
        ([1.0, 3.0], [1.0, 1.0])

    Taught in: chapter 14.
    """
    axes = tuple(range(features.ndim - 1))
    std = features.std(axes, dtype="float64")
    std = np.where(std > 0, std, 1.0)
    return features.mean(axes, dtype="float64").astype("float32"), std.astype("float32")


def _stages(encoder):
    """Input and output of every convolution of a functional model."""
    convolutions = [
        layer.output for layer in encoder.layers if isinstance(layer, layers.Conv2D)
    ]
    if not convolutions:
        raise ValueError(
            "`encoder` must be a functional model with Conv2D layers, got "
            f"{encoder.name!r} without any: use the encoder of a convolutional model"
        )
    return [encoder.inputs[0], *convolutions]


def _with_position(features, weight):
    n, height, width, _ = features.shape
    rows, columns = np.meshgrid(
        np.linspace(-weight, weight, height),
        np.linspace(-weight, weight, width),
        indexing="ij",
    )
    position = np.broadcast_to(
        np.stack([rows, columns], -1).astype("float32"), (n, height, width, 2)
    )
    return np.concatenate([features, position], axis=-1)
