"""Loading by name, path and hub, and every way in which that can fail: one line that says what to do."""

import json
import shutil
import socket
import time

import huggingface_hub
import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save_file

from ris_ros.config import DetectorConfig
from ris_ros.detection import check_detector, load_detector
from ris_ros.detection.detector import MODELS
from ris_ros.detection.loading import is_detector
from ris_ros.errors import InputError, MissingError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def network(monkeypatch, tmp_path):
    """Refuse every connection, and begin with an empty cache of the hub."""
    def refuse(*arguments, **_):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def copy(folders, tmp_path):
    """Return the folder of a small model that may be damaged."""
    return shutil.copytree(folders("owlv2"), tmp_path / "model")


def failure(model, **options):
    with pytest.raises((InputError, MissingError)) as caught:
        load_detector(DetectorConfig(model=str(model)), "cpu", **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def in_hub_cache(folder, repository, tmp_path):
    """Lay a folder out as the hub's library does it."""
    root = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    shutil.copytree(folder, root / "snapshots" / COMMIT)


def test_from_the_cache_of_the_hub_by_name_and_repository(folders, tmp_path, image):
    in_hub_cache(folders("owlv2"), MODELS["owlv2-base"].repository, tmp_path)
    names = ("owlv2-base", f"hf-hub:{MODELS['owlv2-base'].repository}", f"local-dir:{folders('owlv2')}")
    scores = [load_detector(DetectorConfig(model=name), "cpu", offline=offline)(image, ["cup"])[0].scores
              for name in names for offline in (True, False)]
    assert len(scores[0]) and all((one == scores[0]).all() for one in scores)
    assert is_detector("owlv2-base") and is_detector("hf-hub:google/owlv2-base-patch16-ensemble")
    assert not is_detector("ViT-B-16/openai") and not is_detector("hf-hub:laion/nothing")


def test_unknown_names_and_kinds(copy):
    assert "use grounding-dino-tiny" in failure("yolo")
    (copy / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "is of the kind 'bert'; supported are grounding-dino" in failure(f"local-dir:{copy}")


def test_without_transformers(copy, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "run `pip install 'ris_ros[hf]'`" in failure(f"local-dir:{copy}")


def test_with_an_old_transformers(folders, monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "4.57.6")
    assert "needs transformers 5 or newer, this is 4.57.6" in failure(f"local-dir:{folders('sam3')}")
    assert check_detector(DetectorConfig(model=f"local-dir:{folders('owlv2')}")).threshold == 0.1


def test_offline_and_without_a_network():
    for name in ("owlv2-base", "hf-hub:a/b"):
        assert f"run `ris weights fetch {name}` where there is a network, because offline is set" in failure(
            name, offline=True)
        assert f"run `ris weights fetch {name}` where there is a network, or copy a folder" in failure(name)


def test_a_licence_that_was_not_accepted(monkeypatch):
    import httpx
    from huggingface_hub.errors import GatedRepoError

    def gated(*arguments, **options):
        response = httpx.Response(401, request=httpx.Request("GET", "https://hub/facebook/sam3"))
        raise GatedRepoError("401 Client Error. Cannot access gated repo", response=response)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", gated)
    assert "its licence must be accepted first: do so on the page of facebook/sam3" in failure("sam3")


@pytest.mark.parametrize("error", [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"), MemoryError()])
def test_too_little_memory(copy, monkeypatch, error):
    def full(self, *arguments, **options):
        raise error

    monkeypatch.setattr("transformers.Owlv2ForObjectDetection.to", full)
    assert "there is too little memory; choose a smaller model, detector.dtype bfloat16" in failure(f"local-dir:{copy}")


def damaged(file):
    file.write_bytes(file.read_bytes()[:200])


def without_a_parameter(file):
    state = load_file(file)
    del state["class_head.dense0.weight"]
    save_file(state, file, {"format": "pt"})


@pytest.mark.parametrize(("name", "damage"), [
    ("model.safetensors", damaged), ("model.safetensors", without_a_parameter),
    ("model.safetensors", lambda file: file.unlink()), ("config.json", lambda file: file.write_text("{")),
    ("config.json", lambda file: file.write_text("[]")), ("config.json", lambda file: file.unlink()),
    ("tokenizer.json", damaged), ("processor_config.json", lambda file: file.write_text("[]"))])
def test_damaged_folders(copy, name, damage):
    damage(copy / name)
    assert f"cannot load detector.model local-dir:{copy}" in failure(f"local-dir:{copy}", offline=True)
