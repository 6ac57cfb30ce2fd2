"""Loading of a phrase detector by its name, from a folder or from the hub."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import re
from contextlib import suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ris_ros.config import Config, DetectorConfig
from ris_ros.detection.detector import FAMILIES, MODELS, Family, PhraseDetector
from ris_ros.errors import InputError, MissingError, shortened
from ris_ros.utils.device import usable_dtype
from ris_ros.utils.files import read_json
from ris_ros.utils.hub import cached_file, downloads, quiet_transformers

if TYPE_CHECKING:
    from ris_ros.detection.families import TransformersDetector

CONFIG_FILE = "config.json"
"""File of a model's folder or repository that names its family."""
WEIGHTS_FILES = ("model.safetensors", "model.safetensors.index.json")
"""Files of a repository, one of which comes with its weights."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What errors say that are raised for want of memory, on any device."""

logger = logging.getLogger(__name__)


def load_detector(config: DetectorConfig, device: str, *, offline: bool = False) -> PhraseDetector:
    """Return the detector that a configuration names, on a device such as ``cpu`` or ``cuda:0``.

    ``config.model`` is one of

    - a name of `detector.MODELS`, such as ``grounding-dino-tiny``
    - ``hf-hub:OWNER/NAME``: any model of the hub of one of `detector.FAMILIES`
    - ``local-dir:FOLDER``: such a model as its ``save_pretrained`` and that of its processor wrote it

    Files that are on this machine are used; others are downloaded, but with `offline` they are not.

    Raises
    ------
    InputError
        If there is no such model, or it is of a family that is not supported.
    MissingError
        If transformers is not installed or too old, or the weights are damaged or missing, cannot be downloaded, are
        under a licence that was not accepted, or do not fit into the memory.

    """
    family = check_detector(config, offline=offline)
    name, source = config.model, _source(config.model)
    dtype = usable_dtype(config.dtype, device, "detector.dtype")
    detector_class: type[TransformersDetector] = EntryPoint("detector", family.detector, "").load()
    try:
        # Otherwise the hub is asked whether each file is the newest, with long retries where there is no network.
        if not offline and _is_on_disk(name):
            with suppress(OSError), downloads(allowed=False), quiet_transformers():
                return detector_class(source, device, dtype, config, family.threshold)
        with downloads(allowed=not offline), quiet_transformers():
            return detector_class(source, device, dtype, config, family.threshold)
    except Exception as error:  # The library raises nearly anything for damaged files.
        raise MissingError(f"cannot load detector.model {name}: {_remedy(name, offline, error)}: {shortened(error)}"
                           ) from error


def try_to_load_detector(config: Config, device: str) -> tuple[PhraseDetector | None, str]:
    """Return the detector of a configuration; where an encoder judges as well, None and why it cannot be loaded.

    Raises the errors of :func:`load_detector` where the detector judges alone, and for wrong settings.
    """
    try:
        return load_detector(config.detector, device, offline=config.offline), ""
    except MissingError as error:
        if config.matching.appearance == "detector":
            raise
        logger.warning("%s; the answers are the encoder's alone", error, extra={"trouble": "no-detector"})
        return None, f"no detector: {error}"


def check_detector(config: DetectorConfig, *, offline: bool = False) -> Family:
    """Return a detector's family, or raise the errors of :func:`load_detector` that are known without its weights."""
    name = config.model
    if not name.startswith(("local-dir:", "hf-hub:")) and name not in MODELS:
        raise InputError(f"unknown detector.model {name!r}; use {', '.join(MODELS)}, hf-hub:OWNER/NAME or "
                         "local-dir:FOLDER")
    if importlib.util.find_spec("transformers") is None:
        raise MissingError(f"detector.model {name} needs the package transformers: run `pip install 'ris_ros[hf]'`")
    kind = _read_kind(name, offline)
    if kind not in FAMILIES:
        raise InputError(f"detector.model {name} is of the kind {kind[:40]!r}; supported are {', '.join(FAMILIES)}")
    family, version = FAMILIES[kind], importlib.metadata.version("transformers")
    if int(version.split(".")[0]) < family.needs:
        raise MissingError(f"detector.model {name} needs transformers {family.needs} or newer, this is {version}: run "
                           "`pip install --upgrade 'ris_ros[hf]'`")
    return family


def describe_detector(config: DetectorConfig) -> str:
    """Return a line on a detector: its name, its licence, and that no figure of its accuracy is ours."""
    licence = MODELS[config.model].licence if config.model in MODELS else "see its model card"
    return f"{config.model} (licence: {licence}); run here with random weights alone, see docs/detectors.md"


def is_detector(name: str) -> bool:
    """Return whether a name of `detector.MODELS`, or ``hf-hub:OWNER/NAME``, is a phrase detector."""
    if name in MODELS:
        return True
    try:
        return name.startswith("hf-hub:") and _read_kind(name, offline=False) in FAMILIES
    except MissingError:
        return False


def _source(name: str) -> str:
    """Return the folder or the repository of a model."""
    return MODELS[name].repository if name in MODELS else name.partition(":")[2]


def _is_on_disk(name: str) -> bool:
    return name.startswith("local-dir:") or any(cached_file(f"{_source(name)}/{file}") for file in WEIGHTS_FILES)


def _read_kind(name: str, offline: bool) -> str:
    """Return the ``model_type`` of a model."""
    import huggingface_hub

    source = _source(name)
    try:
        if name.startswith("local-dir:"):
            file = Path(source, CONFIG_FILE)
        else:
            with downloads(allowed=not offline):
                file = Path(cached_file(f"{source}/{CONFIG_FILE}")
                            or huggingface_hub.hf_hub_download(source, CONFIG_FILE))
        kind: Any = read_json(file).get("model_type")
    except Exception as error:  # Of the file, of its JSON, of the hub and of its names.
        raise MissingError(f"cannot load detector.model {name}: {_remedy(name, offline, error)}: {shortened(error)}"
                           ) from error
    return kind if isinstance(kind, str) else ""


def _remedy(name: str, offline: bool, error: BaseException) -> str:
    """Return what is the matter, and what to do."""
    from huggingface_hub.errors import GatedRepoError

    text = str(error).lower()
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    if any(isinstance(cause, GatedRepoError) for cause in causes) or re.search(r"gated repo|401 client error", text):
        return (f"its licence must be accepted first: do so on the page of {_source(name)} on Hugging Face, run "
                "`hf auth login`, and try again")
    if isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
        return "there is too little memory; choose a smaller model, detector.dtype bfloat16 or another device"
    if name.startswith("local-dir:"):
        return (f"the folder needs {CONFIG_FILE}, fitting weights as safetensors and the files of the processor, as "
                "save_pretrained writes them")
    fetch = f"run `ris weights fetch {name}` where there is a network"
    if offline:
        return f"it is not on this machine; {fetch}, because offline is set"
    return f"its files cannot be read or downloaded; {fetch}, or copy a folder here and name it local-dir:FOLDER"
