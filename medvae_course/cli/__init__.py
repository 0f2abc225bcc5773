"""The command line `medvae-course`; each command imports what it needs when called."""

from pathlib import Path
from typing import Annotated

import typer

from medvae_course.teach.quiet import without_log

from . import data
from .errors import says_errors

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Autoencoders for medical images: the course's recipes on your own data.",
)
app.add_typer(data.app, name="data")


@app.command()
@says_errors
def demo(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of DICOM series or NIfTI volumes; default: phantoms."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the report and the model; new or empty.")
    ] = Path("demo"),
    image_size: Annotated[int, typer.Option(min=32, help="Pixels per side.")] = 64,
    code_size: Annotated[int, typer.Option(min=1, help="Numbers per image.")] = 32,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Default: 60 000 images in all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of split, weights and phantoms.")] = 0,
) -> None:
    """Inspect CT, split by patient, train a small VAE, compare, segment, report."""
    with without_log():
        from .demo import Settings, make_report

    settings = Settings(
        data=data,
        out=out,
        image_size=image_size,
        code_size=code_size,
        epochs=epochs,
        seed=seed,
    )
    make_report(settings, say=typer.echo)


@app.command()
@says_errors
def segment(
    place: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="Folder of CT, or a NIfTI file."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the results; finished scans are kept.")
    ] = Path("segmented"),
    model: Annotated[
        Path | None, typer.Option(help="Segmenter: the folder that --train wrote.")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(help="Train one first: `phantom`, or a folder of labelled CT."),
    ] = None,
    resample: Annotated[
        bool, typer.Option(help="Accept another spacing or orientation.")
    ] = False,
    image_size: Annotated[
        int, typer.Option(min=32, help="Pixels per side of a slice, to train.")
    ] = 64,
    crop: Annotated[
        int | None,
        typer.Option(min=32, help="To train, on so many pixels around the body."),
    ] = None,
    fine_tune: Annotated[
        bool, typer.Option(help="Train the encoder along with the head.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Of the training and its split.")] = 0,
) -> None:
    """Segment CT in a latent space: DICOM SEG, NIfTI, uncertainty and a report each."""
    with without_log():
        from .segmentation.command import Request, run

    request = Request(
        place=place,
        out=out,
        model=model,
        train=train,
        resample=resample,
        image_size=image_size,
        crop=crop,
        fine_tune=fine_tune,
        seed=seed,
    )
    if not run(request, say=typer.echo):
        raise typer.Exit(1)


@app.command()
@says_errors
def diagnose(
    model: Annotated[Path, typer.Argument(help="File of a VAE, such as model.keras")],
    data: Annotated[
        str | None,
        typer.Option(help="Folder of CT or name of a data set; default: phantoms."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split it was trained with.")] = 0,
) -> None:
    """Say what is wrong with a trained VAE, with numbers, and what to try next."""
    with without_log():
        from .diagnose import diagnose_file

    typer.echo(str(diagnose_file(model, data, seed)))


@app.command()
@says_errors
def copy(
    module: Annotated[str, typer.Argument(help="Such as ct.dicom or evaluate.metrics")],
    destination: Annotated[Path, typer.Argument(help="Package folder to copy into.")],
    force: Annotated[bool, typer.Option(help="Replace files that differ.")] = False,
) -> None:
    """Copy a library module, with the modules it needs, into your own project."""
    from .copy import copy_module

    for path in copy_module(module, destination, force=force):
        typer.echo(path)
