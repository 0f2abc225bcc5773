"""Slices of a classic series as one enhanced multi-frame file, for tests."""

import copy

from pydicom import uid
from pydicom.dataset import Dataset

_SHARED = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
}
_OWN = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PixelValueTransformationSequence": (
        *("RescaleSlope", "RescaleIntercept", "RescaleType"),
    ),
}


def to_multi_frame(slices, *, order=None, contents=None, shared=True):
    """One dataset with the frames of `slices` in another order.

    Args:
        slices: datasets of single uncompressed slices.
        order: which slice each frame is.
        contents: for each slice (stack, time), or None for none.
        shared: whether what is equal goes into the shared groups, or into each frame's.
    """
    order = list(range(len(slices))) if order is None else order
    dataset = copy.deepcopy(slices[0])
    own = _OWN if shared else _OWN | _SHARED
    dataset.SharedFunctionalGroupsSequence = [
        _groups(slices[0], _SHARED if shared else {})
    ]
    dataset.PerFrameFunctionalGroupsSequence = [_groups(slices[i], own) for i in order]
    if contents is not None:
        frames = dataset.PerFrameFunctionalGroupsSequence
        for i, groups in zip(order, frames, strict=True):
            content = Dataset()
            content.StackID, content.TemporalPositionIndex = contents[i]
            groups.FrameContentSequence = [content]
    dataset.PixelData = b"".join(slices[i].PixelData for i in order)
    dataset.NumberOfFrames = len(order)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del dataset[keyword]
    # the rescale of a multi-frame file is in its groups alone: this one must not count
    dataset.RescaleSlope = 7
    dataset.SOPClassUID = uid.EnhancedCTImageStorage
    dataset.file_meta.MediaStorageSOPClassUID = uid.EnhancedCTImageStorage
    return dataset


def _groups(source, sequences):
    item = Dataset()
    for sequence, keywords in sequences.items():
        part = Dataset()
        for keyword in keywords:
            part.add(copy.copy(source[keyword]))
        setattr(item, sequence, [part])
    return item
