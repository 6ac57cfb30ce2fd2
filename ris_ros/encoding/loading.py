"""Loading of an encoder by the name of its model."""

from __future__ import annotations

import difflib
import logging
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors import SafetensorError

from ris_ros.config import EncoderConfig
from ris_ros.encoding.availability import (
    check_on_disk,
    check_packages,
    download_remedy,
    is_on_disk,
    read_model_config,
)
from ris_ros.encoding.clip_model import ClipModel, Tokenizer
from ris_ros.encoding.encoder import MaskGuidedEncoder
from ris_ros.encoding.exported_towers import ExportedEncoder
from ris_ros.errors import InputError, MissingError, shortened
from ris_ros.utils.device import usable_dtype
from ris_ros.utils.files import read_bundled, read_json
from ris_ros.utils.hub import downloads
from ris_ros.utils.plugins import check_plugin, find_plugin, load_plugin, plugin_errors, plugin_names

BUNDLED_FOLDER = Path(__file__).parent.parent / "models" / "tabletop"
"""Folder of the bundled model."""

ENCODER_PLUGINS = "ris_ros.encoders"
"""Entry point group with which other packages add encoders, under names without a slash for `encoder.model`."""

RANDOM = "random"
"""Tag that stands for random weights."""

logger = logging.getLogger(__name__)


def load_encoder(config: EncoderConfig, device: str, *, offline: bool = False) -> MaskGuidedEncoder:
    """Return the encoder that a configuration names, on a device such as ``cpu`` or ``cuda:0``.

    ``config.model`` is one of

    - ``bundled``: the small model for the simulated tabletop that is part of the package
    - ``ARCHITECTURE/TAG``: a pretrained model of open_clip's registry, such as ``ViT-B-16/openai``
    - ``ARCHITECTURE/FILE``: a checkpoint file (safetensors, or a pickle of plain weights)
    - ``ARCHITECTURE/random``: random weights, to measure time and memory; its answers mean nothing
    - ``hf-hub:NAME`` or ``local-dir:FOLDER``: as open_clip reads them
    - a name that another package adds in the group `ENCODER_PLUGINS`

    With `offline`, nothing is downloaded.

    Raises
    ------
    InputError
        If there is no such model, or ``config.exported`` does not hold its towers.
    MissingError
        If a package that it needs is not installed, or its weights are damaged, missing or cannot be downloaded.

    """
    name = config.model
    check_encoder(config, offline=offline)
    if point := _find_plugin(name):
        return _load_from_plugin(point, config, device)
    if name == "bundled":
        logger.warning("encoder.model is bundled: it knows the simulated tabletop only; "
                       "for real scenes set it to a pretrained model such as ViT-B-16/openai",
                       extra={"trouble": "bundled-model"})
        name = f"local-dir:{BUNDLED_FOLDER}"
    model, tokenizer = _create_model(name, offline)
    metadata = _read_metadata(Path(name.removeprefix("local-dir:")) if name.startswith("local-dir:") else None)
    dtype, crop_dtype = (torch.float32, None) if config.dtype == "auto" else (usable_dtype(config.dtype, device),) * 2
    make: Callable[..., MaskGuidedEncoder] = MaskGuidedEncoder
    if config.exported:
        make, crop_dtype = partial(ExportedEncoder, Path(config.exported)), torch.float32
    return make(
        model, tokenizer, device=device, dtype=dtype, crop_dtype=crop_dtype, masked_blocks=config.masked_blocks,
        batch_size=config.batch_size, default_visual_weight=metadata.get("visual_weight", 0.95),
        calibration=metadata.get("calibration"))


def check_encoder(config: EncoderConfig, *, offline: bool = False) -> None:
    """Raise the errors of :func:`load_encoder` that are known without loading anything."""
    name = config.model
    if config.exported and config.dtype not in ("auto", "float32"):
        raise InputError(f"the towers in encoder.exported compute in float32: set encoder.dtype to auto, not to "
                         f"{config.dtype}")
    if name == "bundled":
        verify_bundled()
        return
    if _find_plugin(name):
        if config.exported:
            raise InputError(f"encoder.model {name} comes from another package, which takes no exported towers: leave "
                             "encoder.exported empty")
        return
    if not name.startswith(("local-dir:", "hf-hub:")):
        _check_name(name, *name.partition("/")[::2])
    check_packages(name, read_model_config(name, offline=offline))
    if offline and _is_downloaded(name):
        check_on_disk(name)


def _find_plugin(name: str) -> EntryPoint | None:
    is_own = name == "bundled" or "/" in name or name.startswith(("local-dir:", "hf-hub:"))
    return None if is_own else find_plugin(ENCODER_PLUGINS, name)


def _load_from_plugin(point: EntryPoint, config: EncoderConfig, device: str) -> MaskGuidedEncoder:
    factory = load_plugin(point, callable, "a function of an EncoderConfig and a device")
    with plugin_errors(point):
        encoder: MaskGuidedEncoder = factory(config, device)
    check_plugin(point, encoder, lambda made: isinstance(made, MaskGuidedEncoder), "a MaskGuidedEncoder")
    return encoder


def _is_downloaded(name: str) -> bool:
    """Return whether a model's weights come from a network, unless they are on this machine already."""
    pretrained = name.partition("/")[2]
    return not (name.startswith("local-dir:") or pretrained == RANDOM or os.path.isfile(pretrained))


def _create_model(name: str, offline: bool) -> tuple[ClipModel, Tokenizer]:
    architecture: str
    pretrained: str | None
    if name.startswith(("local-dir:", "hf-hub:")):
        architecture, pretrained = name, None
    else:
        architecture, _, pretrained = name.partition("/")
    if pretrained == RANDOM:
        logger.warning("encoder.model %s has random weights: its answers mean nothing", name,
                       extra={"trouble": "random-weights"})
    try:
        if not offline and _is_downloaded(name) and is_on_disk(name):
            # Otherwise a hub is asked whether each file is the newest, with long retries where there is no network.
            with suppress(OSError), downloads(allowed=False):
                return _create_parts(architecture, pretrained)
            # Some other file is not there, such as one of a tokenizer from Hugging Face.
        with downloads(allowed=not offline):
            return _create_parts(architecture, pretrained)
    except LOAD_ERRORS as error:
        raise MissingError(f"cannot load encoder.model {name}: {_remedy(name, offline, error)}: {shortened(error)}"
                           ) from error


def _create_parts(architecture: str, pretrained: str | None) -> tuple[ClipModel, Tokenizer]:
    # The tokenizer comes first, because it is quicker to fail.
    tokenizer = open_clip.get_tokenizer(architecture)
    if pretrained == RANDOM:
        torch.manual_seed(0)
        return open_clip.create_model(architecture, pretrained_text=False), tokenizer
    return open_clip.create_model_from_pretrained(architecture, pretrained, return_transform=False), tokenizer


LOAD_ERRORS = (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError,
               SafetensorError, StopIteration, TypeError, ValueError, pickle.UnpicklingError)
"""What torch, safetensors and open_clip raise for files that are damaged, missing, or of another architecture."""


def _remedy(name: str, offline: bool, error: Exception) -> str:
    if name.startswith("local-dir:"):
        return "the folder needs open_clip_config.json, fitting open_clip_model.safetensors and the tokenizer's files"
    if isinstance(error, OSError) or (_is_downloaded(name) and not is_on_disk(name)):
        return f"its weights or its tokenizer cannot be read or downloaded; {download_remedy(name, offline)}"
    if _is_downloaded(name):
        return f"its file of weights is damaged; delete it and run `ris weights fetch {name}`"
    return "the file must be safetensors, or a PyTorch file of weights alone, of this architecture"


def _check_name(name: str, architecture: str, pretrained: str) -> None:
    known = open_clip.list_models()
    if architecture not in known:
        close = difflib.get_close_matches(architecture, known, n=3, cutoff=0.4)
        added = plugin_names(ENCODER_PLUGINS)
        raise InputError(f"unknown encoder.model {name!r}: no architecture {architecture!r}"
                         + (f"; close ones are {', '.join(close)}" if close else "")
                         + (f"; other packages add {', '.join(added)}" if added else ""))
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained != RANDOM and pretrained not in tags and not os.path.isfile(pretrained):
        raise InputError(f"encoder.model {name!r}: {pretrained!r} is neither a file nor a pretrained tag of "
                         f"{architecture}; its tags are {', '.join(tags) or 'none'}")


def verify_bundled() -> None:
    """Raise a MissingError unless the bundled model is there with the checksum that it was shipped with."""
    read_bundled(BUNDLED_FOLDER / "open_clip_model.safetensors", BUNDLED_FOLDER / "ris.json", "model")


def _read_metadata(folder: Path | None) -> dict[str, Any]:
    """Return what ris.json in a model's folder says about the model; empty if there is no such file."""
    file = folder / "ris.json" if folder is not None else None
    if file is None or not file.is_file():
        return {}
    remedy = "copy the model's folder again, or delete this file to use the model without its calibration"
    metadata: dict[str, Any] = read_json(file, remedy)
    weight = metadata.get("visual_weight", 0.0) if isinstance(metadata, dict) else None
    if type(weight) not in (int, float) or not 0 <= weight <= 1 or not isinstance(
            metadata.get("calibration"), dict | None):
        raise InputError(f"{file} must be an object with a visual_weight from 0 to 1 and a calibration: {remedy}")
    return metadata
