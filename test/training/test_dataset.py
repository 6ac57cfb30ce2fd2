from __future__ import annotations

import numpy as np
import torch

from ris_ros.encoding.preprocessing import IMAGENET_MEAN, image_tensor, masked_crop, resize_masks
from ris_ros.sim.samples import HELD_OUT_PAIRS, TRAIN_SEEDS
from ris_ros.sim.tabletop import sample_scene
from training.augmentation import augment
from training.dataset import load_or_render
from training.model import GRID, IMAGE_SIZE
from training.texts import BACKGROUND_CLASSES, CATEGORY_NAMES, COLOUR_NAMES

CPU = torch.device("cpu")


def test_every_object_and_every_background_class_is_labelled(views, example):
    scene, _ = example
    members = (views.scene == 0) & (views.background < 0)
    labels = list(zip(views.colour[members], views.category[members], strict=True))
    assert labels == [(COLOUR_NAMES.index(obj.colour), CATEGORY_NAMES.index(obj.category)) for obj in scene.objects]
    # The plain style has no distractors.
    assert {BACKGROUND_CLASSES[k] for k in views.background if k >= 0} == {*BACKGROUND_CLASSES} - {"distractor"}
    assert len(views.images) == 10


def test_views_are_cached_in_their_folder(views, folder):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = load_or_render(folder, TRAIN_SEEDS[:10], IMAGE_SIZE, GRID, exclude_pairs=HELD_OUT_PAIRS)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    np.testing.assert_array_equal(again.crops, views.crops)


def test_the_distractors_of_a_style_are_labelled(tmp_path):
    seed = next(seed for seed in TRAIN_SEEDS if len(sample_scene(seed, style="toybox").distractors) == 2)
    views = load_or_render(tmp_path, [seed], IMAGE_SIZE, GRID, style="toybox")
    assert (views.background == BACKGROUND_CLASSES.index("distractor")).sum() in (1, 2)
    assert (views.background < 0).sum() == len(sample_scene(seed, style="toybox").objects)


def test_augmentation_varies_an_image_but_not_what_a_mask_left_out(views):
    crops = views.crops[:12, 0]
    varied = augment(crops, np.random.default_rng(0))
    np.testing.assert_array_equal(varied, augment(crops, np.random.default_rng(0)))
    outside = (crops == np.round(np.array(IMAGENET_MEAN) * 255).astype(np.uint8)).all(-1)
    assert outside.any()
    np.testing.assert_array_equal(varied[outside], crops[outside])
    difference = np.abs(varied[~outside].astype(int) - crops[~outside])
    assert 3 < difference.mean() < 40


def test_crops_and_soft_masks_match_those_of_the_encoder(views, example):
    _, rendering = example
    pixels = image_tensor(rendering.image, CPU)
    for index in range(3):
        crop = masked_crop(pixels, rendering.mask(index), (IMAGE_SIZE, IMAGE_SIZE))
        crop = crop[0].clamp(0, 1).permute(1, 2, 0).numpy() * 255
        assert np.abs(crop - views.crops[index, 0]).mean() < 1
        soft = resize_masks(rendering.mask(index)[None], (GRID, GRID), CPU)[0].numpy() * 255
        np.testing.assert_allclose(views.masks[index, 0], soft, atol=3)
