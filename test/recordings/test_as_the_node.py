"""Messages of a bag are decoded to the same arrays, or refused with the same errors, as by the node."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image

from ris_ros.errors import InputError
from ris_ros.messages import decode_depth, decode_image
from ris_ros.messages.decoding import ENCODING_ALIASES, NUM_CHANNELS
from ris_ros.recordings.bag import Bag

HEIGHT, WIDTH = SHAPE = (240, 320)
RNG = np.random.default_rng(3)
KINDS = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}


def to_ros(recorder, message):
    """Return a message of the ROS package, by way of its serialized form."""
    data = recorder.types.serialize_cdr(message, message.__msgtype__)
    return deserialize_message(bytes(data), KINDS[message.__msgtype__])


def padded(recorder, rows, encoding, padding, **changes):
    """Make an image message of rows [H, bytes] with `padding` arbitrary bytes after every row."""
    rows = np.hstack([rows, np.full((len(rows), padding), 0xAB, np.uint8)])
    return recorder.image(0, rows, encoding, width=WIDTH, **changes)


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("encoding", [*NUM_CHANNELS, *ENCODING_ALIASES])
def test_images_of_every_encoding_are_decoded(recorder, tmp_path, encoding, padding):
    name = ENCODING_ALIASES.get(encoding, encoding)
    size = WIDTH * NUM_CHANNELS[name] * (2 if name.endswith("16") else 1)
    message = padded(recorder, RNG.integers(0, 256, (HEIGHT, size), np.uint8), encoding, padding)
    with Bag(recorder.write(tmp_path / "bag", [(0, "/image", message)]), topic="/image") as bag:
        [frame] = bag.frames()
    np.testing.assert_array_equal(frame.image, decode_image(to_ros(recorder, message)))


@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_compressed_images_are_decoded(recorder, renderings, tmp_path, extension):
    data = cv2.imencode(f".{extension}", renderings[0].image)[1].tobytes()
    message = recorder.compressed(0, data, extension)
    with Bag(recorder.write(tmp_path / "bag", [(0, "/image", message)])) as bag:
        [frame] = bag.frames()
    np.testing.assert_array_equal(frame.image, decode_image(to_ros(recorder, message)))


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_depth_of_every_layout_is_decoded(recorder, renderings, tmp_path, encoding, big_endian, padding):
    depth = renderings[0].depth * 1000 if encoding == "16UC1" else renderings[0].depth.copy()
    depth[:9] = 0 if encoding == "16UC1" else np.nan
    values = depth.astype(np.dtype(np.uint16 if encoding == "16UC1" else np.float32).newbyteorder("<>"[big_endian]))
    message = padded(recorder, values.view(np.uint8), encoding, padding, is_bigendian=int(big_endian))
    image = recorder.image(0, renderings[0].image, "rgb8")
    path = recorder.write(tmp_path / "bag", [(0, "/camera_info", recorder.info(0, renderings[0])),
                                             (0, "/depth", message), (0, "/image", image)])
    with Bag(path) as bag:
        [frame] = bag.frames()
    ros_message, ros_image = to_ros(recorder, message), to_ros(recorder, image)
    np.testing.assert_array_equal(frame.depth.metres, decode_depth(ros_message, ros_image.header, SHAPE))
    np.testing.assert_allclose(frame.depth.metres[9:], renderings[0].depth[9:], atol=0.0011)


@pytest.mark.parametrize("changes", [
    {"encoding": "nv12"}, {"encoding": "rainbow"}, {"step": 959}, {"height": 241}, {"width": 0},
    {"data": np.zeros(5, np.uint8)}], ids=str)
def test_images_that_cannot_be_decoded_are_reported(recorder, renderings, tmp_path, changes):
    message = recorder.image(0, renderings[0].image, "rgb8", **changes)
    with pytest.raises(InputError) as refusal:
        decode_image(to_ros(recorder, message))
    with Bag(recorder.write(tmp_path / "bag", [(0, "/image", message)])) as bag:
        assert not list(bag.frames())
        assert bag.broken == [f"/image at 100.000 s: {refusal.value}"]


def depth_messages(recorder, rendering):
    """Return unusable depth messages by their fault."""
    millimetres = (rendering.depth * 1000).astype(np.uint16)
    return {
        "encoding": recorder.image(0, millimetres, "mono16"),
        "size": recorder.image(0, millimetres[::2, ::2], "16UC1"),
        "frame": recorder.image(0, millimetres, "16UC1", header=recorder.header(0, "depth_optical")),
        "unit": recorder.image(0, rendering.depth * 1000, "32FC1"),
        "step": recorder.image(0, millimetres, "16UC1", step=100),
        "RVL": recorder.compressed(0, bytes(100), "16UC1; compressedDepth rvl")}


@pytest.mark.parametrize("fault", ["encoding", "size", "frame", "unit", "step", "RVL"])
@pytest.mark.parametrize("topic", [None, "/depth"], ids=["chosen", "named"])
def test_unusable_depth_is_reported(recorder, renderings, tmp_path, fault, topic):
    message = depth_messages(recorder, renderings[0])[fault]
    image = recorder.image(0, renderings[0].image, "rgb8")
    with pytest.raises(InputError) as refusal:
        decode_depth(to_ros(recorder, message), to_ros(recorder, image).header, SHAPE)
    path = recorder.write(tmp_path / "bag", [(0, "/camera_info", recorder.info(0, renderings[0])),
                                             (0, "/depth", message), (0, "/image", image)])
    with Bag(path, depth=topic) as bag:
        assert bag.depth == topic
        [frame] = bag.frames()
        assert frame.depth is None
        assert bag.broken == [f"/depth at 100.000 s: {refusal.value}"]
