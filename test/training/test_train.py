"""The bundle that a training run writes; its features must equal those of training."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import open_clip
import pytest
import torch

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.encoding.preprocessing import image_tensor, masked_crop, resize_image, resize_masks
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
from training.train import write_bundle

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bundle(trainer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, trainer.trained(), MODEL_CONFIG, {"visual_weight": 0.4})
    return folder


def test_training_features_equal_those_of_the_encoder(bundle, example, standardise):
    scene, rendering = example
    masks = np.stack([rendering.mask(index) for index in range(len(scene.objects))])
    model = open_clip.create_model_from_pretrained(f"local-dir:{bundle}", return_transform=False)
    encoder = MaskGuidedEncoder(model, open_clip.get_tokenizer(f"local-dir:{bundle}"))
    features = encoder.encode_masks(rendering.image, masks)

    pixels = image_tensor(rendering.image, CPU)
    crops = torch.cat([masked_crop(pixels, mask, (IMAGE_SIZE, IMAGE_SIZE)) for mask in masks])
    texts = ["the red cup behind the box", "a spoon"]
    with torch.inference_mode():
        tokens = image_tokens(model.visual, standardise(resize_image(pixels, (IMAGE_SIZE, IMAGE_SIZE))))
        soft = resize_masks(masks, (GRID, GRID), CPU).flatten(1)
        in_context = global_features(model.visual, tokens, torch.zeros(len(masks), dtype=torch.long), soft)
        torch.testing.assert_close(in_context, features.global_features, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(local_features(model.visual, standardise(crops)), features.local_features,
                                   atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(text_features(model, encoder.tokenizer(texts)), encoder.encode_text(texts),
                                   atol=1e-5, rtol=1e-4)


def test_the_bundle_records_its_checksum_and_is_small(bundle):
    about = json.loads((bundle / "ris.json").read_text())
    weights = bundle / "open_clip_model.safetensors"
    assert about["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert about["visual_weight"] == 0.4
    assert weights.stat().st_size < 15e6


def test_pixels_are_normalised_as_by_clip(standardise):
    grey = np.full((1, 2, 2, 3), 127, np.uint8)
    expected = standardise(torch.full((1, 3, 2, 2), 127 / 255))
    torch.testing.assert_close(normalise(grey), expected)
