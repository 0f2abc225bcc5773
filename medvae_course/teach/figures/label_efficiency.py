"""How good methods are with few and with many labelled patients."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from ...evaluate.bootstrap import Interval
from .canvas import in_course_style


@in_course_style
def plot_label_efficiency(
    methods: Mapping[str, Mapping[int, Interval]],
    *,
    draws: Mapping[str, Mapping[int, Sequence[float]]] | None = None,
    ylabel: str = "mean Dice of unseen patients",
) -> Figure:
    """Show for each method the score with n labelled patients, intervals as bars.

    Args:
        methods: what each method is called, and for each number of labelled patients
            its score; methods may lack some numbers.
        draws: as `methods`, with the score of each draw of labelled patients, shown as
            small points beside the mean; methods and numbers may be missing.
        ylabel: what the score is, with its unit if it has one.

    Returns:
        The figure; its horizontal axis is logarithmic, and the points of one number
        stand side by side so that no bar hides another.

    Raises:
        ValueError: if there is no method.

    Example:
        >>> dice = {1: Interval(0.4, 0.3, 0.5, 0.95, 8)}
        >>> len(plot_label_efficiency({"U-Net": dice}).axes[0].lines) > 0
        True

    Taught in: chapter 15.
    """
    if not methods:
        raise ValueError("`methods` is empty; give at least one")
    fig = Figure()
    ax = fig.subplots()
    ax.set(xlabel="labelled patients", ylabel=ylabel)
    numbers = sorted({n for found in methods.values() for n in found})
    for index, ((name, found), marker) in enumerate(
        zip(methods.items(), "osD^vPX" * 4, strict=False)
    ):
        n = np.array(sorted(found))
        middle, low, high = np.transpose(
            [(found[i].estimate, found[i].low, found[i].high) for i in n]
        )
        aside = 1.05 ** (index - (len(methods) - 1) / 2)
        bars = ax.errorbar(
            n * aside,
            middle,
            yerr=np.maximum([middle - low, high - middle], 0),
            marker=marker,
            elinewidth=1,
            label=name,
        )
        for number, values in (draws or {}).get(name, {}).items():
            ax.scatter(
                np.full(len(values), number * aside * 1.025),
                values,
                s=6,
                color=bars[0].get_color(),
                alpha=0.6,
                linewidths=0,
            )
    ax.set_xscale("log")
    ax.set_xticks(numbers, [str(n) for n in numbers])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return fig
