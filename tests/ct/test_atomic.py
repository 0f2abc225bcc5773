"""A file is there whole, or as it was; nothing is left beside it."""

import pytest

from medvae_course.ct.atomic import replacing


def test_a_file_takes_its_place_when_it_is_written(tmp_path):
    target = tmp_path / "a.nii.gz"
    target.write_text("before")
    with replacing(target) as beside:
        beside.write_text("after")
        assert target.read_text() == "before"
        assert beside.parent == tmp_path
        assert beside.name.endswith(".nii.gz")
    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


def test_what_fails_leaves_all_as_it_was(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("before")

    def fail():
        with replacing(target) as beside:
            beside.write_text("half")
            raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        fail()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_two_writers_do_not_meet(tmp_path):
    target = tmp_path / "a.txt"
    with replacing(target) as first, replacing(target) as second:
        assert first != second
        first.write_text("1")
        second.write_text("2")
    assert target.read_text() in ("1", "2")
    assert list(tmp_path.iterdir()) == [target]
