"""The command line, as a user meets it: on a folder of small phantom CT."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from medvae_course.cli import app, measure
from medvae_course.ct import dicom, nifti, phantom

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def write_patients(folder, n, *, labels=True):
    for seed in range(n):
        patient = phantom.make_patient(
            seed, shape=(6, 32, 32), spacing_mm=(40, 12.8, 12.8)
        )
        target = folder / patient.patient_id
        dicom.write_series(patient.volume, target, patient_id=patient.patient_id)
        if labels:
            nifti.write_nifti(target / "labels.nii.gz", patient.labels, patient.volume)
    names = {str(value): name for value, name in phantom.LABELS.items()}
    (folder / "labels.json").write_text(json.dumps(names))
    return folder


@pytest.fixture(scope="module")
def ct_folder(tmp_path_factory):
    return write_patients(tmp_path_factory.mktemp("ct"), 8)


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path / "cache"))


def demo(ct_folder, out, *more):
    sizes = ("--image-size", 32, "--code-size", 4, "--epochs", 2)
    return call("demo", "--data", ct_folder, "--out", out, *sizes, *more)


def test_demo_writes_report_model_and_summary(ct_folder, tmp_path):
    import keras

    out = tmp_path / "out"
    result = demo(ct_folder, out)
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {
        "report.html",
        "model.keras",
        "summary.json",
    }
    page = (out / "report.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', page)  # self-contained
    assert page.count("<img alt=") == page.count("<img") >= 6
    assert "What this report cannot show" in page
    summary = json.loads((out / "summary.json").read_text())
    assert [row["method"] for row in summary["comparison"]] == [
        "mean image",
        "PCA",
        "VAE",
    ]
    for row in summary["comparison"]:
        psnr = row["psnr_db"]
        assert 5 < psnr["low"] <= psnr["estimate"] <= psnr["high"] < 60
    assert summary["verdict"] in page.replace("&#x27;", "'")
    assert {"liver", "lungs"} <= {row["label"] for row in summary["dice"]}
    assert sum(summary["patients"].values()) == 8
    model = keras.saving.load_model(out / "model.keras")
    images = np.random.default_rng(0).random((2, 32, 32, 1), dtype=np.float32)
    assert model.reconstruct(images).shape == images.shape


def test_one_unseen_patient_gives_no_winner():
    one = measure.by_patient(np.array([1.0, 2.0]), np.array(["a", "a"]))
    assert one.estimate == 1.5
    assert np.isnan([one.low, one.high]).all()
    verdict = measure.Comparison([], one, {}).verdict
    assert "too few to say who wins" in verdict


@pytest.mark.parametrize(
    ("gains", "word"), [([1, 2], "beats"), ([-1, -2], "loses"), ([-1, 1], "told apart")]
)
def test_verdict_follows_the_interval(gains, word):
    gain = measure.by_patient(np.array(gains, float), np.array(["a", "b"]))
    assert word in measure.Comparison([], gain, {}).verdict


def test_demo_resumes_after_an_interruption(ct_folder, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(measure, "compare", interrupt)
        assert demo(ct_folder, out).exit_code != 0
    assert not (out / "report.html").exists()
    other = demo(ct_folder, out, "--seed", 1)
    assert other.exit_code == 2
    assert "other settings" in other.stderr
    result = demo(ct_folder, out)
    assert result.exit_code == 0, result.output
    assert "Epoch 1/2" not in result.stdout  # both epochs had been kept
    assert (out / "report.html").exists()
    curves = json.loads((out / "summary.json").read_text())
    assert curves["epochs"] == 2


def test_demo_leaves_a_folder_in_use_alone(ct_folder, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    result = demo(ct_folder, tmp_path)
    assert result.exit_code == 2
    assert "must be new or empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_demo_does_not_split_one_patient(tmp_path):
    folder = write_patients(tmp_path / "one", 1)
    result = demo(folder, tmp_path / "out")
    assert result.exit_code == 2
    assert "at least three patients" in result.stderr
    assert "got 1" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["nothing", "text"])
def test_folders_without_ct_are_refused(tmp_path, content):
    folder = tmp_path / "empty"
    folder.mkdir()
    if content == "text":
        (folder / "readme.txt").write_text("no image")
    result = demo(folder, tmp_path / "out")
    assert result.exit_code == 2
    assert str(folder) in result.stderr.replace("\n", "")
    assert not (tmp_path / "out").exists()


def test_inspect_tells_patients_geometry_and_labels(ct_folder):
    result = call("data", "inspect", ct_folder, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert len(found["volumes"]) == 8
    first = found["volumes"][0]
    assert first["shape"] == [6, 32, 32]
    assert first["spacing_mm"] == [40, 12.8, 12.8]
    assert "liver" in first["labels"]
    assert first["hu"][0] < -900
    text = call("data", "inspect", ct_folder).stdout
    assert "8 CT of 8 patients" in text


def test_inspect_warns_of_values_that_are_no_hu(tmp_path):
    patient = phantom.make_patient(0, shape=(4, 32, 32), spacing_mm=(60, 12.8, 12.8))
    shifted = np.asarray(patient.volume.hu) + 1024
    nifti.write_nifti(tmp_path / "shifted.nii.gz", shifted, patient.volume)
    (warning,) = json.loads(call("data", "inspect", tmp_path, "--json").stdout)[
        "warnings"
    ]
    assert "rescale intercept" in warning


def test_inspect_names_what_cannot_be_read(tmp_path):
    folder = write_patients(tmp_path / "ct", 1, labels=False)
    slices = sorted((folder / "phantom-0000").glob("*.dcm"))
    slices[2].unlink()
    (folder / "damaged.nii.gz").write_bytes(b"no gzip")
    result = call("data", "inspect", folder)
    assert result.exit_code == 0
    assert "damaged.nii.gz" in result.stdout
    assert "missing" in result.stdout


def test_inspect_refuses_what_is_no_folder(tmp_path):
    assert call("data", "inspect", tmp_path / "none").exit_code == 2
    assert call("data", "inspect", tmp_path).exit_code == 2


def test_copy_says_what_it_wrote_and_what_it_cannot(tmp_path):
    result = call("copy", "ct.hounsfield", tmp_path / "mine")
    assert result.exit_code == 0, result.output
    assert "hounsfield.py" in result.stdout
    refused = call("copy", "ct.nothing", tmp_path / "mine")
    assert refused.exit_code == 2
    assert "hounsfield" in refused.stderr  # lists what can be copied


@pytest.fixture(scope="module")
def saved_vae(tmp_path_factory):
    from medvae_course.models import vae

    path = tmp_path_factory.mktemp("model") / "model.keras"
    vae.dense_vae((32, 32, 1), 3, hidden=(8,)).save(path)
    return path


def test_diagnose_names_every_question_and_the_chapter(saved_vae, ct_folder):
    result = call("diagnose", saved_vae, "--data", ct_folder)
    assert result.exit_code == 0, result.output
    for about in ("patients", "collapse", "beta", "PCA", "sigma", "prior"):
        assert re.search(rf"^[✓?✗] {about}: .*\(chapter \d+\)$", result.output, re.M)
    assert "✓ patients: no patient" in result.output
    assert "✗ collapse: yes" in result.output  # nobody trained it


def test_diagnose_refuses_what_is_no_vae(tmp_path, ct_folder):
    import keras

    (tmp_path / "no.keras").write_text("no")
    result = call("diagnose", tmp_path / "no.keras", "--data", ct_folder)
    assert result.exit_code == 2
    assert "is no .keras file" in result.output
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).save(
        tmp_path / "dense.keras"
    )
    result = call("diagnose", tmp_path / "dense.keras", "--data", ct_folder)
    assert result.exit_code == 2
    assert "has no `encoder` and `decoder`" in result.output


def test_diagnose_refuses_a_likelihood_that_is_no_squared_error(tmp_path, ct_folder):
    from medvae_course.models import vae

    path = tmp_path / "bernoulli.keras"
    vae.dense_vae((32, 32, 1), 3, hidden=(8,), likelihood="bernoulli").save(path)
    result = call("diagnose", path, "--data", ct_folder)
    assert result.exit_code == 2
    assert "bernoulli likelihood" in result.output
