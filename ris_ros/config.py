"""Every setting of ris_ros, once: the source of ROS parameters, command-line options and config/ris.yaml."""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ris_ros.errors import InputError


def option(default: Any, help: str, *, unit: str = "", low: float | None = None, high: float | None = None,
           choices: tuple[str, ...] = (), live: bool = False) -> Any:
    """A setting: its default, what it does, its unit, its range, and whether it may change while the node runs."""
    return field(default=default, metadata={
        "help": help, "unit": unit, "low": low, "high": high, "choices": choices, "live": live})


@dataclass(frozen=True)
class ProposalsConfig:
    """How an image becomes masks."""

    method: str = option("mobilesam", "mask proposer", choices=("mobilesam", "sam"))
    checkpoint: str = option("", "checkpoint name (see `ris weights list`) or path; empty: the proposer's own default")
    tensorrt: bool = option(
        False, "run MobileSAM in TensorRT on CUDA devices, where onnxruntime has it; its first image takes minutes")
    max_prompts: int = option(
        56, "most prompt points an image gets; plain images get fewer", low=1, high=4096, live=True)
    search_prompts: int = option(
        4, "further prompt points, where the picture looks like what was asked for and not found; 0: none", low=0,
        high=64, live=True)
    min_quality: float = option(0.78, "least predicted IoU of a mask", low=0.0, high=1.0, live=True)
    min_stability: float = option(
        0.65, "least IoU of a mask with itself between logit thresholds -1 and +1", low=0.0, high=1.0, live=True)
    min_area: float = option(0.0005, "least area of a mask, as a share of the image", low=0.0, high=1.0, live=True)
    duplicate_iou: float = option(0.88, "masks that overlap more than this are one", low=0.0, high=1.0, live=True)


@dataclass(frozen=True)
class EncoderConfig:
    """Which CLIP model turns masks and texts into features."""

    model: str = option(
        "bundled", "open_clip model: bundled (simulated tabletop only), ARCHITECTURE/TAG, ARCHITECTURE/FILE, "
        "hf-hub:NAME or local-dir:FOLDER")
    dtype: str = option(
        "auto", "arithmetic of the model; auto: float32, and bfloat16 for crops where that is quicker (method full)",
        choices=("auto", "float32", "bfloat16", "float16"))
    masked_blocks: int = option(
        3, "last transformer blocks in which the mask hides patch tokens (paper: 3)", low=0, high=64)
    batch_size: int = option(32, "masks encoded at a time", low=1, high=1024)


@dataclass(frozen=True)
class LanguageConfig:
    """How an expression is understood."""

    model: str = option("en_core_web_sm", "spaCy model")


@dataclass(frozen=True)
class MatchingConfig:
    """How features become a ranking."""

    visual_weight: float = option(
        -1.0, "share of the global feature against the local one (paper: 0.95; RefCOCOg: 0.85); "
        "negative: the model's own", low=-1.0, high=1.0, live=True)
    text_weight: float = option(
        0.5, "share of the whole sentence against the target noun phrase (paper: 0.5)", low=0.0, high=1.0, live=True)
    calibration: str = option(
        "", "JSON file of `ris calibrate` that turns the model's cosines into chances; empty: the model's own")
    min_confidence: float = option(
        -1.0, "what fits less is reported as not there; 0: always answer; negative: the model's own", low=-1.0,
        high=1.0, live=True)
    max_candidates: int = option(5, "ranked candidates in a result", low=1, high=1000, live=True)


@dataclass(frozen=True)
class FollowingConfig:
    """When a followed object is lost, and when it is found again."""

    min_visible: float = option(
        0.2, "least share of the target that must be seen; with less it is lost", low=0.0, high=1.0, live=True)
    min_identity: float = option(
        0.6, "least likeness to the target as it was chosen, a cosine of CLIP features less what the scene has in "
        "common; with less it is something else", low=-1.0, high=1.0, live=True)
    give_up: float = option(
        30.0, "how long a lost target is sought before the command is answered anew", unit="s", low=0.0, high=3600.0,
        live=True)
    patience: float = option(
        2.0, "how long a lost target is sought only where it should be, before it may turn up elsewhere", unit="s",
        low=0.0, high=3600.0, live=True)


@dataclass(frozen=True)
class Config:
    """The whole tree; ``Config()`` is what the node starts with."""

    method: str = option("full", "full: the best this package can do; reference: the published procedure, exactly",
                         choices=("full", "reference"))
    device: str = option("auto", "auto, cpu, cuda or cuda:N; auto takes a CUDA device where there is one")
    frame_tolerance: float = option(
        4.0, "an image whose means of 8 x 8 pixels all differ by no more than this from those of one seen lately is "
        "taken for the same; 0: only if it is equal", unit="grey levels", low=0.0, high=255.0, live=True)
    frames_kept: int = option(3, "images whose proposals and features are remembered", low=1, high=100)
    # Only the node reads the next ten; they stand here because the node's parameters are this one tree.
    autostart: bool = option(True, "configure and activate at the start, without a lifecycle manager", live=True)
    mode: str = option("on_command", "on_command: answer each command once, on the newest frame; continuous: answer "
                       "the standing command on every frame", choices=("on_command", "continuous"), live=True)
    follow: bool = option(
        False, "in mode continuous, follow the one object that a command found at the camera's rate, instead of "
        "answering the command on every frame", live=True)
    max_rate: float = option(0.0, "most answers to a standing command in mode continuous; 0: no limit", unit="Hz",
                             low=0.0, high=1000.0, live=True)
    cameras: tuple[str, ...] = option(
        ("",), "names of the cameras; each NAME has topics NAME/image, ~/NAME/mask, ...; an empty one image, ~/mask")
    image_transport: str = option("raw", "how images arrive: topic image or image/compressed",
                                  choices=("raw", "compressed"), live=True)
    depth_transport: str = option(
        "raw", "how depth arrives: topic depth or depth/compressedDepth (in PNG format)",
        choices=("raw", "compressedDepth"), live=True)
    image_reliability: str = option(
        "auto", "reliability asked of the publishers of images; auto: reliable where all of them offer it",
        choices=("auto", "best_effort", "reliable"), live=True)
    depth_tolerance: float = option(
        0.05, "largest difference between the stamps of an image and its depth", unit="s", low=0.0, high=10.0,
        live=True)
    target_frame: str = option(
        "", "frame with z up, such as the robot's base, that points and poses are published in; empty: the camera's",
        live=True)
    proposals: ProposalsConfig = field(default_factory=ProposalsConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    matching: MatchingConfig = field(default_factory=MatchingConfig)
    following: FollowingConfig = field(default_factory=FollowingConfig)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """A configuration from dotted (``{"encoder.model": ...}``) or nested values; the rest keeps its default.

        Raises
        ------
        InputError
            For an unknown name, a wrong type, a value out of range or not among the choices.

        """
        return cls().replace(values)

    @classmethod
    def from_yaml(cls, path: str | Path) -> Config:
        """A configuration from a YAML file, plain or in the form of a ROS 2 parameter file."""
        import yaml

        try:
            values = yaml.safe_load(Path(path).read_text()) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"cannot read the configuration {path}: {' '.join(str(error).split())}") from error
        if not isinstance(values, dict):
            raise InputError(f"the configuration {path} must hold settings by name")
        for node in values.values():
            if isinstance(node, dict) and "ros__parameters" in node:
                # These belong to ROS itself; `ros2 param dump` writes them too.
                values = {name: value for name, value in node["ros__parameters"].items()
                          if name not in ("use_sim_time", "qos_overrides", "start_type_description_service")}
        return cls.from_dict(values)

    def replace(self, values: dict[str, Any]) -> Config:
        """A copy with some settings changed; names and errors as in :meth:`from_dict`."""
        known = {setting.name: setting for setting in settings(self)}
        tree = self
        for name, value in _dotted(values):
            if name not in known:
                raise InputError(f"unknown setting {name!r}; known are {', '.join(known)}")
            tree = _replaced(tree, name.split("."), known[name].checked(value))
        return tree


@dataclass(frozen=True)
class Setting:
    """One leaf of the tree, as ROS parameter descriptors and command-line options need it."""

    name: str
    value: Any
    type: type
    help: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    live: bool

    def checked(self, value: Any) -> Any:
        """`value` in this setting's type, or an InputError that says what it must be."""
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if self.type == tuple[str, ...]:
            return self._checked_names(value)
        if type(value) is not self.type:
            raise InputError(f"{self.name} must be a {self.type.__name__}, not {value!r}")
        if self.choices and value not in self.choices:
            raise InputError(f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}")
        # Written so that NaN fails too.
        if self.low is not None and not self.low <= value <= self.high:
            raise InputError(f"{self.name} must be from {self.low} to {self.high}, not {value!r}")
        return value

    def _checked_names(self, value: Any) -> tuple[str, ...]:
        # An empty list has no type in ROS, where it arrives as None or as bytes.
        names = tuple(value or ("",))
        if isinstance(value, str) or len(set(names)) < len(names) or not all(
                isinstance(name, str) and re.fullmatch(r"([A-Za-z]\w*)?", name, re.ASCII) for name in names):
            raise InputError(f"{self.name} must be a list of different names of letters, digits and underscores, "
                             f"not {value!r}")
        return names


def settings(tree: Any, prefix: str = "") -> Iterator[Setting]:
    """Every leaf of a configuration, named with dots, in the order of this file."""
    types = typing.get_type_hints(type(tree))
    for leaf in dataclasses.fields(tree):
        value = getattr(tree, leaf.name)
        if dataclasses.is_dataclass(value):
            yield from settings(value, f"{prefix}{leaf.name}.")
        else:
            yield Setting(f"{prefix}{leaf.name}", value, types[leaf.name], **leaf.metadata)


def to_ros_yaml(config: Config) -> str:
    """The text of a commented ROS 2 parameter file with every setting."""
    lines = ["# Every parameter of the node, with its default. Written by `ris config`; edit a copy.",
             "/**:", "  ros__parameters:"]
    section = ""
    for setting in settings(config):
        *parents, leaf = setting.name.split(".")
        if parents and parents[0] != section:
            section = parents[0]
            lines += ["", f"    # {type(getattr(config, section)).__doc__}", f"    {section}:"]
        indent = "      " if parents else "    "
        value = _yaml(setting.value)
        lines += [f"{indent}# {note}" for note in _notes(setting)] + [f"{indent}{leaf}: {value}"]
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    import yaml

    if isinstance(value, tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return yaml.safe_dump(value, default_style='"' if isinstance(value, str) else None, width=math.inf).split("\n")[0]


def _notes(setting: Setting) -> list[str]:
    notes = [setting.help + (f" [{setting.unit}]" if setting.unit else "")]
    if setting.choices:
        notes.append(f"one of: {', '.join(setting.choices)}")
    if setting.low is not None:
        notes.append(f"from {setting.low} to {setting.high}")
    return notes


def _dotted(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _replaced(tree: Any, path: list[str], value: Any) -> Any:
    if len(path) > 1:
        value = _replaced(getattr(tree, path[0]), path[1:], value)
    return dataclasses.replace(tree, **{path[0]: value})

