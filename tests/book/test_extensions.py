"""The book's own Sphinx extensions, on small docstrings."""

import pytest
from _extensions.command_line import WIDTH, help_text
from _extensions.docstring_style import fields_from_lines, rest_from_prose


def test_last_paragraphs_become_fields():
    lines = [
        "Map.",
        "",
        "Source: PS3.3 C.11.1,",
        "    and more.",
        "Taught in: chapter 1.",
    ]
    assert fields_from_lines(lines) == [
        "Map.",
        "",
        "",
        ":Source: PS3.3 C.11.1,",
        "    and more.",
        ":Taught in: chapter 1.",
    ]


def test_fields_do_not_join_the_section_before():
    lines = ["Returns:", "    Array.", "Source: a book.", "", "More text."]
    out = fields_from_lines(lines)
    assert out[2:4] == ["", ":Source: a book."]
    assert out[-1] == "More text."


@pytest.mark.parametrize(
    ("prose", "rest"),
    [
        (r"With $\sigma^2$ fixed.", r"With :math:`\sigma^2` fixed."),
        ("$a\nb$.", ":math:`a\nb`."),
        ("Two `Slice`s.", r"Two `Slice`\ s."),
        ("Where |x| = 1 and `a|b`.", r"Where \|x\| = 1 and `a|b`."),
        ("It costs 5$ or 6$ each.", "It costs 5$ or 6$ each."),
        (">>> print('$x$ |y|')", ">>> print('$x$ |y|')"),
    ],
)
def test_prose_becomes_rest(prose, rest):
    assert rest_from_prose(prose) == rest


def test_help_is_plain_and_narrow():
    text = help_text(["data", "inspect"])
    assert text.startswith("Usage: medvae-course data inspect")
    assert max(map(len, text.splitlines())) <= WIDTH
