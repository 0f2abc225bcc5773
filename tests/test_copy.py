"""`medvae-course copy`: each copy runs where this package cannot be imported."""

import ast
import errno
import importlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from medvae_course import __version__
from medvae_course.cli import closure
from medvae_course.cli.closure import CopyError, copyable
from medvae_course.cli.copy import copy_module

# by its full name: in the package `copy` is the command
copying = importlib.import_module("medvae_course.cli.copy")
MODULES = [f"{room}.{name}" for room, names in copyable().items() for name in names]

# Runs in a project of its own, isolated (-I) and without this package.
ALONE = """
import importlib, importlib.metadata, json, sys, traceback

class NoCourse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "medvae_course":
            raise ModuleNotFoundError("this project has no medvae_course")

sys.meta_path.insert(0, NoCourse())
sys.path.insert(0, sys.argv[1])
find = importlib.metadata.Distribution.from_name
def from_name(name):
    if name.replace("_", "-") == "medvae-course":
        raise importlib.metadata.PackageNotFoundError(name)
    return find(name)
importlib.metadata.Distribution.from_name = from_name

def outcome(action, *arguments):
    try:
        action(*arguments)
        return "ok"
    except Exception:
        return traceback.format_exc()

results = {"the course": outcome(importlib.import_module, "medvae_course")}
for package, module in json.loads(sys.argv[2]):
    results[package] = outcome(importlib.import_module, f"{package}.{module}")
results["calls"] = outcome(exec, sys.argv[3], {})
results["keras"] = str("keras" in sys.modules)
print(json.dumps(results))
"""

CALLS_WITHOUT_KERAS = """
import tempfile, numpy as np
from ct_hounsfield import hounsfield
from ct_dicom import dicom, volume
from ct_phantom import phantom
from evaluate_metrics import metrics
from evaluate_baselines import baselines
from evaluate_bootstrap import bootstrap

assert hounsfield.to_model_units(np.array(-300.0)) == 0.5
hu = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
scan = volume.Volume(hu, (5.0, 2.0, 1.0))
with tempfile.TemporaryDirectory() as folder:
    dicom.write_series(scan, folder + "/scan", patient_id="copied")
    assert np.array_equal(dicom.read_series(folder + "/scan").hu, hu)
patient = phantom.make_patient(0, shape=(4, 32, 32), spacing_mm=(40.0, 12.8, 12.8))
assert patient.labels.shape == (4, 32, 32)
images = np.random.default_rng(0).random((8, 12, 12, 1))
drawn = baselines.PCA(7).fit(images).reconstruct(images)
assert metrics.psnr(images, drawn, data_range=1) > 60
assert bootstrap.interval(np.arange(4.0), np.arange(4)).estimate == 1.5
"""

CALLS_WITH_KERAS = """
import numpy as np
from models_losses import losses
from models_vae import vae

assert float(losses.kl(np.zeros((1, 3)), np.zeros((1, 3)))[0]) == 0
model = vae.dense_vae((4, 4, 1), 2)
assert model.reconstruct(np.zeros((3, 4, 4, 1), np.float32)).shape == (3, 4, 4, 1)
"""


def run_alone(project: Path, rooms: tuple[str, ...], calls: str) -> dict[str, str]:
    """Copy every module of some rooms, each into a package, and import them all."""
    copies = []
    for module in MODULES:
        room, _, name = module.partition(".")
        if room in rooms:
            copy_module(module, project / module.replace(".", "_"))
            copies.append((module.replace(".", "_"), name))
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, project, json.dumps(copies), calls],
        cwd=project,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def without_keras(tmp_path_factory) -> dict[str, str]:
    project = tmp_path_factory.mktemp("project")
    return run_alone(project, ("ct", "evaluate"), CALLS_WITHOUT_KERAS)


@pytest.fixture(scope="module")
def with_keras(tmp_path_factory) -> dict[str, str]:
    project = tmp_path_factory.mktemp("project")
    return run_alone(project, ("models",), CALLS_WITH_KERAS)


@pytest.mark.parametrize("module", MODULES)
def test_copy_is_imported_without_the_course(module, request):
    fixture = "with_keras" if module.startswith("models.") else "without_keras"
    results = request.getfixturevalue(fixture)
    assert results[module.replace(".", "_")] == "ok"


@pytest.mark.parametrize("fixture", ["without_keras", "with_keras"])
def test_copied_functions_work_without_the_course(fixture, request):
    results = request.getfixturevalue(fixture)
    assert "has no medvae_course" in results["the course"]
    assert results["calls"] == "ok"
    assert results["keras"] == str(fixture == "with_keras")


def test_copy_holds_the_closure_and_nothing_else(tmp_path):
    files = copy_module("models.vae", tmp_path / "nets")
    names = [path.name for path in files]
    assert names[0] == "vae.py"
    assert {"losses.py", "layers.py", "networks.py", "variational.py"} < set(names)
    assert not {"training.py", "autoencoders.py"} & set(names)
    assert sorted(names) == sorted(p.name for p in (tmp_path / "nets").iterdir())
    alone = copy_module("evaluate.metrics", tmp_path / "yardsticks")
    assert [path.name for path in alone] == ["metrics.py", "__init__.py"]


@pytest.mark.parametrize(
    ("module", "needs"),
    [
        ("evaluate.metrics", ["numpy>=", "scikit-image>=", "scipy>="]),
        ("evaluate.baselines", ["scikit-learn>="]),
        ("ct.dicom", ["pydicom<4,>=3", "pyjpegls"]),
        ("models.losses", ["keras<4,>=3", "one of tensorflow, jax, torch"]),
    ],
)
def test_header_says_whence_under_what_licence_and_what_is_needed(
    module, needs, tmp_path
):
    copied = copy_module(module, tmp_path / "own")[0].read_text()
    header, _, source = copied.partition("\n\n")
    assert f"medvae_course.{module}, version {__version__}" in header
    assert "SPDX-License-Identifier: Apache-2.0\n" in header
    assert "Copyright the authors of medvae-course" in header
    assert "by `medvae-course copy`" in header
    assert all(need in header for need in needs)
    assert all(line[0] == "#" and len(line) <= 88 for line in header.splitlines())
    room, _, name = module.partition(".")
    original = closure.PACKAGE / room / closure.file_of(room, name)
    assert source == original.read_text()


def test_names_to_install_are_those_of_the_installed_distributions():
    installed = importlib.metadata.packages_distributions()
    for module in MODULES:
        room, _, name = module.partition(".")
        path = closure.PACKAGE / room / closure.file_of(room, name)
        for name in closure.third_party(ast.parse(path.read_text())):
            distribution, version = re.match(
                r"([\w-]+)(.*)", copying._requirements({name})[0]
            ).groups()
            assert distribution in [d.replace("_", "-") for d in installed[name]]
            assert version  # asked for by the package, so not a stray import


def test_part_of_a_package_brings_its_package_and_what_that_needs(tmp_path):
    own = tmp_path / "own"
    files = copy_module("ct.phantom.shapes", own)
    names = {str(path.relative_to(own)) for path in files}
    assert str(files[0].relative_to(own)) == "phantom/shapes.py"
    assert {"phantom/__init__.py", "phantom/patient.py", "volume.py"} < names
    assert not {"datasets.py", "dicom/series.py"} & names


def test_second_module_joins_the_first(tmp_path):
    own = tmp_path / "own"
    copy_module("ct.hounsfield", own)
    (own / "__init__.py").write_text("MINE = 1\n")
    files = copy_module("ct.dicom", own)
    assert (own / "__init__.py").read_text() == "MINE = 1\n"
    assert own / "dicom" / "series.py" in files
    assert (own / "hounsfield.py").exists()


def test_copying_again_changes_nothing(tmp_path):
    first = copy_module("ct.volume", tmp_path / "own")
    times = [path.stat().st_mtime_ns for path in first]
    copy_module("ct.volume", tmp_path / "own")
    assert [path.stat().st_mtime_ns for path in first] == times


def test_files_that_differ_are_kept_and_named_unless_forced(tmp_path):
    own = tmp_path / "own"
    copy_module("ct.dicom", own)
    (own / "dicom" / "series.py").unlink()
    (own / "volume.py").write_text("mine\n")
    before = contents(own)
    with pytest.raises(CopyError, match=r"differ from the copy: volume\.py; .*--force"):
        copy_module("ct.dicom", own)
    assert contents(own) == before
    copy_module("ct.dicom", own, force=True)
    assert "class Volume" in (own / "volume.py").read_text()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("moves_before_failing", [0, 1, 3])
def test_failure_in_a_new_folder_leaves_nothing(
    moves_before_failing, tmp_path, monkeypatch
):
    fail_after(moves_before_failing, monkeypatch)
    with pytest.raises(CopyError, match="No space left on device; nothing was left"):
        copy_module("models.vae", tmp_path / "new" / "deep" / "own")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("moves_before_failing", [0, 1, 2, 3, 4])
def test_failure_over_existing_files_leaves_them(
    moves_before_failing, tmp_path, monkeypatch
):
    own = tmp_path / "own"
    own.mkdir()
    (own / "vae.py").write_text("mine\n")
    (own / "losses.py").write_text("mine too\n")
    before = contents(tmp_path)
    fail_after(moves_before_failing, monkeypatch)
    with pytest.raises(CopyError, match="No space left"):
        copy_module("models.vae", own, force=True)
    assert contents(tmp_path) == before


def fail_after(moves: int, monkeypatch) -> None:
    left = iter([True] * moves + [False])
    move = os.replace

    def replace(source, target):
        if not next(left, True):  # fails once: the way back is open again
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        move(source, target)

    monkeypatch.setattr(os, "replace", replace)


def test_full_disk_while_writing_leaves_nothing(tmp_path, monkeypatch):
    def write_bytes(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(CopyError, match="No space left"):
        copy_module("evaluate.metrics", tmp_path / "own")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("teach.figures", "`teach` is not for copying: it serves the lessons"),
        ("cli.demo", "`cli` is not for copying"),
        ("ct.dico", "no module 'ct.dico'; give ROOM.MODULE out of ct: .*dicom"),
        ("metrics", "no module 'metrics'; .*evaluate: .*metrics"),
        ("ct", "no module 'ct'"),
        ("ct.__init__", "no module"),
        ("ct.dicom.__init__", "no module"),
        ("ct../models/vae", "no module"),
        ("", "no module ''"),
    ],
)
def test_what_cannot_be_copied_is_refused_with_the_choice(module, message, tmp_path):
    with pytest.raises(CopyError, match=message):
        copy_module(module, tmp_path / "own")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my-nets", "needs a Python name such as my_models, got 'my-nets'"),
        ("class", "needs a Python name"),
        ("keras", "would hide the one that is imported"),
        ("json", "would hide the one that is imported"),
    ],
)
def test_folder_that_cannot_be_a_package_is_refused(name, message, tmp_path):
    with pytest.raises(CopyError, match=message):
        copy_module("models.vae", tmp_path / name)
    assert contents(tmp_path) == {}


def test_file_or_the_course_itself_is_refused_as_folder(tmp_path):
    (tmp_path / "own").write_text("a file\n")
    with pytest.raises(CopyError, match="is a file; give a folder"):
        copy_module("ct.volume", tmp_path / "own")
    with pytest.raises(CopyError, match="is medvae_course itself"):
        copy_module("ct.volume", closure.PACKAGE / "models")


def test_name_may_carry_the_package(tmp_path):
    assert copy_module("medvae_course.ct.hounsfield", tmp_path / "own")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "from ..models import vae",
            r"in line 1 it imports \.\.models, no module of ct",
        ),
        ("from . import missing", r"imports \.missing, no module of ct"),
        ("import medvae_course.models.vae", "imports medvae_course by name"),
        ("from medvae_course.ct import volume", "imports medvae_course by name"),
    ],
)
def test_module_that_needs_the_rest_of_the_course_is_refused(
    line, message, tmp_path, monkeypatch
):
    package = tmp_path / "medvae_course"
    for room in closure.ROOMS:
        (package / room).mkdir(parents=True)
    (package / "ct" / "bad.py").write_text(line + "\n")
    monkeypatch.setattr(closure, "PACKAGE", package)
    with pytest.raises(CopyError, match=message):
        copy_module("ct.bad", tmp_path / "own")
    assert not (tmp_path / "own").exists()
