"""The files that set the project up agree with one another."""

import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pinned(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line.strip()]
    return {canonical(requirement.name): requirement for requirement in requirements}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_environment_yml_is_in_step_with_pyproject(root, project):
    environment = yaml.safe_load((root / "environment.yml").read_text())
    dependencies = environment["dependencies"]
    assert f"python{project['requires-python']}" in dependencies
    (through_pip,) = [d["pip"] for d in dependencies if isinstance(d, dict)]
    (itself,) = through_pip
    extras = re.fullmatch(r"-e \.\[(.+)\]", itself).group(1).split(",")
    assert set(extras) <= set(project["optional-dependencies"])


def test_constraints_pin_every_dependency_inside_its_range(project, pinned):
    wanted = [Requirement(line) for line in project["dependencies"]]
    for extra in ("cpu", "gpu", "jax", "book", "lab", "test", "develop"):
        wanted += map(Requirement, project["optional-dependencies"][extra])
    for requirement in wanted:
        if canonical(requirement.name) == "medvae-course":
            continue
        (specifier,) = pinned[canonical(requirement.name)].specifier
        assert specifier.operator == "=="
        assert requirement.specifier.contains(specifier.version), requirement


def test_constraints_name_no_host(root):
    text = (root / "constraints.txt").read_text()
    assert "://" not in text
    assert "@" not in text


@pytest.mark.parametrize("installer", ["uv", ""])
def test_make_installs_with_uv_or_with_pip(root, installer):
    plan = subprocess.run(
        ["make", "-n", "env", f"UV={installer}", "VENV=build/none", "DEVICE=cpu"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert ("uv pip install" in plan) == bool(installer)
    assert ("-m pip install" in plan) == (not installer)
    assert "-c constraints.txt -e '.[cpu,test]'" in plan


def test_make_alone_prints_every_verb_of_the_readme(root):
    printed = subprocess.run(
        ["make"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    mentioned = set(re.findall(r"`make ([a-z]+)", (root / "README.md").read_text()))
    assert {"course", "lab"} <= mentioned
    for verb in mentioned | {"test", "notebooks", "book", "backends", "gpu", "clean"}:
        assert f"make {verb} " in printed


def test_workflows_call_make_targets_only(root):
    verbs = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.M))
    for path in (root / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text())["jobs"]
        commands = [
            s["run"] for job in jobs.values() for s in job["steps"] if "run" in s
        ]
        assert commands, path.name
        for command in commands:
            make, verb = command.split()
            assert make == "make"
            assert verb in verbs


def test_versions_and_licences_agree(root, project):
    import medvae_course

    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert citation["version"] == medvae_course.__version__
    assert citation["license"] == project["license"] == "Apache-2.0"
    assert f"## {medvae_course.__version__}" in (root / "CHANGELOG.md").read_text()
    assert "Apache License" in (root / "LICENSE").read_text()
    assert "Attribution 4.0 International" in (root / "book" / "LICENSE").read_text()
