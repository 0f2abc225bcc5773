"""Pictures of numbers: histograms, curves, quality by code size, codes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import in_course_style


@in_course_style
def plot_histogram(
    values: Mapping[str, np.ndarray] | np.ndarray,
    *,
    xlabel: str = "Hounsfield units (HU)",
    windows: Mapping[str, tuple[float, float]] | None = None,
    n_bins: int = 120,
) -> Figure:
    """Show how often values occur, with the windows that would be displayed.

    Args:
        values: array of any shape in the unit of `xlabel`, or several by their names.
        xlabel: what the values are, with their unit.
        windows: names and (level, width) of windows to mark, same unit.
        n_bins: number of bins over the range of all values.

    Returns:
        The figure; its vertical axis is logarithmic, in parts of all values.

    Raises:
        ValueError: if there are no finite values.

    Taught in: chapter 1.
    """
    named = values if isinstance(values, Mapping) else {"": values}
    arrays = {name: np.ravel(np.asarray(array)) for name, array in named.items()}
    together = np.concatenate(list(arrays.values()))
    if not (together.size and np.isfinite(together).all()):
        raise ValueError("a histogram needs finite values; leave out nan and inf")
    edges = np.linspace(together.min(), together.max(), n_bins + 1)
    fig, ax = _axes(xlabel, "share of voxels")
    for name, array in arrays.items():
        share = np.histogram(array, edges)[0] / array.size
        ax.stairs(share, edges, label=name, linewidth=1.5, color=_next_colour(ax))
    ax.set_yscale("log")
    _mark_windows(ax, windows or {})
    if len(arrays) > 1:
        ax.legend()
    return fig


@in_course_style
def plot_curves(
    curves: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    levels: Mapping[str, float] | None = None,
) -> Figure:
    """Show curves, such as losses by epoch, and levels they are compared with.

    Args:
        curves: what each curve is called, and its heights (n,), counted from 1, or
            a pair of positions and heights.
        xlabel: what runs to the right, with its unit.
        ylabel: what runs up, with its unit.
        log: whether the vertical axis is logarithmic.
        levels: names and heights of horizontal lines.

    Returns:
        The figure.

    Raises:
        ValueError: if there is no curve.

    Taught in: chapter 3.
    """
    if not curves:
        raise ValueError("`curves` is empty; give at least one")
    fig, ax = _axes(xlabel, ylabel)
    for name, curve in curves.items():
        x, y = curve if isinstance(curve, tuple) else (None, curve)
        y = np.asarray(y, dtype=float)
        x = np.arange(1, len(y) + 1) if x is None else np.asarray(x, dtype=float)
        # few points are measurements, many are a line
        ax.plot(x, y, label=name, marker="o" if len(y) <= 12 else None)
    for name, height in (levels or {}).items():
        ax.axhline(height, color="#606060", linewidth=1, linestyle="--")
        place = {"textcoords": "offset points", "fontsize": 9, "va": "bottom"}
        ax.annotate(
            name, (0.01, height), (0, 2), xycoords=ax.get_yaxis_transform(), **place
        )
    if log:
        ax.set_yscale("log")
    if len(curves) > 1:
        ax.legend()
    return fig


@in_course_style
def plot_quality_by_code_size(
    qualities: Mapping[str, Mapping[int, Any]],
    *,
    ylabel: str = "PSNR on unseen patients (dB)",
) -> Figure:
    """Show for each model how good k numbers per image are, with intervals as bands.

    Args:
        qualities: what each model is called, and for each k its quality in the unit of
            `ylabel`: a number, an (estimate, low, high), or an object that has these.
        ylabel: what the quality is, with its unit.

    Returns:
        The figure; its horizontal axis is logarithmic to the base 2.

    Raises:
        ValueError: if there is no model.

    Taught in: chapter 3.
    """
    if not qualities:
        raise ValueError("`qualities` is empty; give at least one model")
    fig, ax = _axes("code size k (numbers per image)", ylabel)
    sizes = sorted({k for by_size in qualities.values() for k in by_size})
    markers = "osD^vPX"
    for index, (name, by_size) in enumerate(qualities.items()):
        k = sorted(by_size)
        middle, low, high = np.transpose([_with_interval(by_size[n]) for n in k])
        marker = markers[index % len(markers)]
        (line,) = ax.plot(k, middle, marker=marker, label=name)
        ax.fill_between(k, low, high, color=line.get_color(), alpha=0.18, linewidth=0)
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(k) for k in sizes])
    ax.minorticks_off()
    ax.legend()
    return fig


@in_course_style
def plot_codes(
    codes: np.ndarray,
    values: Sequence[Any] | np.ndarray,
    *,
    label: str,
    axis_names: tuple[str, str] = ("code 1", "code 2"),
) -> Figure:
    """Show two numbers of each code as a point, coloured by what is known of it.

    Args:
        codes: (n, 2), no unit.
        values: (n,), numbers for a colour bar or words for a legend.
        label: what the values are, with their unit.
        axis_names: what the two numbers are called.

    Returns:
        The figure.

    Raises:
        ValueError: if `codes` is not (n, 2) or there are not n values.

    Taught in: chapter 3.
    """
    codes, values = np.asarray(codes), np.asarray(values)
    if codes.ndim != 2 or codes.shape != (len(values), 2):
        raise ValueError(
            f"`codes` must be (n, 2) with n values, got {codes.shape} and {len(values)}"
        )
    fig, ax = _axes(*axis_names)
    if values.dtype.kind in "biuf":
        cmap = colormaps["viridis"].resampled(64)
        drawn = ax.scatter(*codes.T, c=values, cmap=cmap, s=14, linewidth=0)
        fig.colorbar(drawn, ax=ax, label=label)
    else:
        for word, marker in zip(np.unique(values), "osD^vPX" * 4, strict=False):
            ax.scatter(*codes[values == word].T, marker=marker, s=16, label=str(word))
        fig.legend(loc="outside right center", title=label)
    return fig


def _axes(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    fig = Figure()
    ax = fig.subplots()
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return fig, ax


def _next_colour(ax: Axes) -> str:
    # stairs takes no colour from the cycle of its own accord
    return f"C{len(ax.patches)}"


def _mark_windows(ax: Axes, windows: Mapping[str, tuple[float, float]]) -> None:
    """Draw windows as bars above what is drawn, the later the lower."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * 4 ** len(windows))
    for index, (name, (level, width)) in enumerate(windows.items()):
        height = 0.91 - 0.1 * index
        span = [level - width / 2, level + width / 2]
        place = {"transform": ax.get_xaxis_transform(), "clip_on": True}
        ax.plot(span, [height] * 2, color="#404040", linestyle="-", **place)
        ax.text(level, height + 0.02, f"{name} window", ha="center", size=9, **place)


def _with_interval(quality: Any) -> tuple[float, float, float]:
    if hasattr(quality, "estimate"):
        return quality.estimate, quality.low, quality.high
    middle, low, high = quality if isinstance(quality, tuple) else (quality,) * 3
    return middle, low, high
