"""Messages of both libraries, made as a driver would fill them."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.messages import RosMessageFactory, TypestoreMessageFactory

VISION_MSGS = {
    "vision_msgs/msg/Point2D": "float64 x\nfloat64 y",
    "vision_msgs/msg/Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "vision_msgs/msg/BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "vision_msgs/msg/BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size",
    "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score",
    "vision_msgs/msg/ObjectHypothesisWithPose":
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose",
    **{f"vision_msgs/msg/Detection{d}D":
       f"std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\nvision_msgs/BoundingBox{d}D bbox\n"
       "string id" for d in (2, 3)},
    **{f"vision_msgs/msg/Detection{d}DArray": f"std_msgs/Header header\nvision_msgs/Detection{d}D[] detections"
       for d in (2, 3)},
}


@pytest.fixture(scope="session")
def typestore():
    """A rosbags typestore with vision_msgs."""
    typesys = pytest.importorskip("rosbags.typesys")
    store = typesys.get_typestore(typesys.Stores.LATEST)
    for name, definition in VISION_MSGS.items():
        store.register(typesys.get_types_from_msg(definition, name))
    return store


@pytest.fixture(scope="session")
def ros_factory():
    pytest.importorskip("sensor_msgs.msg")
    return RosMessageFactory()


@pytest.fixture(scope="session")
def typestore_factory(typestore):
    return TypestoreMessageFactory(typestore)


@pytest.fixture(scope="session", params=["ros", "rosbags"])
def factory(request):
    """The factory of each library in turn."""
    return request.getfixturevalue("ros_factory" if request.param == "ros" else "typestore_factory")


@pytest.fixture(scope="session")
def image_message(factory):
    """Makes a sensor_msgs/Image of pixels, with `padding` arbitrary bytes after every row."""
    def make(pixels, encoding, /, *, padding=0, big_endian=False, **changes):
        pixels = np.ascontiguousarray(pixels)
        if pixels.dtype.itemsize > 1:
            pixels = pixels.astype(pixels.dtype.newbyteorder(">" if big_endian else "<"))
        rows = pixels.view(np.uint8).reshape(len(pixels), -1)
        rows = np.hstack([rows, np.full((len(rows), padding), 0xAB, np.uint8)])
        fields = {"height": pixels.shape[0], "width": pixels.shape[1], "encoding": encoding, "step": rows.shape[1],
                  "is_bigendian": int(big_endian), "data": rows.ravel()}
        return factory.create("sensor_msgs/msg/Image", **(fields | changes))
    return make


@pytest.fixture(scope="session")
def compressed_message(factory):
    """Makes a sensor_msgs/CompressedImage of a format and bytes."""
    return lambda format_, data: factory.create("sensor_msgs/msg/CompressedImage", format=format_,
                                                data=np.frombuffer(data, np.uint8))
