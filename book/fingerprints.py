"""Short hashes that tell whether a notebook has to run again."""

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path


def imported(tree: ast.AST, package: list[str]) -> Iterator[list[str]]:
    """Yield the dotted names, as lists, that a module inside `package` may import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            yield from ([*base, alias.name] for alias in node.names)


def library_fingerprint(code: str, root: Path) -> str:
    """Hash the library's modules that a notebook's code imports, without docstrings."""
    waiting = list(imported(ast.parse(code), []))
    # exercises are imported by number, which no import statement shows
    for number in sorted(set(re.findall(r"check\(\s*[\"']E(\d\d)\.", code))):
        waiting.append(["medvae_course", "teach", "exercises", f"chapter_{number}"])
    found: dict[str, str] = {}
    while waiting:
        parts = waiting.pop()
        for length in range(1, len(parts) + 1) if parts[0] == "medvae_course" else ():
            module = root.joinpath(*parts[:length])
            is_package = module.is_dir()
            path = module / "__init__.py" if is_package else module.with_suffix(".py")
            if str(path) not in found and path.exists():
                found[str(path)] = without_docstrings(path.read_text("utf-8"))
                package = parts[: length if is_package else length - 1]
                waiting.extend(imported(ast.parse(path.read_text("utf-8")), package))
                kinds = ("*.mplstyle", "*.js", "*.jsonl")
                beside = [data for kind in kinds for data in path.parent.glob(kind)]
                for data in sorted(beside):
                    found[str(data)] = data.read_text("utf-8")
    return fingerprint("".join(found[path] for path in sorted(found)))


def without_docstrings(text: str) -> str:
    """Return a module's lines that are neither blank nor part of a docstring."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            if isinstance(getattr(body[0].value, "value", None), str):
                for number in range(body[0].lineno - 1, body[0].end_lineno):
                    lines[number] = ""
    return "\n".join(line for line in lines if line.strip())


def fingerprint(text: str) -> str:
    """Return a short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
