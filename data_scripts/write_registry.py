"""Write the registry's lines of OpenKBP from patients that were prepared and trusted.

COMMAND   python data_scripts/write_registry.py FOLDER > lines.txt
          where FOLDER holds <patient>/ct.nii.gz and oar.nii.gz; `raw_csv_<patient>`
          beside them gives the lines of the publisher's own files
RUN TIME  40 patients 10 s on one core
RESULT    lines `openkbp/<patient> sha256:...` for registry.txt
"""

import argparse
from pathlib import Path

import pooch

from medvae_course.ct import collections, nifti

if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("folder", type=Path)
    folder = options.parse_args().folder
    places = sorted(folder.glob("pt_*"), key=lambda path: int(path.name[3:]))
    for place in places:
        volume = nifti.read_nifti(place / "ct.nii.gz")
        labels = nifti.read_labels(place / "oar.nii.gz", volume)
        known = collections.patient_hash(volume.hu, labels, volume.spacing_mm)
        print(f"openkbp/{place.name} {known}")
    for path in sorted(folder.glob("raw_csv_pt_*/*.csv")):
        name = f"{path.parent.name.removeprefix('raw_csv_')}/{path.name}"
        print(f"openkbp/raw/{name} sha256:{pooch.file_hash(str(path))}")
