"""The installed colcon package, as ROS uses it."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

import ris_ros

ROOT = Path(__file__).resolve().parents[1]
PYTHON_ONLY = {"PIL", "cv2", "matplotlib", "nicegui", "numpy", "onnx", "onnxruntime", "openvino", "rerun", "rosbags",
               "starlette", "torch", "torchvision"}
"""Packages that the node and the tools import and that are not ROS packages; pinned in setup.cfg."""
MESSAGE_TYPE = re.compile(r"\w+/(?:msg|srv|action)/\w+")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace with the files that git would carry."""
    pytest.importorskip("colcon_core")
    workspace = tmp_path_factory.mktemp("workspace")
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
                           capture_output=True, check=True).stdout.splitlines()
    for file in files:
        if (ROOT / file).is_file():
            target = workspace / "src" / "ris_ros" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, target)
    return workspace


def build(workspace, *options):
    """Build a workspace by colcon, without anything that looks like a failure; return the install space."""
    base = workspace / "-".join(["built", *options])
    run = subprocess.run(
        [sys.executable, "-m", "colcon", "--log-base", base / "log", "build", "--build-base", base / "build",
         "--install-base", base / "install", *options],
        cwd=workspace, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "AMENT_PREFIX_PATH": sys.prefix, "PYTHONDONTWRITEBYTECODE": ""})
    assert "stderr" not in run.stdout, run.stdout
    return base / "install" / "ris_ros"


@pytest.fixture(scope="module")
def install(workspace):
    """The install space of a real `colcon build`."""
    return build(workspace)


def test_links_are_installed_as_quietly(workspace):
    assert (build(workspace, "--symlink-install") / "lib/ris_ros/ris_node").is_file()


@pytest.fixture
def environment(install, private_ros_domain):
    """The environment variables after sourcing the workspace."""
    [site_packages] = install.glob("lib/python*/site-packages")
    return {**os.environ, "PYTHONUNBUFFERED": "1",
            "AMENT_PREFIX_PATH": os.pathsep.join([str(install), sys.prefix]),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(site_packages), os.environ.get("PYTHONPATH", "")]))}


@pytest.mark.parametrize("file", [
    "lib/ris_ros/ris", "lib/ris_ros/ris_node", "share/ament_index/resource_index/packages/ris_ros",
    "share/ris_ros/package.xml", "share/ris_ros/launch/ris.launch.py", "share/ris_ros/config/ris.yaml",
    "share/ris_ros/config/ris.rviz", "share/ris_ros/config/ris.foxglove.json",
    "share/ris_ros/config/cameras/realsense.yaml", "share/ris_ros/config/sros2/ris.policy.xml"])
def test_colcon_installs(install, file):
    assert (install / file).is_file()


def test_every_python_file_and_data_file_is_installed(install):
    [package] = install.glob("lib/python*/site-packages/ris_ros")
    def inside(folder):
        return {path.relative_to(folder) for path in folder.rglob("*")
                if path.is_file() and "__pycache__" not in path.parts}
    assert inside(ROOT / "ris_ros") <= inside(package)


def test_the_installed_command_line_runs(install, environment, tmp_path):
    run = subprocess.run([install / "lib/ris_ros/ris", "--help"], env=environment, cwd=tmp_path, text=True,
                         capture_output=True, timeout=60, check=True)
    assert "segment" in run.stdout
    where = subprocess.run([sys.executable, "-c", "import ris_ros; print(ris_ros.__file__)"], env=environment,
                           cwd=tmp_path, text=True, capture_output=True, check=True).stdout
    assert where.startswith(str(install))


def test_the_installed_node_starts_and_ends(install, environment, tmp_path):
    pytest.importorskip("rclpy")
    process = subprocess.Popen([install / "lib/ris_ros/ris_node", "--ros-args", "-p", "autostart:=false"],
                               env=environment, cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        # Fast DDS may first complain of shared memory that some killed process has left on this machine.
        assert any("waiting for lifecycle transitions" in line for line in iter(process.stdout.readline, ""))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stdout.read()
    finally:
        process.kill()
        process.communicate()


def test_the_launch_file_takes_the_node_to_active(install, environment, tmp_path):
    pytest.importorskip("launch_ros")
    code = ("import sys\n"
            "from launch import LaunchDescription, LaunchService\n"
            "from launch.actions import IncludeLaunchDescription\n"
            "from launch.launch_description_sources import PythonLaunchDescriptionSource\n"
            "service = LaunchService(noninteractive=True)\n"
            "service.include_launch_description(LaunchDescription([IncludeLaunchDescription(\n"
            "    PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=[\n"
            "        ('namespace', 'arm'), ('image', '/head/image_raw'), ('device', 'cpu'),\n"
            "        ('model', 'ViT-B-32-quickgelu/random')])]))\n"
            "sys.exit(service.run())\n")
    process = subprocess.Popen([sys.executable, "-c", code, str(install / "share/ris_ros/launch/ris.launch.py")],
                               env=environment, cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "active: images from /head/image_raw" in line and "commands from /arm/command" in line:
                break
        else:
            pytest.fail("".join(lines))
        assert any("ViT-B-32-quickgelu/random features" in line and "device cpu" in line for line in lines)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert "process has finished cleanly" in rest
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("file", sorted(ROOT.glob("launch/*.launch.py")), ids=lambda file: file.name)
def test_launch_files_compile_and_explain_their_arguments(file):
    tree = ast.parse(file.read_text())
    assert any(isinstance(node, ast.FunctionDef) and node.name == "generate_launch_description" for node in tree.body)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if getattr(call.func, "id", "") == "DeclareLaunchArgument":
            assert "description" in {keyword.arg for keyword in call.keywords}


@pytest.mark.parametrize("file", sorted(ROOT.glob("launch/*.launch.py")), ids=lambda file: file.name)
def test_launch_files_leave_autostart_to_the_parameter_file(file):
    """Otherwise `ros2 param dump` would write a file whose node waits for a lifecycle manager."""
    constants = {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
    assert "autostart" not in constants


def test_package_xml_declares_every_ros_package_that_is_imported():
    catkin_pkg = pytest.importorskip("catkin_pkg.package")
    package = catkin_pkg.parse_package(ROOT / "package.xml")
    declared = {dependency.name for dependency in package.exec_depends}
    imported = set()
    for file in [*(file for folder in ("node", "messages", "tools") for file in ROOT.glob(f"ris_ros/{folder}/**/*.py")),
                 *ROOT.glob("launch/*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            names = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                     else [node.module] if isinstance(node, ast.ImportFrom) else
                     # A message type by its name, as "sensor_msgs/msg/Image".
                     [node.value] if isinstance(node, ast.Constant) and MESSAGE_TYPE.fullmatch(str(node.value)) else [])
            imported |= {re.split("[./]", name)[0] for name in names}
    assert {"rclpy", "sensor_msgs", "vision_msgs", "cv_bridge"} <= imported
    # ris_interfaces is optional: declared, rosdep would look for it in vain, as it finds no package inside of another.
    imported -= {*sys.stdlib_module_names, *PYTHON_ONLY, "ris_ros", "ris_interfaces"}
    # Packages whose names differ from those of their Python modules.
    imported = {{"tf2_ros": "tf2_ros_py", "yaml": "python3-yaml"}.get(name, name) for name in imported}
    assert imported <= declared


def test_name_and_version_are_the_same_everywhere():
    catkin_pkg = pytest.importorskip("catkin_pkg.package")
    package = catkin_pkg.parse_package(ROOT / "package.xml")
    metadata = ConfigParser()
    metadata.read(ROOT / "setup.cfg")
    interfaces = catkin_pkg.parse_package(ROOT / "ris_interfaces/package.xml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert package.name == metadata["metadata"]["name"] == citation["title"] == ris_ros.__name__
    assert metadata["metadata"]["version"] == "attr: ris_ros.__version__"
    assert package.version == interfaces.version == citation["version"] == ris_ros.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", ris_ros.__version__)
    assert f"## {ris_ros.__version__} " in (ROOT / "CHANGELOG.md").read_text()
    assert package.licenses == interfaces.licenses == [citation["license"]] == [metadata["metadata"]["license"]]


def test_the_nightly_run_fuzzes_every_target():
    jobs = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text())["jobs"]
    source = (ROOT / "test/fuzz/fuzz.py").read_text()
    assert sorted(jobs["fuzz"]["strategy"]["matrix"]["target"]) == sorted(re.findall(r"^def fuzz_(\w+)", source, re.M))
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    requirement = config["options.extras_require"]["fuzz"].strip().replace(" ", "")
    assert any(requirement in step.get("run", "").replace(" ", "") for step in jobs["fuzz"]["steps"])
