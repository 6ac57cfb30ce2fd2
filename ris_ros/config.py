"""All settings of ris_ros, defined once: ROS parameters, command-line options and config/ris.yaml come from here."""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ris_ros.errors import InputError, excerpt, one_line

ROS_OWN_PARAMETERS = ("use_sim_time", "qos_overrides", "start_type_description_service")
"""Parameters that every node has, which `ros2 param dump` therefore writes too."""


MAX_FILE_BYTES = 1_000_000
"""Size of the largest configuration file that is read."""
MAX_YAML_DEPTH = 20
"""Levels of lists and mappings in YAML."""

TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
"""What a setting of each type must be, in words."""

PROPOSER_PLUGINS = "ris_ros.proposers"
"""Entry point group with which other packages add proposers, under the names that `proposals.method` then accepts."""
PARSER_PLUGINS = "ris_ros.parsers"
"""Entry point group with which other packages add parsers, under the names that `language.parser` then accepts."""


def option(default: Any, help: str, *, unit: str = "", low: float | None = None, high: float | None = None,
           choices: tuple[str, ...] = (), plugins: str = "", live: bool = False) -> Any:
    """Define a setting as a dataclass field.

    Parameters
    ----------
    default : default value
    help : what the setting does, as users read it
    unit : unit of the value
    low, high : smallest and largest valid value, both or neither
    choices : the valid values
    plugins : entry point group whose names are valid values too
    live : whether the value may change while the node is configured

    """
    return field(default=default, metadata={
        "help": help, "unit": unit, "low": low, "high": high, "choices": choices, "plugins": plugins, "live": live})


@dataclass(frozen=True)
class ProposalsConfig:
    """How mask proposals are generated."""

    method: str = option("mobilesam", "mask proposer", choices=("mobilesam", "sam", "sam2"), plugins=PROPOSER_PLUGINS)
    checkpoint: str = option(
        "", "checkpoint name (see `ris weights list`) or path; of sam2: tiny, small, base-plus, large, "
        "a folder or a name on the Hugging Face hub; empty: the proposer's default")
    backend: str = option(
        "auto", "what computes MobileSAM's image encoder; auto: the quickest of what is installed, which is measured "
        "once on each machine", choices=("auto", "onnxruntime", "openvino"))
    tensorrt: bool = option(
        False, "run MobileSAM with TensorRT on CUDA devices, if onnxruntime supports it; the first image then takes "
        "minutes")
    max_prompts: int = option(
        256, "maximum number of prompt points per image, which has as many as find something new", low=1, high=4096,
        live=True)
    early_prompts: int = option(
        12, "number of prompt points after which a command on a new image is answered, if that answer is sure, or else "
        "after twice as many; all others follow for the next command (method full); 0: answer after all prompts only",
        low=0, high=64, live=True)
    search_prompts: int = option(
        24, "maximum number of additional prompt points for each thing that is not found, placed where the image "
        "matches the text best; 0: none", low=0, high=64, live=True)
    max_remainders: int = option(
        6, "maximum number of masks per image that are made by taking another mask out of one, such as a plate without "
        "the block on it; 0: none", low=0, high=64, live=True)
    min_quality: float = option(0.78, "minimum predicted IoU of a mask", low=0.0, high=1.0, live=True)
    min_stability: float = option(
        0.65, "minimum stability of a mask: the IoU of its versions at logit thresholds -1 and +1", low=0.0, high=1.0,
        live=True)
    min_area: float = option(0.0005, "minimum area of a mask, as a fraction of the image", low=0.0, high=1.0, live=True)
    duplicate_iou: float = option(
        0.88, "IoU above which two masks are duplicates; the better one is kept", low=0.0, high=1.0, live=True)

    @property
    def model(self) -> str:
        """The proposer and its checkpoint, in short."""
        return f"{self.method} {self.checkpoint}".rstrip()


@dataclass(frozen=True)
class EncoderConfig:
    """Which CLIP model encodes masks and texts."""

    model: str = option(
        "bundled", "open_clip model: bundled (simulated tabletop only), ARCHITECTURE/TAG, ARCHITECTURE/FILE, "
        "hf-hub:NAME or local-dir:FOLDER")
    dtype: str = option(
        "auto", "data type of the model; auto: float32, but bfloat16 for crops where that is faster (method full)",
        choices=("auto", "float32", "bfloat16", "float16"))
    exported: str = option(
        "", "folder with the model's towers as `ris export` wrote them, which compute in place of torch; empty: torch")
    masked_blocks: int = option(
        3, "number of final transformer blocks in which the mask is applied to the patch tokens (paper: 3)", low=0,
        high=64)
    batch_size: int = option(32, "number of masks encoded at a time", low=1, high=1024)


@dataclass(frozen=True)
class LanguageConfig:
    """How expressions are parsed."""

    parser: str = option(
        "reader", "parser of expressions, with method full; reader: this package's", choices=("reader",),
        plugins=PARSER_PLUGINS)
    model: str = option("en_core_web_sm", "spaCy model, for base forms and senses of words")
    reader: str = option("", "folder of a reader trained with `python -m training.reader train`; empty: the package's")


@dataclass(frozen=True)
class MatchingConfig:
    """How masks are matched with the text."""

    visual_weight: float = option(
        -1.0, "weight of the global feature; the local feature gets the rest (paper: 0.95; RefCOCOg: 0.85); negative: "
        "the model's own", low=-1.0, high=1.0, live=True)
    text_weight: float = option(
        0.5, "weight of the whole sentence; the target noun phrase gets the rest (paper: 0.5)", low=0.0, high=1.0,
        live=True)
    calibration: str = option(
        "", "JSON file, written by `ris calibrate`, that maps the model's cosines to probabilities; empty: the model's "
        "own")
    names: str = option(
        "", "file of names that objects are contrasted with, besides the everyday ones: one a line, as in cup|mug; "
        "empty: none")
    min_confidence: float = option(
        -1.0, "minimum confidence; with less the object is reported as not found; 0: always answer; negative: the "
        "model's own",
        low=-1.0, high=1.0, live=True)
    max_false_absence: float = option(
        -1.0, "share of the objects in view that may be reported as not found: sets min_confidence by the calibration; "
        "less finds more, also what is not there; negative: the calibration's own, 0.05 unless it was made with "
        "another; no effect where min_confidence is set", low=-1.0, high=0.5, live=True)
    max_candidates: int = option(5, "maximum number of ranked candidates in a result", low=1, high=1000, live=True)
    appearance: str = option(
        "clip", "what judges the appearance of objects (method full): clip, the encoder; detector, a phrase detector, "
        "which is asked for every noun phrase, without any CLIP; both, the two together",
        choices=("clip", "detector", "both"))


@dataclass(frozen=True)
class DetectorConfig:
    """Which phrase detector is asked, where matching.appearance is detector or both."""

    model: str = option(
        "grounding-dino-tiny", "phrase detector: a name of docs/detectors.md, hf-hub:OWNER/NAME or local-dir:FOLDER")
    dtype: str = option("float32", "data type of the model", choices=("float32", "bfloat16", "float16"))
    threshold: float = option(
        -1.0, "score of a detection that is right as often as wrong; lower ones count less; negative: the one of the "
        "model's makers", low=-1.0, high=0.99, live=True)
    max_detections: int = option(
        20, "maximum number of detections of each phrase, those with the highest scores", low=1, high=200, live=True)
    batch_size: int = option(8, "number of phrases that are detected at a time", low=1, high=64)


@dataclass(frozen=True)
class FollowingConfig:
    """How an object is tracked, when it counts as lost, and as found again."""

    method: str = option(
        "motion", "how the mask gets from one frame to the next. motion: by the motion of points and by colours, in "
        "milliseconds on a CPU; sam2: by SAM 2's video memory, which needs a GPU to keep up with a camera",
        choices=("motion", "sam2"))
    checkpoint: str = option(
        "", "SAM 2 model of method sam2: tiny, small, base-plus, large, a folder or a name on the Hugging Face hub; "
        "empty: that of the proposals, if they are made by sam2, else tiny")
    min_visible: float = option(
        0.2, "fraction of the target that must be visible; with less it is lost", low=0.0, high=1.0, live=True)
    min_identity: float = option(
        0.6, "minimum similarity to the chosen target; with less it is a different object. Similarity: cosine of the "
        "CLIP features, after subtraction of the scene's mean", low=-1.0, high=1.0, live=True)
    give_up: float = option(
        30.0, "time to search for a lost target before the command is answered again", unit="s", low=0.0, high=3600.0,
        live=True)
    patience: float = option(
        2.0, "time to search for a lost target at its expected position only, before searching the whole image",
        unit="s", low=0.0, high=3600.0, live=True)


@dataclass(frozen=True)
class Config:
    """The whole tree of settings; ``Config()`` holds the defaults."""

    method: str = option("full", "full: the best this package can do; reference: exactly the published method",
                         choices=("full", "reference"))
    device: str = option("auto", "auto, cpu, cuda or cuda:N; auto: a CUDA device if there is one")
    offline: bool = option(
        False, "download nothing: a model that is not on this machine is refused with the command that fetches it")
    frame_tolerance: float = option(
        4.0, "an image is treated as unchanged if the means of its 8 x 8 pixel blocks differ from those of a recent "
        "image by at most this; 0: only if all pixels are equal", unit="grey levels", low=0.0, high=255.0, live=True)
    frames_kept: int = option(3, "number of images whose proposals and features are cached", low=1, high=100)
    max_image_pixels: int = option(
        40_000_000, "maximum size of an image, from a message or a file; a larger one is refused before it is decoded",
        unit="pixels", low=1, high=150_000_000, live=True)
    # Only the node reads the next twelve settings. They are here because this tree defines the node's parameters.
    autostart: bool = option(True, "configure and activate at startup, without a lifecycle manager", live=True)
    mode: str = option("on_command", "on_command: answer each command once, on the newest frame; continuous: answer "
                       "the latest command on every frame", choices=("on_command", "continuous"), live=True)
    follow: bool = option(
        False, "in mode continuous, track the object found for a command at the camera's rate, instead of answering "
        "the command on every frame", live=True)
    max_rate: float = option(0.0, "maximum rate of answers in mode continuous; 0: no limit", unit="Hz",
                             low=0.0, high=1000.0, live=True)
    max_latency: float = option(
        0.0, "time that an answer on a new image should take; where it takes longer, less work is done in steps, which "
        "the answer's note and the diagnostics tell; 0: no limit", unit="s", low=0.0, high=3600.0, live=True)
    cameras: tuple[str, ...] = option(
        ("",), "names of the cameras; the topics of NAME are NAME/image, ~/NAME/mask, ...; those of an empty name are "
        "image, ~/mask, ...")
    image_transport: str = option(
        "raw", "transport of the images; raw: topic image; compressed: topic image/compressed",
        choices=("raw", "compressed"), live=True)
    depth_transport: str = option(
        "raw", "transport of the depth images; raw: topic depth; compressedDepth: topic depth/compressedDepth, in PNG "
        "format", choices=("raw", "compressedDepth"), live=True)
    image_reliability: str = option(
        "auto", "QoS reliability of the image subscription; auto: reliable if all publishers offer it",
        choices=("auto", "best_effort", "reliable"), live=True)
    depth_tolerance: float = option(
        0.05, "maximum difference between the timestamps of an image and its depth image", unit="s", low=0.0, high=10.0,
        live=True)
    max_image_age: float = option(
        5.0, "maximum age of the newest image when a command is answered; with an older one, as after the camera has "
        "stopped, the command is answered as not found, with that reason; 0: no limit", unit="s", low=0.0, high=86400.0,
        live=True)
    target_frame: str = option(
        "", "frame with z up, such as the robot's base, in which points and poses are published; empty: the camera's",
        live=True)
    proposals: ProposalsConfig = field(default_factory=ProposalsConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    matching: MatchingConfig = field(default_factory=MatchingConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    following: FollowingConfig = field(default_factory=FollowingConfig)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """Return a configuration with the given values, and defaults for the rest.

        Parameters
        ----------
        values : values by name, dotted (``{"encoder.model": ...}``) or nested (``{"encoder": {"model": ...}}``)

        Raises
        ------
        InputError
            For an unknown name, a wrong type, a value out of range or not among the choices.

        """
        return cls().replace(values)

    @classmethod
    def from_yaml(cls, path: str | Path) -> Config:
        """Return the configuration in a YAML file: plain settings, or a ROS 2 parameter file.

        Raises
        ------
        InputError
            If the file cannot be read, and as in :meth:`from_dict`.

        """
        try:
            with open(path, "rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            text = content.decode()
        except (OSError, ValueError) as error:  # A ValueError for text that is not UTF-8, and for NUL in the path.
            raise InputError(f"cannot read the configuration {path}: {one_line(error)}") from error
        if len(content) > MAX_FILE_BYTES:
            raise InputError(f"the configuration {path} is larger than {MAX_FILE_BYTES} bytes")
        values = parse_yaml(text, f"the configuration {path}") or {}
        if not isinstance(values, dict):
            raise InputError(f"the configuration {path} must hold settings by name")
        for node in values.values():
            if isinstance(node, dict) and isinstance(node.get("ros__parameters"), dict):
                values = {name: value for name, value in node["ros__parameters"].items()
                          if name not in ROS_OWN_PARAMETERS}
        return cls.from_dict(values)

    def to_dict(self) -> dict[str, Any]:
        """Return the value of every setting by its dotted name."""
        return {setting.name: setting.value for setting in iter_settings(self)}

    def replace(self, values: dict[str, Any]) -> Config:
        """Return a copy with some settings changed; names and raised errors as in :meth:`from_dict`."""
        known = {setting.name: setting for setting in iter_settings(self)}
        tree = self
        sections = {name.rpartition(".")[0] for name in known}
        for name, value in _flatten(values, sections):
            if name not in known:
                close = get_close_matches(name, known, n=3)
                raise InputError(f"unknown setting {excerpt(name)}; "
                                 + (f"did you mean {' or '.join(close)}? " if close else "")
                                 + "`ris config` lists all")
            tree = _replace_leaf(tree, name.split("."), known[name].validate(value))
        return tree


@dataclass(frozen=True)
class Setting:
    """One leaf of the tree, with the metadata for ROS parameter descriptors and the command line."""

    name: str
    value: Any
    type: type
    help: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    plugins: str
    live: bool

    def validate(self, value: Any) -> Any:
        """Return `value` in this setting's type; raise InputError, which says what it must be, if it is not valid."""
        if self.type == tuple[str, ...]:
            return self._validate_names(value)
        if type(value) not in ((float, int) if self.type is float else (self.type,)):
            raise InputError(f"{self.name} must be {TYPE_NAMES[self.type]}, not {excerpt(value)}")
        if self.choices and value not in self.choices and value not in self._plugin_choices():
            raise InputError(f"{self.name} must be one of {', '.join((*self.choices, *self._plugin_choices()))}, "
                             f"not {excerpt(value)}")
        if isinstance(value, int | float) and not self._is_in_range(value):
            raise InputError(f"{self.name} must be from {self.low} to {self.high}, not {excerpt(value)}")
        return float(value) if self.type is float else value

    def _plugin_choices(self) -> list[str]:
        # The import and the search through installed packages are slow: only for a value that is not built in.
        from importlib.metadata import entry_points

        return sorted(entry_points(group=self.plugins).names) if self.plugins else []

    def _is_in_range(self, value: float) -> bool:
        # NaN is in no range.
        return self.low is None or self.high is None or self.low <= value <= self.high

    def _validate_names(self, value: Any) -> tuple[str, ...]:
        # An empty list has no type in ROS, where it arrives as None or as bytes.
        is_list = value is None or isinstance(value, list | tuple | bytes)
        names = tuple(value or ("",)) if is_list else ()
        if not names or not all(
                isinstance(name, str) and re.fullmatch(r"([A-Za-z]\w*)?", name, re.ASCII) for name in names
                ) or len(set(names)) < len(names):
            raise InputError(f"{self.name} must be a list of different names of letters, digits and underscores, "
                             f"not {excerpt(value)}")
        return names


def iter_settings(tree: Any, prefix: str = "") -> Iterator[Setting]:
    """Yield every leaf of a configuration, with its dotted name, in the order of its definition."""
    types = typing.get_type_hints(type(tree))
    for leaf in dataclasses.fields(tree):
        value = getattr(tree, leaf.name)
        if dataclasses.is_dataclass(value):
            yield from iter_settings(value, f"{prefix}{leaf.name}.")
        else:
            yield Setting(f"{prefix}{leaf.name}", value, types[leaf.name], **leaf.metadata)


def parse_yaml(text: str, source: str) -> Any:
    """Return the value of a YAML text.

    It may hold no aliases, with which a few lines can stand for gigabytes; ROS's parameter files may not either.

    Raises
    ------
    InputError
        If it is not such a text; `source` says what it is.

    """
    import yaml

    depth = 0
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > MAX_YAML_DEPTH:
                raise InputError(f"aliases and more than {MAX_YAML_DEPTH} levels are not supported")
        return yaml.safe_load(text)
    except Exception as error:  # PyYAML raises nearly anything for a value that does not fit its tag.
        raise InputError(f"cannot read {source}: {one_line(error)}") from error


def to_ros_yaml(config: Config) -> str:
    """Return the text of a ROS 2 parameter file with every setting and its help as comments."""
    lines = ["# All parameters of the node and their defaults. Written by `ris config`; edit a copy.",
             "/**:", "  ros__parameters:"]
    section = ""
    for setting in iter_settings(config):
        *parents, leaf = setting.name.split(".")
        if parents and parents[0] != section:
            section = parents[0]
            lines += ["", f"    # {type(getattr(config, section)).__doc__}", f"    {section}:"]
        indent = "      " if parents else "    "
        lines += [f"{indent}# {line}" for line in _comment_lines(setting)]
        lines += [f"{indent}{leaf}: {_to_yaml(setting.value)}"]
    return "\n".join(lines) + "\n"


def _to_yaml(value: Any) -> str:
    import yaml

    if isinstance(value, tuple):
        return f"[{', '.join(map(_to_yaml, value))}]"
    style = '"' if isinstance(value, str) else None
    return str(yaml.safe_dump(value, default_style=style, width=math.inf)).split("\n")[0]


def _comment_lines(setting: Setting) -> list[str]:
    lines = [setting.help + (f" [{setting.unit}]" if setting.unit else "")]
    if setting.choices:
        lines.append(f"one of: {', '.join(setting.choices)}")
    if setting.low is not None:
        lines.append(f"from {setting.low} to {setting.high}")
    return lines


def _flatten(values: dict[str, Any], sections: set[str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names and values of a nested dictionary, which is entered where its names are those of sections."""
    for key, value in values.items():
        name = f"{prefix}{key if isinstance(key, str) else excerpt(key)}"
        if isinstance(value, dict) and name in sections:
            yield from _flatten(value, sections, f"{name}.")
        else:
            yield name, value


def _replace_leaf(tree: Any, path: list[str], value: Any) -> Any:
    """Return a copy of a tree of dataclasses with the leaf at `path` replaced."""
    if len(path) > 1:
        value = _replace_leaf(getattr(tree, path[0]), path[1:], value)
    return dataclasses.replace(tree, **{path[0]: value})
