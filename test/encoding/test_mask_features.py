"""Features of masks are computed when they are first read, once, and only where they are needed."""

import numpy as np
import open_clip
import pytest
import torch

from ris_ros.encoding import MaskGuidedEncoder

VISION = {"image_size": 48, "patch_size": 8, "width": 64, "layers": 4, "head_width": 32}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return MaskGuidedEncoder(open_clip.CLIP(64, VISION, TEXT).eval())


@pytest.fixture
def computed(encoder, monkeypatch):
    """The kinds of features that the encoder computes, each with its number of masks."""
    calls = []

    def recorded(name):
        encode = getattr(encoder, name)

        def record(image, *arguments):
            calls.append((name, *(len(masks) for masks in arguments[:-1])))
            return encode(image, *arguments)
        return record

    for name in ("encode_global", "encode_local", "encode_patches"):
        monkeypatch.setattr(encoder, name, recorded(name))
    return calls


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (61, 97, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def masks():
    masks = np.zeros((5, 61, 97), bool)
    for index, mask in enumerate(masks):
        mask[5 * index:5 * index + 30, 10 * index:10 * index + 40] = True
    return masks


@pytest.mark.parametrize("method", ["reference", "full"])
def test_no_masks_have_no_features(encoder, image, masks, method):
    features = encoder.encode_masks(image, masks[:0], method=method)
    assert features.global_features.shape == features.local_features.shape == (0, 64)


def test_a_feature_of_weight_0_is_not_computed(encoder, image, masks, computed):
    expected = encoder.encode_masks(image, masks)
    global_features, local_features = expected.global_features, expected.local_features
    computed.clear()
    features = encoder.encode_masks(image, masks)
    assert computed == []
    assert torch.equal(features.for_fusion(1.0)[0], global_features)
    assert features.for_fusion(1.0)[1] is None
    assert computed == [("encode_global", 5)]
    features = encoder.encode_masks(image, masks)
    assert features.for_fusion(0.0)[0] is None
    assert torch.equal(features.for_fusion(0.0)[1], local_features)
    assert computed == [("encode_global", 5), ("encode_local", 5)]
    assert all(torch.equal(*pair) for pair in
               zip(features.for_fusion(0.5), (global_features, local_features), strict=True))


@pytest.mark.parametrize("method", ["reference", "full"])
def test_an_extension_computes_only_the_further_masks(encoder, image, masks, computed, method):
    few = encoder.encode_masks(image, masks[:2], method=method)
    few.for_fusion(0.5)
    computed.clear()
    more = few.extended(masks[2:])
    all_at_once = MaskGuidedEncoder(encoder.model).encode_masks(image, masks, method=method)
    torch.testing.assert_close(more.global_features, all_at_once.global_features, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(more.local_features, all_at_once.local_features, rtol=1e-4, atol=1e-5)
    assert computed == [("encode_global", 3), ("encode_local", 3)]
    assert len(few.global_features) == len(few.local_features) == 2


def test_features_of_patches_are_computed_once_for_all_extensions(encoder, image, masks, computed):
    features = encoder.encode_masks(image, masks[:2], method="full")
    extended = features.extended(masks[2:3]).extended(masks[3:])
    assert extended.patch_features.shape == (6, 6, 64)
    assert features.patch_features is extended.patch_features
    assert computed == [("encode_patches",)]
