"""What a model of open_clip needs before it can be loaded: packages, and files on this machine or a network."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import huggingface_hub
import open_clip
from huggingface_hub.errors import HfHubHTTPError

from ris_ros.errors import MissingError, shortened
from ris_ros.utils.hub import cached_file, downloads

CONFIG_FILE = "open_clip_config.json"
"""File in a model's folder or repository that describes its architecture."""


def read_model_config(name: str, *, offline: bool) -> dict[str, Any]:
    """Return the configuration of a model, ``ARCHITECTURE/...``, ``local-dir:FOLDER`` or ``hf-hub:NAME``.

    Raises
    ------
    MissingError
        If the folder or the repository has none that can be read.

    """
    try:
        if name.startswith("local-dir:"):
            file = Path(name.removeprefix("local-dir:"), CONFIG_FILE)
        elif name.startswith("hf-hub:"):
            repository = name.removeprefix("hf-hub:")
            with downloads(allowed=not offline):
                file = Path(cached_file(f"{repository}/{CONFIG_FILE}")
                            or huggingface_hub.hf_hub_download(repository, CONFIG_FILE))
        else:
            return dict(open_clip.get_model_config(name.partition("/")[0]))
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError, HfHubHTTPError) as error:
        where = f"; {_fetch(name, offline)}" if name.startswith("hf-hub:") else ""
        raise MissingError(f"cannot load encoder.model {name}: its {CONFIG_FILE} cannot be read: "
                           f"{shortened(error)}{where}") from error
    config = content.get("model_cfg") if isinstance(content, dict) else None
    if not isinstance(config, dict) or not all(isinstance(config.get(part), dict) for part in _PARTS):
        raise MissingError(f"cannot load encoder.model {name}: its {CONFIG_FILE} has no model_cfg with "
                           f"{' and '.join(_PARTS)}")
    return config


_PARTS = ("vision_cfg", "text_cfg")


def check_packages(name: str, model_config: dict[str, Any]) -> None:
    """Raise a MissingError if a model's configuration names parts of packages that are not installed.

    The tokenizers and text towers of Hugging Face need transformers, image towers of timm a timm that knows them.
    """
    vision, text = (model_config[part] for part in _PARTS)
    for part, source in (("text tower", text.get("hf_model_name")), ("tokenizer", text.get("hf_tokenizer_name"))):
        if source and importlib.util.find_spec("transformers") is None:
            raise MissingError(f"encoder.model {name} has the {part} {source} of Hugging Face, which needs the package "
                               "transformers: run `pip install 'ris_ros[hf]'`")
    if tower := vision.get("timm_model_name"):
        import timm

        if not timm.is_model(tower):
            raise MissingError(f"encoder.model {name} has the image tower {tower}, which timm {timm.__version__} does "
                               "not know: run `pip install --upgrade timm`")


def check_on_disk(name: str) -> None:
    """Raise a MissingError unless the weights of ``ARCHITECTURE/TAG`` or ``hf-hub:NAME`` are on this machine."""
    if not is_on_disk(name):
        raise MissingError(f"cannot load encoder.model {name}: its weights are not on this machine; "
                           f"{_fetch(name, offline=True)}")


def is_on_disk(name: str) -> bool:
    """Return whether the weights of ``ARCHITECTURE/TAG`` or ``hf-hub:NAME`` are on this machine."""
    if name.startswith("hf-hub:"):
        return any(cached_file(f"{name.removeprefix('hf-hub:')}/{file}") for file in _HUB_WEIGHTS)
    source = open_clip.get_pretrained_cfg(*name.split("/", 1))
    hub = source.get("hf_hub", "")
    url_file = os.path.basename(source.get("url", ""))
    return Path(source.get("file", "")).is_file() \
        or any(map(cached_file, _with_alternatives(hub))) \
        or (not hub and Path("~/.cache/clip", url_file).expanduser().is_file())


_HUB_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


def _with_alternatives(hub: str) -> list[str]:
    """Return the files, REPOSITORY/FILE, that may hold the weights that open_clip names so, safetensors first."""
    repository, _, file = hub.rpartition("/")
    if not repository:
        return []
    names = [f"{Path(file).stem}.safetensors", file] if file else _HUB_WEIGHTS
    return [f"{repository}/{one}" for one in names]


def _fetch(name: str, offline: bool) -> str:
    command = f"run `ris weights fetch {name}` where there is a network"
    return f"{command}, because offline is set" if offline else command


def download_remedy(name: str, offline: bool) -> str:
    """Return what to do where a model's weights or tokenizer could not be read or downloaded."""
    return f"{_fetch(name, offline)}, or copy a checkpoint here and name it ARCHITECTURE/FILE"
