"""The encoder's interface: arguments it accepts and refuses, texts it caches, batches under memory pressure."""

import logging

import numpy as np
import open_clip
import pytest
import torch

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.encoding import encoder as encoder_module
from ris_ros.errors import InputError

TINY = {"image_size": 48, "patch_size": 8, "width": 64, "layers": 4, "head_width": 32}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}


def make_model(vision: dict = TINY) -> torch.nn.Module:
    torch.manual_seed(0)
    return open_clip.CLIP(64, vision, TEXT).eval()


def image_and_masks() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    masks = np.zeros((5, 61, 97), bool)
    for index, mask in enumerate(masks):
        mask[5 * index:5 * index + 30, 10 * index:10 * index + 40] = True
    return rng.integers(0, 256, (61, 97, 3), dtype=np.uint8), masks


@pytest.mark.parametrize("method", ["reference", "full"])
def test_a_mask_without_patches_keeps_only_the_class_token(method, monkeypatch):
    image, masks = image_and_masks()
    # The mask loses all of its weight on the grid, as a pixel in a very large image does in half precision.
    monkeypatch.setattr(encoder_module, "resize_masks", lambda *_: torch.zeros(1, 6, 6))
    features = MaskGuidedEncoder(make_model()).encode_masks(image, masks[:1], method=method).global_features
    assert torch.isfinite(features).all()
    assert features.norm() > 0


@pytest.mark.parametrize(("change", "message"), [
    (lambda image, masks: (image, masks.astype(np.float32)), r"float32 \[5, 61, 97\]"),
    (lambda image, masks: (image, masks.astype(np.uint8)), r"bool \[N, 61, 97\].*uint8"),
    (lambda image, masks: (image, masks[:, 1:]), r"\[61, 97, 3\].*\[5, 60, 97\]"),
    (lambda image, masks: (image, masks[0]), r"\[61, 97\]"),
    (lambda image, masks: (image, list(masks)), "list"),
    (lambda image, masks: (image, masks & (np.arange(5) != 3)[:, None, None]), r"mask 3 of masks \[5, 61, 97\]"),
    (lambda image, masks: (image / 255, masks), r"float64 \[61, 97, 3\]"),
    (lambda image, masks: (np.full((61, 97, 3), np.nan, np.float32), masks), r"float32 \[61, 97, 3\]"),
    (lambda image, masks: (image[..., 0], masks), r"\[61, 97\]"),
])
def test_unusable_input_is_refused_with_its_shape(change, message):
    encoder = MaskGuidedEncoder(make_model())
    with pytest.raises(ValueError, match=message) as refusal:
        encoder.encode_masks(*change(*image_and_masks()))
    assert isinstance(refusal.value, InputError)


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match="reference or full"):
        MaskGuidedEncoder(make_model()).encode_masks(*image_and_masks(), method="fast")


@pytest.mark.parametrize(("vision", "message"), [
    ({**TINY, "image_size": 50}, r"\[50, 50\].*\[8, 8\]"),
    ({**TINY, "image_size": (48, 44)}, r"\[48, 44\].*\[8, 8\]"),
    ({"image_size": 80, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}, r"\[80, 80\].*\[32, 32\]"),
])
def test_a_grid_that_does_not_divide_is_refused(vision, message):
    with pytest.raises(InputError, match=message):
        MaskGuidedEncoder(make_model(vision))


def test_a_non_square_input_is_supported():
    features = MaskGuidedEncoder(make_model({**TINY, "image_size": (48, 32)})).encode_masks(*image_and_masks())
    assert features.global_features.shape == features.local_features.shape == (5, 64)


def test_the_most_recent_texts_are_cached(monkeypatch):
    monkeypatch.setattr(encoder_module, "MAX_CACHED_TEXTS", 2)
    encoder = MaskGuidedEncoder(make_model())
    encoder.encode_text(["a", "b"])
    encoder.encode_text(["a"])
    assert encoder.encode_text(["c", "d", "a"]).shape == (3, 64)
    assert list(encoder._text_cache) == ["d", "a"]


@pytest.mark.parametrize("method", ["reference", "full"])
def test_running_out_of_memory_halves_the_batch_and_warns_once(method, monkeypatch, caplog):
    image, masks = image_and_masks()
    exact = MaskGuidedEncoder(make_model()).encode_masks(image, masks, method=method)
    expected = exact.global_features, exact.local_features
    model = make_model()
    encoder = MaskGuidedEncoder(model, batch_size=4)
    batch_sizes = []

    def run_out_of_memory(module, inputs):
        batch_sizes.append(len(inputs[0]))
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError

    # A layer that batches of masks and batches of crops pass.
    model.visual.transformer.resblocks[-1].mlp.register_forward_pre_hook(run_out_of_memory)
    logging.getLogger("ris_ros").propagate = True
    with caplog.at_level(logging.WARNING, "ris_ros"):
        features = encoder.encode_masks(image, masks, method=method)
        computed = features.global_features, features.local_features
    for ours, theirs in zip(computed, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert batch_sizes[:3] == [4, 2, 1]
    assert max(batch_sizes[2:]) == 1
    assert len([record for record in caplog.records if "out of memory" in record.message]) == 1
    assert encoder.notes == ["out of memory: masks are computed 1 at a time, which takes longer"]


def test_running_out_of_memory_for_a_single_mask_is_an_error():
    model = make_model()

    def run_out_of_memory(*_):
        raise torch.OutOfMemoryError

    model.visual.ln_post.register_forward_pre_hook(run_out_of_memory)
    features = MaskGuidedEncoder(model, batch_size=1).encode_masks(*image_and_masks())
    with pytest.raises(torch.OutOfMemoryError):
        _ = features.global_features
