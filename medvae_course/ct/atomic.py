"""Files that are written whole, or not at all."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a place beside `path`; what was written there then becomes `path`.

    Whoever reads `path` meanwhile finds what it held before. So it stays when writing
    fails, and nothing is left beside it. Several processes may write at once: the last
    one's file stays.

    Args:
        path: where the file shall be; its folder exists.

    Yields:
        A path in the same folder with the same endings, by which writers tell formats.

    Raises:
        OSError: if the file cannot be moved to its place.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     target = Path(folder, "numbers.txt")
        ...     with replacing(target) as beside:
        ...         written = beside.write_text("1 2 3")
        ...     [file.name for file in Path(folder).iterdir()]
        ['numbers.txt']

    Source: POSIX, `rename`.
    Taught in: no chapter.
    """
    beside = path.with_name(f".{uuid.uuid4().hex}{''.join(path.suffixes[-2:])}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
