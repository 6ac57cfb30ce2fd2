"""The paper's baselines against straightforward computations, with small models of random weights."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from ris_ros.config import Config
from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.encoding.preprocessing import resize_masks
from ris_ros.errors import InputError
from ris_ros.evaluation.baselines import METHODS, make_method, method_config
from ris_ros.evaluation.scorers import GradCam, RegionToken, ScoreMap
from ris_ros.types import Proposals

TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
TOWERS = {"vit": {"image_size": 48, "patch_size": 8, "width": 64, "layers": 4, "head_width": 32},
          "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}}


@pytest.fixture(scope="module", params=TOWERS)
def encoder(request):
    torch.manual_seed(0)
    model = open_clip.CLIP(64, TOWERS[request.param], TEXT).eval()
    for norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)  # initially zero, which would hide the last layers
    size = (TOWERS[request.param]["image_size"],) * 2
    open_clip.factory.set_model_preprocess_cfg(model, {
        "size": size, "mean": (0.48, 0.46, 0.41), "std": (0.27, 0.26, 0.28), "mode": "RGB",
        "interpolation": "bicubic", "resize_mode": "squash", "fill_color": 0})
    return MaskGuidedEncoder(model)


def is_resnet(encoder):
    return hasattr(encoder.model.visual, "attnpool")


@pytest.fixture(scope="module")
def scene():
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    masks = np.zeros((4, 64, 96), bool)
    masks[0, :32, :40] = masks[1, 30:, :] = masks[2, 10:12, 50:53] = masks[3, 20:50, 40:80] = True
    return image, masks


def scores(scorer, encoder, scene, text="the red cup"):
    image, masks = scene
    scorer.encode(encoder.preprocess(image), masks)
    return scorer.score(encoder.encode_text([text])[0])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_with_one_of_the_masks(encoder, scene, method):
    if is_resnet(encoder) and method == "region-token":
        with pytest.raises(InputError, match="vision transformer"):
            make_method(method, Config(), encoder)
        return
    image, masks = scene
    chosen = make_method(method, Config(), encoder)
    chosen.set_image(image, Proposals.from_masks(masks))
    answer = chosen.query("the red cup")
    # The full method may answer that there is no such object; a baseline never does.
    assert any((answer.mask == mask).all() for mask in masks) or (method == "full" and answer.reason)
    assert 0 <= answer.confidence <= 1
    chosen.set_image(image, Proposals.from_masks(masks[:0]))
    assert not chosen.query("the red cup").mask.any()


@torch.no_grad()
def test_a_region_token_attends_to_its_patches_and_itself(encoder, scene):
    if is_resnet(encoder):
        pytest.skip("for vision transformers only")
    image, masks = scene
    visual = encoder.model.visual
    expected = []
    for share in resize_masks(masks, visual.grid_size, encoder.device).flatten(1):
        inside = share >= 0.5 if (share >= 0.5).any() else share == share.max()
        tokens = visual._embeds(encoder.preprocess(image))
        tokens = torch.cat([tokens, tokens[:, :1]], dim=1)  # the region token is last
        hidden = torch.zeros(tokens.shape[1], tokens.shape[1])
        hidden[:-1, -1] = -torch.inf
        hidden[-1, 0] = -torch.inf
        hidden[-1, 1:-1][~inside] = -torch.inf
        for block in visual.transformer.resblocks:
            tokens = block(tokens, attn_mask=hidden)
        expected.append(visual.ln_post(tokens[0, -1]) @ visual.proj)
    expected = F.cosine_similarity(torch.stack(expected), encoder.encode_text(["the red cup"]))
    torch.testing.assert_close(scores(RegionToken(visual), encoder, scene), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_score_map_is_dense_similarity_averaged_over_the_mask(encoder, scene):
    image, masks = scene
    visual, pixels = encoder.model.visual, encoder.preprocess(image)
    if is_resnet(encoder):
        features = visual.layer4(visual.layer3(visual.layer2(visual.layer1(visual.stem(pixels)))))
        for layer in (visual.attnpool.v_proj, visual.attnpool.c_proj):  # as convolutions of 1 x 1
            features = F.conv2d(features, layer.weight[:, :, None, None], layer.bias)
        dense = features[0]
    else:
        *blocks, last = visual.transformer.resblocks
        tokens = visual._embeds(pixels)
        for block in blocks:
            tokens = block(tokens)
        alone = torch.full((tokens.shape[1],) * 2, -torch.inf).fill_diagonal_(0)  # each token attends to itself only
        dense = (visual.ln_post(last(tokens, attn_mask=alone)) @ visual.proj)[0, 1:].T.unflatten(1, visual.grid_size)
    similarity = F.cosine_similarity(dense, encoder.encode_text(["the red cup"])[0][:, None, None], dim=0)
    shares = resize_masks(masks, similarity.shape, encoder.device)
    expected = (shares * similarity).sum((1, 2)) / shares.sum((1, 2))
    torch.testing.assert_close(scores(ScoreMap(visual), encoder, scene), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("text", ["the red cup", "a dog", "left", "two men"])
def test_grad_cam_against_hooks(encoder, scene, text):
    image, masks = scene
    visual, kept = encoder.model.visual, {}
    layer = visual.layer4 if is_resnet(encoder) else visual.transformer.resblocks[-1].ln_1

    def keep(module, inputs, output):
        output = output.detach().requires_grad_()
        kept["output"] = output
        return output
    handle = layer.register_forward_hook(keep)
    feature = visual(encoder.preprocess(image))
    handle.remove()
    F.cosine_similarity(feature, encoder.encode_text([text]).clone()).sum().backward()
    activation, gradient = kept["output"].detach()[0], kept["output"].grad[0]
    if is_resnet(encoder):
        relevance = (gradient.mean((1, 2))[:, None, None] * activation).sum(0).relu()
    else:
        relevance = (gradient[1:].mean(0) * activation[1:]).sum(1).relu().unflatten(0, visual.grid_size)
    relevance = relevance / relevance.max().clamp_min(1e-12)  # there may be no relevant cell at all
    shares = resize_masks(masks, relevance.shape, encoder.device)
    expected = (shares * relevance).sum((1, 2)) / shares.sum((1, 2))
    torch.testing.assert_close(scores(GradCam(visual), encoder, scene, text), expected, atol=1e-4, rtol=1e-3)


def test_grad_cam_depends_on_the_text(encoder, scene):
    scorer = GradCam(encoder.model.visual)
    shown = torch.stack([scores(scorer, encoder, scene, text) for text in ("the red cup", "a dog", "left", "two men")])
    assert len(shown.unique(dim=0)) > 1


def test_methods_of_settings_are_the_reference_with_other_weights():
    assert method_config("full", Config()).method == "full"
    assert method_config("global", Config()).matching.visual_weight == 1
    cropping = method_config("cropping", Config.from_dict({"encoder.masked_blocks": 2}))
    assert (cropping.method, cropping.matching.visual_weight, cropping.matching.text_weight) == ("reference", 0, 1)
    assert cropping.encoder.masked_blocks == 2
    with pytest.raises(InputError, match="known are full, reference"):
        method_config("best", Config())
