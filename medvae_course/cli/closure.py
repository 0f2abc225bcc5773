"""Which modules of a room a module needs: the closure of its relative imports."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOMS = ("ct", "models", "evaluate")
_BACKENDS = {"jax", "tensorflow", "torch"}


class CopyError(ValueError):
    """A module that cannot be copied, or not to where it was to go."""


def copyable() -> dict[str, list[str]]:
    """List what can be copied: room → names of its modules and packages."""
    return {room: sorted(_names(PACKAGE / room)) for room in ROOMS}


def _names(room: Path) -> Iterator[str]:
    for path in room.rglob("*.py"):
        package = path.relative_to(room).parent
        if path.stem == "__init__" and package != Path():
            yield ".".join(package.parts)
        elif path.stem[0] != "_":
            yield ".".join((*package.parts, path.stem))


def find(module: str) -> tuple[str, str]:
    """Return room and name of a module that can be copied, or say what can."""
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


def file_of(room: str, name: str) -> Path:
    """Where a module or package of a room lies, relative to the room."""
    path = Path(*name.split("."))
    is_package = (PACKAGE / room / path).is_dir()
    return path / "__init__.py" if is_package else Path(f"{path}.py")


def closure(room: str, name: str) -> dict[str, ast.Module]:
    """Return the module and all that it imports of its room: name → parsed source."""
    trees: dict[str, ast.Module] = {}
    waiting = [name]
    while waiting:
        part = waiting.pop(0)
        if part not in trees:
            text = (PACKAGE / room / file_of(room, part)).read_text(encoding="utf-8")
            trees[part] = ast.parse(text)
            waiting += _siblings(room, part, trees[part])
            if "." in part:  # importing it runs the package that it lies in
                waiting.append(part.rpartition(".")[0])
    return trees


def _siblings(room: str, name: str, tree: ast.Module) -> list[str]:
    is_package = file_of(room, name).name == "__init__.py"
    inside = name.split(".") if is_package else name.split(".")[:-1]
    known = set(_names(PACKAGE / room))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            up = inside[: len(inside) + 1 - node.level]
            base = [*up, *(node.module or "").split(".")] if node.module else up
            names = {".".join([*base, alias.name]) for alias in node.names} & known
            names |= {".".join(base)} & known
            if node.level > len(inside) + 1 or not names:
                what = node.module or node.names[0].name
                raise CopyError(
                    f"{room}.{name} cannot be copied: in line {node.lineno} it "
                    f"imports {'.' * node.level}{what}, no module of {room}"
                )
            found += sorted(names)
    if PACKAGE.name in third_party(tree):
        raise CopyError(
            f"{room}.{name} cannot be copied: it imports {PACKAGE.name} by name"
        )
    return found


def third_party(tree: ast.Module) -> set[str]:
    """Return the top-level packages imported that Python does not bring itself.

    Nor do the backends of Keras count: which of them is there, its user decides.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - _BACKENDS
