"""The encoder's interface: what it takes and refuses, what it remembers, what it does when memory is short."""

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


def make_model(vision: dict = TINY, text: dict = TEXT, kind: type = open_clip.CLIP) -> torch.nn.Module:
    torch.manual_seed(0)
    return kind(64, vision, text).eval()


def picture() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    masks = np.zeros((5, 61, 97), bool)
    for index, mask in enumerate(masks):
        mask[5 * index:5 * index + 30, 10 * index:10 * index + 40] = True
    return rng.integers(0, 256, (61, 97, 3), dtype=np.uint8), masks


@pytest.mark.parametrize("method", ["reference", "full"])
def test_a_mask_that_vanishes_on_the_grid_leaves_the_class_token(method, monkeypatch):
    image, masks = picture()
    # All of its weight on the grid is lost, as half precision loses that of a pixel in a very large image.
    monkeypatch.setattr(encoder_module, "resize_masks", lambda *_: torch.zeros(1, 6, 6))
    global_features, _ = MaskGuidedEncoder(make_model()).encode_masks(image, masks[:1], method=method)
    assert torch.isfinite(global_features).all()
    assert global_features.norm() > 0


@pytest.mark.parametrize("method", ["reference", "full"])
def test_no_masks_give_no_features(method):
    image, masks = picture()
    for features in MaskGuidedEncoder(make_model()).encode_masks(image, masks[:0], method=method):
        assert features.shape == (0, 64)


def test_a_feature_that_the_fusion_leaves_out_is_not_computed(monkeypatch):
    image, masks = picture()
    encoder = MaskGuidedEncoder(make_model())
    in_context, local = encoder.encode_masks(image, masks)
    features = encoder.look(image, masks)
    assert torch.equal(features.weighted(1.0)[0], in_context)
    assert features.weighted(1.0)[1] is None
    assert "local" not in vars(features)
    features = encoder.look(image, masks)
    assert features.weighted(0.0)[0] is None
    assert torch.equal(features.weighted(0.0)[1], local)
    assert "in_context" not in vars(features)
    assert all(torch.equal(*pair) for pair in zip(features.weighted(0.5), (in_context, local), strict=True))


@pytest.mark.parametrize(("bend", "words"), [
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
def test_unusable_input_is_refused_with_its_shape(bend, words):
    encoder = MaskGuidedEncoder(make_model())
    with pytest.raises(ValueError, match=words) as refusal:
        encoder.encode_masks(*bend(*picture()))
    assert isinstance(refusal.value, InputError)


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match="reference or full"):
        MaskGuidedEncoder(make_model()).encode_masks(*picture(), method="fast")


@pytest.mark.parametrize(("vision", "words"), [
    ({**TINY, "image_size": 50}, r"\[50, 50\].*\[8, 8\]"),
    ({**TINY, "image_size": (48, 44)}, r"\[48, 44\].*\[8, 8\]"),
    ({"image_size": 80, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}, r"\[80, 80\].*\[32, 32\]"),
])
def test_a_grid_that_does_not_divide_is_refused(vision, words):
    with pytest.raises(InputError, match=words):
        MaskGuidedEncoder(make_model(vision))


def test_an_input_that_is_no_square_is_fine():
    image, masks = picture()
    for features in MaskGuidedEncoder(make_model({**TINY, "image_size": (48, 32)})).encode_masks(image, masks):
        assert features.shape == (5, 64)


@pytest.mark.parametrize(("kind", "text"), [
    (open_clip.CLIP, TEXT), (open_clip.CustomTextCLIP, TEXT),
    (open_clip.CustomTextCLIP, {**TEXT, "proj_bias": True}), (open_clip.CustomTextCLIP, {**TEXT, "proj_type": "none"}),
    (open_clip.CustomTextCLIP, {**TEXT, "no_causal_mask": True, "pool_type": "last"}),
])
@torch.no_grad()
def test_text_features_are_the_models_own_and_remembered(kind, text):
    model = make_model(text=text, kind=kind)
    encoder = MaskGuidedEncoder(model, batch_size=2)
    texts = ["the red cup", "a box", "the red cup", "more than the context can hold " * 9]
    expected = model.encode_text(open_clip.SimpleTokenizer(context_length=16)(texts))
    assert torch.allclose(encoder.encode_text(texts), expected, atol=1e-5)
    tower = getattr(model, "text", model)
    tower.token_embedding.weight.zero_()
    assert torch.allclose(encoder.encode_text(texts[:1]), expected[:1], atol=1e-5)
    assert encoder.encode_text([]).shape == (0, 64)


def test_the_texts_used_last_are_remembered(monkeypatch):
    monkeypatch.setattr(encoder_module, "TEXTS_KEPT", 2)
    encoder = MaskGuidedEncoder(make_model())
    encoder.encode_text(["a", "b"])
    encoder.encode_text(["a"])
    assert encoder.encode_text(["c", "d", "a"]).shape == (3, 64)
    assert list(encoder._texts) == ["d", "a"]


def test_coca_gives_features_as_long_as_they_are():
    model = open_clip.CoCa(64, {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
                           {**TEXT, "width": 64, "embed_cls": True, "output_tokens": True},
                           {**TINY, "attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True}).eval()
    encoder = MaskGuidedEncoder(model)
    image, masks = picture()
    for features in (*encoder.encode_masks(image, masks), encoder.encode_text(["a cup", "a box"])):
        assert ((features.norm(dim=1) - 1).abs() > 1e-3).all()


def test_another_vocabulary_needs_its_tokenizer():
    model = make_model(text={**TEXT, "vocab_size": 1000}, kind=open_clip.CustomTextCLIP)
    with pytest.raises(InputError, match="1000 tokens"):
        MaskGuidedEncoder(model).encode_text(["a cup"])
    encoder = MaskGuidedEncoder(model, lambda texts: torch.tensor([[1, 2, 999] + [0] * 13] * len(texts)))
    assert encoder.encode_text(["a cup"]).shape == (1, 64)


def test_mean_and_deviation_are_the_models(monkeypatch):
    model = make_model()
    settings = {"size": (48, 48), "mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}
    open_clip.model.set_model_preprocess_cfg(model, settings)
    white = MaskGuidedEncoder(model).whole_image(np.full((9, 9, 3), 255, np.uint8))
    expected = [(1 - mean) / std for mean, std in zip(settings["mean"], settings["std"], strict=True)]
    assert torch.allclose(white.mean(dim=(0, 2, 3)), torch.tensor(expected))
    bare = MaskGuidedEncoder(make_model()).whole_image(np.full((9, 9, 3), 255, np.uint8))
    assert bare[0, 0, 0, 0] == pytest.approx((1 - open_clip.OPENAI_DATASET_MEAN[0]) / open_clip.OPENAI_DATASET_STD[0])


@pytest.mark.parametrize("method", ["reference", "full"])
def test_short_memory_halves_the_batch_and_says_so_once(method, monkeypatch, caplog):
    image, masks = picture()
    exact = MaskGuidedEncoder(make_model()).encode_masks(image, masks, method=method)
    model = make_model()
    encoder = MaskGuidedEncoder(model, batch_size=4)
    largest = []

    def stingy(module, inputs):
        largest.append(len(inputs[0]))
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError

    # Something that both features pass, with a batch of masks and of crops.
    model.visual.transformer.resblocks[-1].mlp.register_forward_pre_hook(stingy)
    logging.getLogger("ris_ros").propagate = True
    with caplog.at_level(logging.WARNING, "ris_ros"):
        features = encoder.encode_masks(image, masks, method=method)
    for ours, expected in zip(features, exact, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    assert largest[:3] == [4, 2, 1]
    assert max(largest[2:]) == 1
    assert len([record for record in caplog.records if "out of memory" in record.message]) == 1
    assert encoder.notes == ["out of memory: masks are computed 1 at a time, which takes longer"]


def test_no_memory_for_a_single_mask_is_an_error():
    model = make_model()

    def refuse(*_):
        raise torch.OutOfMemoryError

    model.visual.ln_post.register_forward_pre_hook(refuse)
    with pytest.raises(torch.OutOfMemoryError):
        MaskGuidedEncoder(model, batch_size=1).encode_masks(*picture())
