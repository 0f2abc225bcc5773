"""OpenKBP: planning CT of the head and neck with contours of seven organs.

COMMAND   python data_scripts/download_openkbp.py            10 patients
          python data_scripts/download_openkbp.py --patients 40
          python data_scripts/download_openkbp.py --all      200 training patients
SIZE      4.1 MB down and 0.5 MB kept per patient (one patient measured); --all fetches
          the whole repository as one archive, about 1 GB (estimated), 0.1 GB kept
LICENCE   MIT (the publisher's repository); the images come from collections of TCIA:
          no pictures of faces from them
CITATION  A. Babier et al., OpenKBP: The open-access knowledge-based planning grand
          challenge and dataset, Medical Physics 48:5549-5561, 2021
RUN TIME  download not run here (no network); reading and writing 1.5 s per patient
RESULT    <patient>/ct.nii.gz, <patient>/oar.nii.gz, labels.json; the hashes of voxels
          of 40 patients stand in registry.txt
"""

import argparse
import csv
import json
import shutil
import zipfile
from pathlib import Path

import command

from medvae_course.ct import collections
from medvae_course.ct.collections import openkbp

RAW = "https://raw.githubusercontent.com/ababier/open-kbp/"
ARCHIVE = "https://codeload.github.com/ababier/open-kbp/zip/"
PATIENTS = "provided-data/train-pats"
LARGEST_FILE = 1 << 26
LARGEST_ARCHIVE = 6 << 30


def download(options: argparse.Namespace) -> None:
    """Fetch and prepare the patients that are not there yet."""
    lock = collections.Lock(
        options.to.with_name(f"{options.to.name}.lock.json"), command.registry()
    )
    aside = command.downloads(options.to)
    pinned = read_pinned()
    if options.all:
        folders = fetch_archive(options, aside)
    else:
        folders = [aside / name for name in list(pinned)[: options.patients]]
    for folder in command.progress(folders, "OpenKBP"):
        if not openkbp.is_prepared(options.to / folder.name, lock=lock):
            if not options.all:
                fetch_patient(options.source, folder, pinned[folder.name])
            openkbp.prepare_patient(folder, options.to, lock=lock)
    labels = dict(enumerate(openkbp.ORGANS, start=1))
    (options.to / "labels.json").write_text(json.dumps(labels, indent=1))
    collections.finish_collection(
        options.to,
        {
            "name": "OpenKBP",
            "licence": "MIT",
            "citation": "Babier et al., Medical Physics 48:5549-5561, 2021",
            "source": f"github.com/ababier/open-kbp at {openkbp.COMMIT}",
            "patients": len(folders),
        },
    )
    shutil.rmtree(aside, ignore_errors=True)


def read_pinned() -> dict[str, list[str]]:
    """Return patient → organs that the publisher has for him or her."""
    with (command.HERE / "openkbp.csv").open(encoding="utf-8", newline="") as stream:
        return {row["patient"]: row["organs"].split() for row in csv.DictReader(stream)}


def fetch_patient(source: str, folder: Path, organs: list[str]) -> None:
    """Fetch the text files of one patient."""
    registry = command.registry()
    for name in ("voxel_dimensions", *organs, "ct"):
        collections.download(
            f"{source}{openkbp.COMMIT}/{PATIENTS}/{folder.name}/{name}.csv",
            folder / f"{name}.csv",
            known_hash=registry.get(f"openkbp/raw/{folder.name}/{name}.csv"),
            max_bytes=LARGEST_FILE,
        )


def fetch_archive(options: argparse.Namespace, aside: Path) -> list[Path]:
    """Fetch the repository as one archive and unpack the text files of patients."""
    from tqdm import tqdm

    unpacked = aside / "unpacked"
    if not unpacked.is_dir():
        with tqdm(desc="archive", unit="B", unit_scale=True) as bar:
            archive = collections.download(
                f"{options.archive}{openkbp.COMMIT}",
                aside / "openkbp.zip",
                known_hash=None,
                max_bytes=LARGEST_ARCHIVE,
                progress=bar.update,
            )
        check_commit(archive)
        try:
            collections.extract(
                archive, unpacked, max_bytes=2 * LARGEST_ARCHIVE, wanted=is_wanted
            )
        finally:
            archive.unlink()
    patients = next(unpacked.glob(f"*/{PATIENTS}"), unpacked)
    folders = [path for path in patients.glob("pt_*") if path.is_dir()]
    return sorted(folders, key=lambda path: int(path.name.removeprefix("pt_")))


def check_commit(archive: Path) -> None:
    """Git writes the commit into the comment of its zip archives."""
    try:
        with zipfile.ZipFile(archive) as opened:
            comment = opened.comment.decode("ascii", "replace")
    except zipfile.BadZipFile as error:
        comment = str(error)
    if comment != openkbp.COMMIT:
        archive.unlink()
        raise collections.CollectionError(
            f"the archive must be of commit {openkbp.COMMIT}, it says {comment!r}: it "
            "was not kept"
        )


def is_wanted(member: str) -> bool:
    """Tell whether a file of the archive is needed: no dose, no targets."""
    path = Path(member)
    needed = ("ct", "voxel_dimensions", *openkbp.ORGANS)
    return f"/{PATIENTS}/" in member and path.stem in needed


if __name__ == "__main__":
    options = command.parser(__doc__, "openkbp")
    options.add_argument("--patients", type=int, default=10, metavar="N")
    options.add_argument("--all", action="store_true", help="all 200, as one archive")
    options.add_argument("--source", default=RAW, help="a mirror of the text files")
    options.add_argument("--archive", default=ARCHIVE, help="a mirror of the archive")
    command.run(download, options.parse_args())
