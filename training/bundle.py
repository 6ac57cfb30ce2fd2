"""The folder in which a trained tabletop model is shipped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import open_clip
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors.torch import save_file


def write_bundle(folder: Path, model: open_clip.CLIP, model_config: dict, about: dict) -> None:
    """Write what ``open_clip.create_model_from_pretrained("local-dir:FOLDER")`` reads, and ris.json.

    Parameters
    ----------
    folder : written to, made where it is missing
    model : trained; its weights are stored in half precision
    model_config : open_clip's, that the model was made from
    about : for ris.json, whose `visual_weight` the encoder takes for its default; the sha256 is added

    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "open_clip_model.safetensors"
    save_file({name: value.detach().cpu().contiguous().to(torch.float16 if value.ndim else value.dtype)
               for name, value in model.state_dict().items()}, weights)
    config = {"model_cfg": model_config, "preprocess_cfg": {
        "mean": OPENAI_DATASET_MEAN, "std": OPENAI_DATASET_STD, "interpolation": "bicubic", "resize_mode": "squash"}}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    about = {**about, "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    (folder / "ris.json").write_text(json.dumps(about, indent=2) + "\n")
