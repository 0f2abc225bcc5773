"""What the commands share that fetch pinned series from Imaging Data Commons."""

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import command

from medvae_course.ct import collections


def download(
    options: argparse.Namespace,
    *,
    names: Mapping[str, str],
    record: Mapping[str, object],
) -> None:
    """Fetch and prepare the patients that are not there yet.

    Args:
        options: with `to`, `patients`, `all` and `list`.
        names: label name → pattern, as for `collections.fetch_patient`.
        record: of `collection.json`.
    """
    pinned = collections.read_pinned(command.HERE / options.list)
    wanted = list(pinned)[: None if options.all else options.patients]
    lock = collections.Lock(options.to.with_name(f"{options.to.name}.lock.json"), {})
    aside = command.downloads(options.to)
    fetch = None
    for patient in command.progress(wanted, options.to.name):
        if not (options.to / patient).is_dir():
            fetch = fetch or Client()
            collections.fetch_patient(
                pinned[patient],
                options.to,
                aside=aside,
                fetch=fetch,
                lock=lock,
                names=names,
            )
    labels = dict(enumerate(names, start=1))
    (options.to / "labels.json").write_text(json.dumps(labels, indent=1))
    collections.finish_collection(options.to, dict(record) | {"patients": len(wanted)})
    shutil.rmtree(aside, ignore_errors=True)


class Client:
    """Imaging Data Commons' own client, which needs the extra `collections`."""

    def __init__(self) -> None:
        try:
            from idc_index import IDCClient
        except ImportError as error:
            raise collections.CollectionError(
                "this collection comes through idc-index, which is not installed: run\n"
                "  pip install 'medvae-course[collections]'"
            ) from error
        self.client = IDCClient()

    def __call__(self, series: collections.PinnedSeries, folder: Path) -> None:
        """Fetch a series; whether all came is checked by the caller, not here."""
        self.client.download_from_selection(
            downloadDir=str(folder),
            crdc_series_uuid=[series.crdc_series_uuid],
            dirTemplate=None,
            show_progress_bar=False,
        )


def add_options(options: argparse.ArgumentParser, list_name: str, n: int) -> None:
    """Add what these commands have besides `--to`."""
    options.add_argument("--patients", type=int, default=n, metavar="N")
    options.add_argument("--all", action="store_true", help="every pinned patient")
    options.set_defaults(list=list_name)
