"""Downloads: whole and verified, or a plain error and nothing at the place."""

import hashlib
import socket

import numpy as np
import pytest
from ct.collections.server import serving

from medvae_course.ct import collections
from medvae_course.ct.collections import DownloadError, download

BODY = np.random.default_rng(0).bytes(200_000)
HASH = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.fixture
def server():
    with serving({"/data/file.bin": BODY}) as running:
        yield running


def fetch(server, path, **changes):
    settings = {"known_hash": HASH, "max_bytes": 1 << 20, "timeout_s": 0.5} | changes
    url = settings.pop("url", None) or f"{server.url}/data/file.bin"
    return download(url, path, **settings)


def left(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "known", [HASH, HASH.upper().replace("SHA", "sha"), None, "md5"]
)
def test_file_comes_whole_with_its_progress(server, tmp_path, known):
    known = f"md5:{hashlib.md5(BODY).hexdigest()}" if known == "md5" else known
    seen = []
    path = fetch(server, tmp_path / "a" / "f", known_hash=known, progress=seen.append)
    assert path.read_bytes() == BODY
    assert sum(seen) == len(BODY)
    assert left(tmp_path) == ["f"]


def test_file_that_is_there_is_not_fetched_again_but_a_damaged_one_is(server, tmp_path):
    path = fetch(server, tmp_path / "f")
    fetch(server, path)
    assert len(server.asked) == 1
    path.write_bytes(BODY[:-1])
    assert fetch(server, path).read_bytes() == BODY
    assert len(server.asked) == 2


def test_tampered_file_is_deleted(server, tmp_path):
    server.manner = "tampered"
    with pytest.raises(DownloadError, match="changed or damaged"):
        fetch(server, tmp_path / "f")
    assert left(tmp_path) == []


@pytest.mark.parametrize("manner", ["breaks", "silent"])
def test_interrupted_download_goes_on_where_it_stopped(server, tmp_path, manner):
    server.manner = manner
    with pytest.raises(DownloadError, match=r"same command again.*bytes are kept"):
        fetch(server, tmp_path / "f")
    (part,) = left(tmp_path)
    kept = (tmp_path / part).stat().st_size
    assert part == "f.part"
    assert 0 < kept <= len(BODY) // 2
    server.manner, seen = "well", []
    fetch(server, tmp_path / "f", progress=seen.append)
    assert (tmp_path / "f").read_bytes() == BODY
    assert server.asked[-1][1] == f"bytes={kept}-"
    assert sum(seen) == len(BODY)
    assert left(tmp_path) == ["f"]


def test_server_without_ranges_sends_all_again(server, tmp_path):
    (tmp_path / "f.part").write_bytes(BODY[:1000])
    server.manner, seen = "ignores ranges", []
    fetch(server, tmp_path / "f", progress=seen.append)
    assert (tmp_path / "f").read_bytes() == BODY
    assert sum(seen) == len(BODY)


@pytest.mark.parametrize("rest", [b"of another file", BODY, BODY + b"more"])
def test_wrong_rest_of_an_earlier_download_is_fetched_anew(server, tmp_path, rest):
    (tmp_path / "f.part").write_bytes(rest)
    try:
        fetch(server, tmp_path / "f")
    except DownloadError:  # the server knows no such rest: the next call starts anew
        fetch(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert left(tmp_path) == ["f"]


def test_rest_from_another_place_is_refused_then_fetched_anew(server, tmp_path):
    (tmp_path / "f.part").write_bytes(BODY[:1000])
    server.manner = "wrong rest"
    with pytest.raises(DownloadError, match="byte 1000"):
        fetch(server, tmp_path / "f")
    server.manner = "well"
    assert fetch(server, tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize("manner", ["well", "endless"])
def test_more_than_agreed_is_refused_and_not_kept(server, tmp_path, manner):
    server.manner = manner
    with pytest.raises(DownloadError, match="at most 100000 bytes"):
        fetch(server, tmp_path / "f", max_bytes=100_000)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("manner", "message"), [("error", "answers 503"), ("missing", "answers 404")]
)
def test_error_of_the_server_is_said(server, tmp_path, manner, message):
    server.manner = manner
    url = f"{server.url}/{'no' if manner == 'missing' else 'data'}/file.bin"
    with pytest.raises(DownloadError, match=message):
        fetch(server, tmp_path / "f", url=url)
    assert left(tmp_path) == []


def test_redirect_within_the_host_is_followed(server, tmp_path):
    server.target = "/data/file.bin"
    url = f"{server.url}/from/file.bin"
    assert fetch(server, tmp_path / "f", url=url).read_bytes() == BODY


@pytest.mark.parametrize(
    "target",
    ["https://example.org/data/file.bin", "http://127.0.0.1:1/f", "file:///etc/passwd"],
)
def test_redirect_elsewhere_is_refused(server, tmp_path, target):
    server.manner, server.target = "elsewhere", target
    with pytest.raises(DownloadError, match="another place"):
        fetch(server, tmp_path / "f")
    assert len(server.asked) == 1
    assert left(tmp_path) == []


def test_off_line_says_so_and_leaves_nothing(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(DownloadError, match="no connection.*same command again"):
        fetch(None, tmp_path / "f", url=f"http://127.0.0.1:{port}/f")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "url", ["http://example.org/f", "ftp://example.org/f", "file:///etc/passwd", "/f"]
)
def test_only_https_is_fetched(tmp_path, url):
    with pytest.raises(DownloadError, match="https"):
        fetch(None, tmp_path / "f", url=url)


def test_disk_that_cannot_take_it_is_said(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="cannot take it"):
        fetch(server, tmp_path / "file" / "f")


@pytest.mark.parametrize("known", ["", "sha256:", "crc32:aa", "aabb"])
def test_hash_must_name_its_kind(server, tmp_path, known):
    (tmp_path / "f").write_bytes(BODY)
    with pytest.raises(ValueError, match="sha256"):
        collections.has_hash(tmp_path / "f", known)
