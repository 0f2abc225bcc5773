"""OrganAMNIST: 58 830 small grey pictures of eleven organs, for quick work.

COMMAND   python data_scripts/download_organamnist.py
SIZE      about 40 MB (28 × 28 pixels, 46 MB unpacked)
LICENCE   CC BY 4.0 (as its publisher states; cut from the CT of LiTS, whose own terms
          hold for that)
CITATION  J. Yang et al., MedMNIST v2 - A large-scale lightweight benchmark for 2D and
          3D biomedical image classification, Scientific Data 10:41, 2023; P. Bilic et
          al., The Liver Tumor Segmentation Benchmark, Medical Image Analysis 84:102680,
          2023; Zenodo record 10519652
RUN TIME  not run here (no network)
RESULT    organamnist.npz, the publisher's MD5 in registry.txt; no HU, no spacing and no
          patients in it: README.md says what must not be claimed with it
"""

import argparse

import command

from medvae_course.ct import collections

SOURCE = "https://zenodo.org/records/10519652/files/"
NAME = "organamnist.npz"


def download(options: argparse.Namespace) -> None:
    """Fetch the file, unless it is there, and look whether it can be read."""
    from tqdm import tqdm

    with tqdm(desc=NAME, unit="B", unit_scale=True) as bar:
        path = collections.download(
            f"{options.source}{NAME}",
            options.to / NAME,
            known_hash=command.registry()[f"organamnist/{NAME}"],
            max_bytes=1 << 27,
            progress=bar.update,
        )
    parts = collections.read_medmnist(path)
    collections.finish_collection(
        options.to,
        {
            "name": "OrganAMNIST",
            "licence": "CC BY 4.0",
            "citation": "Yang et al., Scientific Data 10:41, 2023",
            "source": "Zenodo record 10519652",
            "pictures": {name: len(part.images) for name, part in parts.items()},
        },
    )


if __name__ == "__main__":
    options = command.parser(__doc__, "organamnist")
    options.add_argument("--source", default=SOURCE, help="a mirror")
    command.run(download, options.parse_args())
