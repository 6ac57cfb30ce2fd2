"""Models of the Hugging Face hub: this machine first, and a hub that cannot be reached."""

import socket

import pytest
from huggingface_hub import constants

from ris_ros.errors import MissingError
from ris_ros.utils.hub import cached_file, downloads, find_folder

FILES = "config.json", "model.safetensors"


@pytest.fixture(autouse=True)
def unreachable(monkeypatch, tmp_path):
    tried = []

    def refuse(*arguments, **_):
        tried.append(arguments)
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return tried


def fill(folder, names=FILES):
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("{}")
    return folder


def test_a_folder_is_taken_as_it_is(tmp_path, unreachable):
    folder = fill(tmp_path / "model")
    assert find_folder(str(folder), FILES, setting="some.setting") == folder
    with pytest.raises(MissingError, match=r"some.setting .*: the folder has no preprocessor.json"):
        find_folder(str(folder), (*FILES, "preprocessor.json"), setting="some.setting")
    assert not unreachable


def test_what_was_downloaded_is_not_asked_for_again(tmp_path, unreachable):
    snapshot = fill(tmp_path / "hub" / "models--some--model" / "snapshots" / "0123")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0123")
    assert find_folder("some/model", FILES, setting="some.setting") == snapshot
    assert cached_file("some/model/config.json") == str(snapshot / "config.json")
    assert cached_file("some/model/other.json") is None and cached_file("other/model/config.json") is None
    assert not unreachable


def test_a_hub_that_cannot_be_reached_is_told_with_the_remedy(unreachable):
    with pytest.raises(MissingError, match="run `ris weights fetch some/model` where there is a network") as caught:
        find_folder("some/model", FILES, setting="some.setting")
    assert unreachable and "\n" not in str(caught.value)
    unreachable.clear()
    with downloads(allowed=False), pytest.raises(MissingError, match="because offline is set"):
        find_folder("some/model", FILES, setting="some.setting")
    assert not unreachable and not constants.HF_HUB_OFFLINE


@pytest.mark.parametrize("name", ["", "/no/such/folder", "a/b/c", "..", "with space", "a" * 300, "\0"])
def test_names_that_can_be_neither_are_refused(name, unreachable):
    with pytest.raises(MissingError):
        find_folder(name, FILES, setting="some.setting")
