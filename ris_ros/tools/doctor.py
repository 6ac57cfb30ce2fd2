"""`ris doctor`: what is installed, on which device, what is missing and how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ris_ros.config import Config
from ris_ros.errors import RisError


@dataclass(frozen=True)
class CheckResult:
    """The result of the check of one part.

    Attributes
    ----------
    part : name of the part
    ok : whether it is installed and works
    needed : whether the first launch fails without it
    found : version, device, path or the error
    remedy : command that installs it

    """

    part: str
    ok: bool
    needed: bool
    found: str
    remedy: str


def run_checks(config: Config | None = None) -> list[CheckResult]:
    """Check what this package depends on, needed parts first; with a configuration, its encoder and detector too."""
    setup = "run scripts/setup and activate .venv"
    ros = "source a ROS 2 installation, or run scripts/setup"
    apt = "apt install ros-$ROS_DISTRO-"
    return [
        _check("Python", _python, "install Python 3.10 or newer"),
        _check("torch", _torch, setup),
        _check("open_clip", partial(_version, "open_clip", "open_clip_torch"), setup),
        _check("spaCy model", _spacy_model, setup),
        _check("onnxruntime", _onnxruntime, setup),
        _check("bundled CLIP", _bundled_model, "install ris_ros again"),
        _check("MobileSAM weights", partial(_weights, "mobilesam"), "ris weights fetch mobilesam"),
        _check("MobileSAM backend", _backend, "pip install 'ris_ros[openvino]'", needed=False),
        _check("ROS 2 (rclpy)", _rclpy, ros),
        _check("image messages", _image_messages, f"{apt}cv-bridge, or {setup}"),
        _check("SAM (segment_anything)", partial(_version, "segment_anything", "segment-anything"),
               "pip install segment-anything", needed=False),
        _check("SAM 2, SigLIP, CLIPA (transformers)", partial(_version, "transformers", "transformers"),
               "pip install 'ris_ros[hf]'", needed=False),
        _check("vision_msgs (~/box)", partial(_version, "vision_msgs.msg"), f"{apt}vision-msgs", needed=False),
        _check("ris_interfaces (~/find)", _interfaces, f"{setup}; in a workspace: colcon build "
               "--base-paths src/ris_ros src/ris_ros/ris_interfaces", needed=False),
        _check("launch_ros (ros2 launch)", partial(_version, "launch_ros"), f"{apt}launch-ros", needed=False),
        _check("simulation (mujoco)", partial(_version, "mujoco", "mujoco"),
               "pip install mujoco; apt install libegl1 libgl1-mesa-dri libgles2", needed=False),
        *_check_model_families(),
        *([] if config is None else [
            _check("proposals.method", partial(_proposals, config), "see docs/proposals.md"), *_check_models(config)]),
    ]


def _check_models(config: Config) -> list[CheckResult]:
    """Check the models that judge the appearance of objects."""
    appearance = config.matching.appearance
    encoder = [_check("encoder.model", partial(_encoder, config), "see docs/encoders.md")]
    # Where both judge, the node goes on without the detector.
    detector = [_check("detector.model", partial(_detector, config), "see docs/detectors.md",
                       needed=appearance == "detector")]
    return {"clip": encoder, "detector": detector, "both": encoder + detector}[appearance]


def _check(part: str, find: Callable[[], str], remedy: str, needed: bool = True) -> CheckResult:
    try:
        return CheckResult(part, True, needed, find(), remedy)
    except (ImportError, OSError, RuntimeError, RisError) as error:
        return CheckResult(part, False, needed, " ".join(str(error).split()), remedy)


def _check_model_families() -> list[CheckResult]:
    """Check how the global features of each family of models are computed."""
    try:
        from ris_ros.encoding.towers import MODEL_FAMILIES, describe_global_path
    except ImportError:
        return []  # torch or open_clip is missing, which another check reports.
    return [_check(f"masks in {family} ({example})", partial(describe_global_path, example),
                   "pip install open_clip_torch timm", needed=False) for family, example in MODEL_FAMILIES.items()]


def _version(module: str, distribution: str = "") -> str:
    importlib.import_module(module)
    return importlib.metadata.version(distribution) if distribution else "yes"


def _python() -> str:
    return f"{platform.python_version()} at {sys.executable}"


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


def _bundled_model() -> str:
    from ris_ros.encoding.loading import BUNDLED_FOLDER, verify_bundled

    verify_bundled()
    return f"{BUNDLED_FOLDER}: for the simulated tabletop only, not for real scenes"


def _encoder(config: Config) -> str:
    from ris_ros.calibration import calibrated_bank, calibration_notes, visual_weight
    from ris_ros.encoding import load_encoder
    from ris_ros.utils.device import resolve_device

    encoder = load_encoder(config.encoder, resolve_device(config.device), offline=config.offline)
    bank = calibrated_bank(config, encoder)
    weight = visual_weight(config.matching, encoder)
    notes = "".join(f"; {note}" for note in calibration_notes(config, bank, weight))
    return f"{config.encoder.model}: confidence calibrated by {bank.calibrated_by}{notes}"


def _proposals(config: Config) -> str:
    from ris_ros.proposals import make_proposer
    from ris_ros.utils.device import resolve_device

    device = resolve_device(config.device)
    notes = getattr(make_proposer(config.proposals, device, offline=config.offline), "notes", [])
    return "; ".join([f"{config.proposals.model} on {device}", *notes])


def _detector(config: Config) -> str:
    from ris_ros.detection import describe_detector, load_detector
    from ris_ros.utils.device import resolve_device

    load_detector(config.detector, resolve_device(config.device), offline=config.offline)
    return describe_detector(config.detector)


def _weights(name: str) -> str:
    from ris_ros.utils import weights

    weights.verify(name)
    return str(weights.cache_dir() / name)


def _backend() -> str:
    from ris_ros.utils import backends, weights

    versions = backends.installed()
    choice = backends.remembered(weights.path("mobilesam", "encoder.onnx"))
    found = ", ".join(f"{name} {number}" for name, number in versions.items())
    if choice is None:
        return f"{found}: measured at the first start, or by `ris bench backends`"
    return f"{choice.backend} of {found}: {choice.reason}"


def _rclpy() -> str:
    from rclpy.utilities import get_rmw_implementation_identifier

    return f"{os.environ.get('ROS_DISTRO', 'no ROS_DISTRO set')}, {get_rmw_implementation_identifier()}"


def _image_messages() -> str:
    from ris_ros.messages import image_converter

    return f"by {image_converter().__module__.partition('.')[0]}"


def _interfaces() -> str:
    from ris_ros.messages import check_interfaces

    check_interfaces()
    return "yes, with all fields"
