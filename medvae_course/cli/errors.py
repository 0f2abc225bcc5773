"""How a command fails: in one line, with a status for scripts."""

import functools
from collections.abc import Callable

import typer


def says_errors(command: Callable) -> Callable:
    """Turn the library's errors into one line on stderr and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (ValueError, OSError) as error:
            typer.secho(f"medvae-course: {error}", err=True, fg="red")
            raise typer.Exit(2) from error

    return wrapped
