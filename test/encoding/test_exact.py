"""The encoder against a naive implementation of the paper: one mask at a time, full forward passes, hooks."""

import numpy as np
import open_clip
import pytest
import torch
import torchvision.transforms.functional as transforms
from torchvision.transforms import InterpolationMode

from ris_ros.encoding import MaskGuidedEncoder

IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
SMALL = {"image_size": 48, "patch_size": 8, "width": 64, "layers": 5, "head_width": 32}
RESNET = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}
# Width, heads, patches and input of the real ones; fewer blocks, for time.
VIT_B_32 = {"image_size": 224, "patch_size": 32, "width": 768, "layers": 4, "head_width": 64}
VIT_B_16 = {**VIT_B_32, "patch_size": 16}
VIT_L_14 = {"image_size": 224, "patch_size": 14, "width": 1024, "layers": 4, "head_width": 64}


def make_model(tower: dict, quick_gelu: bool = False) -> open_clip.CLIP:
    torch.manual_seed(0)
    model = open_clip.CLIP(64, tower, TEXT, quick_gelu=quick_gelu).eval()
    for batch_norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(batch_norm.weight, 0.5, 1.5)  # initially zero, which would hide the last layers
    open_clip.model.set_model_preprocess_cfg(model, {
        "size": (tower["image_size"],) * 2, "mean": (0.48, 0.46, 0.41), "std": (0.27, 0.26, 0.28), "mode": "RGB",
        "interpolation": "bicubic", "resize_mode": "squash", "fill_color": 0})
    return model


def resize(pixels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return transforms.resize(pixels, list(size), InterpolationMode.BICUBIC, antialias=True)


@torch.no_grad()
def naive_features(model, image: np.ndarray, masks: np.ndarray, masked_blocks: int) -> tuple[torch.Tensor, ...]:
    settings = open_clip.get_model_preprocess_cfg(model)

    def prepare(pixels: torch.Tensor) -> torch.Tensor:
        return transforms.normalize(resize(pixels, settings["size"]), settings["mean"], settings["std"])[None]

    pixels = torch.from_numpy(image).permute(2, 0, 1) / 255
    visual = model.visual
    global_features, local_features = [], []
    for mask in masks:
        mask = torch.from_numpy(mask)
        if hasattr(visual, "transformer"):
            grid = visual.grid_size
            hooked = list(visual.transformer.resblocks)[-masked_blocks:] if masked_blocks else []
        else:
            grid = (settings["size"][0] // 32,) * 2
            hooked = [visual.attnpool]
        soft = transforms.resize(mask[None].float(), list(grid), InterpolationMode.BILINEAR, antialias=True)[0]

        def hide(module, inputs, soft=soft):
            [tokens] = inputs
            tokens = tokens.clone()
            if tokens.ndim == 3:
                tokens[:, 1:] *= soft.flatten()[None, :, None]
            else:
                tokens *= soft
            return (tokens,)

        handles = [module.register_forward_pre_hook(hide) for module in hooked]
        global_features.append(model.encode_image(prepare(pixels))[0])
        for handle in handles:
            handle.remove()
        rows, columns = torch.where(mask)
        box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
        alone = torch.where(mask, pixels, IMAGENET_MEAN)[:, box[0], box[1]]
        local_features.append(model.encode_image(prepare(alone))[0])
    return torch.stack(global_features), torch.stack(local_features)


def image_and_masks(height: int = 61, width: int = 97) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and masks: a blob, one on the border, a thin line, a single pixel, everything."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    masks = np.zeros((5, height, width), bool)
    rows, columns = np.ogrid[:height, :width]
    masks[0] = (rows - 30) ** 2 + (columns - 40) ** 2 < 300
    masks[1, :20, -15:] = True
    masks[2, 33, 5:90] = True
    masks[3, 50, 60] = True
    masks[4] = True
    return image, masks


def encode(encoder: MaskGuidedEncoder, image: np.ndarray, masks: np.ndarray, method: str
           ) -> tuple[torch.Tensor, torch.Tensor]:
    features = encoder.encode_masks(image, masks, method=method)
    return features.global_features, features.local_features


def assert_close(ours: torch.Tensor, naive: torch.Tensor) -> None:
    assert ours.dtype == torch.float32
    difference = (ours - naive).norm(dim=1) / naive.norm(dim=1)
    assert difference.max() < 1e-4, difference


def chosen(features: tuple[torch.Tensor, torch.Tensor], texts: torch.Tensor) -> list[int]:
    """The best mask for each text (paper, sections 3.2 and 3.3)."""
    fused = 0.95 * features[0] + 0.05 * features[1]
    return torch.cosine_similarity(fused[:, None], texts[None], dim=2).argmax(0).tolist()


@pytest.mark.parametrize(("tower", "quick_gelu", "masked_blocks"), [
    (SMALL, False, 3), (SMALL, True, 3), (SMALL, False, 1), (SMALL, False, 0), ({**SMALL, "layers": 2}, False, 3),
    (RESNET, False, 3), (VIT_B_32, False, 3), (VIT_B_32, True, 3), (VIT_B_16, False, 3), (VIT_L_14, True, 3)],
    ids=["small", "quick gelu", "one masked block", "no masked block", "two blocks", "ResNet", "B/32",
         "B/32 quick gelu", "B/16", "L/14"])
def test_equals_the_naive_loop(tower, quick_gelu, masked_blocks):
    model = make_model(tower, quick_gelu)
    image, masks = image_and_masks()
    masks = masks[[1, 3, 0]] if tower["width"] > 64 else masks
    naive = naive_features(model, image, masks, masked_blocks)
    texts = torch.randn((20, 64), generator=torch.Generator().manual_seed(0))
    encoder = MaskGuidedEncoder(model, crop_dtype=torch.float32, masked_blocks=masked_blocks, batch_size=2)
    for method in ("reference", "full"):
        ours = encode(encoder, image, masks, method)
        for our, expected in zip(ours, naive, strict=True):
            assert_close(our, expected)
        assert chosen(ours, texts) == chosen(naive, texts)
    if masked_blocks:
        assert (naive[0][0] - naive[0][1]).norm() > 1e-3  # the mask has an effect
        assert len(set(chosen(naive, texts))) > 1


@pytest.mark.parametrize("shape", [(97, 61), (12, 400), (7, 5)])
def test_equals_the_naive_loop_on_images_of_any_shape(shape):
    model = make_model(SMALL)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    masks = np.zeros((3, *shape), bool)
    masks[0, 0, 0], masks[1, -3:, :2], masks[2] = True, True, rng.random(shape) < 0.5
    naive = naive_features(model, image, masks, 3)
    for method in ("reference", "full"):
        for our, expected in zip(encode(MaskGuidedEncoder(model), image, masks, method), naive, strict=True):
            assert_close(our, expected)


def test_equals_the_naive_loop_for_a_model_of_open_clips_factory():
    model = open_clip.create_model("ViT-B-32-quickgelu", pretrained_text=False)
    image, masks = image_and_masks(240, 320)
    naive = naive_features(model, image, masks[:1], 3)
    for method in ("reference", "full"):
        ours = encode(MaskGuidedEncoder(model, crop_dtype=torch.float32), image, masks[:1], method)
        for our, expected in zip(ours, naive, strict=True):
            assert our.shape == (1, 512)
            assert_close(our, expected)


@pytest.mark.parametrize("method", ["reference", "full"])
@pytest.mark.parametrize(("dtype", "min_cosine"), [(torch.bfloat16, 0.999), (torch.float16, 0.99999)])
def test_half_precision_changes_features_little(dtype, min_cosine, method):
    image, masks = image_and_masks()
    naive = naive_features(make_model(SMALL), image, masks, 3)
    half = encode(MaskGuidedEncoder(make_model(SMALL), dtype=dtype), image, masks, method)
    for ours, exact in zip(half, naive, strict=True):
        assert ours.dtype == torch.float32
        assert torch.cosine_similarity(ours, exact).min() > min_cosine
