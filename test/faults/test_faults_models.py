"""Models of every kind that cannot be loaded: each is refused in one line that names what is missing or damaged."""

import importlib.util
import json
import pickle
import shutil
from pathlib import Path

import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from ris_ros.config import Config, EncoderConfig, ProposalsConfig
from ris_ros.encoding import availability, check_encoder, load_encoder, loading
from ris_ros.errors import InputError, MissingError, RisError
from ris_ros.proposals import make_proposer
from ris_ros.segmenter import ReferringSegmenter
from ris_ros.utils import device, weights
from ris_ros.utils.hub import downloads

pytestmark = pytest.mark.slow

TINY = {"embed_dim": 32,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 4, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}}


CACHE = weights.cache_dir()


@pytest.fixture(scope="module")
def sound_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    save_file(open_clip.CLIP(**TINY).state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture
def folder(sound_folder, tmp_path):
    return shutil.copytree(sound_folder, tmp_path / "model")


@pytest.fixture(autouse=True)
def _empty_caches(tmp_path, monkeypatch):
    """No test finds what this machine has downloaded, and none downloads."""
    monkeypatch.setattr(availability.huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(availability.huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HOME", str(tmp_path))


def refusal(load, *arguments, **options):
    with pytest.raises(RisError) as caught:
        load(*arguments, **options)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2500
    return str(caught.value)


# --- open_clip's configurations -----------------------------------------------------------------------------------


def needs_transformers(name):
    text = open_clip.get_model_config(name)["text_cfg"]
    return any(text.get(key) for key in ("hf_tokenizer_name", "hf_model_name"))


@pytest.mark.parametrize("name", open_clip.list_models())
def test_every_configuration_of_open_clip_is_supported(name):
    check_encoder(EncoderConfig(model=f"{name}/random"))
    if not needs_transformers(name):
        assert isinstance(open_clip.get_tokenizer(name), open_clip.SimpleTokenizer)


@pytest.fixture
def without_transformers(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec",
                        lambda name, *rest: None if name == "transformers" else real(name, *rest))


@pytest.mark.parametrize("name", filter(needs_transformers, open_clip.list_models()))
def test_a_configuration_that_needs_a_package_says_which(name, without_transformers):
    text = open_clip.get_model_config(name)["text_cfg"]
    for tag in ("random", *open_clip.list_pretrained_tags_by_model(name)):
        message = refusal(check_encoder, EncoderConfig(model=f"{name}/{tag}"))
        assert "pip install 'ris_ros[hf]'" in message
        assert any(text.get(key, "?") in message for key in ("hf_tokenizer_name", "hf_model_name"))


def test_the_extra_that_errors_name_exists_and_installs_transformers():
    setup = (Path(__file__).parents[2] / "setup.cfg").read_text()
    assert "\nhf =\n    transformers " in setup


@pytest.mark.parametrize(("key", "part"), [("hf_tokenizer_name", "tokenizer"), ("hf_model_name", "text tower")])
def test_a_folder_whose_configuration_needs_transformers_says_so(folder, key, part, without_transformers):
    config = {**TINY, "text_cfg": {**TINY["text_cfg"], key: "some/name"}}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    message = refusal(load_encoder, EncoderConfig(model=f"local-dir:{folder}"), "cpu")
    assert f"has the {part} some/name" in message and "pip install 'ris_ros[hf]'" in message


def test_an_image_tower_that_timm_does_not_know_is_named(folder):
    config = {**TINY, "vision_cfg": {"timm_model_name": "vit_of_the_future", "image_size": 32}}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    assert "vit_of_the_future" in refusal(check_encoder, EncoderConfig(model=f"local-dir:{folder}"))


# --- files --------------------------------------------------------------------------------------------------------


class Harmful:
    """Would run a function when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("harmed"),)


def pickled(value):
    return lambda file: file.write_bytes(pickle.dumps(value))


def saved(value):
    return lambda file: torch.save(value, file)


CHECKPOINTS = {
    "empty": lambda file: file.write_bytes(b""),
    "zeros": lambda file: file.write_bytes(bytes(1000)),
    "text": lambda file: file.write_text("version https://git-lfs.github.com/spec/v1\n"),
    "a pickled number": pickled(7), "a pickled list": pickled([1, 2]), "a pickled object": pickled(Harmful()),
    "a saved number": saved(7), "a saved list": saved([]), "a saved empty dictionary": saved({}),
    "a saved object": saved({"state_dict": Harmful()}), "names without weights": saved({"a": 1}),
    "numbers for names": saved({1: torch.zeros(1)}), "another shape": saved({"logit_scale": torch.zeros(3, 3)}),
    "another model": saved({"layer.weight": torch.zeros(3)}), "no dictionary": saved(torch.zeros(3)),
    "TorchScript": lambda file: torch.jit.script(torch.nn.Linear(2, 2)).save(str(file)),
}


@pytest.mark.parametrize("kind", CHECKPOINTS)
@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
def test_a_damaged_checkpoint_is_refused(tmp_path, monkeypatch, kind, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(open_clip, "get_model_config", lambda name: TINY)
    monkeypatch.setattr(open_clip.factory, "get_model_config", lambda name: dict(TINY))
    CHECKPOINTS[kind](tmp_path / name)
    message = refusal(load_encoder, EncoderConfig(model=f"ViT-B-32/{tmp_path / name}"), "cpu")
    assert "the file must be safetensors" in message or "cannot be read" in message
    assert not Path("harmed").exists()


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_a_damaged_checkpoint_of_sam_is_refused(tmp_path, monkeypatch, kind):
    pytest.importorskip("segment_anything")
    monkeypatch.chdir(tmp_path)
    CHECKPOINTS[kind](tmp_path / "sam.pth")
    message = refusal(make_proposer, ProposalsConfig(method="sam", checkpoint=str(tmp_path / "sam.pth")), "cpu")
    assert "must be a checkpoint name" in message
    assert not Path("harmed").exists()


@pytest.mark.parametrize("kind", ["empty", "zeros", "text", "a pickled number", "a saved list"])
@pytest.mark.parametrize("damaged", ["encoder.onnx", "sam.onnx"])
def test_a_damaged_folder_of_mobilesam_is_refused(tmp_path, kind, damaged):
    for file in ("encoder.onnx", "sam.onnx"):
        shutil.copy(CACHE / "mobilesam" / file, tmp_path / file)
    CHECKPOINTS[kind](tmp_path / damaged)
    message = refusal(make_proposer, ProposalsConfig(checkpoint=str(tmp_path)), "cpu")
    assert "run `ris weights fetch mobilesam`" in message


def edited(**changes):
    return json.dumps({"model_cfg": {**TINY, **changes}, "preprocess_cfg": {}}).encode()


CONFIGURATIONS = {
    "empty": b"", "no JSON": b"{", "not UTF-8": b"\xff\xfe", "nested": b"[" * 100_000, "a list": b"[]", "null": b"null",
    "without a model": b"{}", "a number for a model": b'{"model_cfg": 7}', "an empty model": b'{"model_cfg": {}}',
    "no text": edited(text_cfg=None), "a list for images": edited(vision_cfg=[]),
    "an unknown option": edited(vision_cfg={**TINY["vision_cfg"], "depth": 3}),
    "a text for a width": edited(vision_cfg={**TINY["vision_cfg"], "width": "wide"}),
    "a width of zero": edited(vision_cfg={**TINY["vision_cfg"], "width": 0, "head_width": 0}),
    "a negative size": edited(vision_cfg={**TINY["vision_cfg"], "image_size": -1}),
    "other weights": edited(embed_dim=64), "no size": edited(embed_dim=None),
    "heads that do not fit": edited(text_cfg={**TINY["text_cfg"], "heads": 7}),
}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_a_damaged_configuration_is_refused(folder, kind):
    (folder / "open_clip_config.json").write_bytes(CONFIGURATIONS[kind])
    assert "open_clip_config.json" in refusal(load_encoder, EncoderConfig(model=f"local-dir:{folder}"), "cpu")


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(where=st.floats(0, 1), damage=st.one_of(st.just(b""), st.binary(min_size=1, max_size=40)))
def test_weights_that_are_cut_or_overwritten_at_the_front_are_refused(sound_folder, tmp_path_factory, where, damage):
    folder = shutil.copytree(sound_folder, tmp_path_factory.mktemp("cut") / "model")
    file = folder / "open_clip_model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:int(where * (len(content) - 1))] if not damage else damage + content[len(damage) + 1:])
    refusal(load_encoder, EncoderConfig(model=f"local-dir:{folder}"), "cpu")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"visual_weight": "much"}', b"[" * 100_000])
def test_a_damaged_description_of_a_model_is_refused(folder, content):
    (folder / "ris.json").write_bytes(content)
    assert "ris.json" in refusal(load_encoder, EncoderConfig(model=f"local-dir:{folder}"), "cpu")


@pytest.mark.parametrize("missing", ["ris.json", "open_clip_model.safetensors", "open_clip_config.json"])
def test_an_incomplete_bundled_model_is_refused(tmp_path, monkeypatch, missing):
    shutil.copytree(loading.BUNDLED_FOLDER, tmp_path / "bundled")
    (tmp_path / "bundled" / missing).unlink()
    monkeypatch.setattr(loading, "BUNDLED_FOLDER", tmp_path / "bundled")
    refusal(load_encoder, EncoderConfig(), "cpu")


# --- names --------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(name=st.one_of(
    st.text(max_size=30),
    st.builds("".join, st.lists(st.sampled_from(
        ["ViT-B-32", "/", "openai", "random", "local-dir:", "hf-hub:", "..", "\0", " ", "x" * 300, "~"]), max_size=4)),
).filter(lambda name: name not in ("bundled", "ViT-B-32/random")))
def test_any_other_name_of_a_model_is_refused(name):
    refusal(check_encoder, EncoderConfig(model=name), offline=True)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(name=st.one_of(
    st.text(max_size=12),
    st.sampled_from(["mps", "xpu", "meta", "hip", "vulkan", "mps:0", "cpu:0", "cuda:-1", "cuda:", "cuda:01", "CUDA",
                     "cuda:0 ", "gpu", "privateuseone", "cuda:٣", "cpu\n"]),
    st.builds("cuda:{}".format, st.integers(100, 10**12)),
).filter(lambda name: name not in ("cpu", "auto", "cuda")))
def test_any_other_name_of_a_device_is_refused(name):
    with pytest.raises(RisError, match="device"):
        device.resolve_device(name)


@pytest.mark.parametrize(("dtype", "used", "words"), [
    ("float16", torch.float32, "ten times"), ("float32", torch.float32, ""), ("bfloat16", torch.bfloat16, "slow")])
def test_a_dtype_that_is_slow_on_a_cpu_is_told(folder, monkeypatch, caplog, dtype, used, words):
    monkeypatch.setattr(device, "has_fast_bfloat16", lambda device: False)
    encoder = load_encoder(EncoderConfig(model=f"local-dir:{folder}", dtype=dtype), "cpu")
    assert encoder.dtype == used
    assert (words in caplog.text) if words else not caplog.text


# --- offline, and in which order things are missed ----------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "ViT-B-32/openai", "ViT-B-32/laion2b_s34b_b79k", "RN50/yfcc15m", "EVA02-B-16/merged2b_s8b_b131k"])
def test_offline_a_model_that_is_not_here_is_named_with_the_command_that_fetches_it(name):
    message = refusal(load_encoder, EncoderConfig(model=name), "cpu", offline=True)
    assert f"run `ris weights fetch {name}`" in message and "offline is set" in message


def test_offline_a_repository_that_is_not_here_is_named_with_the_command_that_fetches_it():
    name = "hf-hub:some/model"
    message = refusal(load_encoder, EncoderConfig(model=name), "cpu", offline=True)
    assert f"run `ris weights fetch {name}`" in message and "offline is set" in message


def test_offline_what_is_here_is_loaded(folder):
    assert load_encoder(EncoderConfig(model=f"local-dir:{folder}"), "cpu", offline=True).encode_text(["a cup"]).shape
    check_encoder(EncoderConfig(), offline=True)
    check_encoder(EncoderConfig(model="ViT-B-32/random"), offline=True)


def test_offline_is_restored_after_loading(folder, monkeypatch):
    monkeypatch.setattr(availability.huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with downloads(allowed=False):
        assert availability.huggingface_hub.constants.HF_HUB_OFFLINE
    assert not availability.huggingface_hub.constants.HF_HUB_OFFLINE


@pytest.mark.parametrize("changes", [
    {"proposals.checkpoint": "sam_vit_b", "proposals.method": "sam"}, {"proposals.checkpoint": "no/such/folder"},
    {"encoder.model": "ViT-B-32/openai", "offline": True}, {"language.model": "no_such_model"}, {"device": "mps"}])
def test_what_is_missing_is_told_before_the_encoder_is_loaded(monkeypatch, tmp_path, changes):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    if "language.model" in changes:
        monkeypatch.setattr("ris_ros.segmenter.make_proposer", lambda *_, **__: pytest.fail("the proposer was loaded"))
    monkeypatch.setattr("ris_ros.segmenter.load_encoder", lambda *_, **__: pytest.fail("the encoder was loaded"))
    with pytest.raises((InputError, MissingError)):
        ReferringSegmenter.from_config(Config.from_dict(changes))
