"""Show a figure together with a sentence that says what is seen in it."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image
from scipy.spatial import cKDTree


def show(fig: Figure, alt: str) -> None:
    """Display a figure with alternative text, and close it.

    The sentence is the output's `text/plain`, so that a comparison of notebooks
    compares it instead of an object's address, and the `alt` of the output's metadata,
    from which the book hands it to screen readers.

    Args:
        fig: the figure; a PNG with 100 pixels an inch is made of it.
        alt: what is seen, in a sentence of one line; not what kind of plot it is.

    Raises:
        ValueError: if `alt` is not a sentence of one line.

    Example:
        >>> from matplotlib.figure import Figure
        >>> show(Figure(), alt="")
        Traceback (most recent call last):
            ...
        ValueError: `alt` must say in one line what is seen, got ''

    Taught in: chapter 1.
    """
    if len(alt.split()) < 3 or "\n" in alt:
        raise ValueError(f"`alt` must say in one line what is seen, got {alt!r}")
    png = base64.b64encode(small_png(fig)).decode()
    # else the notebook would display an open pyplot figure a second time
    plt.close(fig)
    bundle = {"image/png": png, "text/plain": alt}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)


def small_png(fig: Figure) -> bytes:
    """Draw a figure as a PNG that is small enough to live in a notebook.

    It keeps 256 colours, a third of the bytes: 128 are those that fill most of it, such
    as paper, greys and curves; the others stand for the shades of smoothed edges.

    Args:
        fig: the figure.

    Returns:
        A PNG file with 100 pixels an inch.

    Example:
        >>> from matplotlib.figure import Figure
        >>> small_png(Figure())[1:4]
        b'PNG'

    Taught in: chapter 1.
    """
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=100)
    pixels = np.asarray(Image.open(drawn).convert("RGB"))
    colours, which, counts = np.unique(
        pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    palette, rare = colours[order[:128]], colours[order[128:]]
    if len(rare):
        few = Image.fromarray(rare[None]).quantize(128).getpalette()
        palette = np.concatenate([palette, np.reshape(few, (-1, 3))[:128]])
    _, nearest = cKDTree(palette).query(colours)
    image = Image.fromarray(nearest.astype(np.uint8)[which].reshape(pixels.shape[:2]))
    image.putpalette(palette.astype(np.uint8).tobytes())
    image.save(small, "PNG", optimize=True)
    return small.getvalue()
