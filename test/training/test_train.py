from __future__ import annotations

import hashlib
import json

import numpy as np
import open_clip
import pytest
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.encoding.pixels import image_tensor, masked_crop, resize_image, resize_masks
from ris_ros.sim.render import Renderer
from ris_ros.sim.splits import HELD_OUT_PAIRS, TRAIN_SEEDS
from ris_ros.sim.tabletop import sample_scene
from training.bundle import write_bundle
from training.dataset import CATEGORY_NAMES, COLOUR_NAMES, NOTHINGS, imperfect, load_or_render
from training.train import (
    GRID,
    MODEL_CONFIG,
    SEEN_PAIRS,
    SIZE,
    Trainer,
    context_features,
    context_tokens,
    crop_features,
    normalised,
    selection_accuracy,
    text_features,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shots")


@pytest.fixture(scope="module")
def shots(folder):
    return load_or_render(folder, TRAIN_SEEDS[:10], SIZE, GRID, exclude_pairs=HELD_OUT_PAIRS)


@pytest.fixture(scope="module")
def example():
    scene = sample_scene(TRAIN_SEEDS[0], exclude_pairs=HELD_OUT_PAIRS)
    with Renderer() as renderer:
        return scene, renderer.render(scene)


@pytest.fixture(scope="module")
def trainer(shots):
    trainer = Trainer(shots, steps=4, learning_rate=1e-3, seed=1, device="cpu")
    trainer.advance()
    return trainer


def test_shots_name_every_object_and_what_is_none(shots, example):
    scene, _ = example
    mine = (shots.scene == 0) & (shots.nothing < 0)
    labels = list(zip(shots.colour[mine], shots.category[mine], strict=True))
    assert labels == [(COLOUR_NAMES.index(t.colour), CATEGORY_NAMES.index(t.category)) for t in scene.objects]
    assert set(shots.nothing) == {-1, *range(len(NOTHINGS))}
    assert len(shots.images) == 10


def test_shots_are_read_again_from_their_folder(shots, folder):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = load_or_render(folder, TRAIN_SEEDS[:10], SIZE, GRID, exclude_pairs=HELD_OUT_PAIRS)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    np.testing.assert_array_equal(again.crops, shots.crops)


def test_shots_are_cut_as_the_encoder_cuts(shots, example):
    _, rendering = example
    pixels = image_tensor(rendering.image, CPU)
    for index in range(3):
        crop = masked_crop(pixels, rendering.mask(index), (SIZE, SIZE))[0].clamp(0, 1).permute(1, 2, 0).numpy() * 255
        assert np.abs(crop - shots.crops[index, 0]).mean() < 1
        soft = resize_masks(rendering.mask(index)[None], (GRID, GRID), CPU)[0].numpy() * 255
        np.testing.assert_allclose(shots.masks[index, 0], soft, atol=3)


def test_imperfect_masks_are_near_the_true_ones_and_seldom_the_same(example):
    scene, rendering = example
    rng = np.random.default_rng(0)
    overlaps = []
    for _ in range(5):
        for index in range(len(scene.objects)):
            mask = rendering.mask(index)
            faulty = imperfect(mask, rendering, rng)
            overlaps.append((mask & faulty).sum() / (mask | faulty).sum())
    assert min(overlaps) > 0.25
    assert 0.6 < np.median(overlaps) < 0.98


@pytest.fixture(scope="module")
def bundle(trainer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, trainer.trained(), MODEL_CONFIG, {"visual_weight": 0.4})
    return folder


def test_training_features_are_those_of_the_encoder(bundle, example):
    scene, rendering = example
    masks = np.stack([rendering.mask(index) for index in range(len(scene.objects))])
    model = open_clip.create_model_from_pretrained(f"local-dir:{bundle}", return_transform=False)
    encoder = MaskGuidedEncoder(model, open_clip.get_tokenizer(f"local-dir:{bundle}"))
    in_context, local = encoder.encode_masks(rendering.image, masks)

    pixels = image_tensor(rendering.image, CPU)
    crops = torch.cat([masked_crop(pixels, mask, (SIZE, SIZE)) for mask in masks])
    texts = ["the red cup behind the box", "a spoon"]
    with torch.inference_mode():
        tokens = context_tokens(model.visual, standardised(resize_image(pixels, (SIZE, SIZE))))
        soft = resize_masks(masks, (GRID, GRID), CPU).flatten(1)
        mine = context_features(model.visual, tokens, torch.zeros(len(masks), dtype=torch.long), soft)
        torch.testing.assert_close(mine, in_context, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(crop_features(model.visual, standardised(crops)), local, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(text_features(model, encoder.tokenizer(texts)), encoder.encode_text(texts),
                                   atol=1e-5, rtol=1e-4)


def standardised(pixels):
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    return (pixels - mean) / std


def test_the_bundle_says_what_its_bytes_are_and_is_small(bundle):
    about = json.loads((bundle / "ris.json").read_text())
    weights = bundle / "open_clip_model.safetensors"
    assert about["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert about["visual_weight"] == 0.4
    assert weights.stat().st_size < 15e6


def test_training_lowers_the_loss_and_teaches_the_scenes(shots):
    trainer = Trainer(shots, steps=100, learning_rate=4e-3, seed=0, device="cpu")
    losses = [trainer.advance() for _ in range(24)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 1.5
    before = Trainer(shots, steps=1, learning_rate=1e-3, seed=0, device="cpu")
    weights = np.array([0.0, 0.5, 1.0])
    taught, untaught = (selection_accuracy(t.trained().eval(), t.tokenizer, shots, weights) for t in (trainer, before))
    assert taught.max() > untaught.max() + 0.1


@pytest.fixture
def one_thread():
    """Threads add in an order of their own, and so round otherwise from run to run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_a_resumed_run_repeats_an_unbroken_one(shots, tmp_path, one_thread):
    unbroken = Trainer(shots, steps=3, learning_rate=1e-3, seed=2, device="cpu")
    unbroken.advance()
    torch.save(unbroken.state(), tmp_path / "checkpoint.pt")
    resumed = Trainer(shots, steps=3, learning_rate=1e-3, seed=2, device="cpu")
    resumed.load(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    assert resumed.advance() == unbroken.advance()
    for name, value in unbroken.trained().state_dict().items():
        assert torch.equal(resumed.trained().state_dict()[name], value), name


def test_words_outside_the_training_texts_stay_zero(trainer):
    table = trainer.trained().token_embedding.weight
    known = trainer.tokenizer(["the red cup"])[0, 1:4]
    unknown = trainer.tokenizer(["xylophone"])[0, 1:3]
    assert (table[known] != 0).any(1).all()
    assert (table[unknown] == 0).all()


def test_no_training_name_is_of_a_held_out_pair():
    named = {(COLOUR_NAMES[colour], CATEGORY_NAMES[category]) for colour, category in SEEN_PAIRS}
    assert not named & HELD_OUT_PAIRS
    assert len(named | HELD_OUT_PAIRS) == len(COLOUR_NAMES) * len(CATEGORY_NAMES)


def test_normalised_pixels_are_those_of_clip():
    grey = np.full((1, 2, 2, 3), 127, np.uint8)
    expected = standardised(torch.full((1, 3, 2, 2), 127 / 255))
    torch.testing.assert_close(normalised(grey), expected)
