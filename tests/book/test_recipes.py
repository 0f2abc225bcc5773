"""Every command and every block of code of the recipes runs, on small phantoms."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medvae_course.cli import app
from medvae_course.ct import dicom, nifti, phantom

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "book" / "recipes").glob("*.md"))
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADINGS = ("What to change", "What to check before trusting it", "Where it fails")
FEW = (  # what takes minutes on real data takes a step here
    (r"epochs=\d+", "epochs=1"),
    (r"steps=\d+", "steps=2"),
)
# Runs in a project of its own; one Python for all pages, as imports take longest.
RUN = """
import json, os, re, shlex, sys, traceback
from pathlib import Path
from medvae_course.cli import app
from medvae_course.cli.segmentation import training

training.IMAGES_SEEN, training.STEPS = 10, 2
sys.path.insert(0, os.getcwd())
failed = {}
for page, blocks in json.loads(sys.stdin.read()).items():
    names = {}
    for kind, text in blocks:
        try:
            if kind == "python":
                exec(compile(text, page, "exec"), names)
                continue
            for line in text.strip().splitlines():
                words = shlex.split(line)
                assert words[0] == "medvae-course", line
                status = app(words[1:], standalone_mode=False) or 0
                assert status <= ("audit" in words), line  # it may find something
        except BaseException:
            failed[page] = text + traceback.format_exc()[-1500:]
            break
Path("failed.json").write_text(json.dumps(failed))
"""


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def write_patients(folder: Path, n: int) -> None:
    for seed in range(n):
        one = phantom.make_patient(seed, shape=(4, 64, 64), spacing_mm=(60.0, 6.4, 6.4))
        target = folder / one.patient_id
        dicom.write_series(one.volume, target, patient_id=one.patient_id)
        nifti.write_nifti(target / "labels.nii.gz", one.labels, one.volume)
    names = {str(value): name for value, name in phantom.LABELS.items()}
    (folder / "labels.json").write_text(json.dumps(names))


@pytest.fixture(scope="module")
def failed(tmp_path_factory) -> dict[str, str]:
    """Page → block and error of every page that does not run to its end."""
    project = tmp_path_factory.mktemp("project")
    write_patients(project / "my_ct", 8)
    write_patients(project / "my_new_ct", 1)
    pages = {page.name: blocks(page) for page in PAGES}
    for name, parts in pages.items():
        for pattern, short in FEW:
            parts = [(kind, re.sub(pattern, short, text)) for kind, text in parts]
        pages[name] = parts
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(pages),
        cwd=project,
        env=os.environ | {"MEDVAE_DATA_DIR": str(project / "cache")},
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((project / "failed.json").read_text())


def test_there_are_recipes():
    assert len(PAGES) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_runs(page, failed):
    assert blocks(page)
    assert page.name not in failed, failed[page.name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_recipe_answers_the_same_questions(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Recipe: ")
    found = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert found[-3:] == list(HEADINGS)
    assert "What to copy" in found
    assert len(text.split()) < 650


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_option_exists(page):
    text = page.read_text(encoding="utf-8")
    lines = re.findall(r"^medvae-course .*$", text, re.MULTILINE)
    lines += re.findall(r"`(medvae-course [^`]+)`", text)
    for line in lines:
        words = shlex.split(line)[1:]
        options = [word for word in words if word.startswith("--")]
        command = words[: 2 if words[0] == "data" else 1]
        told = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
        assert told.exit_code == 0, line
        assert all(option in told.output for option in options), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_chapters_that_exist(page):
    for target in re.findall(r"{doc}`([^`]+)`", page.read_text(encoding="utf-8")):
        name = Path(target).name
        assert (ROOT / "book" / "chapters" / f"{name}.md").exists(), target
