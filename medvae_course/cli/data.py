"""The commands `medvae-course data`: what is in a folder of medical images."""

import json
from pathlib import Path
from typing import Annotated

import typer

from .errors import says_errors

app = typer.Typer(no_args_is_help=True, help="Look into folders of medical images.")


@app.command("inspect")
@says_errors
def data_inspect(
    folder: Annotated[Path, typer.Argument(help="Folder of DICOM or NIfTI files.")],
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Tell what is in a folder: patients, series, geometry, HU, and what is odd."""
    from . import inspect

    found = inspect.inspect_folder(folder)
    typer.echo(json.dumps(found, indent=2) if as_json else inspect.to_text(found))
