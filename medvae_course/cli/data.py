"""The commands `medvae-course data`: what is in a folder of medical images."""

import json
from pathlib import Path
from typing import Annotated, Literal

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


@app.command("audit")
@says_errors
def data_audit(
    folder: Annotated[Path, typer.Argument(help="Folder of DICOM or NIfTI files.")],
    splits: Annotated[
        Path | None,
        typer.Option(help="CSV or JSON: which patient is in which part of a split."),
    ] = None,
    fail_on: Annotated[
        Literal["error", "warning", "note"],
        typer.Option(help="Least severity for exit status 1."),
    ] = "error",
    examples: Annotated[
        int, typer.Option(min=1, help="How many places and findings of a kind to show.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Find identities, leaks between parts, wrong HU, odd geometry, missing labels."""
    from medvae_course.ct.audit import audit as find

    from . import audit

    found = find(folder, splits=splits, progress=audit.show_progress)
    if as_json:
        typer.echo(json.dumps(audit.to_dict(found), indent=2))
    else:
        typer.echo(audit.to_text(found, most=examples))
    if audit.is_grave(found, fail_on):
        raise typer.Exit(1)


@app.command("card")
@says_errors
def data_card(
    folder: Annotated[Path, typer.Argument(help="Folder of DICOM or NIfTI files.")],
    out: Annotated[
        Path | None, typer.Option(help="Markdown file to write; default: the terminal.")
    ] = None,
    splits: Annotated[
        Path | None,
        typer.Option(help="CSV or JSON: which patient is in which part of a split."),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Name of the set; default: of the folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = (
        False
    ),
) -> None:
    """Write a data card from the files: what is in a set, and never an identifier."""
    from datetime import date

    from medvae_course import __version__
    from medvae_course.ct.audit import collect

    from . import audit, card

    if out is not None:
        card.check_free(out, force=force)
    facts = collect(folder, splits=splits, progress=audit.show_progress)
    text = card.make_card(
        facts,
        title=title or folder.resolve().name,
        version=__version__,
        date=date.today().isoformat(),
    )
    if out is None:
        typer.echo(text, nl=False)
    else:
        card.write_card(out, text, force=force)
        typer.echo(out)


@app.command("convert")
@says_errors
def data_convert(
    source: Annotated[
        Path, typer.Argument(help="DICOM folder, volume file, SEG or RTSTRUCT.")
    ],
    destination: Annotated[
        Path,
        typer.Argument(
            help=".nii.gz, .nii, .nrrd, .mha; .dcm for labels; a folder for DICOM CT."
        ),
    ],
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, where there are several.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option(help="The CT that the labels SOURCE belong to.")
    ] = None,
    rtstruct: Annotated[
        bool, typer.Option("--rtstruct", help="Labels as contours, not as DICOM SEG.")
    ] = False,
    patient: Annotated[
        str | None, typer.Option(help="Patient ID for DICOM; default: as in SOURCE.")
    ] = None,
    round_hu: Annotated[
        bool, typer.Option("--round", help="Round fractions of HU for DICOM.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = (
        False
    ),
) -> None:
    """Turn a CT, or labels given their CT, into another format, losing nothing."""
    from . import convert

    request = convert.Request(
        source,
        destination,
        series_uid=series,
        like=like,
        rtstruct=rtstruct,
        patient_id=patient,
        round_hu=round_hu,
        force=force,
    )
    written = convert.convert(request, notice=lambda text: typer.echo(text, err=True))
    for path in written:
        typer.echo(path)


@app.command("phantom")
@says_errors
def data_phantom(
    out: Annotated[Path, typer.Argument(help="New or empty folder.")],
    patients: Annotated[int, typer.Option(min=1, help="How many.")] = 3,
    preset: Annotated[
        str, typer.Option(help="Size of the volumes: tiny, course or full.")
    ] = "course",
    rtstruct: Annotated[
        bool, typer.Option("--rtstruct", help="Write contours beside the SEG.")
    ] = False,
) -> None:
    """Write virtual patients as DICOM CT with DICOM SEG, as a hospital would send."""
    from . import phantoms

    for path in phantoms.write_phantoms(
        out, patients=patients, preset=preset, rtstruct=rtstruct
    ):
        typer.echo(path)
