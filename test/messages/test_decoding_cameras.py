"""Camera models and transforms in messages."""

from types import SimpleNamespace

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.messages import camera_model, decode_camera_info, transform_to_matrix

K = [500.0, 0, 320, 0, 510, 240, 0, 0, 1]


def test_a_camera_info_becomes_a_model():
    info = SimpleNamespace(k=[500.0, 0, 320, 0, 510, 240, 0, 0, 1], d=np.array([0.1, 0.2, 0, 0, 0]),
                           distortion_model="")
    model = camera_model(info)
    assert model.intrinsics[1].tolist() == [0, 510, 240]
    assert (model.distortion, model.model) == ((0.1, 0.2, 0, 0, 0), "plumb_bob")


def test_ros_1_spells_the_fields_of_a_camera_info_in_capitals():
    model = camera_model(SimpleNamespace(K=np.array(K), D=np.zeros(5), distortion_model="plumb_bob"))
    assert model.intrinsics[0].tolist() == [500, 0, 320]
    assert model.distortion == (0,) * 5


def test_a_camera_info_must_have_the_images_size(factory):
    info = factory.create("sensor_msgs/msg/CameraInfo", height=480, width=640, distortion_model="plumb_bob")
    info.k, info.d = np.array(K), [0.1, 0.0, 0.0, 0.0, 0.0]
    model = decode_camera_info(info, (480, 640))
    assert model.intrinsics.dtype == np.float64 and model.distortion[0] == 0.1


@pytest.mark.parametrize(("changes", "words"), [
    ({"k": [0.0] * 9}, "no focal length"),
    ({"height": 240}, "camera_info is for 640 x 240 pixels, the image has 640 x 480"),
    ({"distortion_model": "mirror"}, "unknown distortion model 'mirror'"),
    ({"d": [0.1] * 3}, "4 or 5 coefficients, not 3")])
def test_an_unusable_camera_info_is_refused(changes, words):
    info = {"height": 480, "width": 640, "k": K, "d": [], "distortion_model": "plumb_bob"} | changes
    with pytest.raises(InputError, match=words):
        decode_camera_info(SimpleNamespace(**info), (480, 640))


def test_a_transform_becomes_a_matrix():
    # A quarter turn about z, of a quaternion that is not normalised.
    matrix = transform_to_matrix(SimpleNamespace(x=1.0, y=2.0, z=3.0), SimpleNamespace(x=0.0, y=0.0, z=5.0, w=5.0))
    np.testing.assert_allclose(matrix, [[0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]], atol=1e-12)
