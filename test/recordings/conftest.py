"""A simulated camera, bags of its messages, and a segmenter that answers with the ground truth."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("rosbags.rosbag2")

from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ris_ros.config import Config
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Camera, Scene, SceneObject
from ris_ros.types import Candidate, Description, Query, Result
from ris_ros.utils.masks import mask_box

SCENE = Scene((SceneObject("box", "blue", (0.1, 0.05, 0.0), yaw=0.4), SceneObject("block", "red", (-0.2, -0.05, 0.0))))
BOX = 0
FRAMES = 6


class Recorder:
    """Messages of a camera as a driver fills them, and bags of them. Message `i` is stamped 100 s + i / 10 s."""

    types = get_typestore(Stores.ROS2_HUMBLE)

    def make(self, name, **fields):
        return self.types.types[name](**fields)

    def header(self, i, frame_id="camera_optical"):
        return self.make("std_msgs/msg/Header", frame_id=frame_id,
                         stamp=self.make("builtin_interfaces/msg/Time", sec=100, nanosec=i * 100_000_000))

    def image(self, i, pixels, encoding, /, **changes):
        fields = {"header": self.header(i), "height": pixels.shape[0], "width": pixels.shape[1], "encoding": encoding,
                  "is_bigendian": 0, "step": pixels[0].nbytes,
                  "data": np.ascontiguousarray(pixels).view(np.uint8).ravel()}
        return self.make("sensor_msgs/msg/Image", **(fields | changes))

    def compressed(self, i, data, format_):
        return self.make("sensor_msgs/msg/CompressedImage", header=self.header(i), format=format_,
                         data=np.frombuffer(data, np.uint8))

    def info(self, i, rendering, **changes):
        k = rendering.intrinsics
        roi = self.make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
        fields = {"header": self.header(i), "height": 240, "width": 320, "distortion_model": "plumb_bob",
                  "d": np.zeros(5), "k": k.ravel(), "r": np.eye(3).ravel(),
                  "p": np.hstack([k, np.zeros((3, 1))]).ravel(), "binning_x": 0, "binning_y": 0, "roi": roi}
        return self.make("sensor_msgs/msg/CameraInfo", **(fields | changes))

    def raw(self, renderings):
        """Yield the messages of a colour and depth camera."""
        for i, rendering in enumerate(renderings):
            yield i, "/cam/color/camera_info", self.info(i, rendering)
            yield i, "/cam/aligned/image_raw", self.image(i, (rendering.depth * 1000).astype(np.uint16), "16UC1")
            yield i, "/cam/color/image_raw", self.image(i, rendering.image[..., ::-1], "bgr8")

    def write(self, path, messages, plugin=StoragePlugin.MCAP):
        """Write (i, topic, message) into a new bag; messages may be bytes, of an image as it was sent."""
        with Writer(path, version=9, storage_plugin=plugin) as writer:
            connections = {}
            for i, topic, message in messages:
                kind = getattr(message, "__msgtype__", "sensor_msgs/msg/Image")
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=self.types)
                data = message if isinstance(message, bytes) else self.types.serialize_cdr(message, kind)
                writer.write(connections[topic], 100_000_000_000 + i * 100_000_000, data)
        return path

    @staticmethod
    def read(path):
        """Return topic -> (time, message) of a bag."""
        with AnyReader([path]) as reader:
            topics = {}
            for connection, time, data in reader.messages():
                topics.setdefault(connection.topic, []).append((time, reader.deserialize(data, connection.msgtype)))
            return topics


class Oracle:
    """A segmenter that answers with the ground truth of the simulation."""

    config = Config()

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


@pytest.fixture(scope="session")
def renderings():
    """Images of a camera that moves to the right."""
    with Renderer() as renderer:
        cameras = [Camera((0.02 * i, -0.8, 0.67), width=320, height=240) for i in range(FRAMES)]
        return [renderer.render(dataclasses.replace(SCENE, camera=camera)) for camera in cameras]


@pytest.fixture(scope="session")
def recorder():
    return Recorder()


@pytest.fixture(scope="session")
def recording(recorder, renderings, tmp_path_factory):
    """A bag of colour and depth images."""
    return recorder.write(tmp_path_factory.mktemp("bags") / "table", recorder.raw(renderings))


@pytest.fixture
def oracle(renderings):
    return Oracle(renderings)
