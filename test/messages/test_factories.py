"""Creation of messages by the name of their type."""

import numpy as np
import pytest


def test_fields_that_are_not_given_have_their_defaults(factory):
    image = factory.create("sensor_msgs/msg/Image", width=3)
    assert (image.width, image.height, image.encoding, image.header.stamp.sec) == (3, 0, "", 0)
    assert not len(image.data)
    marker = factory.create("visualization_msgs/msg/Marker")
    assert (marker.pose.orientation.x, marker.pose.orientation.w) == (0.0, 1.0)
    assert marker.points == [] and marker.frame_locked is False


def test_arrays_of_fixed_length_are_zeros(factory):
    assert np.array(factory.create("sensor_msgs/msg/CameraInfo").k).tolist() == [0.0] * 9


def test_messages_share_no_default(factory):
    one, other = (factory.create("std_msgs/msg/Header") for _ in range(2))
    one.stamp.sec = 5
    assert other.stamp.sec == 0


def test_bytes_are_taken_as_an_array(factory):
    message = factory.create("sensor_msgs/msg/Image", data=np.arange(5, dtype=np.uint8))
    assert bytes(message.data) == bytes(range(5))


def test_a_type_has_its_constants(factory):
    assert factory.message_type("sensor_msgs/msg/PointField").FLOAT32 == 7


def test_a_field_may_be_called_name(factory):
    assert factory.create("sensor_msgs/msg/PointField", name="x").name == "x"


def test_an_unknown_type_is_an_error(ros_factory, typestore_factory):
    with pytest.raises(ImportError):
        ros_factory.create("no_such_msgs/msg/Thing")
    with pytest.raises(KeyError):
        typestore_factory.create("no_such_msgs/msg/Thing")
