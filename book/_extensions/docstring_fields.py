"""Sphinx extension: show `Source:` and `Taught in:` of a docstring as fields.

The library's docstrings end in `Source: where the formula comes from` and
`Taught in: chapter 3.`, text and heading on one line. Napoleon only knows sections
whose heading stands alone, so these two become fields before it reads the docstring,
and then stand in the same table as the parameters.
"""

import re

FIELD = re.compile(r"^(Source|Taught in):\s*(.*)$")


def fields_from_lines(lines: list[str]) -> list[str]:
    """Turn each `Source:` or `Taught in:` paragraph into a reST field.

    Args:
        lines: a docstring's lines without their common indent.

    Returns:
        The lines; a field holds everything up to the next blank line or field.
    """
    out: list[str] = []
    inside = False
    for line in lines:
        if match := FIELD.match(line):
            if not inside:
                out.append("")
            out.append(f":{match[1]}: {match[2]}")
            inside = True
        elif inside and line.strip():
            out.append(f"    {line.strip()}")
        else:
            inside = False
            out.append(line)
    return out


def rewrite(app, what, name, obj, options, lines: list[str]) -> None:
    """Change a docstring's lines in place, as the Sphinx event asks."""
    lines[:] = fields_from_lines(lines)
    if what in {"attribute", "data", "property"}:
        # Napoleon takes what stands before a colon in the first line for a type;
        # an empty comment is a first line without one.
        lines[:0] = ["..", ""]


def setup(app) -> dict[str, bool]:
    """Register with Sphinx, ahead of napoleon (priority 500)."""
    app.connect("autodoc-process-docstring", rewrite, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
