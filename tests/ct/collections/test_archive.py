"""Archives from outside: honest ones unpack, hostile ones leave nothing."""

import io
import stat
import tarfile
import zipfile

import pytest

from medvae_course.ct.collections import ArchiveError, check_archive, extract

FILES = {"top/a.csv": b"1,2\n" * 50, "top/deep/b.csv": b"", "c.txt": b"words"}
LIMIT = 1 << 20


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def write_tar(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def read(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(archive, message, **changes):
    """The archive is refused, and the folder is as it was."""
    before = sorted(path.name for path in archive.parent.parent.rglob("*"))
    with pytest.raises(ArchiveError, match=message):
        extract(archive, archive.parent / "out", **{"max_bytes": LIMIT, **changes})
    assert before == sorted(path.name for path in archive.parent.parent.rglob("*"))


@pytest.fixture
def path(tmp_path):
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner" / "archive"


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_honest_archive_unpacks(path, write):
    write(path, FILES)
    assert read(extract(path, path.parent / "out", max_bytes=LIMIT)) == FILES
    assert sorted(check_archive(path, max_bytes=LIMIT)) == sorted(FILES)
    assert sorted(p.name for p in path.parent.iterdir()) == ["archive", "out"]


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_only_what_is_wanted_is_written_but_all_is_checked(path, write):
    write(path, FILES)
    out = extract(
        path, path.parent / "out", max_bytes=LIMIT, wanted=lambda n: n.endswith(".txt")
    )
    assert read(out) == {"c.txt": b"words"}
    write(path, FILES | {"../evil": b"x"})
    with pytest.raises(ArchiveError, match="path out of it"):
        extract(path, path.parent / "two", max_bytes=LIMIT, wanted=lambda n: False)


@pytest.mark.parametrize("write", [write_zip, write_tar])
@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:evil", "a\\b", "a/.."],
)
def test_path_out_of_the_folder_is_refused(path, write, name):
    write(path, {"good": b"1", name: b"evil"})
    refused(path, "path out of it")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE],
)
def test_link_or_device_in_a_tar_is_refused(path, kind):
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    refused(path, "link or device")


def test_link_in_a_zip_is_refused(path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    write_zip(path, {"good": b"1"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, "/etc/passwd")
    refused(path, "link or device")


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_bomb_is_refused(path, write):
    write(path, {"bomb": bytes(50 << 20)})
    refused(path, "credible", max_bytes=1 << 30)


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_more_bytes_or_members_than_agreed_are_refused(path, write):
    write(path, {str(n): b"0123456789" * 10 for n in range(11)})
    refused(path, "credible", max_bytes=1000)
    refused(path, "more than 5 members", max_members=5)


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_two_files_of_one_name_are_refused(path, write):
    write(path, {"a/File": b"1", "a/file": b"2"})
    refused(path, "one name")


def test_size_that_lies_is_refused(path):
    write_zip(path, {"a": b"0123456789" * 100})
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    refused(path, "damaged|another size")


@pytest.mark.parametrize("write", [write_zip, write_tar])
@pytest.mark.parametrize("keep", [10, -40])
def test_damaged_archive_is_refused(path, write, keep):
    write(path, FILES | {"more": bytes(range(256)) * 40})
    content = path.read_bytes()
    middle = len(content) // 2
    if keep > 0:
        path.write_bytes(content[: len(content) // 2])
    else:
        damaged = bytes(b ^ 255 for b in content[middle - 40 : middle])
        path.write_bytes(content[: middle - 40] + damaged + content[middle:])
    refused(path, "damaged|another size")


def test_what_is_no_archive_is_refused(path):
    path.write_bytes(b"<html>not found</html>" * 50)
    refused(path, "damaged")
    path.write_bytes(b"")
    refused(path, "damaged")


def test_folder_that_exists_is_kept(path):
    write_zip(path, FILES)
    out = path.parent / "out"
    out.mkdir()
    with pytest.raises(ArchiveError, match="must not exist"):
        extract(path, out, max_bytes=LIMIT)
