import functools
import inspect

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from medvae_course.ct.volume import Volume
from medvae_course.evaluate.bootstrap import Interval
from medvae_course.teach import figures
from medvae_course.teach.figures import canvas, label_efficiency
from medvae_course.teach.show import small_png

WINDOW = {"level_hu": 40.0, "width_hu": 400.0}
SLICES = np.random.default_rng(0).normal(0, 300, (5, 16, 24)).astype(np.float32)


NAMES = (
    "images reconstructions errors histogram curves quality codes words labels planes"
)
NAMES = NAMES.split()


def images_of(fig):
    return [image for ax in fig.axes for image in ax.images]


def words_of(fig):
    return [text.get_text() for text in fig.findobj(mpl.text.Text)]


def outside(fig):
    """How far the figure's words and pictures stick out of the paper, inches."""
    canvas_ = FigureCanvasAgg(fig)
    canvas_.draw()
    box = fig.get_tightbbox(canvas_.get_renderer())
    width, height = fig.get_size_inches()
    return max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)


@functools.cache
def examples():
    codes = np.random.default_rng(1).normal(size=(30, 2))
    quality = {
        "PCA": {4: (20, 19, 21), 16: (24, 23, 25)},
        "mean image": {4: 15, 16: 15},
    }
    labels = np.arange(16 * 24).reshape(16, 24) % 3
    rows = {"as scanned": SLICES, "dense autoencoder with 16 numbers": SLICES}
    names = {0: "background", 1: "lungs", 2: "muscle"}
    volume = Volume(np.zeros((6, 10, 12), np.float32), (8.0, 3.0, 3.0))
    return {
        "images": figures.plot_images(SLICES, list("abcde"), pixel_mm=3, **WINDOW),
        "reconstructions": figures.plot_reconstructions(rows, pixel_mm=3, **WINDOW),
        "errors": figures.plot_errors(rows, pixel_mm=3),
        "histogram": figures.plot_histogram(SLICES, windows={"lung": (-600, 1500)}),
        "curves": figures.plot_curves(
            {"training": [3, 2, 1]}, xlabel="epoch", ylabel="loss (nats)", log=True
        ),
        "quality": figures.plot_quality_by_code_size(quality),
        "codes": figures.plot_codes(codes, codes[:, 0], label="position (mm)"),
        "words": figures.plot_codes(codes, ["a", "b", "c"] * 10, label="patient"),
        "labels": figures.plot_labels(SLICES[0], labels, names, pixel_mm=3, **WINDOW),
        "planes": figures.plot_planes(volume, **WINDOW),
    }


@pytest.mark.parametrize("name", NAMES)
def test_picture_is_640_pixels_wide_and_its_words_lie_on_the_paper(name):
    fig = examples()[name]
    assert isinstance(fig, Figure)
    assert fig.get_figwidth() == 6.4
    assert fig.get_facecolor() == (1, 1, 1, 1)
    assert outside(fig) < 0.01, words_of(fig)


def test_settings_are_left_as_they_were():
    before = dict(mpl.rcParams)
    examples.__wrapped__()
    assert dict(mpl.rcParams) == before


def test_every_picture_takes_windows_and_units_by_name():
    for name in figures.__all__:
        parameters = inspect.signature(getattr(figures, name)).parameters.values()
        positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert 1 <= len(positional) <= 3, name


def test_all_panels_share_the_window():
    fig = figures.plot_images(SLICES, **WINDOW)
    assert {image.get_clim() for image in images_of(fig)} == {(-160.0, 240.0)}


def test_channel_axis_is_accepted():
    fig = figures.plot_images(SLICES[..., None], **WINDOW)
    np.testing.assert_array_equal(images_of(fig)[2].get_array(), SLICES[2])


def test_errors_are_symmetric_around_white_with_a_unit_on_the_bar():
    fig = figures.plot_errors({"PCA": np.full((2, 4, 4), -30.0)}, limit=50)
    image = images_of(fig)[0]
    assert image.get_clim() == (-50, 50)
    assert min(image.cmap(image.norm(0.0))[:3]) > 0.96
    assert "reconstruction − truth (HU)" in words_of(fig)


def test_scale_bar_has_the_length_it_says():
    fig = figures.plot_images(SLICES, pixel_mm=2.5, **WINDOW)
    ax = fig.axes[0]
    (bar,) = ax.lines
    words = [text.get_text() for text in ax.texts]
    pixels = np.ptp(bar.get_xdata()) * SLICES.shape[2]
    assert words == [f"{pixels * 2.5:g} mm"]
    assert words == ["20 mm"]


def test_planes_keep_the_patients_proportions():
    volume = Volume(np.zeros((6, 10, 12), np.float32), (8.0, 3.0, 3.0))
    fig = figures.plot_planes(volume, **WINDOW)
    FigureCanvasAgg(fig).draw()
    boxes = [ax.get_window_extent() for ax in fig.axes]
    ratios = [box.height / box.width for box in boxes]
    np.testing.assert_allclose(ratios, [30 / 36, 48 / 36, 48 / 30], rtol=0.02)
    scales = [box.width / mm for box, mm in zip(boxes, (36, 36, 30), strict=True)]
    np.testing.assert_allclose(scales, scales[0], rtol=0.02)


def test_planes_are_those_asked_for_with_the_head_up():
    hu = np.zeros((3, 4, 5), np.float32)
    hu[2] = 100  # the most cranial slice
    volume = Volume(hu, (2.0, 1.0, 1.0))
    axial, coronal, _ = images_of(figures.plot_planes(volume, at=(2, 0, 0), **WINDOW))
    assert axial.get_array().min() == 100
    np.testing.assert_array_equal(coronal.get_array()[:, 0], [100, 0, 0])


def test_labels_colour_what_they_name_and_nothing_else():
    labels = np.zeros((16, 24), int)
    labels[:4] = 7
    fig = figures.plot_labels(
        SLICES[0], labels, {0: "air", 5: "liver", 7: "heart"}, **WINDOW
    )
    overlay = images_of(fig)[2].get_array()
    assert (overlay[:4, :, 3] > 0).all()
    assert (overlay[4:, :, 3] == 0).all()
    assert "heart" in words_of(fig)
    assert "liver" not in words_of(fig)


def test_label_colours_stay_apart():
    colours = np.array([to_rgb(colour) for colour in canvas.LABEL_COLOURS])
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert distances[np.triu_indices(len(colours), 1)].min() > 0.15


def test_histogram_shares_add_up():
    values = np.concatenate([np.full(30, -1000.0), np.full(70, 40.0)])
    fig = figures.plot_histogram(values, n_bins=10)
    (stairs,) = fig.axes[0].patches
    shares = stairs.get_data().values
    np.testing.assert_allclose([shares[0], shares[-1]], [0.3, 0.7])


def test_quality_shows_intervals_as_bands():
    quality = {"PCA": {4: (20.0, 19.0, 21.0), 16: (24.0, 23.0, 25.0)}}
    ax = figures.plot_quality_by_code_size(quality).axes[0]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [20, 24])
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (19, 25)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["4", "16"]


def test_curves_are_numbered_from_one_and_pairs_are_taken_as_they_are():
    curves = {"loss": [3.0, 2.0], "pair": ([0.0, 5.0], [1.0, 4.0])}
    ax = figures.plot_curves(curves, xlabel="epoch", ylabel="nats").axes[0]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2])
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), [0, 5])


@pytest.mark.parametrize(
    ("plot", "message"),
    [
        (lambda: figures.plot_images(SLICES[0], **WINDOW), "list of one"),
        (lambda: figures.plot_images(SLICES, ["a"], **WINDOW), "as many titles"),
        (
            lambda: figures.plot_images(SLICES, level_hu=40, width_hu=0),
            "must be positive, got 0",
        ),
        (
            lambda: figures.plot_images(SLICES, pixel_mm=-1, **WINDOW),
            "must be positive, got -1",
        ),
        (
            lambda: figures.plot_reconstructions(
                {"a": SLICES, "b": SLICES[:2]}, **WINDOW
            ),
            "one shape",
        ),
        (lambda: figures.plot_errors({"a": SLICES}, limit=0), "must be positive"),
        (lambda: figures.plot_histogram(np.array([np.nan])), "finite"),
        (lambda: figures.plot_curves({}, xlabel="x", ylabel="y"), "at least one"),
        (lambda: figures.plot_quality_by_code_size({}), "at least one"),
        (lambda: figures.plot_codes(SLICES, [1], label="x"), r"\(n, 2\)"),
        (
            lambda: figures.plot_labels(SLICES[0], SLICES[0].T, {}, **WINDOW),
            "differ",
        ),
    ],
)
def test_unfit_arguments_are_refused(plot, message):
    with pytest.raises(ValueError, match=message):
        plot()


def test_phantom_like_row_is_small_enough_for_a_notebook():
    rows = {name: SLICES.repeat(4, 1).repeat(4, 2) for name in ("a", "b", "c")}
    assert len(small_png(figures.plot_reconstructions(rows, **WINDOW))) < 100_000


def test_label_efficiency_shows_each_draw_beside_its_mean():
    dice = {"net": {1: Interval(0.4, 0.3, 0.5, 0.95, 8)}}
    draws = {"net": {1: [0.35, 0.4, 0.45]}}
    (ax,) = label_efficiency.plot_label_efficiency(dice, draws=draws).axes
    (points,) = (c for c in ax.collections if isinstance(c, PathCollection))
    np.testing.assert_allclose(points.get_offsets()[:, 1], draws["net"][1])
