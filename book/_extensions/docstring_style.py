"""Sphinx extension: read the docstrings of the library as they are written.

They end in `Source: where the formula comes from` and `Taught in: chapter 3.`, text and
heading on one line, which become fields in the table of parameters; they hold
mathematics between dollar signs, as the chapters do, which becomes the role `math`; and
a bar in them is a bar, and `Volume`s has a plural, both of which reST reads otherwise.
"""

import re

FIELD = re.compile(r"^(Source|Taught in):\s*(.*)$")
MATH = re.compile(r"(?<![\\$`\w])\$([^$`]+)\$(?![$\w])")
CODE = re.compile(r"(`+[^`]+`+)")


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


def rest_from_prose(text: str) -> str:
    """Make reST of a paragraph with `code` and mathematics between dollar signs.

    Args:
        text: a paragraph; one that holds an example (`>>>`) is left alone.

    Returns:
        The paragraph with as many lines.
    """
    if ">>>" in text:
        return text
    # prose, code, prose, code, …: mathematics is code by now
    parts = CODE.split(MATH.sub(r":math:`\1`", text))
    for index in range(0, len(parts), 2):
        parts[index] = parts[index].replace("|", r"\|")
        if index and parts[index][:1].isalnum():
            parts[index] = r"\ " + parts[index]
    return "".join(parts)


def rewrite(app, what, name, obj, options, lines: list[str]) -> None:
    """Change a docstring's lines in place, as the Sphinx event asks."""
    prose = "\n\n".join(map(rest_from_prose, "\n".join(lines).split("\n\n")))
    lines[:] = fields_from_lines(prose.split("\n"))
    if what in {"attribute", "data", "property"}:
        # Napoleon takes what stands before a colon in the first line for a type;
        # an empty comment is a first line without one.
        lines[:0] = ["..", ""]


def setup(app) -> dict[str, bool]:
    """Register with Sphinx, ahead of napoleon (priority 500)."""
    app.connect("autodoc-process-docstring", rewrite, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
