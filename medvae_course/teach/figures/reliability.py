"""How sure a segmenter is, against how often it is right."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from ...evaluate.segmentation_calibration import Reliability
from .canvas import in_course_style


@in_course_style
def plot_reliability(diagrams: Mapping[str, Reliability]) -> Figure:
    """Draw reliability diagrams beside each other, all bins of confidence as points.

    Args:
        diagrams: what stands above each panel, and its bins.

    Returns:
        The figure: a panel for each; the dashed line is a segmenter as good as it
        says. Points below it are too sure. The area of a point is its share of the
        pixels.

    Raises:
        ValueError: if there is no diagram.

    Example:
        >>> bins = Reliability(np.array([0.6, 0.9]), np.array([0.5, 0.7]), np.ones(2))
        >>> len(plot_reliability({"U-Net": bins}).axes)
        1

    Source: Guo et al., On calibration of modern neural networks (2017), figure 4.
    Taught in: chapter 15.
    """
    if not diagrams:
        raise ValueError("`diagrams` is empty; give at least one")
    fig = Figure(figsize=(6.4, 3.0 if len(diagrams) > 1 else 4.0))
    axes = fig.subplots(1, len(diagrams), sharey=True, squeeze=False)[0]
    for ax, (name, bins) in zip(axes, diagrams.items(), strict=True):
        ax.plot([0, 1], [0, 1], color="#606060", linestyle="--", linewidth=1)
        ax.plot(bins.confidence, bins.accuracy, color="C0", linewidth=1, marker="")
        area = 12 + 300 * np.nan_to_num(bins.share / np.nansum(bins.share))
        ax.scatter(bins.confidence, bins.accuracy, s=area, color="C0", zorder=3)
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="confidence")
        ax.set_title(f"{name}\nmean gap {100 * bins.error:.1f} %")
    axes[0].set_ylabel("share that is right")
    return fig
