"""Every way to name a model, with files made here, and the errors for names that need a network or are wrong."""

import json
import shutil

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from ris_ros.config import EncoderConfig
from ris_ros.encoding import load_encoder, loading, sparse
from ris_ros.errors import InputError, MissingError

TINY = {"embed_dim": 32,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 4, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    preprocess = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY, "preprocess_cfg": preprocess}))
    torch.manual_seed(0)
    save_file(open_clip.CLIP(**TINY).state_dict(), folder / "open_clip_model.safetensors")
    return folder


def load(name: str):
    return load_encoder(EncoderConfig(model=name), "cpu")


def test_a_model_folder_sets_weights_preprocessing_and_fusion_weight(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    encoder = load(f"local-dir:{tmp_path}")
    assert encoder.input_size == (32, 32)
    assert encoder.default_visual_weight == 0.95
    assert encoder.encode_text(["a cup"]).shape == (1, 32)
    (tmp_path / "ris.json").write_text('{"visual_weight": 0.5}')
    assert load(f"local-dir:{tmp_path}").default_visual_weight == 0.5


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_a_checkpoint_file_loads_into_its_architecture(tmp_path, ending):
    torch.manual_seed(1)
    model = open_clip.create_model("RN50", pretrained_text=False)
    file = tmp_path / f"weights.{ending}"
    save_file(model.state_dict(), file) if ending == "safetensors" else torch.save(model.state_dict(), file)
    with torch.no_grad():
        expected = model.eval().encode_text(open_clip.get_tokenizer("RN50")(["a cup"]))
    assert torch.allclose(load(f"RN50/{file}").encode_text(["a cup"]), expected, atol=1e-5)


@pytest.mark.parametrize(("width", "is_fast", "crop_dtype"), [
    (512, True, torch.bfloat16), (512, False, torch.float32), (256, True, torch.float32)])
def test_bfloat16_is_chosen_for_crops_only(width, is_fast, crop_dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(sparse, "has_fast_bfloat16", lambda device: is_fast)
    torch.manual_seed(0)
    config = {**TINY, "vision_cfg": {**TINY["vision_cfg"], "width": width}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    save_file(open_clip.CLIP(**config).state_dict(), tmp_path / "open_clip_model.safetensors")
    name = f"local-dir:{tmp_path}"
    auto, exact = load(name), load_encoder(EncoderConfig(model=name, dtype="float32"), "cpu")
    assert (auto.dtype, auto.crop_dtype, exact.crop_dtype) == (torch.float32, crop_dtype, torch.float32)
    description = "float32, crops in bfloat16" if crop_dtype == torch.bfloat16 else "float32"
    assert (auto.arithmetic, exact.arithmetic) == (description, "float32")
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    masks = np.zeros((2, 40, 60), bool)
    masks[0, 5:20, 10:40], masks[1, 20:, 30:] = True, True
    for method in ("reference", "full"):
        is_exact = method == "reference" or crop_dtype == torch.float32
        expected, features = (encoder.encode_masks(image, masks, method=method) for encoder in (exact, auto))
        assert torch.equal(features.global_features, expected.global_features)
        assert torch.equal(features.local_features, expected.local_features) == is_exact
        assert torch.cosine_similarity(features.local_features, expected.local_features).min() > 0.999


@pytest.mark.parametrize(("name", "words"), [
    ("ViT-B/openai", "close ones are ViT-B-32"),
    ("ViT-B-32/opnai", "its tags are openai"),
    ("ViT-B-32", "neither a file nor a pretrained tag"),
])
def test_an_unknown_name_is_refused_with_the_known_ones(name, words):
    with pytest.raises(InputError, match=words):
        load(name)


def test_damaged_or_missing_files_are_refused_in_one_line(folder, tmp_path):
    file = tmp_path / "weights.pt"
    file.write_bytes(b"no weights at all")
    shutil.copytree(folder, tmp_path / "cut")
    (tmp_path / "cut" / "open_clip_model.safetensors").write_bytes(b"\x00" * 100)
    for name in (f"ViT-B-32/{file}", f"local-dir:{tmp_path / 'cut'}", "local-dir:/no/such/folder"):
        with pytest.raises(MissingError, match=r"cannot load encoder\.model") as refusal:
            load(name)
        assert "\n" not in str(refusal.value)


def test_a_damaged_bundled_model_is_refused_by_its_sha256(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "ris.json").write_text('{"visual_weight": 0.5, "sha256": "0123"}')
    monkeypatch.setattr(loading, "BUNDLED_FOLDER", tmp_path)
    with pytest.raises(MissingError, match="damaged"):
        load("bundled")
