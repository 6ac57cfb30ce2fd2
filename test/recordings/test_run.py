"""The results of a run over a bag: bag, lines, video and contact sheet."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.geometry import POINT_DTYPE
from ris_ros.recordings.bag import Bag
from ris_ros.recordings.run import segment_bag
from ris_ros.utils.masks import mask_box

FRAMES = 6
BOX = 0


def test_results_are_written_as_bag_lines_video_and_sheet(oracle, recorder, renderings, recording, tmp_path):
    done = []
    with Bag(recording) as bag:
        summary = segment_bag(oracle, bag, ["the box"], tmp_path / "out", progress=done.append)
    assert (summary.frames, summary.found, summary.located) == (FRAMES, {"the box": FRAMES}, {"the box": FRAMES})
    assert done == list(range(1, FRAMES + 1))
    assert all(file.exists() for file in summary.files)

    lines = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [line["stamp"]["nanosec"] for line in lines] == [i * 10**8 for i in range(FRAMES)]
    assert abs(lines[0]["objects"][0]["box"]["size"][2] - 0.1) < 0.01

    topics = recorder.read(tmp_path / "out" / "bag")
    assert set(topics) == {"/ris/mask", "/ris/roi", "/ris/result", "/ris/points", "/ris/pose"}
    for (time, mask), (_, roi), rendering in zip(topics["/ris/mask"], topics["/ris/roi"], renderings, strict=True):
        assert mask.encoding == "mono8" and mask.header.frame_id == "camera_optical"
        assert time == mask.header.stamp.sec * 10**9 + mask.header.stamp.nanosec
        np.testing.assert_array_equal(mask.data.reshape(240, 320) == 255, rendering.mask(BOX))
        x1, y1, x2, y2 = mask_box(rendering.mask(BOX))
        assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == (x1, y1, x2 - x1, y2 - y1)
    cloud, pose = topics["/ris/points"][0][1], topics["/ris/pose"][0][1]
    points = cloud.data.view(POINT_DTYPE)
    assert [f.name for f in cloud.fields] == ["x", "y", "z", "rgb"] and len(points) == cloud.width > 500
    position = np.array([pose.pose.position.x, pose.pose.position.y, pose.pose.position.z])
    assert np.linalg.norm(position - points["xyz"].mean(0)) < 0.1
    assert json.loads(topics["/ris/result"][0][1].data)["text"] == "the box"

    video = cv2.VideoCapture(str(tmp_path / "out" / "results.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    _, first = video.read()
    inside = first[renderings[0].mask(BOX)].mean(0)
    assert inside[2] > renderings[0].image[renderings[0].mask(BOX)].mean(0)[0] + 30    # Painted red.
    assert cv2.imread(str(tmp_path / "out" / "sheet.png")).shape[1] > 1500


def test_several_texts_have_topics_of_their_own(oracle, recorder, renderings, recording, tmp_path):
    with Bag(recording, depth="none") as bag:
        summary = segment_bag(oracle, bag, ["the box", "the cat"], tmp_path / "out", every=3)
    assert (summary.frames, summary.found) == (2, {"the box": 2, "the cat": 0})
    topics = recorder.read(tmp_path / "out" / "bag")
    assert set(topics) == {f"/ris/text_{i}/{name}" for i in (1, 2) for name in ("mask", "roi", "result")}
    assert not topics["/ris/text_2/mask"][0][1].data.any()
    video = cv2.VideoCapture(str(tmp_path / "out" / "results.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 640


def test_unusable_messages_are_counted_and_described(oracle, recorder, renderings, tmp_path):
    def messages():
        for i, rendering in enumerate(renderings):
            yield i, "/camera_info", recorder.info(i, rendering)
            yield i, "/depth", recorder.image(i, rendering.depth if i != 3 else rendering.depth[::2, ::2], "32FC1")
            good = recorder.image(i, rendering.image, "rgb8")
            cut = recorder.image(i, rendering.image, "rgb8", data=good.data[:1000])
            faulty = {1: bytes(recorder.types.serialize_cdr(good, "sensor_msgs/msg/Image"))[:400], 2: cut,
                      4: recorder.image(i, rendering.image, "rainbow")}
            yield i, "/image", faulty.get(i, good)
    with Bag(recorder.write(tmp_path / "broken", messages())) as bag:
        summary = segment_bag(oracle, bag, ["the box"], tmp_path / "out")
    assert (summary.frames, summary.located["the box"]) == (3, 2)
    assert summary.broken_count == len(summary.broken) == 4
    assert all(name.startswith(("/image at 100.", "/depth at 100.")) for name in summary.broken)
    assert any("rainbow" in name for name in summary.broken) and any("160 x 120" in name for name in summary.broken)
    notes = [json.loads(line)["note"] for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [bool(note) for note in notes] == [False, True, False]
    assert notes[1].startswith("without depth (") and notes[1].endswith("): not located in 3-D")


def test_a_folder_that_is_not_empty_is_refused(oracle, renderings, recording, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with Bag(recording) as bag, pytest.raises(InputError, match="not empty"):
        segment_bag(oracle, bag, ["the box"], tmp_path)


def test_the_command_runs_over_a_bag(recording, tmp_path):
    bag = shutil.copytree(recording, tmp_path / "kitchen")
    run = subprocess.run(
        [str(Path(sys.executable).with_name("ris")), "bag", str(bag), "--text", "the blue box", "--every", "3",
         "--json", "--set", "proposals.max_prompts=6", "--device", "cpu"], cwd=tmp_path, capture_output=True,
        text=True, timeout=280)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert answer["frames"] == 2 and answer["broken"] == 0
    assert (tmp_path / "kitchen_ris" / "results.mp4").stat().st_size > 1000
