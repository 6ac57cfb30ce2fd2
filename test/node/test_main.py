"""The executable `ris_node`."""

import signal
import subprocess
import sys

import cv2
import pytest

pytest.importorskip("rclpy")

from array import array

from sensor_msgs.msg import CompressedImage


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_unconfigured_node_starts_at_once_and_ends_cleanly(start_node, make_robot, sign):
    node = start_node({"autostart": False})
    robot = make_robot()
    assert robot.state() == "unconfigured"
    assert node.end(sign) == 0
    [line] = node.lines
    assert "waiting for lifecycle transitions" in line


@pytest.mark.parametrize("parameters", [{"proposals.max_prompts": 0}, {"mode": 3}])
def test_an_invalid_parameter_is_an_error_of_one_line(start_node, parameters):
    node = start_node(parameters)
    assert node.process.wait(60) == 2
    node.kill()
    assert "Traceback" not in node.text
    [line] = [line for line in node.lines if line.startswith("ris_node: ")]
    assert next(iter(parameters)) in line


def test_a_failing_start_leaves_a_node_that_can_be_configured_later(start_node, make_robot):
    node = start_node({"mode": "always"})
    node.log("cannot configure: mode must be one of on_command, continuous, not 'always'")
    assert make_robot().state() == "unconfigured"
    assert node.end() == 0


@pytest.mark.parametrize("missing", ["torch", "rclpy"])
def test_a_missing_package_is_an_error_of_one_line_that_says_what_to_do(missing):
    code = (f"import sys; sys.modules[{missing!r}] = None\n"
            "from ris_ros.node.main import main; sys.exit(main())")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    [line] = run.stderr.splitlines()
    assert missing in line
    assert "scripts/setup" in line


def test_compressed_images_of_a_remapped_camera_in_a_namespace(start_node, make_robot, photograph):
    node = start_node({"image_transport": "compressed", "image_reliability": "reliable"},
                      ["-r", "__ns:=/arm", "-r", "image:=/head/image_raw"])
    node.log("active: images from /head/image_raw/compressed, depth from /arm/depth, commands from /arm/command")
    robot = make_robot(namespace="arm", image_topic="/head/image_raw/compressed", image_type=CompressedImage,
                       image_reliability="reliable")
    robot.connect()
    robot.camera.publish(CompressedImage(format="jpeg", data=array("B", b"no image")))
    robot.send_command("the cup")
    node.log(r"frame ignored: compressed image \(jpeg, 8 bytes\): it is not an image")
    jpeg = cv2.imencode(".jpg", photograph[..., ::-1])[1]
    message = CompressedImage(format="jpeg", data=array("B", jpeg.tobytes()))
    message.header.frame_id = "head"
    robot.camera.publish(message)
    assert robot.answer("the cup")["frame_id"] == "head"
    assert robot.matching("mask", (0, 0)).width == photograph.shape[1]
    assert node.end() == 0
