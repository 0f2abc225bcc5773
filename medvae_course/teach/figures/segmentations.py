"""Slices with the labels that several methods gave them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .canvas import (
    add_scale_bar,
    draw_hu,
    in_course_style,
    label_colour,
    rows_of_panels,
)


@in_course_style
def plot_segmentations(
    hu: np.ndarray,
    rows: Mapping[str, np.ndarray],
    label_names: Mapping[int, str],
    *,
    level_hu: float,
    width_hu: float,
    pixel_mm: float | None = None,
) -> Figure:
    """Show slices as scanned, and below them the labels of each method in colour.

    Args:
        hu: (n, height, width), HU.
        rows: what is written beside a row, and its labels (n, height, width), integers;
            0 is left without colour.
        label_names: what each label means.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU.
        pixel_mm: size of a pixel for the scale bar, mm.

    Returns:
        The figure.

    Raises:
        ValueError: if the rows are not of the slices' shape.

    Taught in: chapter 14.
    """
    fig, axes, _ = rows_of_panels({"CT": hu} | dict(rows), right_inches=1.4)
    for row in axes:
        for ax, image in zip(row, hu, strict=True):
            draw_hu(ax, image, level_hu=level_hu, width_hu=width_hu)
    handles = []
    for index, label in enumerate(sorted(value for value in label_names if value)):
        colour = np.array([*label_colour(index), 0.6])
        shown = False
        for row, labels in zip(axes[1:], rows.values(), strict=True):
            for ax, image in zip(row, labels, strict=True):
                if (found := np.asarray(image) == label).any():
                    ax.imshow(found[..., None] * colour, interpolation="nearest")
                    shown = True
        if shown:
            handles.append(Patch(color=colour[:3], label=label_names[label]))
    add_scale_bar(axes[0, 0], pixel_mm, width=np.shape(hu)[2])
    fig.legend(handles=handles, loc="outside right center")
    return fig
