"""The encoder against a naive implementation of the paper: one mask at a time, whole forward passes, hooks."""

import numpy as np
import open_clip
import pytest
import torch
import torchvision.transforms.functional as transforms
from torchvision.transforms import InterpolationMode

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.errors import InputError

IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
TOWERS = {
    "vit": {"image_size": 48, "patch_size": 8, "width": 64, "layers": 5, "head_width": 32},
    "vit of two blocks": {"image_size": 48, "patch_size": 8, "width": 64, "layers": 2, "head_width": 32},
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None},
}


def make_model(tower: str, quick_gelu: bool = False) -> open_clip.CLIP:
    torch.manual_seed(0)
    model = open_clip.CLIP(64, TOWERS[tower], TEXT, quick_gelu=quick_gelu).eval()
    for batch_norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(batch_norm.weight, 0.5, 1.5)  # zero at birth, which would hide the last layers
    size = (TOWERS[tower]["image_size"],) * 2
    open_clip.factory.set_model_preprocess_cfg(model, {
        "size": size, "mean": (0.48, 0.46, 0.41), "std": (0.27, 0.26, 0.28), "mode": "RGB",
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


def picture(height: int = 61, width: int = 97) -> tuple[np.ndarray, np.ndarray]:
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


def assert_close(ours: torch.Tensor, naive: torch.Tensor) -> None:
    assert ours.dtype == torch.float32
    difference = (ours - naive).norm(dim=1) / naive.norm(dim=1)
    assert difference.max() < 1e-4, difference


@pytest.mark.parametrize("method", ["reference", "full"])
@pytest.mark.parametrize(("tower", "quick_gelu", "masked_blocks"), [
    ("vit", False, 3), ("vit", True, 3), ("vit", False, 1), ("vit", False, 0), ("vit of two blocks", False, 3),
    ("resnet", False, 3)])
def test_equals_the_naive_loop(tower, quick_gelu, masked_blocks, method):
    model = make_model(tower, quick_gelu)
    image, masks = picture()
    naive_global, naive_local = naive_features(model, image, masks, masked_blocks)
    ours_global, ours_local = MaskGuidedEncoder(
        model, masked_blocks=masked_blocks, batch_size=2).encode_masks(image, masks, method=method)
    assert_close(ours_global, naive_global)
    assert_close(ours_local, naive_local)
    if masked_blocks:
        assert (naive_global[0] - naive_global[1]).norm() > 1e-3  # the mask matters at all


def test_equals_the_naive_loop_at_true_size():
    model = open_clip.create_model("ViT-B-32", pretrained_text=False)
    image, masks = picture(240, 320)
    naive = naive_features(model, image, masks[:2], 3)
    for method in ("reference", "full"):
        ours = MaskGuidedEncoder(model).encode_masks(image, masks[:2], method=method)
        for our, reference in zip(ours, naive, strict=True):
            assert_close(our, reference)


@pytest.mark.parametrize("method", ["reference", "full"])
def test_a_mask_that_vanishes_on_the_grid_leaves_the_class_token(method):
    model = make_model("vit")
    image, _ = picture()
    # All of its weight on the grid is lost, as float32 loses that of a pixel in a very large image.
    encoder = MaskGuidedEncoder(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ris_ros.encoding.encoder.resize_masks", lambda *_: torch.zeros(1, 6, 6))
        global_features, _ = encoder.encode_masks(image, np.ones((1, *image.shape[:2]), bool), method=method)
    assert torch.isfinite(global_features).all()
    assert global_features.norm() > 0


def test_no_masks_give_no_features():
    image, masks = picture()
    for features in MaskGuidedEncoder(make_model("vit")).encode_masks(image, masks[:0]):
        assert features.shape == (0, 64)


def test_a_tower_without_a_path_for_masks_uses_its_local_feature():
    model = make_model("vit")
    model.visual.pool_type = "avg"
    encoder = MaskGuidedEncoder(model)
    image, masks = picture()
    global_features, local_features = encoder.encode_masks(image, masks)
    assert not encoder.has_global_path
    assert torch.equal(global_features, local_features)


@pytest.mark.parametrize(("bend", "words"), [
    (lambda image, masks: (image, masks.astype(np.float32)), "float32"),
    (lambda image, masks: (image, masks[:, 1:]), r"\[5, 60, 97\]"),
    (lambda image, masks: (image, masks[0]), r"\[61, 97\]"),
    (lambda image, masks: (image, masks & False), "mask 0"),
    (lambda image, masks: (image / 255, masks), "uint8"),
    (lambda image, masks: (image[..., 0], masks), r"\[61, 97\]"),
])
def test_unusable_input_is_refused_with_its_shape(bend, words):
    encoder = MaskGuidedEncoder(make_model("vit"))
    with pytest.raises(InputError, match=words):
        encoder.encode_masks(*bend(*picture()))


def test_text_features_are_the_models_own_and_remembered():
    model = make_model("vit")
    encoder = MaskGuidedEncoder(model)
    tokens = open_clip.SimpleTokenizer(context_length=16)(["the red cup", "a box"])
    with torch.no_grad():
        expected = model.encode_text(tokens)
    assert torch.allclose(encoder.encode_text(["the red cup", "a box"]), expected, atol=1e-6)
    model.token_embedding.weight.zero_()
    assert torch.allclose(encoder.encode_text(["the red cup"]), expected[:1], atol=1e-6)


@pytest.mark.parametrize("method", ["reference", "full"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_changes_features_little(dtype, method):
    image, masks = picture()
    exact = MaskGuidedEncoder(make_model("vit")).encode_masks(image, masks, method=method)
    half = MaskGuidedEncoder(make_model("vit"), dtype=dtype).encode_masks(image, masks, method=method)
    for ours, theirs in zip(half, exact, strict=True):
        assert ours.dtype == torch.float32
        assert torch.cosine_similarity(ours, theirs).min() > 0.99
