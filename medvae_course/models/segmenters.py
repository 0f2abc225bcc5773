"""Networks from images to a class for each pixel.

A *segmenter* is any Keras model from images (n, height, width, channels), model units,
to logits (n, height, width, n_classes). `unet` learns all of it from labels;
`latent_head` reads what an autoencoder learned without them.
"""

from collections.abc import Sequence

import keras
from keras import layers

from .latent_segmentation import _stages


def unet(
    image_shape: Sequence[int],
    n_classes: int,
    *,
    filters: Sequence[int] = (16, 32, 64),
    activation: str = "leaky_relu",
    encoder: keras.Model | None = None,
) -> keras.Model:
    """Make a U-Net, whose first half may start with the weights of an encoder.

    The way down is that of `convolutional_autoencoder` and `convolutional_vae` with the
    same `filters`: one convolution that halves for each stage. The way up doubles,
    joins what the way down saw at this size, and convolves twice. So two U-Nets, from
    scratch and from an encoder, differ in nothing but where the training starts.

    Args:
        image_shape: (height, width, channels), pixels; height and width divisible by 2
            to the power of the number of stages.
        n_classes: of the pixels, with the background.
        filters: channels after each halving; the full size has as many as the first.
        activation: that of the hidden layers.
        encoder: functional model whose convolutions have these `filters`; its weights
            are copied, so that training changes nothing in it. None starts at random.

    Returns:
        A functional model that is not compiled: images to float32 logits
        (batch, height, width, n_classes).

    Raises:
        ValueError: if the image cannot be halved so often, or the encoder is another.

    Example:
        >>> unet((16, 24, 1), 3, filters=(4, 8)).output_shape
        (None, 16, 24, 3)

    Source: Ronneberger, Fischer and Brox, U-Net (2015).
    Taught in: chapter 15.
    """
    _check(image_shape, n_classes, filters)
    options = {"padding": "same", "use_bias": False}
    inputs = keras.Input(tuple(image_shape))
    x, shortcuts = inputs, [_refined(inputs, filters[0], activation)]
    down = []
    for channels in filters:
        down.append(
            layers.Conv2D(channels, 4, strides=2, padding="same", activation=activation)
        )
        x = down[-1](x)
        shortcuts.append(x)
    x = _refined(shortcuts.pop(), filters[-1], activation)
    for channels in (*filters[-2::-1], filters[0]):
        x = layers.Conv2DTranspose(channels, 4, strides=2, **options)(x)
        x = layers.Concatenate()([x, shortcuts.pop()])
        x = _refined(_refined(x, channels, activation), channels, activation)
    # float32 under every dtype policy: the loss takes exponentials of these
    logits = layers.Conv2D(n_classes, 1, dtype="float32", name="logits")(x)
    model = keras.Model(inputs, logits, name="unet")
    if encoder is not None:
        _copy_weights(encoder, down)
    return model


def latent_head(
    encoder: keras.Model,
    n_classes: int,
    *,
    image_shape: Sequence[int] | None = None,
    hidden: Sequence[int] = (),
    trainable: bool = False,
    activation: str = "leaky_relu",
) -> keras.Model:
    """Make a segmenter that decides each pixel from the stages of an encoder.

    The features of a pixel are those of `pixel_features`: image and stages, brought to
    the size of the image by bilinear interpolation, and two channels of position.
    They are standardised with the statistics of the training batches, and a linear or
    small non-linear classifier sees one pixel at a time.

    Its first layer is linear, and so is interpolation: whichever comes first, the sum
    is the same. Here each stage is multiplied at its own size, which is many times
    cheaper than stacking all channels at the size of the image. They are standardised
    at that size, too.

    Args:
        encoder: functional model that holds `Conv2D` layers, such as the `encoder` of
            `convolutional_autoencoder` or `convolutional_vae`, or a whole
            `denoising_network`. It is copied: training changes nothing in it.
        n_classes: of the pixels, with the background.
        image_shape: (height, width, channels), pixels, of the images; None takes the
            encoder's, where it says them.
        hidden: widths of the classifier's hidden layers; none makes it linear.
        trainable: whether the copy of the encoder is trained too.
        activation: that of the hidden layers.

    Returns:
        A functional model that is not compiled: images to float32 logits
        (batch, height, width, n_classes).

    Raises:
        ValueError: if the encoder has no convolution, there is one class only, or
            nobody says the size of the images.

    Example:
        >>> from medvae_course.models import vae
        >>> encoder = vae.convolutional_vae((16, 16, 1), 3, filters=(4, 5)).encoder
        >>> model = latent_head(encoder, 3)
        >>> model.output_shape, sum(w.numpy().size for w in model.trainable_weights)
        ((None, 16, 16, 3), 39)

    Source: Hariharan et al., Hypercolumns for object segmentation and fine-grained
        localization (2015).
    Taught in: chapter 15.
    """
    _check_classes(n_classes)
    shape = tuple(image_shape or encoder.inputs[0].shape[1:])
    if None in shape:
        raise ValueError(
            f"the encoder takes images of any size, {shape}: say `image_shape`"
        )
    stages = keras.Model(encoder.inputs[0], _stages(encoder)[1:], name="stages")
    copied = keras.models.clone_model(stages)
    copied.set_weights(stages.get_weights())
    copied.trainable = trainable
    inputs = keras.Input(shape)
    width = hidden[0] if hidden else n_classes
    parts, maps = [], [inputs, *copied(inputs), PixelPosition()(inputs)]
    for number, one in enumerate(maps, 1):
        one = layers.BatchNormalization(
            momentum=0.9,
            center=False,
            scale=False,
            dtype="float32",
            name=f"standardised_{number}",
        )(one)
        one = layers.Dense(
            width, use_bias=number == 1, dtype="float32", name=f"weighted_{number}"
        )(one)
        # not `layers.Resizing`: its default, training=True, would pass to what follows
        parts.append(keras.ops.image.resize(one, shape[:2]))
    x = layers.Add(name="logits" if not hidden else None)(parts)
    for units in hidden[1:]:
        x = layers.Dense(units)(layers.Activation(activation)(x))
    if hidden:
        x = layers.Activation(activation)(x)
        x = layers.Dense(n_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, x, name="latent_head")


@keras.saving.register_keras_serializable(package="medvae_course")
class PixelPosition(layers.Layer):
    """Two channels that say where a pixel is: row and column, from -1 to 1.

    Example:
        >>> import numpy as np
        >>> position = PixelPosition()(np.zeros((1, 3, 2, 1), "float32"))
        >>> keras.ops.convert_to_numpy(position)[0, 0].tolist()
        [[-1.0, -1.0], [-1.0, 1.0]]

    Source: R. Liu et al., An intriguing failing of convolutional neural networks and
        the CoordConv solution (2018).
    Taught in: chapter 15.
    """

    def call(self, x):
        """Return the positions for images (batch, height, width, channels)."""
        rows, columns = (keras.ops.linspace(-1.0, 1.0, size) for size in x.shape[1:3])
        grid = keras.ops.stack(keras.ops.meshgrid(rows, columns, indexing="ij"), -1)
        grid = keras.ops.cast(grid, self.compute_dtype)[None]
        return keras.ops.repeat(grid, keras.ops.shape(x)[0], axis=0)

    def compute_output_shape(self, input_shape):
        """Return the shape of the positions: two channels for each pixel."""
        return (*input_shape[:-1], 2)


def _refined(x, channels, activation):
    """Convolve once at the same size; normalised, which saves many steps."""
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
    return layers.Activation(activation)(layers.BatchNormalization(momentum=0.9)(x))


def _copy_weights(encoder, down):
    sources = [one for one in encoder.layers if isinstance(one, layers.Conv2D)]
    found = [tuple(one.kernel.shape) for one in sources]
    wanted = [tuple(one.kernel.shape) for one in down]
    if found != wanted:
        raise ValueError(
            f"the convolutions of `encoder` must have kernels {wanted}, got {found}: "
            "give the same `filters` and image as for the autoencoder"
        )
    for source, goal in zip(sources, down, strict=True):
        goal.set_weights(source.get_weights())


def _check(image_shape, n_classes, filters):
    _check_classes(n_classes)
    height, width, _ = image_shape
    scale = 2 ** len(filters)
    if not filters or height % scale or width % scale:
        raise ValueError(
            f"height and width must be divisible by 2**{len(filters)} = {scale}, one "
            f"halving per entry of `filters`, got {height} x {width}: crop or pad the "
            "images, or give fewer `filters`, but at least one"
        )


def _check_classes(n_classes):
    if n_classes < 2:
        raise ValueError(
            f"`n_classes` must be at least 2, the background is one, got {n_classes}"
        )
