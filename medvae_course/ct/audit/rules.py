"""The rules of the audit: what each looks for, why it matters, and what to do.

Each rule stands here once. The checks refer to it by its id, the command prints it, and
the documentation makes its table from it. Ids never change their meaning.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

SEVERITIES = ("note", "warning", "error")
"""From the least to the worst."""

_TABLE = """
A01 | error | identifiers
| Names, numbers and addresses of people lead back to a patient.
| Run `ct.deidentify.deidentify` over the files, with a key of your own.
A02 | warning | identifiers in files that are said to have none
| Somebody removed identities here; only a look tells codes from real values.
| Look at the values; if they are no codes, de-identify again.
A03 | warning | dates and free text
| Dates and descriptions can be matched with what others know of a patient.
| De-identify, or write down why they are needed and who agreed.
A04 | note | UIDs that may be the originals
| The hospital's archive finds the patient by an original UID.
| Ask whether they were replaced; `deidentify` replaces them all alike.
A05 | error | text in private elements
| Nobody but the maker knows what private elements hold; names occur in them.
| Remove them; `deidentify` does.
A06 | warning | text in private elements that are declared safe
| The files say that only safe private elements were kept; that was not checked.
| Look at the values once, for each element.
A07 | warning | no word that identity was removed
| Without Patient Identity Removed nobody can tell what was done to a file.
| De-identify; do not set the attribute by hand.
A08 | error | a person's name in the name of a file or folder
| Paths end up in logs, split files and papers.
| Rename to a pseudonym; the name is not shown here.
A09 | error | text burnt into the pixels
| No change of the header removes what is part of the picture.
| Leave these images out, or blank the text and look at every one.
A10 | warning | perhaps text in the pixels
| Screen captures and ultrasound commonly show names, and these do not deny it.
| Look at them; leave out what is no slice.
A11 | warning | recognizable visual features
| A face can be rendered from a head scan and recognized.
| Remove the face, or share under an agreement only.
B01 | error | a patient in two parts
| The test then measures memory: the model has seen the patient.
| Put all images of a patient into one part.
B02 | error | a study, series or image in two parts
| The same examination stands under two patients, or was copied.
| Find out whose it is, and keep it in one part.
B03 | error | near-duplicate slices in two parts
| The same slice, changed by noise, shift, window or compression, is known already.
| Find the common origin; keep it in one part.
B04 | warning | near-duplicate slices of two patients
| One patient seems to be in the set under two names.
| Give both one patient name, before any split.
B05 | warning | images in no part
| A split that leaves out or invents patients is not the one that was meant.
| Complete the split.
B06 | warning | patients cannot be told apart
| Without a Patient ID for each patient no split can be by patient.
| De-identify from the originals with a key, which gives pseudonyms.
C01 | warning | no air
| Every scan shows air; without it the rescale intercept was left out, or it is cropped.
| Compare with the source; apply slope and intercept.
C02 | error | stored values instead of HU
| Air near 0 and water near 1000: the rescale intercept was left out.
| Apply slope and intercept, or subtract the offset.
C03 | error | scaled to 0 … 1
| A scaled image has lost its HU and, where it was clipped, more.
| Go back to the source; scale in the program, not in the data.
C04 | error | eight-bit values
| 256 grey levels of an unknown window are no HU.
| Go back to the source.
C05 | warning | clipped
| Many voxels at one upper value: bone, contrast medium or metal was cut off.
| Say so in the data card, or go back to the source.
C06 | warning | slope or intercept changes inside a series
| Right for some scanners, and wrong for programs that read one slice's only.
| Read slice by slice, as `ct.dicom` does; check with another reader.
C07 | error | the same slices with another offset
| One of the copies has a wrong rescale intercept.
| Compare both with the source; keep the right one.
C08 | error | Rescale Type is not HU
| The values are some other quantity, such as electron density.
| Leave the series out; if they are HU, correct the Rescale Type.
C09 | warning | implausible HU
| Below air is padding or ringing; far above bone is metal, or no HU.
| Look at the slices; map padding to -1000 HU.
C10 | warning | lossy compression
| HU are approximate, and noise and texture were changed.
| Get the lossless series, or say so in the data card.
D01 | warning | spacing far from the others
| A wrong spacing makes organs of the wrong size; a right one needs resampling.
| Check it against the source; resample all to one spacing.
D02 | warning | gaps between slices
| What lies between slices that are further apart than thick was not measured.
| Get the whole series; do not measure small things across slices.
D03 | warning | slices tilted against the body
| Axial slices of a tilted grid cut the organs at an angle.
| Resample to an upright grid.
D04 | error | missing or doubled positions
| A stack with a hole, or with two slices at one place, is a bent patient.
| Copy the series again; separate phases.
D05 | error | gantry tilt
| Stacked without a correction, the volume is sheared.
| Correct the tilt when reading.
D06 | warning | slice distances of very different size
| A model meets two kinds of image and calls it anatomy.
| Resample to one spacing, or report by kind.
D07 | warning | another orientation than the others
| Sagittal or coronal slices stand among axial ones.
| Reorder the axes when reading, as `Volume.to_axial` does.
E01 | warning | no labels, where others have them
| Left out silently, such patients change the score.
| Add the labels, or say that they are missing.
E02 | error | labels that cannot be used
| On another grid, or no whole numbers: every voxel would be wrong.
| Resample the labels to the CT, nearest neighbour.
E03 | warning | label values without a name
| A number that nobody named is a class that nobody checked.
| Complete the `labels.json` of the folder.
E04 | warning | empty labels
| A file without any labelled voxel: absent structure, or failed export?
| Look at the patient.
E05 | warning | volume of a structure far from the others
| Swapped names, half-drawn organs and wrong spacing look like this.
| Look at the patient.
E06 | warning | HU under a label far from the others
| Labels that are shifted, flipped or swapped lie on the wrong tissue.
| Look at the labels over the image.
F01 | warning | a file twice
| A copy weighs double in training and, in two parts, spoils the test.
| Remove one.
F02 | error | cannot be read
| What is not read is not trained on, and not missed either.
| See the reason given.
F03 | warning | other modalities
| MR, PET and ultrasound are not in HU.
| Keep them in folders of their own.
F04 | note | several CT of one patient
| They count as more patients than there are, if files are counted.
| Choose one, or weigh by patient.
F05 | error | an image twice in a series
| The same SOP Instance UID twice: copies, or a broken export.
| Remove the copies.
"""


@dataclass(frozen=True)
class Rule:
    """What the audit looks for.

    Args:
        id: stable short name, such as "A01".
        severity: one of `SEVERITIES`.
        title: what was found, in few words.
        why: why it matters, one sentence.
        remedy: what to do, one sentence.
    """

    id: str
    severity: str
    title: str
    why: str
    remedy: str


def _parse(table: str) -> dict[str, Rule]:
    lines = table.strip().splitlines()
    rules = [
        Rule(*head.split(" | "), why.removeprefix("| "), remedy.removeprefix("| "))
        for head, why, remedy in zip(lines[::3], lines[1::3], lines[2::3], strict=True)
    ]
    return {rule.id: rule for rule in rules}


RULES = _parse(_TABLE)
"""Id to rule, in order."""


@dataclass(frozen=True)
class Finding:
    """One thing that the audit found.

    Args:
        rule: id of the rule.
        value: the number or name that triggered it; never an identifier's value.
        where: files, folders or patients' folders, relative; some examples.
        n: how many there are.
    """

    rule: str
    value: str
    where: tuple[str, ...] = ()
    n: int = 1

    @property
    def severity(self) -> str:
        """One of `SEVERITIES`."""
        return RULES[self.rule].severity

    def to_dict(self) -> dict:
        """Return the finding and its rule as plain types, for JSON."""
        rule = {**asdict(RULES[self.rule])}
        rule.pop("id")
        found = {"rule": self.rule, **rule, "value": self.value}
        return {**found, "n": self.n, "where": list(self.where)}
