"""Sphinx extension: what a command of the command line says with `--help`.

The directive `command-help` takes a command's words, such as `data inspect`, and shows
the help that a user would see, so that the page cannot fall behind the program.
"""

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from typer.testing import CliRunner

WIDTH = 76


def help_text(words: list[str]) -> str:
    """Help of one command, as plain text.

    Args:
        words: the command without the program's name.

    Returns:
        Text of at most `WIDTH` characters a line.
    """
    from medvae_course import cli

    cli.app.rich_markup_mode = None  # no boxes
    result = CliRunner().invoke(
        cli.app,
        [*words, "--help"],
        prog_name="medvae-course",
        terminal_width=WIDTH,
        env={"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": str(WIDTH)},
    )
    if result.exit_code:
        raise ExtensionError(f"`medvae-course {' '.join(words)} --help` failed")
    return result.output.strip()


class CommandHelp(SphinxDirective):
    """Show the help of one command."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Ask the program and show its answer as it stands."""
        text = help_text(self.arguments[0].split())
        return [nodes.literal_block(text, text, language="text")]


def setup(app) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
