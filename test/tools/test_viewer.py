"""Rerun recordings and the page that shows them."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rerun")

from ros_fixtures import wait_for

from ris_ros.errors import InputError
from ris_ros.tools.viewer import Viewer, _markdown
from ris_ros.types import CameraModel

SECOND = 1_000_000_000
OBJECT = {"box": {"centre": [0.1, 0.2, 0.9], "size": [0.3, 0.2, 0.1], "quaternion": [0.0, 0.0, 0.0, 1.0]},
          "grasp": {"centre": [0.1, 0.2, 0.9], "closing": [0.0, 1.0, 0.0], "opening": 0.2}}
FOUND = {"text": "the red cup", "found": True, "box": [10, 20, 30, 50], "confidence": 0.75, "reason": "",
         "stamp": {"sec": 5, "nanosec": 0}, "frame_id": "optical", "objects": [OBJECT], "latency": 0.25,
         "instances": [3], "candidates": [
             {"index": 3, "box": [10, 20, 30, 50], "score": 0.75, "terms": {"looks": 0.75}},
             {"index": 1, "box": [1, 2, 3, 4], "score": 0.25, "terms": {"looks": 0.25}}]}
ABSENT = {**FOUND, "found": False, "box": None, "reason": "nothing fits", "stamp": {"sec": 6, "nanosec": 0},
          "objects": [], "latency": None}


def printed(recording, entity):
    """Return what Rerun's own reader prints about an entity in a recording."""
    return subprocess.run([str(Path(sys.executable).with_name("rerun")), "rrd", "print", "-vvv", "--entity", entity,
                           str(recording)], capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    file = tmp_path_factory.mktemp("view") / "answers.rrd"
    viewer = Viewer()
    viewer.save(file)
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    viewer.image(5 * SECOND, image)
    viewer.mask(5 * SECOND, image[..., 0] > 128)
    viewer.camera(5 * SECOND, "optical", CameraModel(np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])), 64, 48)
    viewer.points(5 * SECOND, "optical", np.array([[0.5, 0.25, 1.5]], np.float32), np.array([[255, 0, 0]], np.uint8))
    viewer.result(FOUND)
    viewer.result(ABSENT)
    viewer.close()
    return file


@pytest.mark.parametrize(("entity", "holds"), [
    ("/camera/image", "image/jpeg"), ("/camera/mask", r"\[64, 48\]|width"),
    ("/camera/box", r"the red cup  0\.75"), ("/answers", "the red cup: not found: nothing fits"),
    ("/space/optical/camera", r"\[64\.0, 48\.0\]"), ("/space/optical/points", r"\[0\.5, 0\.25, 1\.5\]"),
    ("/space/optical/boxes", r"\[0\.15, 0\.1, 0\.05\]"), ("/space/optical/grasps", r"0\.1, 0\.3, 0\.9"),
    ("/candidates", r"\|  \| # \| box \| score \| looks \| why not \|"),
    ("/figures/confidence", r"0\.75"), ("/figures/latency", r"0\.25"),
])
def test_everything_is_recorded_at_its_stamp(recording, entity, holds):
    text = printed(recording, entity)
    assert re.search(holds, text), text
    assert "1970-01-01T00:00:05" in text or "1970-01-01T00:00:06" in text


def test_the_candidates_are_a_table_of_markdown():
    lines = _markdown(FOUND).splitlines()
    assert lines[0] == "**the red cup**"
    assert lines[-2:] == ["| * | 1 | [10, 20, 30, 50] | 0.750 | 0.750 |  |",
                          "|  | 2 | [1, 2, 3, 4] | 0.250 | 0.250 | looks 0.250, the answer has 0.750 |"]
    assert "not found: nothing fits" in _markdown(ABSENT)


def test_a_text_formats_nothing():
    [line, *_] = _markdown({**FOUND, "text": "[a](http://x.y) | *b*\n# c"}).splitlines()
    assert line == r"**\[a\]\(http:\/\/x.y\) \| \*b\*\\n\# c**"


def test_an_object_that_is_not_found_is_cleared(recording):
    for entity in ("/camera/box", "/space/optical/boxes", "/space/optical/grasps"):
        text = printed(recording, entity)
        assert "Clear" in text and "1970-01-01T00:00:06" in text


def listening(port):
    """Return the addresses, in /proc's hexadecimal notation, on which a port is served."""
    sockets = [line.split() for file in ("tcp", "tcp6") for line in Path("/proc/net", file).read_text().splitlines()]
    return {fields[1].split(":")[0] for fields in sockets if fields[1].endswith(f":{port:04X}") and fields[3] == "0A"}


@pytest.mark.parametrize(("host", "address"), [("127.0.0.1", "0100007F"), ("localhost", "0100007F"),
                                               ("0.0.0.0", "00000000")])
def test_only_the_address_that_is_named_is_served(host, address):
    viewer = Viewer()
    viewer.serve(19595, 19696, host)
    assert listening(19595) == listening(19696) == {address}
    viewer.close()
    # The library ends its server in a thread of its own.
    wait_for(lambda: listening(19595) == listening(19696) == set(), 20, "the end of the server")


def test_an_address_of_another_machine_is_refused():
    for host in ("192.0.2.1", "no.such.host.invalid", ""):
        with pytest.raises(InputError, match="cannot serve on"):
            Viewer().serve(19595, 19696, host)


def test_the_page_is_served_and_works_from_other_hosts():
    viewer = Viewer()
    address = viewer.serve(19191, 19292, "0.0.0.0")
    assert address == "http://{host}:19191/?url=rerun%2Bhttp%3A%2F%2F{host}:19292/proxy"
    with urllib.request.urlopen("http://127.0.0.1:19191/", timeout=20) as page:
        assert b"Rerun" in page.read()
    for origin, allowed in (("http://robot.local:19191", True), ("http://elsewhere.org", False)):
        request = urllib.request.Request("http://127.0.0.1:19292/", method="OPTIONS", headers={
            "Origin": origin, "Access-Control-Request-Method": "POST"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed
    with pytest.raises(InputError, match=r"port 19191: .*--port"):
        Viewer().serve(19191, 19393)
    with pytest.raises(InputError, match=r"port 19292: .*--data-port"):
        Viewer().serve(19494, 19292)
    viewer.close()


def test_an_unwritable_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        Viewer().save(tmp_path / "no" / "such" / "folder.rrd")
