"""The global-context feature: where each kind of image tower lets a mask in (paper, section 3.2).

A path is a function ``(visual, image, masks, masked_blocks) -> features``: `visual` is the image tower, `image` its
normalised input [1, 3, S, S], `masks` soft masks [N, rows, columns] on the tower's patch grid; the result is [N, D].

Towers that sum an image up in a class token or, as CLIP's ResNets, in attention from the mean, take the paper's own
path. The others have nothing that could look at a mask while the image is encoded; their patch features are pooled
under the mask instead, by the tower's own kind of pooling, which costs one pass for any number of masks. A mask that
vanished on the grid leaves the class token alone, or, where there is none, pools everything.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from timm.layers import PatchEmbed
from torch import Tensor, nn

from ris_ros.errors import InputError

GlobalPath = Callable[[nn.Module, Tensor, Tensor, int], Tensor]


def vision_transformer(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Multiply the patch tokens by the mask before each of the last blocks; the class token is kept."""
    tokens, last = trunk(visual, image, masked_blocks)
    keep = torch.cat([masks.new_ones(len(masks), 1), masks.flatten(1)], dim=1)[:, :, None]
    tokens = tokens.expand(len(masks), -1, -1)
    for block in last:
        tokens = block(tokens * keep)
    pooled, _ = visual._pool(tokens)
    return pooled @ visual.proj


def trunk(visual: VisionTransformer, image: Tensor, masked_blocks: int) -> tuple[Tensor, list[nn.Module]]:
    """Tokens [1, 1 + T, width] of the image after the blocks that see no mask, and the blocks that see one."""
    blocks = list(visual.transformer.resblocks)
    first_masked = max(0, len(blocks) - masked_blocks)
    tokens = visual._embeds(image)
    for block in blocks[:first_masked]:
        tokens = block(tokens)
    return tokens, blocks[first_masked:]


def modified_resnet(visual: ModifiedResNet, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Multiply the last feature map by the mask and pool it by attention; there are no blocks to choose."""
    features = visual.stem(image)
    for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        features = layer(features)
    return visual.attnpool(features * masks[:, None])


def timm_transformer(visual: TimmModel, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """As `vision_transformer`, for a timm trunk that is read at its class token (EVA, MobileCLIP-B)."""
    blocks = visual.trunk.blocks
    kept = masks.new_ones(len(masks), visual.trunk.num_prefix_tokens)
    keep = torch.cat([kept, masks.flatten(1)], dim=1)[:, :, None]
    # Their blocks differ in what else they are given; what comes first is always the tokens, of one image until here.
    hooks = [block.register_forward_pre_hook(lambda _, inputs: (inputs[0] * keep, *inputs[1:]))
             for block in blocks[max(0, len(blocks) - masked_blocks):]]
    try:
        return visual(image).expand(len(masks), -1)
    finally:
        for hook in hooks:
            hook.remove()


def mean_of_patches(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """The mean of the patch tokens under the mask, where the tower takes the mean of all (CLIPA)."""
    tokens = visual.transformer(visual._embeds(image))
    if not visual.final_ln_after_pool:
        tokens = visual.ln_post(tokens)
    mean = _mean(tokens[0, 1:], masks)
    return (visual.ln_post(mean) if visual.final_ln_after_pool else mean) @ visual.proj


def attentional_pooler(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """The pooler's first query looks at the class token and the patches under the mask (CoCa)."""
    pooler = visual.attn_pool
    tokens = pooler.ln_k(visual.transformer(visual._embeds(image))).expand(len(masks), -1, -1)
    query = pooler.ln_q(pooler.query[:1]).expand(len(masks), -1, -1)
    logits = _logits(masks, prefix=1).repeat_interleave(pooler.attn.num_heads, dim=0)[:, None]
    pooled, _ = pooler.attn(query, tokens, tokens, attn_mask=logits, need_weights=False)
    return visual.ln_post(pooled[:, 0]) @ visual.proj


def timm_mean(visual: TimmModel, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """The mean of the last patch features or feature map under the mask (ConvNeXt, FastViT, Swin, ViTamin)."""
    trunk = visual.trunk
    features = trunk.forward_features(image)
    if features.ndim == 3:
        prefix = trunk.num_prefix_tokens
        mean = _mean(features[0, prefix:], masks)[:, None]
        mean = torch.cat([features[:, :prefix].expand(len(masks), -1, -1), mean], dim=1)
    elif _is_channels_last(trunk):
        mean = _mean(features[0].flatten(0, 1), masks)[:, None, None]
    else:
        mean = _mean(features[0].flatten(1).T, masks)[:, :, None, None]
    # The mean of a single place is that place: the trunk's own head does the rest.
    return visual.head(trunk.forward_head(mean))


def timm_attention(visual: TimmModel, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """The pooling query looks at the patches under the mask (SigLIP) and, where there is one, the class token (PE)."""
    trunk = visual.trunk
    tokens = trunk.forward_features(image)
    prefix = tokens.shape[1] - masks.shape[1] * masks.shape[2]
    if prefix and not getattr(trunk, "pool_include_prefix", True):
        tokens, prefix = tokens[:, prefix:], 0
    logits = _logits(masks, prefix)[:, None, None]
    pooled = trunk.attn_pool(tokens.expand(len(masks), -1, -1), attn_mask=logits)
    return visual.head(trunk.head(trunk.head_drop(trunk.fc_norm(pooled))))


DESCRIPTIONS: dict[GlobalPath | None, str] = {
    vision_transformer: "class token, patches masked in the last blocks (the paper's)",
    timm_transformer: "class token, patches masked in the last blocks (the paper's)",
    modified_resnet: "attention pooling of the masked feature map (the paper's)",
    attentional_pooler: "attention pooling of the patches under the mask",
    timm_attention: "attention pooling of the patches under the mask",
    mean_of_patches: "mean of the patches under the mask",
    timm_mean: "mean of the patches under the mask",
    None: "none: the local feature stands for it",
}
"""What each path does, for tables."""


def global_path(visual: nn.Module) -> GlobalPath | None:
    """The path for a tower; None when it has none and only its local features can be had."""
    if isinstance(visual, ModifiedResNet):
        return modified_resnet
    if isinstance(visual, VisionTransformer):
        if visual.attn_pool is not None:
            return attentional_pooler if visual.attn_pool_contrastive is None and visual.pool_type == "tok" else None
        return {"tok": vision_transformer, "avg": mean_of_patches}.get(visual.pool_type)
    if isinstance(visual, TimmModel) and not hasattr(visual.head, "pool"):
        trunk = visual.trunk
        if getattr(trunk, "attn_pool", None) is not None:
            return timm_attention
        if hasattr(trunk, "blocks"):
            if trunk.global_pool == "token" and trunk.num_prefix_tokens:
                return timm_transformer
            return timm_mean if trunk.global_pool == "avg" else None
        pool = getattr(getattr(trunk, "head", trunk), "global_pool", None)
        return timm_mean if getattr(pool, "pool_type", "") == "avg" else None
    return None


def patch_grid(visual: nn.Module) -> tuple[int, int]:
    """Rows and columns of the grid that a tower with a global path puts its masks on.

    Raises
    ------
    InputError
        When the input of a CLIP tower does not divide into its patches.

    """
    if isinstance(visual, TimmModel):
        if hasattr(visual.trunk, "blocks"):
            return tuple(visual.trunk.patch_embed.grid_size)
        stride = visual.trunk.feature_info[-1]["reduction"]
        return tuple(-(-side // stride) for side in visual.image_size)
    is_resnet = isinstance(visual, ModifiedResNet)
    height, width = (visual.image_size,) * 2 if is_resnet else visual.image_size
    down, right = (32, 32) if is_resnet else visual.patch_size
    if height % down or width % right:
        raise InputError(f"the model's input of {[height, width]} pixels does not divide into patches of "
                         f"{[down, right]}, so that masks have no place on its grid; choose a model whose input does")
    return height // down, width // right


def patch_coverage(visual: nn.Module) -> tuple[float, float]:
    """Shares of the input's height and width that the patches of a tower with a global path cover.

    Some of timm's leave a rest of less than a patch at the lower and right edge, and have weights trained so (SigLIP
    SO400M/14 at 384 pixels: 27 patches, 378 pixels): masks are laid on what is patch_coverage. In a tower of open_clip's own,
    of which none is meant to be so, it is an error, see `patch_grid`.
    """
    patches = getattr(getattr(visual, "trunk", None), "patch_embed", None)
    if not isinstance(patches, PatchEmbed):
        return 1.0, 1.0
    down, across = (cells * patch / side for cells, patch, side in zip(
        patches.grid_size, patches.patch_size, visual.image_size, strict=True))
    return down, across


def _is_channels_last(trunk: nn.Module) -> bool:
    return getattr(trunk, "output_fmt", "NCHW") == "NHWC"


def _shown(masks: Tensor) -> Tensor:
    """Soft masks, [N, T]; everything where a mask vanished."""
    flat = masks.flatten(1)
    return torch.where(flat.any(dim=1, keepdim=True), flat, 1)


def _mean(features: Tensor, masks: Tensor) -> Tensor:
    """Means [N, D] of features [T, D] under masks."""
    weights = _shown(masks)
    return (weights / weights.sum(dim=1, keepdim=True)) @ features


def _logits(masks: Tensor, prefix: int) -> Tensor:
    """What a mask adds to the attention that `prefix` + T tokens get, [N, prefix + T]."""
    weights = _shown(masks)
    return torch.cat([weights.new_ones(len(weights), prefix), weights], dim=1).log()
