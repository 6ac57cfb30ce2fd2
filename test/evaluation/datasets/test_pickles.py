from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.pickles import read_plain_pickle


class Trap:
    def __reduce__(self):
        return os.system, ("echo caught",)


@pytest.mark.parametrize("content", [
    pickle.dumps(Trap()), pickle.dumps([np.zeros(2)]), pickle.dumps(os.system, protocol=0),
    b"cos\nsystem\n(S'echo caught'\ntR.", b"(S'echo caught'\nios\nsystem\n.", b"garbage", b"",
    pickle.dumps([1, 2, 3])[:-4],
])
def test_pickles_with_code_are_refused(tmp_path, content, capfd):
    file = tmp_path / "refs.p"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"refs\.p is not a pickle of plain data"):
        read_plain_pickle(file)
    assert "caught" not in capfd.readouterr().out


def test_plain_pickles_of_every_protocol_are_read(tmp_path):
    value = [{"a": (1, 2.5, None, True), "b": {"ü", "x"}, "long": 10**30}]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "p").write_bytes(pickle.dumps([{"a": (1, 2.5, None, True), "long": 10**30}], protocol))
        assert read_plain_pickle(tmp_path / "p") == [{"a": (1, 2.5, None, True), "long": 10**30}]
    (tmp_path / "p").write_bytes(pickle.dumps(value, 4))
    assert read_plain_pickle(tmp_path / "p") == value


def test_latin_1_stays_latin_1(tmp_path):
    (tmp_path / "p").write_bytes(b"\x80\x02U\x04caf\xe9q\x00.")
    assert read_plain_pickle(tmp_path / "p") == "café"
