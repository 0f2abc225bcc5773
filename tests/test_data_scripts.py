"""The download commands, against a web server on this machine with the real layout."""

import csv
import io
import json
import re
import sys
import types
import zipfile

import numpy as np
import pytest
from ct.collections.server import serving
from ct.collections.test_openkbp import write_patient
from data_scripts_runner import FOLDER, run

from medvae_course.ct import datasets, patients
from medvae_course.ct.collections import openkbp, read_medmnist

PATIENTS = f"{openkbp.COMMIT}/provided-data/train-pats"
SCRIPTS = sorted(path.name for path in FOLDER.glob("download_*.py"))
FIELDS = ("COMMAND", "SIZE", "LICENCE", "CITATION", "RUN TIME", "RESULT")


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror of three patients of OpenKBP, whose hashes are not known beforehand."""
    files = {}
    rows = ["patient,organs"]
    for number in (1, 2, 3):
        folder = tmp_path / "mirror" / f"pt_{number}"
        write_patient(folder, seed=number)
        rows.append(f"pt_{number},Larynx Mandible")
        for path in folder.iterdir():
            files[f"/{PATIENTS}/{folder.name}/{path.name}"] = path.read_bytes()
    place = tmp_path / "scripts"
    place.mkdir()
    (place / "openkbp.csv").write_text("\n".join(rows))
    registry = "organamnist/organamnist.npz md5:" + "0" * 32
    (place / "registry.txt").write_text(registry)
    monkeypatch.syspath_prepend(str(FOLDER))
    import command

    monkeypatch.setattr(command, "HERE", place)
    with serving(files) as server:
        server.place = place
        yield server


def left(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))


COMPLETE = sorted(
    [f"pt_{n}/{kind}.nii.gz" for n in (1, 2, 3) for kind in ("ct", "oar")]
    + ["collection.json", "labels.json"]
)


def fetch_openkbp(monkeypatch, server, *options):
    return run(
        monkeypatch, "download_openkbp.py", "--source", f"{server.url}/", *options
    )


def test_openkbp_comes_file_by_file_and_is_loaded_by_name(
    mirror, monkeypatch, tmp_path
):
    assert fetch_openkbp(monkeypatch, mirror) is None
    folder = tmp_path / "cache" / "collections" / "openkbp"
    assert left(folder) == COMPLETE
    assert json.loads((folder / "collection.json").read_text())["patients"] == 3
    others = {path.name for path in folder.parent.iterdir()}
    assert others == {"openkbp", "openkbp.lock.json"}
    data = datasets.load("openkbp", image_size=16)
    assert data.label_names[6] == "Larynx"
    asked = len(mirror.asked)
    assert fetch_openkbp(monkeypatch, mirror) is None
    assert len(mirror.asked) == asked


@pytest.mark.parametrize("manner", ["breaks", "silent", "error", "elsewhere"])
def test_openkbp_stops_politely_and_goes_on(mirror, monkeypatch, tmp_path, manner):
    if manner == "silent":
        import command

        whole = command.collections.download
        monkeypatch.setattr(
            command.collections,
            "download",
            lambda *a, **k: whole(*a, **k, timeout_s=0.3),
        )
    assert fetch_openkbp(monkeypatch, mirror, "--patients", 1) is None
    mirror.manner = manner
    message = fetch_openkbp(monkeypatch, mirror)
    assert re.search(
        r"To go on where this stopped:\n  python .*download_openkbp\.py --source",
        message,
    )
    assert "Traceback" not in message
    folder = tmp_path / "cache" / "collections" / "openkbp"
    assert [p.name for p in folder.iterdir() if p.name.startswith("pt_")] == ["pt_1"]
    mirror.manner = "well"
    assert fetch_openkbp(monkeypatch, mirror) is None
    assert left(folder) == COMPLETE


def test_openkbp_off_line_says_what_to_run_again(monkeypatch, mirror, tmp_path):
    mirror.server_close()
    message = run(monkeypatch, "download_openkbp.py", "--source", "http://127.0.0.1:9/")
    assert "no connection" in message
    assert re.search(r"\n  python .*download_openkbp\.py --source", message)
    assert not list((tmp_path / "cache" / "collections").iterdir())


def test_openkbp_that_changed_is_refused(monkeypatch, mirror, tmp_path):
    assert fetch_openkbp(monkeypatch, mirror) is None
    folder = tmp_path / "cache" / "collections" / "openkbp"
    (folder / "pt_2" / "ct.nii.gz").unlink()
    path = f"/{PATIENTS}/pt_2/ct.csv"
    lines = mirror.files[path].decode().splitlines()
    lines[1] = lines[1].split(",")[0] + ",999.0"
    mirror.files[path] = "\n".join(lines).encode()
    message = fetch_openkbp(monkeypatch, mirror)
    assert "openkbp/pt_2 must have sha256:" in message
    assert not (folder / "pt_2" / "ct.nii.gz").exists()


def archive(files, comment=openkbp.COMMIT, extra=()):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, content in files.items():
            name = path.replace(f"/{openkbp.COMMIT}/", f"open-kbp-{openkbp.COMMIT}/")
            packed.writestr(name, content)
        packed.writestr(f"open-kbp-{openkbp.COMMIT}/README.md", "words")
        for name in extra:
            packed.writestr(name, "evil")
        packed.comment = comment.encode()
    return stream.getvalue()


def fetch_archive(monkeypatch, server, packed):
    server.files = {f"/zip/{openkbp.COMMIT}": packed}
    return run(
        monkeypatch, "download_openkbp.py", "--all", "--archive", f"{server.url}/zip/"
    )


def test_openkbp_comes_as_one_archive(monkeypatch, mirror, tmp_path):
    assert fetch_archive(monkeypatch, mirror, archive(mirror.files)) is None
    assert left(tmp_path / "cache" / "collections" / "openkbp") == COMPLETE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: archive(files, extra=["../../evil.py"]), "path out of it"),
        (lambda files: archive(files, comment="0" * 40), "must be of commit"),
        (lambda files: archive(files)[:-400], "must be of commit"),
        (lambda files: b"<html>", "must be of commit"),
    ],
)
def test_hostile_or_damaged_archive_leaves_nothing(
    monkeypatch, mirror, tmp_path, change, message
):
    before = {path.name for path in tmp_path.iterdir()}
    said = fetch_archive(monkeypatch, mirror, change(mirror.files))
    assert message in said
    assert {path.name for path in tmp_path.iterdir()} <= before | {"cache"}
    places = {p.name for p in (tmp_path / "cache" / "collections").iterdir()}
    assert not places
    assert not list(tmp_path.rglob("*.py"))


def pictures():
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        **{
            f"{part}_{kind}": rng.integers(0, high, (n, *shape), dtype=np.uint8)
            for part, n in (("train", 12), ("val", 5), ("test", 7))
            for kind, high, shape in (("images", 256, (28, 28)), ("labels", 11, (1,)))
        },
    )
    return stream.getvalue()


def test_organamnist_is_fetched_verified_and_read(monkeypatch, mirror, tmp_path):
    import hashlib

    body = pictures()
    known = hashlib.md5(body).hexdigest()
    (mirror.place / "registry.txt").write_text(
        f"organamnist/organamnist.npz md5:{known}"
    )
    mirror.files = {"/organamnist.npz": body}
    arguments = ("download_organamnist.py", "--source", f"{mirror.url}/")
    mirror.manner = "tampered"
    assert "changed or damaged" in run(monkeypatch, *arguments)
    folder = tmp_path / "cache" / "collections" / "organamnist"
    assert not list(folder.iterdir())
    mirror.manner = "well"
    assert run(monkeypatch, *arguments) is None
    assert len(read_medmnist(folder / "organamnist.npz")["train"].images) == 12


def test_series_come_through_the_client_of_the_archive(monkeypatch, mirror, tmp_path):
    """With a stand-in for idc-index, which fetches from a folder."""
    from medvae_course.ct import dicom
    from medvae_course.ct.labels import Structures, write_rtstruct
    from medvae_course.ct.volume import Volume

    rows = []
    for patient in ("P-1", "P-2", "P-3"):
        ct, drawn = tmp_path / "idc" / f"{patient}-ct", tmp_path / "idc" / patient
        volume = Volume(np.full((4, 16, 16), 40.0), (5.0, 2.0, 2.0))
        dicom.write_series(volume, ct, patient_id=patient)
        (series,) = dicom.find_series(ct)
        mask = np.zeros((4, 16, 16), bool)
        mask[1:3, 4:9, 4:9] = True
        drawn.mkdir()
        structures = Structures({"Heart": mask}, dicom.read_series(series))
        write_rtstruct(structures, series, drawn / "s.dcm")
        (own,) = dicom.find_series(drawn)
        for folder, uid, kind in ((ct, series, "CT"), (drawn, own, "RTSTRUCT")):
            sizes = [path.stat().st_size for path in folder.iterdir()]
            row = (patient, kind, uid.series_uid, folder.name, len(sizes), sum(sizes))
            rows.append(row)
    with (mirror.place / "lctsc.csv").open("w", newline="") as stream:
        head = "patient_id modality series_uid crdc_series_uuid n_files n_bytes"
        csv.writer(stream).writerows([head.split(), *rows])

    class IDCClient:
        def download_from_selection(self, *, downloadDir, crdc_series_uuid, **options):
            for path in (tmp_path / "idc" / crdc_series_uuid[0]).iterdir():
                with open(f"{downloadDir}/{path.name}", "wb") as stream:
                    stream.write(path.read_bytes())

    module = types.ModuleType("idc_index")
    monkeypatch.setitem(sys.modules, "idc_index", module)
    message = run(monkeypatch, "download_lctsc.py")
    assert "pip install 'medvae-course[collections]'" in message
    module.IDCClient = IDCClient
    assert run(monkeypatch, "download_lctsc.py") is None
    folder = tmp_path / "cache" / "collections" / "lctsc"
    assert [s.patient_id for s in patients.find_patients(folder)] == [
        "P-1",
        "P-2",
        "P-3",
    ]
    data = datasets.load("lctsc", image_size=16)
    assert data.label_names[2] == "Heart"
    assert set(np.unique(data.train.labels)) == {0, 2}


def test_real_client_has_the_call_that_the_script_makes():
    idc_index = pytest.importorskip("idc_index", reason="needs the extra `collections`")
    import inspect

    call = inspect.signature(idc_index.IDCClient.download_from_selection)
    wanted = {"downloadDir", "crdc_series_uuid", "dirTemplate", "show_progress_bar"}
    assert wanted <= call.parameters.keys()


@pytest.mark.parametrize("name", SCRIPTS)
def test_header_says_what_one_must_know(name, root):
    text = (FOLDER / name).read_text(encoding="utf-8")
    header = text.split('"""')[1]
    assert all(re.search(rf"^{field} ", header, re.MULTILINE) for field in FIELDS)
    assert f"python data_scripts/{name}" in header
    assert name in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["download_lctsc.py", "download_crlm.py"])
def test_sizes_in_headers_are_those_of_the_lists(name):
    from medvae_course.ct.collections import read_pinned

    header = (FOLDER / name).read_text(encoding="utf-8").split('"""')[1]
    pinned = read_pinned(FOLDER / f"{name[9:-3]}.csv")
    sizes = [sum(s.n_bytes for s in pair) / 1e9 for pair in pinned.values()]
    assert f"5 patients {sum(sizes[:5]):.2f} GB" in header
    assert f"all {sum(sizes):.1f} GB" in header
    assert f"--all        {len(pinned)} patients" in header.replace(
        "--all         ", "--all        "
    )
