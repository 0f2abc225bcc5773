"""What the download commands share: options, progress, and how they fail."""

import argparse
import contextlib
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from medvae_course.ct import collections

HERE = Path(__file__).resolve().parent


def parser(text: str, name: str) -> argparse.ArgumentParser:
    """Return the options that each command has.

    Args:
        text: the command's own header, shown by `--help`.
        name: of the collection.
    """
    options = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--to",
        type=Path,
        default=collections.collection_dir(name),
        help="folder of the collection; the course finds it by name only in the "
        "default place, which moves with MEDVAE_DATA_DIR",
    )
    return options


def run(download: Callable[[argparse.Namespace], None], options: argparse.Namespace):
    """Run a command; say politely what is wrong and how to go on."""
    try:
        download(options)
    except (ValueError, OSError) as error:
        sys.exit(f"\n{error}\n\nTo go on where this stopped:\n  {again()}")
    except KeyboardInterrupt:
        sys.exit(f"\nStopped. To go on:\n  {again()}")
    finally:
        remove_empty(downloads(options.to))
    print(f"{options.to} is complete.")


def again() -> str:
    """Return the line that starts this command once more."""
    return shlex.join(["python", *sys.argv])


def remove_empty(folder: Path) -> None:
    """Remove a folder and those below it, as far as nothing is in them."""
    below = sorted(path for path in folder.rglob("*") if path.is_dir())
    for path in [*reversed(below), folder]:
        with contextlib.suppress(OSError):
            path.rmdir()


def progress(items: Iterable, text: str) -> Iterable:
    """Show how many of some items are done."""
    from tqdm import tqdm

    return tqdm(items, desc=text, unit="patient", dynamic_ncols=True)


def registry() -> dict[str, str]:
    """Return the hashes that are known beforehand."""
    return collections.read_registry(HERE / "registry.txt")


def downloads(folder: Path) -> Path:
    """Return where the unfinished parts of a collection lie: beside its folder."""
    return folder.with_name(f".{folder.name}.downloads")
