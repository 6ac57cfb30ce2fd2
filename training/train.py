"""Train the bundled CLIP on the simulated tabletop: ``python -m training.train --output DIR``.

The model learns both kinds of visual feature that the method compares with text: the local one of a masked crop and the
global one of a mask in the whole image. A run in the same folder resumes from the last checkpoint. On cores that are
shared with other processes, OMP_NUM_THREADS=1 can be several times faster than two threads.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import make_proposer
from ris_ros.sim.samples import HELD_OUT_PAIRS, TRAIN_SEEDS, VALIDATION_SEEDS
from ris_ros.sim.styles import PLAIN, styles_of
from training.dataset import TrainingViews, load_or_render
from training.model import (
    GRID,
    IMAGE_SIZE,
    MODEL_CONFIG,
    global_features,
    image_tokens,
    local_features,
    normalise,
    text_features,
)
from training.texts import CATEGORY_NAMES, COLOUR_NAMES
from training.trainer import Trainer

logger = logging.getLogger(__name__)

WEIGHTS = np.linspace(0, 1, 11)
"""Weights of the global feature at which the model is evaluated."""
SEEDS_PER_STYLE = 10_000
"""Distance between the first seeds of two styles."""
CHECKPOINT_STEPS, REPORT_STEPS = 50, 500
"""Steps between two checkpoints, and between two evaluations."""


def main() -> None:
    """Render missing data, train, evaluate and write the bundle."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for data, checkpoints and the bundle")
    parser.add_argument("--scenes", type=int, default=2000, help="number of training scenes in the plain style")
    parser.add_argument("--proposed-scenes", type=int, default=500,
                        help="number of these for which MobileSAM's masks are used too")
    parser.add_argument("--styled-scenes", type=int, default=400,
                        help="number of training scenes in each other training style; 0: plain scenes only")
    parser.add_argument("--styled-proposed-scenes", type=int, default=60,
                        help="number of these for which MobileSAM's masks are used too")
    parser.add_argument("--start", type=Path,
                        help="bundle whose weights to start from, such as ris_ros/models/tabletop")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--learning-rate", type=float, default=1.2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--half-precision", action="store_true", help="compute matrix products in bfloat16")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    train, validation, held_out = _load_data(options)
    trainer = Trainer(train, options.steps, options.learning_rate, options.seed, options.device, options.half_precision)
    if options.start is not None:
        trainer.start_from(load_file(options.start / "open_clip_model.safetensors"))
    loss = _train(trainer, options.output / "checkpoint.pt", validation, held_out)
    accuracy = _report(trainer, validation, held_out, WEIGHTS, loss)
    best = _best_weight(WEIGHTS, accuracy)
    about = {"visual_weight": best, "seed": options.seed, "steps": options.steps, "scenes": options.scenes,
             "styles": _styles(options), "accuracy": {"weights": WEIGHTS.round(2).tolist(), **accuracy},
             # The phrases of the prompt bank, for which `ris calibrate` fits temperatures.
             "calibration": {"nouns": CATEGORY_NAMES, "colours": COLOUR_NAMES,
                             "nothings": ["table", "floor", "several objects", "part of an object",
                                          "something else"]}}
    write_bundle(options.output / "bundle", trainer.trained(), MODEL_CONFIG, about)
    logger.info("written to %s, visual weight %.1f", options.output / "bundle", best)


def _load_data(options: argparse.Namespace) -> tuple[TrainingViews, TrainingViews, TrainingViews]:
    """Return the views for training, for validation, and for validation with held-out pairs only."""
    data = options.output / "data"

    def load(name: str, seeds: range, **more: Any) -> TrainingViews:
        return load_or_render(data / name, seeds, IMAGE_SIZE, GRID, lambda shards: tqdm(shards, desc=name), **more)

    proposer = make_proposer(ProposalsConfig(), options.device)
    parts = []
    for number, style in enumerate(_styles(options)):
        scenes, proposed = (options.scenes, options.proposed_scenes) if style == PLAIN else \
            (options.styled_scenes, options.styled_proposed_scenes)
        # Each style has seeds of its own, so that no two have the same scene.
        seeds = TRAIN_SEEDS[number * SEEDS_PER_STYLE:][:scenes]
        folder, proposed = "train" if style == PLAIN else f"train-{style}", min(proposed, scenes)
        if proposed:
            parts.append(load(folder, seeds[:proposed], exclude_pairs=HELD_OUT_PAIRS, style=style, proposer=proposer))
        if proposed < scenes:
            parts.append(load(folder, seeds[proposed:], exclude_pairs=HELD_OUT_PAIRS, style=style))
    return (TrainingViews.concatenate(parts),
            load("validation", VALIDATION_SEEDS[:100], exclude_pairs=HELD_OUT_PAIRS),
            load("held-out", VALIDATION_SEEDS[100:200], only_pairs=HELD_OUT_PAIRS))


def _styles(options: argparse.Namespace) -> list[str]:
    return [PLAIN, *(style for style in styles_of("train") if style != PLAIN and options.styled_scenes)]


def _train(trainer: Trainer, checkpoint: Path, validation: TrainingViews, held_out: TrainingViews) -> float:
    """Run all remaining steps and return the loss, smoothed over the last steps; NaN if none remain."""
    if checkpoint.is_file():
        trainer.load(torch.load(checkpoint, map_location="cpu", weights_only=True))
        logger.info("resuming from step %d", trainer.step)
    smooth = math.nan
    with tqdm(total=trainer.steps, initial=trainer.step, desc="training") as progress:
        while trainer.step < trainer.steps:
            loss = trainer.advance()
            smooth = loss if math.isnan(smooth) else 0.95 * smooth + 0.05 * loss
            progress.update()
            progress.set_postfix(loss=f"{smooth:.3f}")
            if trainer.step % CHECKPOINT_STEPS == 0 or trainer.step == trainer.steps:
                unfinished = checkpoint.with_suffix(".part")
                torch.save(trainer.state(), unfinished)
                unfinished.rename(checkpoint)
            if trainer.step % REPORT_STEPS == 0:
                _report(trainer, validation, held_out, WEIGHTS[[0, 5, 10]], smooth)
    return smooth


def _report(trainer: Trainer, validation: TrainingViews, held_out: TrainingViews, weights: np.ndarray, loss: float
            ) -> dict[str, list[float]]:
    """Evaluate the model as it is, log the result, and return the accuracy for each weight."""
    model = trainer.trained().eval()
    accuracy = {name: selection_accuracy(model, trainer.tokenizer, views, weights).round(4).tolist()
                for name, views in (("validation", validation), ("held_out", held_out))}
    model.train()
    logger.info("step %d, loss %.3f, weights %s: %s", trainer.step, loss, weights.tolist(), accuracy)
    return accuracy


def _best_weight(weights: np.ndarray, accuracy: dict[str, list[float]]) -> float:
    """Return the median of the weights with the best accuracy, averaged over both kinds of validation scene."""
    score = np.mean(list(accuracy.values()), axis=0)
    good = weights[score >= score.max() - 0.002]
    return round(float(good[len(good) // 2]), 2)


@torch.inference_mode()
def selection_accuracy(model: open_clip.CLIP, tokenizer: open_clip.SimpleTokenizer, views: TrainingViews,
                       weights: np.ndarray, variant: int = 0) -> np.ndarray:
    """Return the share of objects that "the COLOUR CATEGORY" selects among all objects of their scene.

    Objects of which another has the same colour and category are left out.

    Parameters
    ----------
    model, tokenizer : the model to evaluate
    views : the scenes
    weights : [K], of the global feature; with 0 only crops count, with 1 only masks in the whole image
    variant : 0 for true masks, 1 for degraded ones

    Returns
    -------
    Float [K], 0..1, for each weight.

    """
    device = model.logit_scale.device
    objects = np.flatnonzero(views.background < 0)
    pairs = sorted({(int(views.colour[i]), int(views.category[i])) for i in objects})
    texts = [f"the {COLOUR_NAMES[c]} {CATEGORY_NAMES[k]}" for c, k in pairs]
    text_of = dict(zip(pairs, F.normalize(text_features(model, tokenizer(texts).to(device)), dim=1), strict=True))
    correct = []
    for number in range(len(views.images)):
        members = objects[views.scene[objects] == number]
        crops = normalise(views.crops[members, variant]).to(device)
        image = normalise(views.images[number:number + 1]).to(device)
        masks = torch.from_numpy(views.masks[members, variant].reshape(len(members), -1)).float().to(device) / 255
        local = local_features(model.visual, crops)
        global_ = global_features(model.visual, image_tokens(model.visual, image),
                                  torch.zeros(len(members), dtype=torch.long, device=device), masks)
        labels = [(int(views.colour[i]), int(views.category[i])) for i in members]
        for k, label in enumerate(labels):
            if labels.count(label) == 1:
                correct.append([
                    int((F.normalize(a * global_ + (1 - a) * local, dim=1) @ text_of[label]).argmax()) == k
                    for a in weights])
    return np.mean(correct, axis=0)


def write_bundle(folder: Path, model: open_clip.CLIP, model_config: dict[str, Any], about: dict[str, Any]) -> None:
    """Write the files for ``open_clip.create_model_from_pretrained("local-dir:FOLDER")``, and ris.json.

    Parameters
    ----------
    folder : created if missing
    model : trained; its weights are stored in half precision
    model_config : open_clip's configuration of the model
    about : content of ris.json, whose `visual_weight` is the encoder's default; the sha256 of the weights is added

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


if __name__ == "__main__":
    main()
