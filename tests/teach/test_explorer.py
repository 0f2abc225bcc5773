import json
import re

import keras
import numpy as np
import pytest
from browser import Browser, find_browser

from medvae_course.models import vae
from medvae_course.teach import explorer
from medvae_course.teach.explorer.export import exported, rounded

SHAPE = (16, 16, 1)


def convolutional(latents=2):
    keras.utils.set_random_seed(1)
    return vae.convolutional_vae(SHAPE, latents, filters=(6, 4)).decoder


def dense(latents=2):
    keras.utils.set_random_seed(1)
    return vae.dense_vae(SHAPE, latents, hidden=(12,)).decoder


def plane_of(decoder, **options):
    codes = np.random.default_rng(0).normal(size=(30, 2))
    return explorer.plane(
        decoder, codes, np.linspace(0, 1, 30), alt="A plane of slices.", **options
    )


def test_rounding_keeps_every_weight_to_half_a_step_of_its_channel():
    kernel = np.random.default_rng(0).normal(size=(4, 4, 3, 5)) * 10.0 ** np.arange(5)
    whole, step = rounded(kernel)
    assert whole.dtype == np.int8
    assert np.all(np.abs(whole * step - kernel) <= 0.501 * step)


def test_channel_of_zeros_stays_zero():
    whole, step = rounded(np.zeros((3, 2)))
    assert not whole.any()
    assert np.isfinite(step).all()


def test_html_stands_alone_and_hides_nothing_from_those_without_script():
    shown = plane_of(convolutional())
    assert not re.search(r"(src|href)\s*=|https?:|import\b", shown.html)
    assert "<noscript>" in shown.html
    assert 'aria-label="A plane of slices.' in shown.html
    assert shown._repr_mimebundle_() == {
        "text/html": shown.html,
        "text/plain": "A plane of slices.",
    }


def test_words_of_the_caller_cannot_break_out_of_the_page():
    evil = '"><script>alert(1)</script>'
    shown = explorer.sliders(
        dense(3), np.zeros((1, 3)), latents=[0], names=[evil], alt=evil
    )
    assert shown.html.count("<script>") == 1


def test_two_on_a_page_do_not_share_a_name():
    names = [
        re.search(r'id="(explorer-\w+)"', plane_of(decoder).html)[1]
        for decoder in (convolutional(), dense())
    ]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        (
            keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)]),
            "square images of one channel",
        ),
        (
            keras.Sequential(
                [
                    keras.Input((2,)),
                    keras.layers.Dense(16, activation="gelu"),
                    keras.layers.Reshape((4, 4, 1)),
                ]
            ),
            "activation must be one of .*, got gelu",
        ),
        (
            keras.Sequential(
                [
                    keras.Input((2,)),
                    keras.layers.Dense(16),
                    keras.layers.Reshape((4, 4, 1)),
                    keras.layers.Conv2D(1, 3, padding="same"),
                ]
            ),
            "got Conv2D: build it",
        ),
        (
            keras.Sequential(
                [
                    keras.Input((2,)),
                    keras.layers.Dense(16),
                    keras.layers.Reshape((4, 4, 1)),
                    keras.layers.Conv2DTranspose(1, 2, 3, padding="same"),
                ]
            ),
            "no stride above the kernel",
        ),
    ],
)
def test_decoder_that_the_script_cannot_run_is_refused(decoder, message):
    with pytest.raises(ValueError, match=message):
        exported(decoder, None)


def test_plane_wants_two_latents():
    with pytest.raises(ValueError, match="needs a decoder of 2 latents, got 3"):
        plane_of(convolutional(3))


@pytest.mark.parametrize(
    ("starts", "latents", "message"),
    [
        (np.zeros((2, 3)), [0], "`starts` must have shape"),
        (np.zeros((1, 3)), [3], "`latents` must name 1 to 8 of the 3 latents"),
        (np.zeros((1, 3)), [], "`latents` must name"),
    ],
)
def test_sliders_that_do_not_fit_are_refused(starts, latents, message):
    with pytest.raises(ValueError, match=message):
        explorer.sliders(dense(3), starts, latents=latents, names=["one"], alt="…")


# === In a browser ===


@pytest.fixture(scope="module")
def browser():
    executable = find_browser()
    if not executable:
        pytest.skip("no Chromium on the PATH: the script was not run")
    with Browser(executable) as opened:
        yield opened


def shown_in(browser, page, folder):
    (folder / "page.html").write_text(
        f"<!doctype html><meta charset='utf-8'><body>{page.html}</body>", "utf-8"
    )
    browser.open((folder / "page.html").as_uri())
    return np.array(
        json.loads(
            browser.evaluate(
                "JSON.stringify(Array.from(document.querySelector('[id^=explorer]').image))"
            )
        )
    ).reshape(SHAPE)


@pytest.mark.parametrize("make", [convolutional, dense])
def test_browser_decodes_what_keras_decodes(browser, tmp_path, make):
    decoder, starts = make(3), np.array([[0.5, -1.0, 2.0]])
    mean = np.random.default_rng(2).random(SHAPE)
    page = explorer.sliders(
        decoder, starts, latents=[0], names=["one"], mean_image=mean, alt="…"
    )
    expected = decoder.predict(starts, verbose=0)[0] + mean
    image = shown_in(browser, page, tmp_path)
    scale = np.abs(expected - mean).max()
    assert np.abs(image - expected).max() < 0.03 * scale


def test_browser_follows_point_keys_and_sliders(browser, tmp_path):
    image = shown_in(browser, plane_of(convolutional()), tmp_path)
    moved = browser.evaluate(
        """(() => {
          const root = document.querySelector('[id^=explorer]');
          const plane = root.querySelector('[data-part=plane]');
          plane.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowUp'}));
          return root.querySelector('[data-part=place]').textContent;
        })()"""
    )
    assert moved == "0.0, 0.1"
    page = explorer.sliders(
        convolutional(3), np.zeros((1, 3)), latents=[1], names=["one"], alt="…"
    )
    image = shown_in(browser, page, tmp_path)
    changed = browser.evaluate(
        """(() => {
          const root = document.querySelector('[id^=explorer]');
          const slider = root.querySelector('input[type=range]');
          slider.value = 2;
          slider.dispatchEvent(new Event('input'));
          return JSON.stringify(Array.from(root.image));
        })()"""
    )
    expected = convolutional(3).predict(np.array([[0.0, 2.0, 0.0]]), verbose=0)[0]
    assert not np.allclose(json.loads(changed), image.ravel())
    assert np.abs(np.reshape(json.loads(changed), SHAPE) - expected).max() < 0.03 * (
        np.abs(expected).max()
    )


def test_page_asks_for_nothing_from_outside(browser, tmp_path):
    shown_in(browser, plane_of(dense()), tmp_path)
    assert [url for url in browser.requests if not url.startswith("file:")] == []
