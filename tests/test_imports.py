"""Which room may import what, by its source, and what an import must not load."""

import ast
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "medvae_course"
COPYABLE = ("ct", "models", "evaluate")
FRAMEWORKS = {"keras", "tensorflow", "jax", "torch"}
LESSON_ONLY = {"matplotlib", "IPython", "typer"}
MAY_USE = {  # rooms whose third parties can be counted on one hand
    "models": {"keras", "numpy"},
    "evaluate": {"numpy", "openjpeg", "scipy", "skimage", "sklearn"},
}
ENGINES = {  # modules that name a backend: for its devices, and to mend its feeding
    "distribution": {"jax"},
    "replicas": {"tensorflow", "tf"},
    "epochs": {"tensorflow", "tf"},
}
# In each row a module may import those to its left, never those to its right.
ARROWS = {
    "ct": [
        ["hounsfield", "volume", "dicom", "deidentify"],
        ["hounsfield", "volume", "phantom", "datasets"],
        ["dicom", "datasets"],
    ],
    "models": [
        ["losses", "layers", "variational", "vae", "latent_segmentation"],
        ["networks", "autoencoders", "vae"],
        ["networks", "variational"],
    ],
    "evaluate": [
        ["metrics", "diagnosis"],
        ["baselines", "diagnosis"],
        ["bootstrap", "findings", "diagnosis"],
        ["linear_theory", "diagnosis"],
    ],
}
ON_THEIR_OWN = {
    "evaluate": {"metrics", "baselines", "bootstrap", "clusters", "codecs"},
    "models": {"training"},
}
CATCH_ALL = set("base common core helper helpers misc tools util utils".split())
MODULES = sorted(PACKAGE.rglob("*.py"))
LOADS = """
import importlib, json, sys
for module in json.loads(sys.argv[1]):
    importlib.import_module(module)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> list[str]:
    """Full dotted names that a file imports, relative ones made absolute."""
    package = list(path.relative_to(ROOT).parent.parts)
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = base + ([node.module] if node.module else [])
            found += [".".join([*base, alias.name]) for alias in node.names]
    return found


def rooms_imported(path: Path) -> set[str]:
    names = [name.split(".") for name in imported(path)]
    return {n[1] for n in names if n[0] == PACKAGE.name and len(n) > 1}


def third_parties(path: Path) -> set[str]:
    tops = {name.partition(".")[0] for name in imported(path)}
    return tops - set(sys.stdlib_module_names) - {PACKAGE.name}


def arrows(room: str) -> dict[str, set[str]]:
    """Each module of a room with the modules of the same room that it imports.

    A package stands as one: `dicom`. Its parts stand beside it: `dicom.slices`.
    """
    inside = f"{PACKAGE.name}.{room}."
    paths = [p for p in MODULES if room_of(p) == room and dotted(p) + "." != inside]
    found: dict[str, set[str]] = {}
    for path in paths:
        name = dotted(path).removeprefix(inside)
        targets = {
            ".".join(target.removeprefix(inside).split(".")[: 1 + deep])
            for target in imported(path)
            if target.startswith(inside)
            for deep in (0, 1)
        }
        found.setdefault(name, set()).update(targets)
        package = name.partition(".")[0]
        found.setdefault(package, set()).update(targets)
    for name in found:
        package = name.partition(".")[0]
        outside = {t for t in found[name] if t.partition(".")[0] != package}
        parts = {t for t in found[name] if t.startswith(f"{package}.")}
        found[name] = (outside | (parts if "." in name else set())) & found.keys()
    return found


def files(*rooms: str):
    chosen = [path for path in MODULES if room_of(path) in rooms]
    return pytest.mark.parametrize("path", chosen, ids=dotted)


@files(*COPYABLE)
def test_room_imports_no_other_room(path):
    assert rooms_imported(path) <= {room_of(path)}


@files("teach")
def test_teach_does_not_import_the_command_line(path):
    assert "cli" not in rooms_imported(path)


@files("")
def test_package_itself_imports_no_room(path):
    assert not rooms_imported(path)


@files(*COPYABLE)
def test_room_imports_its_own_modules_relatively(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            depth = len(path.relative_to(PACKAGE).parts) - 1  # up to the room
            assert node.level <= depth
            assert node.level or node.module.partition(".")[0] != PACKAGE.name
        elif isinstance(node, ast.Import):
            assert all(a.name.partition(".")[0] != PACKAGE.name for a in node.names)


@pytest.mark.parametrize("room", COPYABLE)
def test_arrows_inside_a_room_run_one_way(room):
    graph = arrows(room)
    TopologicalSorter(graph).prepare()  # raises CycleError on a circle
    for row in ARROWS[room]:
        for i, name in enumerate(row):
            assert not reached(graph, name) & set(row[i + 1 :]), name


def reached(graph: dict[str, set[str]], name: str) -> set[str]:
    found, waiting = set(), [name]
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("room", ON_THEIR_OWN)
def test_some_modules_stand_alone(room):
    graph = arrows(room)
    assert graph.keys() >= ON_THEIR_OWN[room]
    for name in ON_THEIR_OWN[room]:
        assert not graph[name]


@files("ct", "evaluate")
def test_room_uses_neither_frameworks_nor_plots(path):
    assert not third_parties(path) & (FRAMEWORKS | LESSON_ONLY)


@files(*MAY_USE)
def test_room_uses_its_few_third_parties_only(path):
    allowed = MAY_USE[room_of(path)] | ENGINES.get(path.stem, set())
    assert third_parties(path) <= allowed


@files("models")
def test_models_name_no_backend(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    backends = {"tf", "tensorflow", "jax", "jnp", "torch"}
    assert names & backends <= ENGINES.get(path.stem, set())


@files("", "teach", "cli", *COPYABLE)
def test_module_is_short_and_named_for_what_it_holds(path):
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= 250
    assert path.stem not in CATCH_ALL


def loaded_by(*modules: str) -> set[str]:
    """Top-level packages in memory after importing modules in a fresh Python."""
    done = subprocess.run(
        [sys.executable, "-c", LOADS, json.dumps(modules)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_ct_and_evaluate_load_no_framework():
    modules = [dotted(p) for p in MODULES if room_of(p) in ("ct", "evaluate")]
    assert not loaded_by(*modules) & (FRAMEWORKS | LESSON_ONLY)


def test_importing_the_rooms_loads_nothing_heavy():
    # all of `models` needs Keras, and to import the room makes `fit` feed without delay
    rooms = [f"{PACKAGE.name}.{room}" for room in COPYABLE if room != "models"]
    loaded = loaded_by(PACKAGE.name, *rooms)
    assert PACKAGE.name in loaded
    assert not loaded & {"numpy", "scipy", "pydicom", "sklearn", *FRAMEWORKS}


def test_command_line_loads_nothing_heavy():
    loaded = loaded_by(f"{PACKAGE.name}.cli")
    assert not loaded & {"numpy", "scipy", "pydicom", "matplotlib", *FRAMEWORKS}


def test_these_tests_see_every_room_and_every_way_to_import():
    assert {room_of(path) for path in MODULES} >= {"", "cli", "teach", *COPYABLE}
    assert "volume" in reached(arrows("ct"), "dicom")
    assert "losses" in reached(arrows("models"), "vae")
    assert "dicom.slices" in reached(arrows("ct"), "dicom.series")
    assert "volume" in reached(arrows("ct"), "phantom.patient")
    assert rooms_imported(PACKAGE / "cli" / "measure.py") >= {"evaluate", "models"}
