"""The picture of "How fast is it?": bars of images per second, as SVG."""

from html import escape

WIDEST = 70  # per cent of the drawing: room for the number behind a bar
ROW, TITLE = 46, 40  # pixels
Rates = dict[tuple[str, int], tuple[tuple[float, float, float], str]]
"""(Way, pixels) → images per second, median and quartiles, and the kind of way."""


def picture(rates: Rates) -> str:
    """Return bars of images per second, one panel a size, as SVG in raw HTML.

    Lengths are shares of the width and letters have their size in pixels, so that one
    drawing suits a phone and a wide screen.
    """
    shapes, told, y = [], [], 0
    for pixels in sorted({pixels for _, pixels in rates}):
        of_size = {way: found for (way, p), found in rates.items() if p == pixels}
        scale = WIDEST / max(high for (_, _, high), _ in of_size.values())
        title = f"{pixels} × {pixels} pixels, images per second"
        shapes.append(f'<text class="size" x="0" y="{y + 26}">{title}</text>')
        y += TITLE
        for way, ((middle, low, high), kind) in of_size.items():
            name, own = way.replace("`", ""), " own" if kind == "course" else ""
            bar, left, right = (f"{scale * v:.2f}%" for v in (middle, low, high))
            shapes += [
                f'<text x="0" y="{y + 14}">{escape(name)}</text>',
                f'<rect class="bar{own}" y="{y + 20}" width="{bar}" height="15"/>',
                f'<line x1="{left}" x2="{right}" y1="{y + 27.5}" y2="{y + 27.5}"/>',
                f'<text x="{right}" dx="8" y="{y + 33}">{middle:.0f}</text>',
            ]
            told.append(f"{name} {middle:.0f} at {pixels} pixels")
            y += ROW
    return DRAWING.format(
        height=y, told=escape("; ".join(told)), shapes="\n  ".join(shapes)
    )


DRAWING = """\
```{{raw}} html
<svg class="speed" xmlns="http://www.w3.org/2000/svg" width="100%" height="{height}" \
style="height: {height}px" role="img" aria-labelledby="speed-title speed-desc">
  <title id="speed-title">Images per second of each way to train</title>
  <desc id="speed-desc">Bars of medians: {told}.</desc>
  <style>
    .speed {{ display: block; max-width: 44rem; margin: 1rem 0; \
color: var(--pst-color-text-base, #1c2733); }}
    .speed text {{ fill: currentColor; font-size: 14px; }}
    .speed .size {{ font-size: 16px; font-weight: 700; }}
    .speed .bar {{ fill: var(--pst-color-text-muted, #48566b); opacity: 0.55; }}
    .speed .own {{ fill: var(--map-rail, #0b6381); opacity: 1; }}
    .speed line {{ stroke: currentColor; stroke-width: 2; }}
  </style>
  {shapes}
</svg>
```
*Medians of epochs, the fastest form of each way; the line is from quartile to quartile.
Each size has a scale of its own.*
"""
