"""What is installed, on which device, what is missing and how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ris_ros.errors import RisError


@dataclass(frozen=True)
class Finding:
    """One examined part.

    Attributes
    ----------
    part : what was looked for
    ok : whether it is there and works
    needed : whether the first launch fails without it
    found : version, device, path or the error
    remedy : the command that brings it

    """

    part: str
    ok: bool
    needed: bool
    found: str
    remedy: str


def examine() -> list[Finding]:
    """Look at everything this package stands on, needed parts first."""
    setup = "run scripts/setup and activate .venv"
    ros = "source a ROS 2 installation, or run scripts/setup"
    apt = "apt install ros-$ROS_DISTRO-"
    return [
        _finding("Python", lambda: f"{platform.python_version()} at {sys.executable}", "install Python 3.10 or newer"),
        _finding("torch", _torch, setup),
        _finding("open_clip", lambda: _version("open_clip", "open_clip_torch"), setup),
        _finding("spaCy model", _spacy_model, setup),
        _finding("onnxruntime", _onnxruntime, setup),
        _finding("bundled CLIP", _bundled, "install ris_ros again"),
        _finding("MobileSAM weights", lambda: _weights("mobilesam"), "ris weights fetch mobilesam"),
        _finding("ROS 2 (rclpy)", _rclpy, ros),
        _finding("image messages", _image_messages, f"{apt}cv-bridge, or {setup}"),
        _finding("SAM (segment_anything)", lambda: _version("segment_anything", "segment-anything"),
                 "pip install segment-anything", needed=False),
        _finding("vision_msgs (~/box)", lambda: _version("vision_msgs.msg"), f"{apt}vision-msgs", needed=False),
        _finding("launch_ros (ros2 launch)", lambda: _version("launch_ros"), f"{apt}launch-ros", needed=False),
        _finding("simulation (mujoco)", lambda: _version("mujoco", "mujoco"),
                 "pip install mujoco; apt install libegl1 libgl1-mesa-dri libgles2", needed=False),
        *_towers(),
    ]


def _finding(part: str, look: Callable[[], str], remedy: str, needed: bool = True) -> Finding:
    try:
        return Finding(part, True, needed, look(), remedy)
    except (ImportError, OSError, RisError) as error:
        return Finding(part, False, needed, " ".join(str(error).split()), remedy)


def _version(module: str, distribution: str = "") -> str:
    importlib.import_module(module)
    return importlib.metadata.version(distribution) if distribution else "yes"


def _torch() -> str:
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"{torch.__version__} on {', '.join(devices) or f'CPU, {torch.get_num_threads()} threads'}"


def _spacy_model() -> str:
    from ris_ros.language import ExpressionParser

    ExpressionParser().parse("the red cup")
    return f"spaCy {_version('spacy', 'spacy')} with an English model"


def _onnxruntime() -> str:
    import onnxruntime

    providers = (name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    return f"{onnxruntime.__version__}: {', '.join(providers)}"


def _bundled() -> str:
    from ris_ros.encoding.loading import BUNDLED_FOLDER, verify_bundled

    verify_bundled()
    return f"{BUNDLED_FOLDER}: for the simulated tabletop only, not for real scenes"


def _towers() -> list[Finding]:
    """Which global feature each family of models gets."""
    try:
        from ris_ros.encoding.families import FAMILIES, global_feature
    except ImportError:
        return []  # torch or open_clip is missing, which was found already.
    return [_finding(f"masks in {family} ({example})", lambda example=example: global_feature(example),
                     "pip install open_clip_torch timm", needed=False) for family, example in FAMILIES.items()]


def _weights(name: str) -> str:
    from ris_ros.utils import weights

    weights.verify(name)
    return str(weights.cache_dir() / name)


def _rclpy() -> str:
    import rclpy

    return f"{os.environ.get('ROS_DISTRO', 'no ROS_DISTRO set')}, {rclpy.get_rmw_implementation_identifier()}"


def _image_messages() -> str:
    from ris_ros.node.conversions import image_converter

    return f"by {image_converter().__module__.partition('.')[0]}"
