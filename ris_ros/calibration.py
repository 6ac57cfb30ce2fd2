"""Calibration of an encoder: the one it brings, one from the user's images, or one from stock images.

A model of photographs brings no calibration. Its scores then mean little: each model has its own scale, and each text
its own offset. Both can be estimated from unlabelled images (see `grounding.frame_calibration`). A few stock images are
part of the package, so that a new model is calibrated when it is first used; images of the robot's own camera serve
better.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch.nn.functional as F  # noqa: N812

from ris_ros.config import Config, MatchingConfig
from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.errors import InputError
from ris_ros.grounding import PromptBank, fuse
from ris_ros.grounding.frame_calibration import VERSION, MaskViews, calibrate_from_frames
from ris_ros.grounding.guesses import NONSENSE
from ris_ros.grounding.prompt_bank import NOTHING, STOCK_IMAGES
from ris_ros.grounding.rivals import rival_texts
from ris_ros.proposals import Proposer
from ris_ros.proposals.given import from_coco
from ris_ros.utils.files import read_json, write_atomically
from ris_ros.utils.images import read_image
from ris_ros.utils.weights import cache_dir

STOCK_FOLDER = Path(__file__).parent / "models" / "stock_images"
"""Images and their masks, made by ``python -m training.stock_images``."""

Frame = tuple[np.ndarray, np.ndarray]
"""An image, uint8 RGB [H, W, 3], and its masks, bool [N, H, W]."""

logger = logging.getLogger(__name__)


def load_bank(settings: MatchingConfig, encoder: MaskGuidedEncoder) -> PromptBank:
    """Load the calibration that the settings name, or else the model's own; PHOTOGRAPHS where there is none.

    A calibration of other weights is not used, which is logged.

    Raises
    ------
    InputError
        When the file cannot be read or is not a calibration.

    """
    bank = PromptBank.load(settings.calibration, encoder.calibration, settings.names)
    if not bank.fingerprint or bank.fingerprint == encoder.fingerprint:
        return bank
    logger.warning("%s", _of_other_weights(settings), extra={"trouble": "other-calibration"})
    return PromptBank.load("", None, settings.names)


def visual_weight(settings: MatchingConfig, encoder: MaskGuidedEncoder) -> float:
    """Return the share of the global feature in the fusion; the model's own where the settings leave it open."""
    return settings.visual_weight if settings.visual_weight >= 0 else encoder.default_visual_weight


def calibrated_bank(config: Config, encoder: MaskGuidedEncoder) -> PromptBank:
    """Load the bank of a configuration; without a calibration, fit it to the stock images.

    Raises
    ------
    InputError
        As :func:`load_bank`.

    """
    bank = load_bank(config.matching, encoder)
    if config.method != "full":
        return bank
    return calibrate_unless_done(bank, encoder, visual_weight(config.matching, encoder))


def calibrate_unless_done(bank: PromptBank, encoder: MaskGuidedEncoder, visual_weight: float) -> PromptBank:
    """Return the bank, fitted to the stock images if it is not calibrated; as it is where they do not help."""
    if bank.calibrated_by != NOTHING:
        return bank
    try:
        return stock_calibration(encoder, bank, visual_weight)
    except InputError as error:
        logger.warning("the confidence is not calibrated: %s", error, extra={"trouble": "not-calibrated"})
        return bank


def calibration_notes(config: Config, bank: PromptBank, visual_weight: float) -> list[str]:
    """Return what is wrong with the calibration in use, for diagnostics."""
    if config.method != "full":
        return []
    if config.matching.calibration and not bank.is_calibrated:
        return [_of_other_weights(config.matching)]
    if bank.calibrated_by == NOTHING:
        return ["the confidence is not calibrated: run `ris calibrate`"]
    if bank.visual_weight >= 0 and abs(bank.visual_weight - visual_weight) > 1e-6:
        return [f"the confidence was calibrated for matching.visual_weight {bank.visual_weight:g}: run `ris calibrate`"]
    return []


def calibrate_from_images(images: Iterable[np.ndarray], proposer: Proposer, encoder: MaskGuidedEncoder,
                          bank: PromptBank, visual_weight: float, *, method: str = "full",
                          max_false_absence: float = 0.05) -> PromptBank:
    """Fit a bank to unlabelled images.

    Parameters
    ----------
    images : uint8 RGB [H, W, 3], of the kind that the robot sees; some twenty are enough
    proposer, encoder : the calibration holds for these
    bank : the phrases to contrast with
    visual_weight : share of the global feature in the fusion, 0..1
    method : as in :meth:`MaskGuidedEncoder.encode_masks`
    max_false_absence : share of the present objects that may be called absent, 0..1

    Raises
    ------
    InputError
        When there are too few images or masks, or the features are constant or not finite.

    """
    store_names(encoder, bank)
    views = encode_views(encoder, ((image, proposer(image).masks) for image in images), visual_weight, method)
    return calibrate_from_frames(views, bank, encoder.encode_text, encoder.fingerprint, visual_weight,
                                 max_false_absence=max_false_absence)


def stock_calibration(encoder: MaskGuidedEncoder, bank: PromptBank, visual_weight: float) -> PromptBank:
    """Fit a bank to the stock images; the result is kept on disk, as this may take a minute on a CPU.

    Raises
    ------
    InputError
        When the features are constant or not finite.

    """
    file = cache_dir() / "calibrations" / f"{_cache_key(encoder, bank, visual_weight)}.json"
    try:
        return replace(PromptBank.from_dict(read_json(file)), vocabulary=bank.vocabulary)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
        pass  # Not there, or damaged: it is made anew.
    logger.info("calibrating the confidence of this model on stock images, once")
    store_names(encoder, bank)
    views = encode_views(encoder, stock_frames(), visual_weight, "full")
    fitted = calibrate_from_frames(views, bank, encoder.encode_text, encoder.fingerprint, visual_weight,
                                   source=STOCK_IMAGES)
    try:
        write_atomically(file, json.dumps(fitted.to_dict()).encode())
    except OSError as error:
        logger.info("the calibration is not kept, as %s cannot be written: %s", file, error)
    return fitted


def store_names(encoder: MaskGuidedEncoder, bank: PromptBank) -> None:
    """Encode the names of the vocabulary, if the bank has no nouns of its own: once for each model."""
    if not bank.nouns:
        encoder.store_texts([*rival_texts(bank), *NONSENSE])


def stock_frames() -> Iterator[Frame]:
    """Yield the stock images with their masks."""
    for name, masks in read_json(STOCK_FOLDER / "masks.json").items():
        image = read_image(STOCK_FOLDER / name)
        yield image, from_coco([{"segmentation": mask} for mask in masks], *image.shape[:2]).masks


def encode_views(encoder: MaskGuidedEncoder, frames: Iterable[Frame], visual_weight: float, method: str) -> MaskViews:
    """Return the features of all masks in two views, see :class:`MaskViews`.

    Parameters
    ----------
    encoder : of the masks
    frames : images without masks are left out
    visual_weight : share of the global feature in the fusion, 0..1
    method : as in :meth:`MaskGuidedEncoder.encode_masks`

    """
    has_two_features = encoder.has_global_path and 0 < visual_weight < 1
    first_views, second_views, fused_views = [], [], []
    for image, masks in frames:
        if not len(masks):
            continue
        features = encoder.encode_masks(image, masks, method=method)
        fused = fuse(*features.for_fusion(visual_weight), visual_weight)
        if has_two_features:
            first, second = features.global_features, features.local_features
        else:
            # Without a second feature, the mirrored image is the other view.
            mirrored = encoder.encode_masks(image[:, ::-1].copy(), masks[:, :, ::-1].copy(), method=method)
            first, second = fused, fuse(*mirrored.for_fusion(visual_weight), visual_weight)
        first_views.append(first.double().cpu().numpy())
        second_views.append(second.double().cpu().numpy())
        fused_views.append(F.normalize(fused, dim=1).double().cpu().numpy())
    nothing = [np.zeros((0, 1))]
    return MaskViews(np.concatenate(first_views or nothing), np.concatenate(second_views or nothing),
                     visual_weight if has_two_features else 1.0, np.concatenate(fused_views or nothing),
                     [len(view) for view in fused_views])


def _cache_key(encoder: MaskGuidedEncoder, bank: PromptBank, visual_weight: float) -> str:
    """Return a name for everything that a calibration from stock images depends on."""
    content = [VERSION, (STOCK_FOLDER / "masks.json").read_text(), encoder.fingerprint, encoder.arithmetic,
               encoder.masked_blocks, visual_weight, bank.names, bank.to_dict()]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _of_other_weights(settings: MatchingConfig) -> str:
    source = f"matching.calibration {settings.calibration}" if settings.calibration else "the model's calibration"
    return f"{source} is of other weights and is not used: run `ris calibrate` for this model"
