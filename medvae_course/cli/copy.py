"""Copy a library module, with the modules it needs, into a project of one's own.

The rooms that can be copied import their own modules relatively (`from . import a`) and
nothing else of this package, so a module and what it imports work as they are in any
other package. What a copy needs of others stands in its header.
"""

import ast
import keyword
import os
import re
import sys
import tempfile
import textwrap
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path

from medvae_course import __version__

PACKAGE = Path(__file__).resolve().parents[1]
ROOMS = ("ct", "models", "evaluate")
DISTRIBUTIONS = {  # where the name to install is not the name to import
    "dicomanonymizer": "dicom-anonymizer",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}
COMPANIONS = {  # needed at run time, though no module imports them
    "keras": "one of tensorflow, jax, torch as the backend of keras",
    "pydicom": "pyjpegls, pylibjpeg, pylibjpeg-openjpeg for compressed DICOM",
}


class CopyError(ValueError):
    """A module that cannot be copied, or not to where it was to go."""


def copy_module(
    module: str, destination: Path | str, *, force: bool = False
) -> list[Path]:
    """Copy a module and its closure of relative imports into a package folder.

    All files are written aside first and then moved; if anything fails, the folder is
    as it was before.

    Args:
        module: room and module, such as `"ct.dicom"`.
        destination: folder that becomes the package (`__init__.py` is added where it
            is missing); it may hold other modules already.
        force: replace files that differ from the copy.

    Returns:
        The files of the copy, the module itself first.

    Raises:
        CopyError: if the module is unknown or not made to be copied, the folder cannot
            be a package, files there differ and `force` is not set, or writing fails.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as project:
        ...     files = copy_module("evaluate.metrics", f"{project}/yardsticks")
        >>> [path.name for path in files]
        ['metrics.py', '__init__.py']

    Taught in: the page on recipes.
    """
    destination = Path(destination)
    room, name = _find(module)
    trees = _closure(room, name)
    _check_destination(destination, set().union(*map(_third_party, trees.values())))
    texts = {f"{part}.py": _with_header(room, part, trees[part]) for part in trees}
    if not (destination / "__init__.py").exists():
        texts["__init__.py"] = (
            '"""Modules copied from medvae_course, each under its own header."""\n'
        )
    changed = {n: t for n, t in texts.items() if _differs(destination / n, t)}
    in_the_way = [n for n in changed if (destination / n).exists()]
    if in_the_way and not force:
        raise CopyError(
            f"{destination} holds files that differ from the copy: "
            f"{', '.join(in_the_way)}; nothing was written. Choose another folder, or "
            "replace them with --force"
        )
    _place(changed, destination)
    return [destination / n for n in texts]


def copyable() -> dict[str, list[str]]:
    """List what can be copied: room → names of its modules."""
    return {
        room: sorted(p.stem for p in (PACKAGE / room).glob("*.py") if p.stem[0] != "_")
        for room in ROOMS
    }


def _find(module: str) -> tuple[str, str]:
    room, _, name = module.removeprefix("medvae_course.").partition(".")
    choice = copyable()
    if name in choice.get(room, ()):
        return room, name
    reasons = {
        "teach": "`teach` is not for copying: it serves the lessons and their ledger",
        "cli": "`cli` is not for copying: it is the commands around the library",
    }
    listed = "; ".join(f"{r}: {', '.join(names)}" for r, names in choice.items())
    raise CopyError(
        f"{reasons.get(room, f'there is no module {module!r}')}; "
        f"give ROOM.MODULE out of {listed}"
    )


def _closure(room: str, name: str) -> dict[str, ast.Module]:
    trees: dict[str, ast.Module] = {}
    waiting = [name]
    while waiting:
        part = waiting.pop(0)
        if part not in trees:
            text = (PACKAGE / room / f"{part}.py").read_text(encoding="utf-8")
            trees[part] = ast.parse(text)
            waiting += _siblings(room, part, trees[part])
    return trees


def _siblings(room: str, name: str, tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            names = [node.module] if node.module else [a.name for a in node.names]
            for sibling in names:
                if node.level > 1 or not (PACKAGE / room / f"{sibling}.py").is_file():
                    raise CopyError(
                        f"{room}.{name} cannot be copied: in line {node.lineno} it "
                        f"imports {'.' * node.level}{sibling}, no module of {room}"
                    )
                found.append(sibling)
    if PACKAGE.name in _third_party(tree):
        raise CopyError(
            f"{room}.{name} cannot be copied: it imports {PACKAGE.name} by name"
        )
    return found


def _third_party(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names)


def _with_header(room: str, name: str, tree: ast.Module) -> str:
    needs = _requirements(_third_party(tree))
    lines = [
        f"Copied by `medvae-course copy` from {PACKAGE.name}.{room}.{name}, "
        f"version {__version__}.",
        "Only this header was added.",
        "Copyright the authors of medvae-course.",
        "SPDX-License-Identifier: Apache-2.0",
        "Licence: https://www.apache.org/licenses/LICENSE-2.0",
        *textwrap.wrap(
            f"Needs: {'; '.join(needs) or 'Python alone'}", 84, subsequent_indent="  "
        ),
    ]
    source = (PACKAGE / room / f"{name}.py").read_text(encoding="utf-8")
    return "".join(f"# {line}\n" for line in lines) + "\n" + source


def _requirements(imports: set[str]) -> list[str]:
    """Name the distributions, with the versions that the package itself asks for."""
    asked = {}
    for requirement in metadata.requires("medvae-course") or ():
        if "extra ==" not in requirement:
            name = re.match(r"[\w.-]+", requirement).group()
            asked[name.lower()] = requirement.partition(";")[0].strip()
    needs = [DISTRIBUTIONS.get(name, name) for name in sorted(imports)]
    return [asked.get(name, name) for name in needs] + [
        COMPANIONS[name] for name in sorted(imports & COMPANIONS.keys())
    ]


def _check_destination(destination: Path, imports: set[str]) -> None:
    folder = destination.resolve()
    name = folder.name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise CopyError(
            "the folder becomes a package, so it needs a Python name such as "
            f"my_models, got {name!r}"
        )
    if name in imports or name in sys.stdlib_module_names:
        raise CopyError(
            f"a package called {name!r} would hide the one that is imported under this "
            "name; choose another folder"
        )
    if folder.is_relative_to(PACKAGE):
        raise CopyError(
            f"{destination} is {PACKAGE.name} itself; choose another folder"
        )
    if destination.exists() and not destination.is_dir():
        raise CopyError(f"{destination} is a file; give a folder, new or existing")


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_bytes() != text.encode()


def _place(texts: dict[str, str], destination: Path) -> None:
    missing = [p for p in (destination, *destination.parents) if not p.exists()]
    try:
        with ExitStack() as made:
            for folder in reversed(missing):
                folder.mkdir()
                made.callback(folder.rmdir)
            # inside the destination: moving within one disk cannot be half done
            with (
                tempfile.TemporaryDirectory(prefix=".copy-", dir=destination) as aside,
                ExitStack() as moved,
            ):
                for name, text in texts.items():
                    Path(aside, name).write_bytes(text.encode())
                for name in texts:
                    _move(Path(aside, name), destination / name, moved)
                moved.pop_all()
            made.pop_all()
    except OSError as error:
        raise CopyError(
            f"cannot write to {destination}: {error.strerror or error}; nothing was "
            "left there"
        ) from error


def _move(new: Path, target: Path, moved: ExitStack) -> None:
    if target.exists():
        old = new.with_suffix(".old")
        os.replace(target, old)
        moved.callback(os.replace, old, target)
        os.replace(new, target)
    else:
        os.replace(new, target)
        moved.callback(target.unlink)
