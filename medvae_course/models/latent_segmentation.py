"""Features for every pixel, from the stages of a convolutional network.

Clustering them divides an image into tissues without a label; the clustering itself
needs no network and lives elsewhere. Images and volumes are treated alike.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from .interpolation import resized

Statistics = tuple[np.ndarray, np.ndarray]
"""Mean and standard deviation of each channel over the training pixels."""

CONVOLUTIONS = (layers.Conv2D, layers.Conv3D)
TRANSPOSED = (layers.Conv2DTranspose, layers.Conv3DTranspose)


def pixel_features(
    encoder: keras.Model,
    images: np.ndarray,
    *,
    statistics: Statistics | None = None,
    position_weight: float = 0.0,
    batch_size: int = 64,
    stages: Sequence[str] | None = None,
) -> np.ndarray:
    """Describe each pixel by the image and by every stage of a convolutional encoder.

    A coarse stage knows the surroundings, a fine one the place: each feature map is
    brought to the size of the image by linear interpolation, and all are stacked
    behind the image itself. The stages are weighted so that a stage with many
    channels counts no more than one with few.

    Args:
        encoder: functional model of images that holds `Conv2D` or `Conv3D` layers, also
            inside a model that it contains, such as the `encoder` of
            `convolutional_vae`, or a backbone of `keras.applications` and what follows.
        images: (n, height, width, channels), or (n, depth, height, width, channels) for
            an encoder of volumes, model units.
        statistics: those of the training images, from `feature_statistics`; None
            leaves the features as they are, for computing the statistics.
        position_weight: factor of one more channel for each axis, the place relative to
            the image, from -1 to 1; 0 leaves them out.
        batch_size: images at a time.
        stages: names of layers to use, from `stage_names` or any other whose output
            is a map; None for every convolution, without the transposed ones.

    Returns:
        float32 (n, height, width, features), or with depth, unitless. An image of
        64 x 64 takes 2 MB with 113 features, so pass some hundred images, not
        thousands; larger images tile by tile, with `tiles.tiled_features`.

    Raises:
        ValueError: if the encoder has no convolution or no such stage, or the
            statistics are of another number of features.

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
    maps = _stages(encoder, stages)
    shape = np.shape(images)[1:-1]
    return _described(
        encoder, maps, images, shape, statistics, position_weight, batch_size
    )


def decoder_features(
    decoder: keras.Model,
    codes: np.ndarray,
    *,
    statistics: Statistics | None = None,
    position_weight: float = 0.0,
    batch_size: int = 64,
    stages: Sequence[str] | None = None,
) -> np.ndarray:
    """Describe each pixel by the stages of a decoder: what the code says of the place.

    Args:
        decoder: functional model from codes to images, with (transposed) convolutions.
        codes: (n, latent_dim), such as `z_mean`, or (n, height, width, channels).
        statistics: as in `pixel_features`, of the same decoder.
        position_weight: as in `pixel_features`.
        batch_size: codes at a time.
        stages: names of layers; None for every convolution, the last one, which
            gives the image, among them.

    Returns:
        float32 (n, height, width, features) of the size of the decoder's images.

    Raises:
        ValueError: as in `pixel_features`.

    Example:
        >>> from medvae_course.models import vae
        >>> model = vae.convolutional_vae((8, 8, 1), 3, filters=(4, 5))
        >>> decoder_features(model.decoder, np.zeros((2, 3), "float32")).shape
        (2, 8, 8, 5)

    Source: Hariharan et al., Hypercolumns for object segmentation and fine-grained
        localization (2015).
    Taught in: chapter 14.
    """
    maps = _stages(decoder, stages or stage_names(decoder))[1:]
    shape = decoder.output_shape[1:-1]
    return _described(
        decoder, maps, codes, shape, statistics, position_weight, batch_size
    )


def stage_names(model: keras.Model) -> list[str]:
    """Return the name of every convolution, from the first to the last.

    Args:
        model: functional model. Layers of a model inside are named `inside/layer`.

    Returns:
        Names that `stages` of `pixel_features` takes; transposed ones too.

    Example:
        >>> from medvae_course.models import vae
        >>> decoder = vae.convolutional_vae((8, 8, 1), 3, filters=(4, 5)).decoder
        >>> len(stage_names(decoder))
        2

    Taught in: chapter 14.
    """
    kinds = (*CONVOLUTIONS, *TRANSPOSED)
    return [name for name, layer in _layers(model) if isinstance(layer, kinds)]


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


def _layers(model, above=""):
    """Yield name and layer of a functional model, and of the models inside it."""
    for layer in model.layers:
        name = f"{above}{layer.name}"
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            yield from _layers(layer, f"{name}/")
        else:
            yield name, layer


def _maps(model, names, above=""):
    """Name and symbolic output of the layers with these names."""
    if not any("/" in name.removeprefix(above) for name in names):
        return {n: model.get_layer(n.removeprefix(above)).output for n in names}
    found = {}

    def call(layer, *args, **kwargs):
        name = f"{above}{layer.name}"
        inside = [wanted for wanted in names if wanted.startswith(f"{name}/")]
        if inside:
            # it has a graph of its own: called on what it is given here
            maps = _maps(layer, inside, f"{name}/")
            outputs = keras.Model(layer.inputs, list(maps.values()))(*args)
            found.update(zip(maps, outputs, strict=True))
        output = layer(*args, **kwargs)
        if name in names:
            found[name] = output
        return output

    # a walk through the same layers, for Keras tells nobody what such a model is given
    keras.models.clone_model(
        model,
        input_tensors=model.input,
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return found


def _stages(encoder, names=None):
    """Input and output of every convolution of a functional model, or of some."""
    known = dict(_layers(encoder))
    if names is None:
        names = [name for name, one in known.items() if isinstance(one, CONVOLUTIONS)]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"{encoder.name!r} has no stages {unknown}: choose from {list(known)}"
        )
    if not names:
        raise ValueError(
            "`encoder` must be a functional model with Conv2D layers, got "
            f"{encoder.name!r} without any, nor Conv3D: use the encoder of a "
            "convolutional model"
        )
    maps = _maps(encoder, names)
    return [encoder.inputs[0], *(maps[name] for name in names)]


def _described(model, maps, inputs, shape, statistics, position_weight, batch_size):
    model_of_maps = keras.Model(model.inputs[0], maps)
    batches = []
    for start in range(0, len(inputs), batch_size):
        # called, not `predict`: a compiled step for each new model would cost more
        found = model_of_maps(inputs[start : start + batch_size])
        found = ops.concatenate([resized(m, shape) for m in found], axis=-1)
        batches.append(ops.convert_to_numpy(found))
    features = np.concatenate(batches)
    if statistics is not None:
        mean, std = statistics
        if len(mean) != features.shape[-1]:
            raise ValueError(
                f"the network gives {features.shape[-1]} features, got statistics of "
                f"{len(mean)}: compute them with the same network and stages"
            )
        channels = np.array([m.shape[-1] for m in maps])
        features = (features - mean) / (std * np.sqrt(np.repeat(channels, channels)))
    if position_weight:
        axes = [np.linspace(-position_weight, position_weight, n) for n in shape]
        position = np.stack(np.meshgrid(*axes, indexing="ij"), -1).astype("float32")
        position = np.broadcast_to(position, (len(features), *position.shape))
        features = np.concatenate([features, position], axis=-1)
    return features.astype("float32", copy=False)
