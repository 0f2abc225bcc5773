"""Colorectal-Liver-Metastases: CT of the liver with vessels and metastases.

COMMAND   pip install 'medvae-course[collections]'
          python data_scripts/download_crlm.py               5 patients
          python data_scripts/download_crlm.py --all         197 patients
SIZE      5 patients 0.35 GB; all 10.9 GB (bytes pinned in crlm.csv)
LICENCE   CC BY 4.0
CITATION  A. Simpson et al., Preoperative CT and survival data for patients undergoing
          resection of colorectal liver metastases, Scientific Data 11:172, 2024, and
          The Cancer Imaging Archive, doi 10.7937/QXK2-QG03; through NCI Imaging Data
          Commons, Fedorov et al., RadioGraphics 43:e230180, 2023
RUN TIME  not run here (no network)
RESULT    <patient>/ct/*.dcm with labels.nii.gz, <patient>/seg/*.dcm, labels.json
          Segments overlap: a voxel of a metastasis in the liver is a metastasis. The
          liver that was to remain after the operation is left in the SEG.
"""

import argparse

import command
import idc

NAMES = {
    "liver": "liver",
    "hepatic veins": "hepatic.*",
    "portal vein": "portal.*",
    "metastasis": "tumou?r.*",
}


def download(options: argparse.Namespace) -> None:
    """Fetch and prepare the patients that are not there yet."""
    record = {
        "name": "Colorectal-Liver-Metastases",
        "licence": "CC BY 4.0",
        "citation": "Simpson et al., doi 10.7937/QXK2-QG03",
        "source": "Imaging Data Commons, series pinned in crlm.csv",
    }
    idc.download(options, names=NAMES, record=record)


if __name__ == "__main__":
    options = command.parser(__doc__, "crlm")
    idc.add_options(options, "crlm.csv", 5)
    command.run(download, options.parse_args())
