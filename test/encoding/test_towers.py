"""Image towers other than CLIP's own: small ones of each family in open_clip, compared with their own pooling."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.encoding.preprocessing import resize_masks
from ris_ros.encoding.towers import (
    GLOBAL_PATHS,
    MODEL_FAMILIES,
    describe_global_path,
    find_global_path,
    timm_towers,
)

TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
VIT = {"image_size": 48, "patch_size": 8, "width": 64, "layers": 4, "head_width": 32}

MEANS = {
    "CLIPA": {**VIT, "pool_type": "avg", "no_ln_pre": True, "final_ln_after_pool": True},
    "mean of normalised": {**VIT, "pool_type": "avg"},
    "ViTamin, timm ViT": {"timm_model_name": "test_vit4", "timm_pool": "", "image_size": 160},
    "ConvNeXt": {"timm_model_name": "test_convnext", "timm_pool": "", "timm_proj": "mlp", "image_size": 160},
    "MobileCLIP-S": {"timm_model_name": "fastvit_t8", "timm_pool": "avg", "timm_proj": "", "image_size": 128},
    "Swin": {"timm_model_name": "swin_tiny_patch4_window7_224", "timm_pool": "", "image_size": 224},
    "timm ResNet": {"timm_model_name": "test_resnet", "timm_pool": "", "image_size": 160},
}
ATTENTION = {
    "CoCa": {**VIT, "attentional_pool": True, "attn_pooler_heads": 4},
    "SigLIP": {"timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "none", "image_size": 160},
    "PE": {"timm_model_name": "vit_pe_core_tiny_patch16_384", "timm_pool": "map", "timm_proj": "", "image_size": 384},
}
CLASS_TOKEN = {
    "EVA": {"timm_model_name": "eva02_tiny_patch14_224", "timm_pool": "token", "timm_proj": "", "image_size": 224},
    "MobileCLIP-B": {"timm_model_name": "test_vit", "timm_pool": "token", "timm_proj": "", "image_size": 160},
}


def make_model(vision: dict) -> open_clip.CLIP:
    torch.manual_seed(0)
    model = open_clip.CLIP(64, vision, TEXT).eval()
    for name, parameter in model.visual.named_parameters():
        # Layers that are initialised near zero would hide everything before them.
        if "gamma" in name or "layer_scale" in name or "bn" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return model


def normalised(size: tuple[int, int]) -> torch.Tensor:
    return torch.randn((1, 3, *size), generator=torch.Generator().manual_seed(1))


def halves(grid: tuple[int, int]) -> torch.Tensor:
    """Return two masks, [2, rows, columns], 0 or 1: the upper rows, and all but one corner."""
    masks = torch.zeros(2, *grid)
    masks[0, :grid[0] // 2] = 1
    masks[1] = 1
    masks[1, -1, -1] = 0
    return masks


def pooled_alone(visual: torch.nn.Module, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the feature of one mask when the tower has only its patches to pool."""
    covered = mask.flatten().bool()
    if isinstance(visual, open_clip.transformer.VisionTransformer):
        tokens = visual.transformer(visual._embeds(image))
        pooled, _ = visual._pool(tokens[:, torch.cat([torch.ones(1, dtype=torch.bool), covered])])
        return pooled[0] @ visual.proj
    trunk = visual.trunk
    features = trunk.forward_features(image)
    if features.ndim == 3:
        prefix = torch.ones(features.shape[1] - len(covered), dtype=torch.bool)
        features = features[:, torch.cat([prefix, covered])]
    elif features.shape[1:3] == mask.shape:  # Channels last.
        features = features[:, mask.bool()][:, None]
    else:
        features = features[:, :, mask.bool()][:, :, None]
    return visual.head(trunk.forward_head(features))[0]


@pytest.mark.parametrize("family", [*MEANS, *ATTENTION])
@torch.no_grad()
def test_pooling_under_a_mask_is_the_towers_own_pooling_of_its_patches(family):
    model = make_model((MEANS | ATTENTION)[family])
    visual = model.visual
    path, = (path for path in GLOBAL_PATHS if path.applies_to(visual))
    assert ("mean of" in path.description) == (family in MEANS)
    image = normalised(open_clip.get_model_preprocess_cfg(model)["size"])
    masks = halves(path.patch_grid(visual))
    features = path.encode(visual, image, masks, 3)
    for feature, mask in zip(features, masks, strict=True):
        torch.testing.assert_close(feature, pooled_alone(visual, image, mask), rtol=1e-4, atol=1e-6)
    everything = path.encode(visual, image, torch.ones_like(masks), 3)
    torch.testing.assert_close(everything[:1], model.encode_image(image), rtol=1e-4, atol=1e-6)
    vanished = path.encode(visual, image, torch.zeros_like(masks), 3)
    torch.testing.assert_close(vanished, everything)
    assert (features[0] - features[1]).norm() > 1e-3 * features[0].norm()


@pytest.mark.parametrize("family", CLASS_TOKEN)
@torch.no_grad()
def test_class_tokens_of_timm_towers_are_masked_as_in_the_paper(family):
    visual = make_model(CLASS_TOKEN[family]).visual
    path, = (path for path in GLOBAL_PATHS if path.applies_to(visual))
    assert path is timm_towers.CLASS_TOKEN
    image = normalised(visual.image_size)
    masks = halves(path.patch_grid(visual)) * 0.7
    features = path.encode(visual, image, masks, 3)
    for feature, mask in zip(features, masks, strict=True):
        assert torch.allclose(feature, naive_class_token(visual, image, mask, 3), rtol=1e-4, atol=1e-6)
    assert (features[0] - features[1]).norm() > 1e-3 * features[0].norm()
    torch.testing.assert_close(path.encode(visual, image, masks, 0), visual(image).expand(2, -1))
    torch.testing.assert_close(visual(image), path.encode(visual, image, masks, 0)[:1])  # No hook stays behind.


def naive_class_token(visual, image, mask, masked_blocks):
    """Return the feature of one mask, from blocks that are replaced by ones that hide tokens."""
    blocks = visual.trunk.blocks
    keep = torch.cat([torch.ones(visual.trunk.num_prefix_tokens), mask.flatten()])[:, None]

    class Masked(torch.nn.Module):
        def __init__(self, block):
            super().__init__()
            self.block = block

        def forward(self, tokens, *others, **more):
            return self.block(tokens * keep, *others, **more)

    last = {i: blocks[i] for i in range(len(blocks) - masked_blocks, len(blocks))}
    for i, block in last.items():
        blocks[i] = Masked(block)
    try:
        return visual(image)[0]
    finally:
        for i, block in last.items():
            blocks[i] = block


@pytest.mark.parametrize("family", ["CLIPA", "SigLIP", "EVA", "ConvNeXt"])
def test_every_family_encodes_masks_of_an_image(family):
    model = make_model((MEANS | ATTENTION | CLASS_TOKEN)[family])
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (61, 97, 3), dtype=np.uint8)
    masks = np.zeros((3, 61, 97), bool)
    masks[0, 10:40, 20:70], masks[1, 60, 96], masks[2] = True, True, True
    encoder = MaskGuidedEncoder(model)
    assert encoder.has_global_path
    for method in ("reference", "full"):
        global_features, local_features = encoder.encode_masks(image, masks, method=method).for_fusion(0.5)
        assert global_features.shape == local_features.shape
        assert global_features.shape == (3, len(model.encode_image(encoder.preprocess(image))[0]))
        assert torch.isfinite(global_features).all()
        assert not torch.allclose(global_features, local_features)


def test_a_tower_without_a_global_path_uses_its_local_feature():
    model = make_model({"timm_model_name": "resnet18", "timm_pool": "rot_attn", "timm_proj": "", "image_size": 224})
    encoder = MaskGuidedEncoder(model)
    assert not encoder.has_global_path
    masks = np.zeros((2, 61, 97), bool)
    masks[0, :30], masks[1, 30:] = True, True
    features = encoder.encode_masks(np.zeros((61, 97, 3), np.uint8), masks)
    assert features.global_features is features.local_features
    assert features.local_features.shape == (2, 64)
    assert features.patch_features is None


def test_the_table_in_the_docs_matches_the_code():
    text = (Path(__file__).parents[2] / "docs" / "encoders.md").read_text()
    table = text[text.index("| models of open_clip |"):].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert rows == [f"| {family} | {example} | {describe_global_path(example)} |"
                    for family, example in MODEL_FAMILIES.items()]


def test_masks_are_resized_to_the_area_that_patches_cover():
    for vision in (ATTENTION["SigLIP"], VIT):
        whole = make_model(vision).visual
        assert find_global_path(whole).patch_coverage(whole) == (1, 1)
    model = make_model({**ATTENTION["SigLIP"], "image_size": 166})
    model.visual.trunk.set_input_size(166)  # 10 patches of 16 pixels, and 6 pixels left over
    path = find_global_path(model.visual)
    assert path.patch_coverage(model.visual) == (160 / 166, 160 / 166)
    assert path.patch_grid(model.visual) == (10, 10)
    masks = np.zeros((3, 166, 166), bool)
    masks[0, 33:77, 90:], masks[1, 40:, :70], masks[2, 161:] = True, True, True
    soft = F.interpolate(torch.from_numpy(masks[:, :160, :160])[None].float(), (10, 10), mode="bilinear",
                         antialias=True)[0]
    assert not soft[2].any()
    cells = resize_masks(masks, (10, 10), torch.device("cpu"), path.patch_coverage(model.visual))
    torch.testing.assert_close(cells, soft, rtol=1e-5, atol=1e-6)
    encoder = MaskGuidedEncoder(model)
    image = np.random.default_rng(0).integers(0, 256, (166, 166, 3), dtype=np.uint8)
    features = encoder.encode_masks(image, masks).global_features
    with torch.no_grad():
        expected = timm_towers.encode_attention_pool(model.visual, encoder.preprocess(image), soft, 3)
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)
