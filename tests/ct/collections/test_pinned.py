"""Pinned series: what comes is what was pinned, laid out as the course reads it."""

import numpy as np
import pytest

from medvae_course.ct import dicom, patients
from medvae_course.ct.collections import (
    CollectionError,
    Lock,
    PinnedSeries,
    fetch_patient,
    read_pinned,
)
from medvae_course.ct.labels import Structures, write_rtstruct, write_segmentation
from medvae_course.ct.volume import Volume

NAMES = {"liver": "liver", "metastasis": "tumou?r.*"}


def masks(shape):
    liver, small, other = (np.zeros(shape, bool) for _ in range(3))
    liver[1:4, 2:12, 2:12] = True
    small[2, 4:6, 4:6] = True
    other[3, 8:10, 8:10] = True
    return {"Liver": liver, "Tumor_1": small, "Tumor_2": other, "Liver_Remnant": liver}


WRITERS = {"SEG": write_segmentation, "RTSTRUCT": write_rtstruct}


@pytest.fixture(scope="module", params=WRITERS)
def archive(tmp_path_factory, request):
    """Two patients as the archive has them: a CT series and labels each."""
    tmp_path = tmp_path_factory.mktemp("archive")
    pairs = {}
    for number in (1, 2):
        patient = f"CRLM-CT-{number}"
        ct, seg = tmp_path / "archive" / patient, tmp_path / "archive" / f"{patient}-s"
        rng = np.random.default_rng(number)
        hu = np.rint(rng.normal(40, 20, (5, 16, 16))).astype(np.float32)
        dicom.write_series(Volume(hu, (5.0, 2.0, 2.0)), ct, patient_id=patient)
        (series,) = dicom.find_series(ct)
        volume = dicom.read_series(series)
        seg.mkdir()
        structures = Structures(masks(volume.shape), volume)
        WRITERS[request.param](structures, series, seg / "labels.dcm")
        (own,) = dicom.find_series(seg)
        pairs[patient] = [
            PinnedSeries(
                patient,
                modality,
                uid,
                folder.name,
                len(list(folder.iterdir())),
                sum(path.stat().st_size for path in folder.iterdir()),
            )
            for modality, uid, folder in (
                ("CT", series.series_uid, ct),
                (request.param, own.series_uid, seg),
            )
        ]
    return tmp_path / "archive", pairs


class Client:
    """Fetches from a folder, and does wrong what it is told to."""

    def __init__(self, archive):
        self.archive, self.asked, self.wrong = archive, [], None

    def __call__(self, series, folder):
        self.asked.append(series.modality)
        for path in sorted((self.archive / series.crdc_series_uuid).iterdir()):
            (folder / path.name).write_bytes(path.read_bytes())
        kind = "CT" if series.modality == "CT" else "labels"
        if self.wrong and kind == self.wrong[0]:
            self.wrong[1](folder)


@pytest.fixture
def fetch(archive, tmp_path):
    client = Client(archive[0])

    def fetch(patient):
        return fetch_patient(
            archive[1][patient],
            tmp_path / "crlm",
            aside=tmp_path / "aside",
            fetch=client,
            lock=Lock(tmp_path / "lock.json", {}),
            names=NAMES,
        )

    fetch.client = client
    return fetch


def test_patients_are_laid_out_as_the_course_reads_them(fetch, tmp_path, archive):
    for patient in archive[1]:
        fetch(patient)
    sources = patients.find_patients(tmp_path / "crlm")
    assert [source.patient_id for source in sources] == list(archive[1])
    volume, labels = sources[0].read()
    expected = dicom.read_series(archive[0] / "CRLM-CT-1").to_axial()
    assert np.array_equal(volume.hu, expected.hu)
    wanted = masks(labels.shape)
    assert np.array_equal(labels == 2, wanted["Tumor_1"] | wanted["Tumor_2"])
    assert np.array_equal(labels > 0, wanted["Liver"])


def test_whole_patients_are_not_fetched_again(fetch):
    fetch("CRLM-CT-1")
    fetch("CRLM-CT-1")
    assert len(fetch.client.asked) == 2


def test_interrupted_patient_goes_on_with_what_is_missing(fetch, tmp_path):
    def stop(folder):
        raise KeyboardInterrupt

    fetch.client.wrong = ("labels", stop)
    with pytest.raises(KeyboardInterrupt):
        fetch("CRLM-CT-1")
    assert not (tmp_path / "crlm").exists()
    fetch.client.wrong = None
    fetch("CRLM-CT-1")
    assert [kind == "CT" for kind in fetch.client.asked] == [True, False, False]


def files(folder):
    return sorted(folder.glob("*.dcm"))


def lose(folder):
    files(folder)[0].unlink()


def truncate(folder):
    files(folder)[0].write_bytes(files(folder)[0].read_bytes()[:-10])


def swap(folder):
    """Another patient's file of the same size."""
    content = files(folder)[0].read_bytes().replace(b"CRLM-CT-1", b"CRLM-CT-2")
    files(folder)[0].write_bytes(content)


def add(folder):
    (folder / "readme.txt").write_text("hello")


def link(folder):
    lose(folder)
    (folder / "0.dcm").symlink_to("/etc/passwd")


def scramble(folder):
    size = files(folder)[0].stat().st_size
    files(folder)[0].write_bytes(b"x" * size)


def nothing(folder):
    """The client logs its errors and returns."""
    for path in files(folder):
        path.unlink()


@pytest.mark.parametrize("kind", ["CT", "labels"])
@pytest.mark.parametrize("fault", [lose, truncate, swap, add, link, scramble, nothing])
def test_what_is_not_as_pinned_is_refused_and_not_kept(fetch, tmp_path, kind, fault):
    fetch.client.wrong = (kind, fault)
    with pytest.raises(CollectionError, match="Nothing of it was"):
        fetch("CRLM-CT-1")
    assert not (tmp_path / "crlm").exists()
    kept = [path.name for path in tmp_path.glob("aside/*/*")]
    assert kept == ([] if kind == "CT" else ["ct"])
    fetch.client.wrong = None
    fetch("CRLM-CT-1")


def test_series_that_changed_since_the_first_time_is_refused(fetch, tmp_path):
    def flip(folder):
        content = bytearray(files(folder)[0].read_bytes())
        content[-2] ^= 1
        files(folder)[0].write_bytes(content)

    fetch("CRLM-CT-1").rename(tmp_path / "moved")
    fetch.client.wrong = ("CT", flip)
    with pytest.raises(CollectionError, match="changed or damaged"):
        fetch("CRLM-CT-1")
    assert not (tmp_path / "crlm" / "CRLM-CT-1").exists()


def test_labels_of_unknown_names_are_refused(archive, tmp_path):
    with pytest.raises(CollectionError, match="got Liver, Tumor_1"):
        fetch_patient(
            archive[1]["CRLM-CT-1"],
            tmp_path / "crlm",
            aside=tmp_path / "aside",
            fetch=Client(archive[0]),
            lock=Lock(tmp_path / "lock.json", {}),
            names={"spleen": "spleen"},
        )


@pytest.mark.parametrize(
    ("name", "patients_", "labels"), [("lctsc", 60, "RTSTRUCT"), ("crlm", 197, "SEG")]
)
def test_lists_of_the_repository_name_a_ct_and_labels_each(
    root, name, patients_, labels
):
    pinned = read_pinned(root / "data_scripts" / f"{name}.csv")
    assert len(pinned) == patients_
    assert {tuple(s.modality for s in pair) for pair in pinned.values()} == {
        ("CT", labels)
    }
    every = [series for pair in pinned.values() for series in pair]
    assert len({s.series_uid for s in every}) == len(every)
    assert len({s.crdc_series_uuid for s in every}) == len(every)
    assert all(s.n_files > 20 for s in every if s.modality == "CT")


HEAD = "patient_id,modality,series_uid,crdc_series_uuid,n_files,n_bytes\n"
GOOD = "p,CT,1.2,a,3,100\np,SEG,1.3,b,1,100\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + GOOD.replace("p,", "../p,"),
        HEAD + GOOD.replace("1.2", "/etc"),
        HEAD + GOOD.replace("SEG", "MR"),
        HEAD + GOOD.replace("SEG", "CT"),
        HEAD + "p,CT,1.2,a,3,100\n",
        HEAD + GOOD.replace("3,100", "x,100"),
        HEAD + GOOD.replace(",b,", ","),
        "a,b\n1,2\n",
    ],
)
def test_damaged_list_is_refused(tmp_path, text):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(CollectionError, match="no list"):
        read_pinned(tmp_path / "list.csv")


def test_good_list_is_read(tmp_path):
    (tmp_path / "list.csv").write_text(HEAD + GOOD)
    assert read_pinned(tmp_path / "list.csv")["p"][1].n_bytes == 100
