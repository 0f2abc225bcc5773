"""A decoder that readers move about in: in the built book, off line, from a file.

What a cell shows is one piece of HTML with the decoder's weights inside and a page of
plain JavaScript (`explorer.js`) that runs it. Without JavaScript nothing is shown but a
sentence: set a still picture before it.
"""

import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from medvae_course.ct.hounsfield import WINDOWS

from .export import exported

_LEVEL_HU, _WIDTH_HU = WINDOWS["model"]  # what model units stand for
_SHOWN = ("model", "soft tissue", "lung")
_MOST_SLIDERS = 8


@dataclass(frozen=True)
class Explorer:
    """A piece of HTML that notebooks show, and the sentence of what it is.

    Attributes:
        html: to be put into a page, or written to a file of its own.
        sentence: what is seen, for those who do not see it.
    """

    html: str
    sentence: str

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.sentence}


def plane(
    decoder: keras.Model,
    codes: np.ndarray,
    values: np.ndarray,
    *,
    mean_image: np.ndarray | None = None,
    limit: float = 3.0,
    alt: str,
) -> Explorer:
    """Let readers move a point over a plane of two latents and see it decoded.

    Args:
        decoder: from (n, 2) codes to (n, side, side, 1) images, model units; made of
            `Dense`, `Reshape` and `Conv2DTranspose` with padding "same".
        codes: (m, 2) codes of images, drawn as dots; a few hundred at most.
        values: (m,) a number from 0 to 1 for each, drawn as a colour from blue to red.
        mean_image: (side, side, 1) added to what is decoded, model units; None: none.
        limit: half the side of the plane, in standard deviations of the prior.
        alt: what is seen, as a sentence.

    Returns:
        `Explorer`; as the last line of a cell it is shown.

    Raises:
        ValueError: if the decoder is not of this kind.

    Taught in: chapter 6.
    """
    model = exported(decoder, mean_image)
    if model["latents"] != 2:
        raise ValueError(
            f"the plane needs a decoder of 2 latents, got {model['latents']}: use "
            "`sliders`"
        )
    rows = np.column_stack([codes, np.clip(values, 0, 1)])
    model |= {
        "limit": limit,
        "codes": np.round(rows, 2).tolist(),
        "starts": [{"z": [0.0, 0.0]}],
    }
    parts = (
        '<div><canvas data-part="plane" width="256" height="256" tabindex="0" '
        f'role="application" aria-label="{html.escape(alt)} Arrow keys move it.">'
        '</canvas><p>code: <span data-part="place"></span></p></div>'
        + _canvas("image", model["side"], "the decoded image")
    )
    return Explorer(_page(model, parts), alt)


def sliders(
    decoder: keras.Model,
    starts: np.ndarray,
    *,
    latents: Sequence[int],
    names: Sequence[str],
    mean_image: np.ndarray | None = None,
    limit: float = 3.0,
    alt: str,
) -> Explorer:
    """Let readers pull at single latents of some images and see what changes.

    Args:
        decoder: as for `plane`, of any number of latents.
        starts: (m, latents) codes to start from.
        latents: which latents get a slider, at most eight.
        names: (m,) what each start is called.
        mean_image: as for `plane`.
        limit: ends of the sliders, in standard deviations of the prior; further out
            where a start lies further out.
        alt: what is seen, as a sentence.

    Returns:
        `Explorer`; as the last line of a cell it is shown.

    Raises:
        ValueError: if the decoder is not of this kind, or starts, names or latents do
            not fit to it.

    Taught in: chapter 10.
    """
    model = exported(decoder, mean_image)
    starts = np.asarray(starts, dtype=float)
    if starts.ndim != 2 or starts.shape != (len(names), model["latents"]):
        raise ValueError(
            f"`starts` must have shape ({len(names)}, {model['latents']}): one row for "
            f"each of `names`, one number for each latent; got {starts.shape}"
        )
    if not 0 < len(latents) <= _MOST_SLIDERS or not set(latents) <= set(
        range(model["latents"])
    ):
        raise ValueError(
            f"`latents` must name 1 to {_MOST_SLIDERS} of the {model['latents']} "
            f"latents, got {list(latents)}"
        )
    model["starts"] = [{"z": np.round(z, 3).tolist()} for z in starts]
    limit = max(limit, float(np.ceil(np.abs(starts[:, list(latents)]).max())))
    choices = "".join(
        f'<option value="{i}">{html.escape(name)}</option>'
        for i, name in enumerate(names)
    )
    rows = "".join(
        f'<label><span>z<sub>{i}</sub></span><input type="range" data-latent="{i}" '
        f'min="{-limit}" max="{limit}" step="0.1"><output></output></label>'
        for i in latents
    )
    parts = (
        f'<div><label>start <select data-part="start">{choices}</select></label>'
        f'{rows}<button type="button" data-part="reset">back</button></div>'
        + _canvas("image", model["side"], alt)
        + _canvas("change", model["side"], "change, to ±300 HU; red is denser")
    )
    return Explorer(_page(model, parts), alt)


def _canvas(part: str, side: int, caption: str) -> str:
    words = html.escape(caption)
    return (
        f'<div><canvas data-part="{part}" width="{side}" height="{side}" role="img" '
        f'aria-label="{words}"></canvas><p>{words}</p></div>'
    )


def _page(model: dict[str, Any], parts: str) -> str:
    script = Path(__file__).with_name("explorer.js").read_text("utf-8")
    model |= {"low_hu": _LEVEL_HU - _WIDTH_HU / 2, "range_hu": _WIDTH_HU}
    data = json.dumps(model, separators=(",", ":"))
    mark = "explorer-" + hashlib.sha256((data + parts).encode()).hexdigest()[:8]
    options = "".join(
        f'<option value="{level} {width}">{name} ({level:.0f}, {width:.0f} HU)</option>'
        for name, (level, width) in ((shown, WINDOWS[shown]) for shown in _SHOWN)
    )
    return (
        f"<style>#{mark} > div {{display:flex;flex-wrap:wrap;gap:1em}}"
        f"#{mark} canvas {{width:196px;max-width:100%;image-rendering:pixelated;"
        f"touch-action:none;border:1px solid #888}}"
        f"#{mark} [data-part=plane] {{image-rendering:auto}}"
        f"#{mark} label {{display:flex;gap:.5em;align-items:center}}"
        f"#{mark} input {{width:7em}}#{mark} label span {{min-width:1.8em}}"
        f"#{mark} p {{margin:.2em 0;max-width:196px}}</style>"
        "<noscript><p>This figure moves where JavaScript runs; the picture before it "
        "shows the same, still.</p></noscript>"
        f'<div id="{mark}" hidden><div>{parts}</div><label>window '
        f'<select data-part="window">{options}</select></label></div>'
        f'<script>{script.strip()}(document.getElementById("{mark}"),{data});</script>'
    )
