"""One function for each kind of picture in the course; each returns a `Figure`.

CT goes in as Hounsfield units and is shown under a window that the caller states, the
same for all panels of a figure. `show(fig, alt=…)` then gives the figure its sentence.
"""

from .graphs import (
    plot_codes,
    plot_curves,
    plot_histogram,
    plot_quality_by_code_size,
)
from .latent_plane import plot_latent_plane
from .pictures import (
    plot_errors,
    plot_images,
    plot_labels,
    plot_planes,
    plot_reconstructions,
)
from .segmentations import plot_segmentations
from .windows import plot_windows

__all__ = [
    "plot_codes",
    "plot_curves",
    "plot_errors",
    "plot_histogram",
    "plot_images",
    "plot_labels",
    "plot_latent_plane",
    "plot_planes",
    "plot_quality_by_code_size",
    "plot_reconstructions",
    "plot_segmentations",
    "plot_windows",
]
