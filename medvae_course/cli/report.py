"""A self-contained HTML report: pictures are inside the file, nothing is fetched."""

import base64
import html
import io
import os
from pathlib import Path

from matplotlib.figure import Figure

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #c9ced6;
        --soft: #f3f5f8; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --paper: #15181c; --line: #3b424c; --soft: #1f242b;
          --accent: #7fb8f5; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink);
       background: var(--paper); max-width: 54rem; margin: 0 auto; padding: 1rem; }
h1 { line-height: 1.2; }
h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
a { color: var(--accent); }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid var(--line); }
figure { margin: 1.2rem 0; } figcaption { font-size: .92rem; }
img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.note { background: var(--soft); border-left: 4px solid var(--accent);
        padding: .6rem 1rem; margin: 1rem 0; }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; }
"""


class Report:
    """Collects sections and writes them as one HTML file.

    Args:
        title: heading and title of the page.

    Example:
        >>> report = Report("A report")
        >>> report.text("One sentence.")
        >>> "One sentence." in report.to_html()
        True
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts: list[str] = []

    def section(self, heading: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{html.escape(heading)}</h2>")

    def text(self, text: str, *, note: bool = False) -> None:
        """Add a paragraph; as a `note` it stands in a box."""
        kind = ' class="note"' if note else ""
        self._parts.append(f"<p{kind}>{html.escape(text)}</p>")

    def code(self, text: str) -> None:
        """Add lines of code."""
        self._parts.append(f"<pre><code>{html.escape(text)}</code></pre>")

    def table(self, header: list[str], rows: list[list[object]]) -> None:
        """Add a table; cells are turned into text."""
        head = "".join(f"<th>{html.escape(str(cell))}</th>" for cell in header)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row)
            + "</tr>"
            for row in rows
        )
        self._parts.append(
            f'<div class="table"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def figure(self, figure: Figure, *, alt: str, caption: str) -> None:
        """Add a picture with alternative text and caption."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=130)
        png = base64.b64encode(buffer.getvalue()).decode()
        self._parts.append(
            f'<figure><img alt="{html.escape(alt)}" src="data:image/png;base64,{png}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )

    def to_html(self) -> str:
        """Return the whole page."""
        title = html.escape(self.title)
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{STYLE}</style></head>"
            f"<body><h1>{title}</h1>\n" + "\n".join(self._parts) + "\n</body></html>\n"
        )

    def write(self, path: Path) -> None:
        """Write the page so that `path` holds either all of it or what it held."""
        write_text(path, self.to_html())


def write_text(path: Path, text: str) -> None:
    """Write a file through a temporary one beside it, so that none is half-written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
