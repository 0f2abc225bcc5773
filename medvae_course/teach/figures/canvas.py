"""What the pictures of the course are made of: panels, windows, scale bars."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import ParamSpec

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke

STYLE = Path(__file__).parents[1] / "course.mplstyle"
WIDTH_INCHES = 6.4
# Okabe and Ito, then Tol's muted set: neighbours differ in lightness as well
LABEL_COLOURS = (
    "#E69F00 #56B4E9 #009E73 #F0E442 #0072B2 #D55E00 #CC79A7 "
    "#88CCEE #999933 #AA4499 #DDCC77 #44AA99"
).split()
Arguments = ParamSpec("Arguments")


def in_course_style(plot: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Make a function draw in the course's style, and leave the settings as they were.

    Args:
        plot: function that returns a figure.

    Returns:
        The same function, drawing under `course.mplstyle`.

    Taught in: chapter 1.
    """
    return matplotlib.style.context(STYLE)(plot)


def as_stack(images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Bring images of one size, with or without a channel axis, to shape (n, h, w).

    Args:
        images: (n, height, width) or (n, height, width, 1).

    Returns:
        float32 array (n, height, width), same unit.

    Raises:
        ValueError: if the images are not a stack of pictures of one size.

    Example:
        >>> as_stack(np.zeros((2, 8, 8, 1))).shape
        (2, 8, 8)

    Taught in: chapter 1.
    """
    stack = np.asarray(images, dtype=np.float32)
    if stack.ndim == 4 and stack.shape[-1] == 1:
        stack = stack[..., 0]
    if stack.ndim != 3 or 0 in stack.shape:
        raise ValueError(
            f"`images` must have shape (n, height, width), got {stack.shape}; "
            "one image is a list of one"
        )
    return stack


def panels(
    n_rows: int, n_columns: int, shape: tuple[int, int], **space: float
) -> tuple[Figure, np.ndarray]:
    """Lay out a grid of panels for pictures of one shape, as wide as a page.

    Args:
        n_rows: pictures from top to bottom.
        n_columns: pictures from left to right.
        shape: (height, width) of a picture, any unit.
        **space: `left_inches` and `right_inches` to leave for names, a colour bar or a
            legend, `row_inches` to add to each row for its titles.

    Returns:
        The figure and its axes, an object array (n_rows, n_columns), switched off.

    Taught in: chapter 1.
    """
    beside = space.get("left_inches", 0) + space.get("right_inches", 0)
    width = (WIDTH_INCHES - beside) / n_columns
    # a single picture as wide as the page would not fit on a screen
    height = min((width - 0.08) * shape[0] / shape[1], 4.0) + space.get(
        "row_inches", 0.25
    )
    size = (WIDTH_INCHES, n_rows * height + 0.1)
    # "compressed" knows that pictures keep their shape
    fig = Figure(figsize=size, layout="compressed")
    axes = fig.subplots(n_rows, n_columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    return fig, axes


def rows_of_panels(
    rows: Mapping[str, np.ndarray], *, right_inches: float = 0
) -> tuple[Figure, np.ndarray, np.ndarray]:
    """Lay out a row of panels for each entry, its name written upwards at the left.

    Args:
        rows: names and images (n, height, width), all of one shape.
        right_inches: what to leave at the right for a colour bar.

    Returns:
        The figure, its axes (rows, n), and all images (rows, n, height, width).

    Raises:
        ValueError: if the rows are not of one shape.

    Taught in: chapter 3.
    """
    if len({np.shape(images) for images in rows.values()}) != 1:
        shapes = {name: np.shape(images) for name, images in rows.items()}
        raise ValueError(f"`rows` must hold stacks of one shape, got {shapes}")
    stacks = np.stack([as_stack(images) for images in rows.values()])
    space = {"left_inches": 0.3, "right_inches": right_inches, "row_inches": 0.06}
    fig, axes = panels(len(rows), stacks.shape[1], stacks.shape[2:], **space)
    letters = letters_along(fig.get_figheight() / len(rows))
    for ax, name in zip(axes[:, 0], rows, strict=True):
        place = {"rotation": 90, "ha": "right", "va": "center"}
        place |= {"transform": ax.transAxes, "multialignment": "center"}
        ax.text(-0.04, 0.5, fill(name, letters), **place)
    return fig, axes, stacks


def letters_along(inches: float) -> int:
    """Return how many letters fit along a side, after which a line is to be broken.

    Args:
        inches: length of the side.

    Returns:
        A count, at least 8.

    Taught in: chapter 3.
    """
    return max(8, int(13 * inches))


def draw_hu(
    ax: Axes, hu: np.ndarray, *, level_hu: float, width_hu: float, **options
) -> AxesImage:
    """Draw a CT picture under a window, black to white.

    Args:
        ax: where to draw.
        hu: (height, width), HU.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU; must be positive.
        **options: passed on to `imshow`.

    Returns:
        What `imshow` returned.

    Raises:
        ValueError: if `width_hu` is not positive.

    Taught in: chapter 1.
    """
    if not width_hu > 0:
        raise ValueError(f"`width_hu` must be positive, got {width_hu}")
    low, high = level_hu - width_hu / 2, level_hu + width_hu / 2
    return ax.imshow(hu, vmin=low, vmax=high, cmap="gray", **options)


def add_scale_bar(
    ax: Axes, pixel_mm: float | None, *, width: float, colour: str = "white"
) -> None:
    """Draw a bar of a round length in mm at the lower left of a picture.

    Args:
        ax: axes with a picture in pixels.
        pixel_mm: size of a pixel, mm; without it there is no bar.
        width: width of the picture, pixels.
        colour: white for dark pictures, black for light ones.

    Raises:
        ValueError: if `pixel_mm` is not positive.

    Taught in: chapter 1.
    """
    if pixel_mm is None:
        return
    if not pixel_mm > 0:
        raise ValueError(f"`pixel_mm` must be positive, got {pixel_mm}")
    round_mm = [m * 10**e for e in range(-1, 4) for m in (1, 2, 5)]
    length_mm = max((r for r in round_mm if r <= 0.35 * width * pixel_mm), default=0.1)
    edge = "black" if colour == "white" else "white"
    x = (0.05, 0.05 + length_mm / pixel_mm / width)
    ax.plot(
        x,
        (0.05, 0.05),
        transform=ax.transAxes,
        color=colour,
        linewidth=2,
        linestyle="-",
        path_effects=[withStroke(linewidth=3.5, foreground=edge)],
    )
    ax.annotate(
        f"{length_mm:g} mm",
        (0.05, 0.05),
        (0, 3),
        xycoords="axes fraction",
        textcoords="offset points",
        color=colour,
        fontsize=8,
        va="bottom",
        path_effects=[withStroke(linewidth=1.5, foreground=edge)],
    )


def label_colour(index: int) -> tuple[float, float, float]:
    """Return the colour of a label of a segmentation, red, green, blue in [0, 1].

    Args:
        index: which of the labels shown, counted from 0.

    Returns:
        Three numbers.

    Taught in: chapter 1.
    """
    return to_rgb(LABEL_COLOURS[index % len(LABEL_COLOURS)])
