"""Files that are complete or not there."""

import pytest

from ris_ros.utils.files import write_atomically


def test_a_file_is_written_into_missing_folders_and_replaced(tmp_path):
    file = tmp_path / "a" / "b" / "file.json"
    for content in (b"first", b"second"):
        write_atomically(file, content)
        assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == ["file.json"]


def test_nothing_is_left_behind_when_the_file_cannot_be_replaced(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "file", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
