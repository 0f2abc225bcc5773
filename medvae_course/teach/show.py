"""Show a figure together with a sentence that says what is seen in it."""

import base64
import io

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure


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
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=100)
    # else the notebook would display an open pyplot figure a second time
    plt.close(fig)
    png = base64.b64encode(buffer.getvalue()).decode()
    bundle = {"image/png": png, "text/plain": alt}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)
