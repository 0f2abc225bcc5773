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

from .closure import PACKAGE, CopyError, closure, file_of, find, third_party

DISTRIBUTIONS = {  # where the name to install is not the name to import
    "SimpleITK": "simpleitk",
    "dicomanonymizer": "dicom-anonymizer",
    "gdcm": "python-gdcm",
    "openjpeg": "pylibjpeg-openjpeg",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}
COMPANIONS = {  # needed at run time, though no module imports them
    "keras": "one of tensorflow, jax, torch as the backend of keras",
    "pydicom": "pyjpegls, pylibjpeg, pylibjpeg-openjpeg for compressed DICOM",
}


def copy_module(
    module: str, destination: Path | str, *, force: bool = False
) -> list[Path]:
    """Copy a module and its closure of relative imports into a package folder.

    All files are written aside first and then moved; if anything fails, the folder is
    as it was before.

    Args:
        module: room and module or package of modules, such as `"ct.dicom"`.
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
    room, name = find(module)
    trees = closure(room, name)
    _check_destination(destination, set().union(*map(third_party, trees.values())))
    texts = {file_of(room, part): _with_header(room, part, trees) for part in trees}
    if not (destination / "__init__.py").exists():
        texts[Path("__init__.py")] = (
            '"""Modules copied from medvae_course, each under its own header."""\n'
        )
    changed = {n: t for n, t in texts.items() if _differs(destination / n, t)}
    in_the_way = [n for n in changed if (destination / n).exists()]
    if in_the_way and not force:
        raise CopyError(
            f"{destination} holds files that differ from the copy: "
            f"{', '.join(map(str, in_the_way))}; nothing was written. Choose another "
            "folder, or replace them with --force"
        )
    _place(changed, destination)
    return [destination / n for n in texts]


def _with_header(room: str, name: str, trees: dict[str, ast.Module]) -> str:
    # a package speaks for its modules
    parts = [part for part in trees if part == name or part.startswith(f"{name}.")]
    needs = _requirements(set().union(*(third_party(trees[part]) for part in parts)))
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
    source = (PACKAGE / room / file_of(room, name)).read_text(encoding="utf-8")
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


def _place(texts: dict[Path, str], destination: Path) -> None:
    folders = {destination / name.parent for name in texts} | {destination}
    folders |= {parent for folder in folders for parent in folder.parents}
    missing = sorted((p for p in folders if not p.exists()), reverse=True)
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
                    Path(aside, name).parent.mkdir(parents=True, exist_ok=True)
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
