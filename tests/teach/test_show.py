import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from medvae_course.teach import show as module
from medvae_course.teach.show import show, small_png


@pytest.fixture
def displayed(monkeypatch):
    seen = []
    monkeypatch.setattr(
        module, "display", lambda bundle, **options: seen.append((bundle, options))
    )
    return seen


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_bundle_holds_picture_and_sentence(displayed):
    show(Figure(figsize=(6.4, 2)), alt="A line rises from one to four.")
    ((bundle, options),) = displayed
    assert bundle["text/plain"] == "A line rises from one to four."
    alt = {"image/png": {"alt": "A line rises from one to four."}}
    assert options == {"raw": True, "metadata": alt}
    assert pixels(base64.b64decode(bundle["image/png"])).shape == (200, 640, 3)


def test_pyplot_figure_is_closed(displayed):
    fig, _ = plt.subplots()
    show(fig, alt="An empty pair of axes is shown.")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("alt", ["", "figure", "two\nlines of words here"])
def test_alt_that_is_no_sentence_is_refused(displayed, alt):
    with pytest.raises(ValueError, match="what is seen"):
        show(Figure(), alt=alt)
    assert displayed == []


def test_png_is_the_same_each_time():
    def png():
        fig = Figure()
        fig.subplots().plot([1, 2, 4])
        return small_png(fig)

    assert png() == png()


def test_greys_stay_exact():
    fig = Figure(figsize=(2.56, 2.56))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.imshow(np.arange(256).reshape(16, 16), cmap="gray", interpolation="nearest")
    exact = io.BytesIO()
    fig.savefig(exact, format="png", dpi=100)
    np.testing.assert_array_equal(pixels(small_png(fig)), pixels(exact.getvalue()))


def test_many_colours_stay_close():
    fig = Figure(figsize=(3, 3))
    ax = fig.add_axes((0, 0, 1, 1))
    ramp = np.linspace(0, 1, 60)
    red, green = np.meshgrid(ramp, ramp)
    noise = np.random.default_rng(0).random(red.shape)
    ax.imshow(np.stack([red, green, noise], axis=-1))
    exact = io.BytesIO()
    fig.savefig(exact, format="png", dpi=100)
    difference = np.abs(pixels(small_png(fig)) - pixels(exact.getvalue()))
    assert difference.mean() < 16
    assert len(small_png(fig)) < len(exact.getvalue())
