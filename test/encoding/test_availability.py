"""Models in the cache of the hub, which is filled here, and a network that cannot be reached."""

import io
import json
import logging
import socket
import time

import huggingface_hub
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from ris_ros.config import EncoderConfig
from ris_ros.encoding import check_encoder, load_encoder
from ris_ros.errors import MissingError
from ris_ros.utils.hub import downloads

TINY = {"embed_dim": 32,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 4, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TAG = "ViT-B-32/openai"


@pytest.fixture(autouse=True)
def connections(monkeypatch):
    """Refuse every connection, without a wait between retries; return where each was to go."""
    tried = []

    def refuse(*arguments, **_):
        tried.append(arguments)
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    return tried


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return a function that puts files of a repository into the cache, laid out as the hub's library does it."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def add(repository, weights="open_clip_model.safetensors", model_config=TINY):
        folder = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
        snapshot = folder / "snapshots" / COMMIT
        for path in (folder / "refs", snapshot):
            path.mkdir(parents=True)
        (folder / "refs" / "main").write_text(COMMIT)
        (snapshot / "open_clip_config.json").write_text(json.dumps({"model_cfg": model_config, "preprocess_cfg": {}}))
        torch.manual_seed(0)
        if weights:
            save = save_file if weights.endswith(".safetensors") else torch.save
            save(open_clip.CLIP(**TINY).state_dict(), snapshot / weights)
    return add


def load(name, **options):
    return load_encoder(EncoderConfig(model=name), "cpu", **options)


@pytest.mark.parametrize("weights", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
def test_a_repository_in_the_cache_is_loaded_without_the_network(cache, connections, weights):
    cache("some/model", weights)
    assert load("hf-hub:some/model").encode_text(["a cup"]).shape == (1, 32)
    assert not connections


@pytest.mark.parametrize("weights", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
def test_a_tag_whose_weights_are_in_the_cache_is_loaded_without_the_network(cache, connections, monkeypatch, weights):
    monkeypatch.setattr(open_clip, "get_model_config", lambda name: TINY)
    monkeypatch.setattr(open_clip.factory, "get_model_config", lambda name: json.loads(json.dumps(TINY)))
    repository = open_clip.get_pretrained_cfg(*TAG.split("/"))["hf_hub"].rstrip("/")
    cache(repository, weights)
    assert load(TAG).encode_text(["a cup"]).shape == (1, 32)
    assert not connections


def test_what_is_not_in_the_cache_is_asked_for_and_the_remedy_told(cache, connections):
    for name in (TAG, "hf-hub:some/model"):
        connections.clear()
        with pytest.raises(MissingError, match=f"run `ris weights fetch {name}` where there is a network"):
            load(name)
        assert connections
    connections.clear()
    with pytest.raises(MissingError, match="offline is set"):
        load(TAG, offline=True)
    assert not connections


def test_a_repository_without_its_weights_in_the_cache_is_asked_for_them(cache, connections):
    cache("some/model", weights=None)
    check_encoder(EncoderConfig(model="hf-hub:some/model"))
    assert not connections
    with pytest.raises(MissingError):
        load("hf-hub:some/model")
    assert connections


def test_a_tokenizer_that_is_not_in_the_cache_is_downloaded(cache, monkeypatch):
    cache("some/model")
    attempts = []

    def get_tokenizer(name):
        attempts.append(huggingface_hub.constants.HF_HUB_OFFLINE)
        if attempts[-1]:
            raise OSError("We couldn't connect, and couldn't find the tokenizer in the cached files")
        # The tiny weights are there, and the rest stays without a network.
        huggingface_hub.constants.HF_HUB_OFFLINE = True
        return open_clip.SimpleTokenizer(context_length=16)

    monkeypatch.setattr(open_clip, "get_tokenizer", get_tokenizer)
    load("hf-hub:some/model")
    assert attempts == [True, False]
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


def test_damaged_weights_in_the_cache_are_refused_at_once(cache, connections, tmp_path):
    cache("some/model")
    [file] = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(MissingError, match="its file of weights is damaged"):
        load("hf-hub:some/model")
    assert not connections


def test_each_line_of_the_hub_is_printed_once(cache, monkeypatch):
    """Its library has a handler of its own, and open_clip sets up the root logger."""
    printed = io.StringIO()
    for name in ("huggingface_hub", None):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "handlers", [*logger.handlers, logging.StreamHandler(printed)])
    monkeypatch.setattr(logging.getLogger("huggingface_hub"), "level", logging.WARNING)
    handlers = list(logging.getLogger("huggingface_hub").handlers)
    with pytest.raises(MissingError):
        load("hf-hub:some/model")
    assert printed.getvalue().count("Retry 1/") == 1
    assert logging.getLogger("huggingface_hub").handlers == handlers


def test_downloads_work_again_after_they_were_not_allowed(cache, connections):
    with pytest.raises(OSError), downloads(allowed=False):
        huggingface_hub.hf_hub_download("some/model", "file")
    assert not connections
    with pytest.raises(OSError), downloads(allowed=True):
        huggingface_hub.hf_hub_download("some/model", "file")
    assert connections
