"""Archives from outside, opened without trust: zip and tar into one new folder."""

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from .places import CollectionError

_CHUNK = 1 << 20
_RATIO = 250  # honest CT and text stay far below; a bomb needs a thousand and more


class ArchiveError(CollectionError):
    """An archive that is damaged, or that must not be unpacked."""


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    is_folder: bool
    packed: int | None  # bytes in the archive; a tar is packed as a whole
    open: Callable[[], IO[bytes]]


def extract(
    archive: str | Path,
    destination: str | Path,
    *,
    max_bytes: int,
    max_members: int = 50_000,
    wanted: Callable[[str], bool] = lambda name: True,
) -> Path:
    """Unpack a zip or tar into a folder that does not exist yet.

    All members are looked at before the first is written: paths that leave the folder,
    links, devices, encrypted members, two members of one name, and sizes that are not
    believable are refused. The folder appears whole or not at all.

    Args:
        archive: a zip, or a tar packed in any way that Python knows.
        destination: the folder to make.
        max_bytes: all files together, unpacked, must not exceed this.
        max_members: nor their number this.
        wanted: tells by its path whether a member is unpacked; all are checked.

    Returns:
        `destination`.

    Raises:
        ArchiveError: if the archive is damaged or refused, or the folder exists.

    Source: CWE-22 (path traversal), CWE-409 (decompression bombs).
    Taught in: chapter 1.
    """
    archive, destination = Path(archive), Path(destination)
    if destination.exists():
        raise ArchiveError(f"{destination} must not exist yet: remove it first")
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = tempfile.mkdtemp(dir=destination.parent, prefix=f".{destination.name}-")
    try:
        with _members(archive) as members:
            files = _checked(members, archive, max_bytes, max_members)
            for member in files:
                if wanted(member.name):
                    _write(member, Path(aside, member.name))
        os.replace(aside, destination)
    except (OSError, EOFError, zlib.error, RuntimeError) as error:
        raise _damaged(archive, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return destination


def check_archive(
    archive: str | Path, *, max_bytes: int, max_members: int = 50_000
) -> list[str]:
    """Look at an archive as `extract` does, and unpack nothing.

    Args:
        archive: a zip or a tar; an `.npz` is a zip.
        max_bytes: all files together, unpacked, must not exceed this.
        max_members: nor their number this.

    Returns:
        The names of its files.

    Raises:
        ArchiveError: as `extract`.
    """
    archive = Path(archive)
    with _members(archive) as members:
        files = _checked(members, archive, max_bytes, max_members)
        return [member.name for member in files]


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                yield (_of_zip(opened, info) for info in opened.infolist())
        else:
            with tarfile.open(archive) as opened:
                yield (_of_tar(opened, info) for info in opened)
                while opened.fileobj.read(_CHUNK):
                    pass  # to the check sum at its end
    except (zipfile.BadZipFile, tarfile.TarError, NotImplementedError) as error:
        raise _damaged(archive, error) from error


def _of_zip(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(_REFUSED.format("a link or device", info.filename))
    if info.flag_bits & 1:
        raise ArchiveError(_REFUSED.format("an encrypted file", info.filename))
    return _Member(
        # as it is stored: the library has made it harmless for this system only
        info.orig_filename,
        info.file_size,
        info.is_dir(),
        info.compress_size,
        lambda: opened.open(info),
    )


def _of_tar(opened: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    if not (info.isreg() or info.isdir()) or info.issparse():
        raise ArchiveError(_REFUSED.format("a link or device", info.name))
    return _Member(
        info.name, info.size, info.isdir(), None, lambda: opened.extractfile(info)
    )


_REFUSED = "the archive holds {}, {!r}, and was not unpacked: do not use it"


def _checked(
    members: Iterator[_Member], archive: Path, max_bytes: int, max_members: int
) -> list[_Member]:
    files, names, total = [], set(), 0
    for count, member in enumerate(members, start=1):
        if count > max_members:
            raise ArchiveError(
                _REFUSED.format(f"more than {max_members} members", archive.name)
            )
        path = PurePosixPath(member.name)
        if (
            path.is_absolute()
            or ".." in path.parts
            or any(character in member.name for character in "\\:\0")
        ):
            raise ArchiveError(_REFUSED.format("a path out of it", member.name))
        if member.is_folder:
            continue
        total += member.size
        packed = archive.stat().st_size if member.packed is None else member.packed
        size = total if member.packed is None else member.size
        if total > max_bytes or size > _RATIO * packed + 65536:
            raise ArchiveError(
                _REFUSED.format(f"more than is credible ({total} bytes)", member.name)
            )
        if str(path).lower() in names:
            raise ArchiveError(_REFUSED.format("two files of one name", member.name))
        names.add(str(path).lower())
        files.append(member)
    return files


def _write(member: _Member, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    left = member.size
    with member.open() as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                break
            target.write(chunk)
    if left:
        raise ArchiveError(_REFUSED.format("a file of another size", member.name))


def _damaged(archive: Path, error: Exception) -> ArchiveError:
    return ArchiveError(
        f"{archive.name} cannot be unpacked ({error}): it is damaged, or the disk is "
        "full; nothing was left. Delete it and run the same command again"
    )
