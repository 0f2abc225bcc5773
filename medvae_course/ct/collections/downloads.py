"""Files from the network: verified, resumable, limited in size, whole or not there."""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from .places import CollectionError

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CHUNK = 1 << 15


class DownloadError(CollectionError):
    """A file that could not be fetched as it was agreed; the message says why."""


def download(
    url: str,
    path: str | Path,
    *,
    known_hash: str | None,
    max_bytes: int,
    timeout_s: float = 30.0,
    progress: Callable[[int], object] | None = None,
) -> Path:
    """Fetch a file, unless it lies there already, and verify it.

    What has come is kept as `<path>.part` when the connection breaks, and the next
    call asks for the rest only. `path` itself appears whole and verified or not at all.

    Args:
        url: https; http only from this very machine. A redirect is followed within
            its host and never from https to http.
        path: where the file goes.
        known_hash: `"sha256:..."`, or `"md5:..."` where the publisher gives no other.
            None where none is known: the file is then always fetched anew and whole,
            and the caller verifies what is made of it.
        max_bytes: refuse more than this.
        timeout_s: longest silence of the server, s.
        progress: called with the bytes of each piece that comes.

    Returns:
        `path`.

    Raises:
        DownloadError: if there is no connection, or the server is silent, answers with
            an error, another host, more than agreed, or a file of another hash.

    Source: RFC 9110, section 14 (range requests).
    Taught in: chapter 1.
    """
    path = Path(path)
    _check_url(url)
    part = path.with_name(f"{path.name}.part")
    try:
        if known_hash is None:
            part.unlink(missing_ok=True)
        elif path.is_file() and has_hash(path, known_hash):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        for kept in (part.exists(), False):  # a wrong rest is fetched anew, once
            _fetch(url, part, max_bytes, timeout_s, progress)
            if known_hash is None or has_hash(part, known_hash):
                os.replace(part, path)
                return path
            part.unlink()
            if not kept:
                break
    except OSError as error:  # the errors of the HTTP library are of this kind too
        raise _broken(url, part, error, timeout_s) from error
    finally:
        if not _size(part):
            with contextlib.suppress(OSError):
                part.unlink()
    raise DownloadError(
        f"{url} must have {known_hash}, but what came has not: it was changed or "
        "damaged on its way, and was deleted. Run the same command again; if it stays "
        "so, the publisher has changed the file: do not use it"
    )


def has_hash(path: Path, known_hash: str) -> bool:
    """Tell whether a file has a hash such as `"sha256:..."` or `"md5:..."`."""
    algorithm, _, digest = known_hash.partition(":")
    if algorithm not in ("sha256", "md5") or not digest:
        raise ValueError(
            f'`known_hash` must be "sha256:..." or "md5:...", got {known_hash!r}'
        )
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest() == digest.lower()


def _fetch(
    url: str,
    part: Path,
    max_bytes: int,
    timeout_s: float,
    progress: Callable[[int], object] | None,
) -> None:
    with part.open("ab") as stream:
        sink = _Sink(stream, url, max_bytes, progress or (lambda n: None))
        if sink.size:
            progress and progress(sink.size)
        wanted = {"Range": f"bytes={sink.size}-"} if sink.size else {}
        # packed text would be counted, and resumed, at the wrong place
        headers = {"Accept-Encoding": "identity"} | wanted
        import pooch  # late: in a notebook it warns of missing widgets

        fetch = pooch.HTTPDownloader(
            chunk_size=_CHUNK,
            timeout=timeout_s,
            headers=headers,
            hooks={"response": sink.check},
        )
        fetch(url, sink, None)


class _Sink:
    """The partial file, which looks at each answer before it takes anything of it."""

    def __init__(self, stream, url: str, max_bytes: int, progress) -> None:
        self.stream, self.url, self.max_bytes = stream, url, max_bytes
        self.progress = progress
        self.size = stream.tell()

    def check(self, response, *args, **kwargs) -> None:
        """Follow no redirect elsewhere, and put the answer where it belongs."""
        if response.is_redirect:
            target = urljoin(response.url, response.headers["location"])
            _check_redirect(response.url, target)
        elif response.status_code == 206:
            start = response.headers.get("content-range", "")
            if not start.startswith(f"bytes {self.size}-"):
                size = self.size
                self._restart()
                raise DownloadError(
                    f"{self.url} must go on at byte {size}, but the server sent "
                    f"{start!r}: run the same command again, it starts anew"
                )
        elif response.status_code in (200, 416) and self.size:
            self._restart()  # the server sends all, or knows no such rest
        self._check_size(int(response.headers.get("content-length") or 0))

    def write(self, chunk: bytes) -> None:
        self._check_size(len(chunk))
        self.stream.write(chunk)
        self.size += len(chunk)
        self.progress(len(chunk))

    def flush(self) -> None:
        self.stream.flush()

    def _restart(self) -> None:
        self.stream.truncate(0)
        self.progress(-self.size)
        self.size = 0

    def _check_size(self, more: int) -> None:
        if self.size + more > self.max_bytes:
            self._restart()
            raise DownloadError(
                f"{self.url} must have at most {self.max_bytes} bytes, the server "
                f"sends more ({more} to come): it is not the file that was agreed; "
                "nothing was kept"
            )


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    here = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise DownloadError(f"the address must begin with https://, got {url}")


def _check_redirect(url: str, target: str) -> None:
    old, new = urlsplit(url), urlsplit(target)
    if (new.hostname, new.port) != (old.hostname, old.port) or (
        old.scheme == "https" != new.scheme
    ):
        raise DownloadError(
            f"{url} leads to {new.scheme}://{new.netloc}, another place than the one "
            "agreed on: a proxy or a changed publisher may be why; nothing was fetched"
        )


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _broken(url: str, part: Path, error: OSError, timeout_s: float) -> DownloadError:
    answer = getattr(error, "response", None)
    if answer is not None:
        reason = f"the server answers {answer.status_code} {answer.reason}"
    elif hasattr(error, "request"):
        reason = (
            f"there is no connection, it broke, or nothing came for {timeout_s:g} s "
            f"({type(error).__name__})"
        )
    else:
        reason = f"{part.parent} cannot take it ({error.strerror or error})"
    return DownloadError(
        f"{url} could not be fetched: {reason}. Run the same command again when that "
        f"is mended; {_size(part)} bytes are kept and need not come again"
    )
