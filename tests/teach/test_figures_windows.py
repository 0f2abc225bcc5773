import numpy as np
import pytest

from medvae_course.teach import figures


def test_each_panel_shows_the_slice_under_its_own_window():
    hu = np.linspace(-1000, 1000, 64).reshape(8, 8)
    fig = figures.plot_windows(hu, {"lung": (-600, 1500), "bone": (400, 1800)})
    limits = [ax.images[0].get_clim() for ax in fig.axes]
    assert limits == [(-1350, 150), (-500, 1300)]
    assert all(np.array_equal(ax.images[0].get_array(), hu) for ax in fig.axes)


def test_titles_name_the_windows_with_level_and_width():
    fig = figures.plot_windows(np.zeros((4, 4)), {"lung": (-600.0, 1500.0)})
    assert fig.axes[0].get_title() == "lung\n−600, 1500 HU"


@pytest.mark.parametrize(
    ("shape", "windows"), [((4, 4), {}), ((2, 4, 4), {"bone": (400, 1800)})]
)
def test_what_is_no_slice_or_has_no_window_is_refused(shape, windows):
    with pytest.raises(ValueError, match="at least one window"):
        figures.plot_windows(np.zeros(shape), windows)
