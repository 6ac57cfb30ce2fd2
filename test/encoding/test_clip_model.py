"""Access to open_clip models: text features, vocabulary, input size and normalisation."""

import numpy as np
import open_clip
import pytest
import torch

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.errors import InputError

VISION = {"image_size": 48, "patch_size": 8, "width": 64, "layers": 4, "head_width": 32}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}


def make_model(text: dict = TEXT, kind: type = open_clip.CLIP) -> torch.nn.Module:
    torch.manual_seed(0)
    return kind(64, VISION, text).eval()


@pytest.mark.parametrize(("kind", "text"), [
    (open_clip.CLIP, TEXT), (open_clip.CustomTextCLIP, TEXT),
    (open_clip.CustomTextCLIP, {**TEXT, "proj_bias": True}), (open_clip.CustomTextCLIP, {**TEXT, "proj_type": "none"}),
    (open_clip.CustomTextCLIP, {**TEXT, "no_causal_mask": True, "pool_type": "last"}),
])
@torch.no_grad()
def test_text_features_equal_encode_text_and_are_cached(kind, text):
    model = make_model(text, kind)
    encoder = MaskGuidedEncoder(model, batch_size=2)
    texts = ["the red cup", "a box", "the red cup", "more than the context can hold " * 9]
    expected = model.encode_text(open_clip.SimpleTokenizer(context_length=16)(texts))
    assert torch.allclose(encoder.encode_text(texts), expected, atol=1e-5)
    tower = getattr(model, "text", model)
    tower.token_embedding.weight.zero_()
    assert torch.allclose(encoder.encode_text(texts[:1]), expected[:1], atol=1e-5)
    assert encoder.encode_text([]).shape == (0, 64)


def test_features_of_coca_are_not_normalised():
    model = open_clip.CoCa(64, {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
                           {**TEXT, "width": 64, "embed_cls": True, "output_tokens": True},
                           {**VISION, "attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True}).eval()
    encoder = MaskGuidedEncoder(model)
    masks = np.zeros((2, 61, 97), bool)
    masks[0, 10:40, 20:70], masks[1] = True, True
    image = np.random.default_rng(0).integers(0, 256, (61, 97, 3), dtype=np.uint8)
    for features in (*encoder.encode_masks(image, masks).for_fusion(0.5), encoder.encode_text(["a cup", "a box"])):
        assert ((features.norm(dim=1) - 1).abs() > 1e-3).all()


def test_a_model_with_another_vocabulary_needs_its_tokenizer():
    model = make_model({**TEXT, "vocab_size": 1000}, open_clip.CustomTextCLIP)
    with pytest.raises(InputError, match="1000 tokens"):
        MaskGuidedEncoder(model).encode_text(["a cup"])
    encoder = MaskGuidedEncoder(model, lambda texts: torch.tensor([[1, 2, 999] + [0] * 13] * len(texts)))
    assert encoder.encode_text(["a cup"]).shape == (1, 64)


def test_the_input_is_normalised_with_the_models_statistics():
    model = make_model()
    settings = {"size": (48, 48), "mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}
    open_clip.model.set_model_preprocess_cfg(model, settings)
    white_image = np.full((9, 9, 3), 255, np.uint8)
    white = MaskGuidedEncoder(model).preprocess(white_image)
    expected = [(1 - mean) / std for mean, std in zip(settings["mean"], settings["std"], strict=True)]
    assert torch.allclose(white.mean(dim=(0, 2, 3)), torch.tensor(expected))
    default = MaskGuidedEncoder(make_model()).preprocess(white_image)
    assert default[0, 0, 0, 0] == pytest.approx(
        (1 - open_clip.OPENAI_DATASET_MEAN[0]) / open_clip.OPENAI_DATASET_STD[0])
