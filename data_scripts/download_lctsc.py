"""LCTSC: CT of the chest with contours of lungs, heart, oesophagus and spinal cord.

COMMAND   pip install 'medvae-course[collections]'
          python data_scripts/download_lctsc.py              5 patients
          python data_scripts/download_lctsc.py --all        60 patients
SIZE      5 patients 0.37 GB; all 5.2 GB (bytes pinned in lctsc.csv)
LICENCE   CC BY 3.0
CITATION  J. Yang et al., Data from Lung CT Segmentation Challenge 2017 (LCTSC), The
          Cancer Imaging Archive, doi 10.7937/K9/TCIA.2017.3R3FVZ08; J. Yang et al.,
          Autosegmentation for thoracic radiation treatment planning: a grand challenge
          at AAPM 2017, Medical Physics 45:4568-4581, 2018; through NCI Imaging Data
          Commons, Fedorov et al., RadioGraphics 43:e230180, 2023
RUN TIME  not run here (no network)
RESULT    <patient>/ct/*.dcm with labels.nii.gz, <patient>/rtstruct/*.dcm, labels.json
"""

import argparse

import command
import idc

NAMES = {
    "Esophagus": "esophagus|oesophagus",
    "Heart": "heart",
    "Lung_L": "lungl|leftlung|lungleft",
    "Lung_R": "lungr|rightlung|lungright",
    "SpinalCord": "spinalcord|cord",
}


def download(options: argparse.Namespace) -> None:
    """Fetch and prepare the patients that are not there yet."""
    record = {
        "name": "LCTSC",
        "licence": "CC BY 3.0",
        "citation": "Yang et al., doi 10.7937/K9/TCIA.2017.3R3FVZ08",
        "source": "Imaging Data Commons, series pinned in lctsc.csv",
    }
    idc.download(options, names=NAMES, record=record)


if __name__ == "__main__":
    options = command.parser(__doc__, "lctsc")
    idc.add_options(options, "lctsc.csv", 5)
    command.run(download, options.parse_args())
