from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags.rosbag2")

from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.geometry import POINT
from ris_ros.recordings.bag import Bag
from ris_ros.recordings.results import run_over_bag
from ris_ros.recordings.runs import BagPlan, folders, run_over_bags
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Camera, Scene, SceneObject
from ris_ros.types import Candidate, Description, Query, Result
from ris_ros.utils.masks import mask_box

TYPES = get_typestore(Stores.ROS2_HUMBLE)
SCENE = Scene((SceneObject("box", "blue", (0.1, 0.05, 0.0), yaw=0.4), SceneObject("block", "red", (-0.2, -0.05, 0.0))))
BOX, BLOCK = 0, 1
FRAMES = 6


@pytest.fixture(scope="module")
def renderings():
    """A camera that moves to the right."""
    with Renderer() as renderer:
        cameras = [Camera((0.02 * i, -0.8, 0.67), width=320, height=240) for i in range(FRAMES)]
        return [renderer.render(dataclasses.replace(SCENE, camera=camera)) for camera in cameras]


def make(kind, **fields):
    return TYPES.types[kind](**fields)


def header(i, frame="camera_optical"):
    return make("std_msgs/msg/Header", frame_id=frame,
                stamp=make("builtin_interfaces/msg/Time", sec=100, nanosec=i * 100_000_000))


def image(i, pixels, encoding, **changes):
    fields = {"header": header(i), "height": pixels.shape[0], "width": pixels.shape[1], "encoding": encoding,
              "is_bigendian": 0, "step": pixels[0].nbytes, "data": np.ascontiguousarray(pixels).view(np.uint8).ravel()}
    return make("sensor_msgs/msg/Image", **(fields | changes))


def compressed(i, data, kind):
    return make("sensor_msgs/msg/CompressedImage", header=header(i), format=kind, data=np.frombuffer(data, np.uint8))


def info(i, rendering):
    k = rendering.intrinsics
    return make("sensor_msgs/msg/CameraInfo", header=header(i), height=240, width=320, distortion_model="plumb_bob",
                d=np.zeros(5), k=k.ravel(), r=np.eye(3).ravel(), p=np.hstack([k, np.zeros((3, 1))]).ravel(),
                binning_x=0, binning_y=0, roi=make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0,
                                                   width=0, do_rectify=False))


def raw_messages(renderings):
    for i, rendering in enumerate(renderings):
        yield i, "/cam/color/camera_info", info(i, rendering)
        yield i, "/cam/aligned/image_raw", image(i, (rendering.depth * 1000).astype(np.uint16), "16UC1")
        yield i, "/cam/color/image_raw", image(i, rendering.image[..., ::-1], "bgr8")


def write(path, messages, plugin=StoragePlugin.MCAP):
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections = {}
        for i, topic, message in messages:
            kind = getattr(message, "__msgtype__", "sensor_msgs/msg/Image")
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=TYPES)
            data = message if isinstance(message, bytes) else TYPES.serialize_cdr(message, kind)
            writer.write(connections[topic], 100_000_000_000 + i * 100_000_000, data)
    return path


@pytest.fixture(scope="module")
def recording(renderings, tmp_path_factory):
    return write(tmp_path_factory.mktemp("bags") / "table", raw_messages(renderings))


class Oracle:
    """Answers from the simulation's truth: what is tested here is what becomes of answers."""

    def __init__(self, renderings):
        self._renderings = renderings

    def set_image(self, image, *, depth=None):
        self._now = min(self._renderings, key=lambda rendering: np.abs(rendering.image.astype(int) - image).sum())

    def query(self, text):
        found = "box" in text
        mask = self._now.mask(BOX) & found
        query = Query(text, text, (Description(text),))
        if not found:
            return Result(False, mask, np.zeros(4, np.float32), 0.0, 0.0, [], query, reason="nothing fits")
        best = Candidate(0, mask, mask_box(mask).astype(np.float32), 0.9, {"cosine": 0.3})
        return Result(True, mask, best.box, 0.9, 0.8, [best], query, {"proposals": 0.1}, instances=[best])


def read(path):
    """Topic -> its messages."""
    with AnyReader([path]) as reader:
        answer = {}
        for connection, time, data in reader.messages():
            answer.setdefault(connection.topic, []).append((time, reader.deserialize(data, connection.msgtype)))
        return answer


@pytest.mark.parametrize("form", ["folder", "mcap", "db3"])
def test_frames_are_read_with_their_depth(renderings, recording, tmp_path, form):
    if form == "db3":
        path = next(write(tmp_path / "db", raw_messages(renderings), StoragePlugin.SQLITE3).glob("*.db3"))
    else:
        path = recording if form == "folder" else next(recording.glob("*.mcap"))
    with Bag(path) as bag:
        assert (bag.topic, bag.depth, bag.camera_info, len(bag)) == (
            "/cam/color/image_raw", "/cam/aligned/image_raw", "/cam/color/camera_info", FRAMES)
        frames = list(bag.frames())
    assert [frame.number for frame in frames] == list(range(FRAMES))
    for i, (frame, rendering) in enumerate(zip(frames, renderings, strict=True)):
        np.testing.assert_array_equal(frame.image, rendering.image)
        np.testing.assert_allclose(frame.depth.metres, rendering.depth, atol=0.0011)
        np.testing.assert_array_equal(frame.depth.camera.intrinsics, rendering.intrinsics)
        assert (frame.stamp, frame.frame_id) == ((100, i * 100_000_000), "camera_optical")


def test_every_second_frame(recording):
    with Bag(recording) as bag:
        assert [(frame.number, frame.stamp[1]) for frame in bag.frames(2)] == [(0, 0), (2, 2 * 10**8), (4, 4 * 10**8)]


def test_compressed_images_and_depth(renderings, tmp_path):
    def messages():
        for i, rendering in enumerate(renderings):
            yield i, "/cam/camera_info", info(i, rendering)
            jpeg = cv2.imencode(".jpg", rendering.image[..., ::-1])[1]
            yield i, "/cam/image_raw/compressed", compressed(i, jpeg, "bgr8; jpeg compressed bgr8")
            png = cv2.imencode(".png", (rendering.depth * 1000).astype(np.uint16))[1].tobytes()
            yield i, "/cam/depth/compressedDepth", compressed(i, bytes(12) + png, "16UC1; compressedDepth png")
    with Bag(write(tmp_path / "small", messages()), topic="/cam/image_raw") as bag:
        assert bag.depth == "/cam/depth/compressedDepth"
        frame = next(bag.frames())
    assert np.abs(frame.image.astype(int) - renderings[0].image).mean() < 4
    np.testing.assert_allclose(frame.depth.metres, renderings[0].depth, atol=0.0011)


def test_quantised_float_depth_is_read(renderings, tmp_path):
    a, b = np.float32(4000.0), np.float32(10.0)
    quantised = (a / renderings[0].depth + b).astype(np.uint16)
    quantised[0] = 0
    data = bytes(4) + a.tobytes() + b.tobytes() + cv2.imencode(".png", quantised)[1].tobytes()
    messages = [(0, "/image", image(0, renderings[0].image, "rgb8")), (0, "/camera_info", info(0, renderings[0])),
                (0, "/depth", compressed(0, data, "32FC1; compressedDepth png"))]
    with Bag(write(tmp_path / "quantised", messages)) as bag:
        [frame] = bag.frames()
    assert np.isnan(frame.depth.metres[0]).all()
    np.testing.assert_allclose(frame.depth.metres[1:], renderings[0].depth[1:], rtol=0.001)


def test_results_come_as_bag_lines_video_and_page(renderings, recording, tmp_path):
    done = []
    with Bag(recording) as bag:
        summary = run_over_bag(Oracle(renderings), bag, ["the box"], tmp_path / "out", progress=done.append)
    assert (summary.frames, summary.found, summary.located) == (FRAMES, {"the box": FRAMES}, {"the box": FRAMES})
    assert done == list(range(1, FRAMES + 1))
    assert all(file.exists() for file in summary.files)

    lines = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [line["stamp"]["nanosec"] for line in lines] == [i * 10**8 for i in range(FRAMES)]
    assert abs(lines[0]["objects"][0]["box"]["size"][2] - 0.1) < 0.01

    topics = read(tmp_path / "out" / "bag")
    assert set(topics) == {"/ris/mask", "/ris/roi", "/ris/result", "/ris/points", "/ris/pose"}
    for (time, mask), (_, roi), rendering in zip(topics["/ris/mask"], topics["/ris/roi"], renderings, strict=True):
        assert mask.encoding == "mono8" and mask.header.frame_id == "camera_optical"
        assert time == mask.header.stamp.sec * 10**9 + mask.header.stamp.nanosec
        np.testing.assert_array_equal(mask.data.reshape(240, 320) == 255, rendering.mask(BOX))
        x1, y1, x2, y2 = mask_box(rendering.mask(BOX))
        assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == (x1, y1, x2 - x1, y2 - y1)
    cloud, pose = topics["/ris/points"][0][1], topics["/ris/pose"][0][1]
    points = cloud.data.view(POINT)
    assert [f.name for f in cloud.fields] == ["x", "y", "z", "rgb"] and len(points) == cloud.width > 500
    there = np.array([pose.pose.position.x, pose.pose.position.y, pose.pose.position.z])
    assert np.linalg.norm(there - points["xyz"].mean(0)) < 0.1
    assert json.loads(topics["/ris/result"][0][1].data)["text"] == "the box"

    film = cv2.VideoCapture(str(tmp_path / "out" / "results.mp4"))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    _, first = film.read()
    inside = first[renderings[0].mask(BOX)].mean(0)
    assert inside[2] > renderings[0].image[renderings[0].mask(BOX)].mean(0)[0] + 30    # Painted red.
    assert cv2.imread(str(tmp_path / "out" / "sheet.png")).shape[1] > 1500


def test_several_texts_have_topics_of_their_own(renderings, recording, tmp_path):
    with Bag(recording, depth="none") as bag:
        summary = run_over_bag(Oracle(renderings), bag, ["the box", "the cat"], tmp_path / "out", every=3)
    assert (summary.frames, summary.found) == (2, {"the box": 2, "the cat": 0})
    topics = read(tmp_path / "out" / "bag")
    assert set(topics) == {f"/ris/text_{i}/{name}" for i in (1, 2) for name in ("mask", "roi", "result")}
    assert not topics["/ris/text_2/mask"][0][1].data.any()
    film = cv2.VideoCapture(str(tmp_path / "out" / "results.mp4"))
    assert film.get(cv2.CAP_PROP_FRAME_WIDTH) == 640


def test_broken_messages_are_counted_and_named(renderings, tmp_path):
    def messages():
        for i, rendering in enumerate(renderings):
            yield i, "/camera_info", info(i, rendering)
            yield i, "/depth", image(i, rendering.depth if i != 3 else rendering.depth[::2, ::2], "32FC1")
            good = image(i, rendering.image, "rgb8")
            cut = image(i, rendering.image, "rgb8", data=good.data[:1000])
            faulty = {1: bytes(TYPES.serialize_cdr(good, "sensor_msgs/msg/Image"))[:400], 2: cut,
                      4: image(i, rendering.image, "rainbow")}
            yield i, "/image", faulty.get(i, good)
    with Bag(write(tmp_path / "broken", messages())) as bag:
        summary = run_over_bag(Oracle(renderings), bag, ["the box"], tmp_path / "out")
    assert (summary.frames, summary.located["the box"]) == (3, 2)
    assert summary.broken_count == len(summary.broken) == 4
    assert all(name.startswith(("/image at 100.", "/depth at 100.")) for name in summary.broken)
    assert any("rainbow" in name for name in summary.broken) and any("160 x 120" in name for name in summary.broken)


def test_a_bag_that_ends_suddenly_is_refused_in_one_line(recording, tmp_path):
    data = next(recording.glob("*.mcap")).read_bytes()
    (tmp_path / "cut.mcap").write_bytes(data[:len(data) // 2])
    with pytest.raises(InputError, match=r"cannot read the bag .*cut\.mcap"):
        Bag(tmp_path / "cut.mcap")


@pytest.mark.parametrize("path", ["nowhere", "nowhere.mcap", "."])
def test_what_is_no_bag_is_refused(tmp_path, path):
    with pytest.raises(InputError, match="cannot read the bag"):
        Bag(tmp_path / path)


def test_an_unclear_choice_lists_what_there_is(renderings, tmp_path):
    messages = [(0, f"/{side}/image_raw", image(0, renderings[0].image, "rgb8")) for side in ("left", "right")]
    path = write(tmp_path / "two", messages)
    with pytest.raises(InputError, match="/left/image_raw, /right/image_raw: choose with --topic"):
        Bag(path)
    with Bag(path, topic="/left/image_raw") as bag:
        assert next(bag.frames()).depth is None
    with pytest.raises(InputError, match="no images on /front; it has /left"):
        Bag(path, topic="/front")
    with pytest.raises(InputError, match="camera_info"):
        Bag(path, topic="/left/image_raw", depth="/right/image_raw")


def test_a_folder_that_is_not_empty_is_refused(renderings, recording, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with Bag(recording) as bag, pytest.raises(InputError, match="not empty"):
        run_over_bag(Oracle(renderings), bag, ["the box"], tmp_path)


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


@pytest.mark.timeout(600)  # Ray's processes are slow to start on a busy machine
def test_several_bags_on_a_cluster_and_a_bad_one_stops_none(recording, tmp_path):
    pytest.importorskip("ray")
    for name in ("kitchen", "hall"):
        shutil.copytree(recording, tmp_path / name)
    (tmp_path / "broken.mcap").write_bytes(b"no bag")
    run = subprocess.run(
        [str(Path(sys.executable).with_name("ris")), "bag", "kitchen", "broken.mcap", "hall", "--text", "the blue box",
         "--every", "6", "--json", "--output", "answers", "--ray", "local", "--workers", "1",
         "--set", "proposals.max_prompts=6", "--device", "cpu"],
        cwd=tmp_path, capture_output=True, text=True, timeout=580)
    assert run.returncode == 1
    assert "broken.mcap: " in run.stderr
    assert {json.loads(line)["bag"] for line in run.stdout.splitlines()} == {"kitchen", "hall"}
    assert {file.name for file in (tmp_path / "answers").iterdir()} >= {"kitchen_ris", "hall_ris"}
    results = [(tmp_path / "answers" / f"{name}_ris" / "results.jsonl").read_text() for name in ("kitchen", "hall")]
    assert [len(lines.splitlines()) for lines in results] == [1, 1]


class _Plan(BagPlan):
    """Answers by the truth."""

    def build(self):
        return lambda run: self._run(Oracle(RENDERED), run)


RENDERED = []


def test_bags_one_by_one(renderings, recording, tmp_path):
    RENDERED[:] = renderings
    plan = _Plan(Config(), ["the box"])
    part = tmp_path / "recording_ris.part"
    part.mkdir()
    (part / "left.over").write_text("of a run that was ended")
    runs = [(recording, tmp_path / "recording_ris"), (tmp_path / "none.mcap", tmp_path / "none_ris")]
    (_, good), (_, bad) = run_over_bags(plan, runs)
    assert good.frames == FRAMES and all(file.exists() for file in good.files) and not part.exists()
    assert "none.mcap" in bad


def test_folders_of_answers_must_be_new_and_apart(recording, tmp_path):
    other = tmp_path / "elsewhere" / f"{recording.name}.mcap"
    with pytest.raises(InputError, match="both be answered in"):
        folders([recording, other], tmp_path)
    (tmp_path / f"{recording.stem}_ris").mkdir()
    assert folders([recording], tmp_path) == [(recording, tmp_path / f"{recording.stem}_ris")]
    (tmp_path / f"{recording.stem}_ris" / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty"):
        folders([recording], tmp_path)
