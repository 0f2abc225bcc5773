"""Pictures made of voxels: slices, reconstructions, errors, labels, planes."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .canvas import (
    add_scale_bar,
    as_stack,
    draw_hu,
    in_course_style,
    label_colour,
    letters_along,
    panels,
    rows_of_panels,
)


@in_course_style
def plot_images(
    images: np.ndarray,
    titles: Sequence[str] = (),
    *,
    level_hu: float,
    width_hu: float,
    pixel_mm: float | None = None,
    n_columns: int | None = None,
) -> Figure:
    """Show CT pictures side by side under one window.

    Args:
        images: (n, height, width), HU.
        titles: one for each picture, or none.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU.
        pixel_mm: size of a pixel for the scale bar, mm.
        n_columns: pictures in a row; without it three to five.

    Returns:
        The figure.

    Raises:
        ValueError: if the images are no stack, or titles are missing.

    Example:
        >>> fig = plot_images(np.zeros((2, 8, 8)), level_hu=40, width_hu=400)
        >>> len(fig.axes)
        2

    Taught in: chapter 1.
    """
    stack = as_stack(images)
    if titles and len(titles) != len(stack):
        raise ValueError(f"{len(stack)} images need as many titles, got {len(titles)}")
    if n_columns is None:
        n = len(stack)
        n_columns = n if n <= 5 else 3 if n % 4 and n % 3 == 0 else 4
    n_rows = -(-len(stack) // n_columns)
    fig, axes = panels(n_rows, n_columns, stack.shape[1:])
    for index, (ax, hu) in enumerate(zip(axes.flat, stack, strict=False)):
        draw_hu(ax, hu, level_hu=level_hu, width_hu=width_hu)
        ax.set_title(titles[index] if titles else "")
    add_scale_bar(axes[0, 0], pixel_mm, width=stack.shape[2])
    return fig


@in_course_style
def plot_reconstructions(
    rows: Mapping[str, np.ndarray],
    *,
    level_hu: float,
    width_hu: float,
    pixel_mm: float | None = None,
) -> Figure:
    """Show the same slices in rows: as scanned, then as each model gives them back.

    Args:
        rows: what is written beside a row, and its images (n, height, width), HU.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU.
        pixel_mm: size of a pixel for the scale bar, mm.

    Returns:
        The figure.

    Raises:
        ValueError: if the rows are not of one shape.

    Taught in: chapter 3.
    """
    fig, axes, stacks = rows_of_panels(rows)
    for row, stack in zip(axes, stacks, strict=True):
        for ax, hu in zip(row, stack, strict=True):
            draw_hu(ax, hu, level_hu=level_hu, width_hu=width_hu)
    add_scale_bar(axes[0, 0], pixel_mm, width=stacks.shape[3])
    return fig


@in_course_style
def plot_errors(
    rows: Mapping[str, np.ndarray],
    *,
    limit: float | None = None,
    label: str = "reconstruction − truth (HU)",
    pixel_mm: float | None = None,
) -> Figure:
    """Show signed pictures: blue is too low, red is too high, white is right.

    It serves errors, and patterns without a unit such as principal components.

    Args:
        rows: what is written beside a row, and its pictures (n, height, width), in the
            unit that `label` names.
        limit: the value of the fullest colours; without it the 99.5th percentile of
            the absolute values.
        label: what is written at the colour bar, with the unit.
        pixel_mm: size of a pixel for the scale bar, mm.

    Returns:
        The figure.

    Raises:
        ValueError: if the rows are not of one shape, or `limit` is not positive.

    Taught in: chapter 3.
    """
    fig, axes, stacks = rows_of_panels(rows, right_inches=0.9)
    if limit is None:
        limit = float(np.percentile(np.abs(stacks), 99.5)) or 1.0
    if not limit > 0:
        raise ValueError(f"`limit` must be positive, got {limit}")
    cmap = colormaps["RdBu_r"].resampled(101)
    for row, stack in zip(axes, stacks, strict=True):
        for ax, error in zip(row, stack, strict=True):
            drawn = ax.imshow(error, vmin=-limit, vmax=limit, cmap=cmap)
    add_scale_bar(axes[0, 0], pixel_mm, width=stacks.shape[3], colour="black")
    words = fill(label, letters_along(fig.get_figheight()))
    bar = fig.colorbar(drawn, ax=axes, label=words, extend="both", aspect=25)
    bar.outline.set_visible(False)
    return fig


@in_course_style
def plot_labels(
    hu: np.ndarray,
    labels: np.ndarray,
    label_names: Mapping[int, str],
    *,
    level_hu: float,
    width_hu: float,
    pixel_mm: float | None = None,
) -> Figure:
    """Show a slice, and beside it the same slice with its labels in colour.

    Args:
        hu: (height, width), HU.
        labels: (height, width), integers; 0 is left without colour.
        label_names: what each label means.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU.
        pixel_mm: size of a pixel for the scale bar, mm.

    Returns:
        The figure.

    Raises:
        ValueError: if slice and labels differ in shape.

    Taught in: chapter 1.
    """
    if np.shape(hu) != np.shape(labels):
        raise ValueError(f"slice {np.shape(hu)} and labels {np.shape(labels)} differ")
    fig, axes = panels(1, 2, np.shape(hu), right_inches=1.3, row_inches=0.1)
    for ax in axes.flat:
        draw_hu(ax, hu, level_hu=level_hu, width_hu=width_hu)
    colours, handles = np.zeros((*np.shape(labels), 4)), []
    for index, label in enumerate(sorted(k for k in label_names if k)):
        if (found := np.asarray(labels) == label).any():
            colours[found] = (*label_colour(index), 0.55)
            colour = (*label_colour(index), 1)
            handles.append(Patch(color=colour, label=label_names[label]))
    axes[0, 1].imshow(colours, interpolation="nearest")
    add_scale_bar(axes[0, 0], pixel_mm, width=np.shape(hu)[1])
    fig.legend(handles=handles, loc="outside right center")
    return fig


@in_course_style
def plot_planes(
    volume: Any,
    *,
    level_hu: float,
    width_hu: float,
    at: tuple[int, int, int] | None = None,
) -> Figure:
    """Show the axial, coronal and sagittal plane of a volume at one scale.

    Args:
        volume: a `medvae_course.ct.volume.Volume` that runs along the patient's axes.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU.
        at: index (z, y, x) of the voxel where the planes meet; without it the centre.

    Returns:
        The figure.

    Taught in: chapter 1.
    """
    z, y, x = at or tuple(n // 2 for n in volume.shape)
    depth, height, width = (
        n * mm for n, mm in zip(volume.shape, volume.spacing_mm, strict=True)
    )
    planes = {
        "axial": (volume.axial(z), (height, width), "R"),
        "coronal": (volume.coronal(y), (depth, width), "R"),
        "sagittal": (volume.sagittal(x), (depth, height), "A"),
    }
    widths = [shape[1] for _, shape, _ in planes.values()]
    tallest = max(height, depth)
    fig = Figure(figsize=(6.4, 6.2 * tallest / sum(widths) + 0.4))
    axes = fig.subplots(1, 3, width_ratios=widths)
    for ax, (name, (hu, (high, wide), left)) in zip(axes, planes.items(), strict=True):
        extent = (0, wide, high, 0)
        draw_hu(ax, hu, level_hu=level_hu, width_hu=width_hu, extent=extent)
        ax.set_title(name)
        ax.set_axis_off()
        ax.set_anchor("N")
        ax.text(0.02, 0.5, left, color="white", transform=ax.transAxes, va="center")
    add_scale_bar(axes[0], 1.0, width=width)
    return fig
