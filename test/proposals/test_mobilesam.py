"""MobileSAM's network: its files, its execution providers, and batches of prompts."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError, MissingError
from ris_ros.proposals import make_proposer
from ris_ros.proposals.mobilesam import MobileSam
from ris_ros.utils import weights

data = pytest.importorskip("skimage.data")

pytestmark = pytest.mark.slow


def test_truncated_weights_are_refused(tmp_path, monkeypatch):
    whole = weights.path("mobilesam", "encoder.onnx").read_bytes()
    decoder = weights.path("mobilesam", "sam.onnx").read_bytes()
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    (tmp_path / "mobilesam").mkdir()
    (tmp_path / "mobilesam" / "encoder.onnx").write_bytes(whole)
    (tmp_path / "mobilesam" / "sam.onnx").write_bytes(decoder[:-1])
    with pytest.raises(MissingError, match=r"sam\.onnx is damaged.*`ris weights fetch mobilesam`"):
        make_proposer(ProposalsConfig(), "cpu")



def test_the_error_for_missing_weights_names_the_fetch_command(tmp_path, monkeypatch):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match="run `ris weights fetch mobilesam`"):
        make_proposer(ProposalsConfig(), "cpu")



def test_a_folder_can_be_the_checkpoint(proposer):
    folder = weights.path("mobilesam", "sam.onnx").parent
    other = make_proposer(ProposalsConfig(checkpoint=str(folder), max_prompts=1), "cpu")
    assert len(other(data.coffee())) > 0
    with pytest.raises(InputError, match="must be a checkpoint name"):
        make_proposer(ProposalsConfig(checkpoint="/nowhere"), "cpu")



def test_cuda_without_a_cuda_runtime_is_noted(caplog):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with caplog.at_level("WARNING"):
        proposer = make_proposer(ProposalsConfig(), "cuda:0")
    assert caplog.text.count("onnxruntime-gpu") == 1
    assert "runs on the CPU" in proposer.notes[0]



@pytest.mark.parametrize(("device", "tensorrt", "expected"), [
    ("cpu", True, ["CPUExecutionProvider"]),
    ("cuda:1", False, ["CUDAExecutionProvider", "CPUExecutionProvider"]),
    ("cuda", True, ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]),
])
def test_the_device_determines_the_execution_providers(monkeypatch, device, tensorrt, expected):
    import onnxruntime

    chosen = []

    class Session:
        def __init__(self, model, options, providers):
            chosen.append(providers)

        def get_providers(self):
            return expected

        def get_inputs(self):
            return [SimpleNamespace(name="input", shape=["batch", 3, 1024, 1024])]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [
        "TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"])
    assert make_proposer(ProposalsConfig(tensorrt=tensorrt), device).notes == []
    assert len(chosen) == 1
    for providers in chosen:
        assert [name if isinstance(name, str) else name[0] for name in providers] == expected
        numbers = {name[1]["device_id"] for name in providers if not isinstance(name, str)}
        assert numbers <= {1 if device == "cuda:1" else 0}


def test_the_backends_give_the_same_embedding():
    pytest.importorskip("openvino")
    image = cv2.resize(data.coffee(), (1024, 768))
    onnxruntime, openvino = (MobileSam("mobilesam", "cpu", backend=backend) for backend in ("onnxruntime", "openvino"))
    expected = onnxruntime.encode(image)
    assert expected.shape == (1, 256, 64, 64)
    assert np.abs(openvino.encode(image) - expected).max() < 1e-3 * np.abs(expected).max()
    assert (onnxruntime.backend, openvino.backend) == ("onnxruntime, as set", "openvino, as set")


@pytest.mark.parametrize(("method", "backend", "device", "error"), [
    ("mobilesam", "openvino", "cuda", "the backend openvino runs on the CPU, not on cuda"),
    ("sam", "openvino", "cpu", "the sam proposer runs in torch: set proposals.backend to auto, not to openvino"),
    ("sam2", "onnxruntime", "cpu", "the sam2 proposer runs in torch"),
])
def test_no_other_backend_replaces_one_that_was_asked_for(method, backend, device, error):
    pytest.importorskip("openvino")
    with pytest.raises(InputError, match=error):
        make_proposer(ProposalsConfig(method=method, backend=backend), device)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_file_that_is_no_image_encoder_is_refused(tmp_path, backend):
    pytest.importorskip(backend)
    decoder = weights.path("mobilesam", "sam.onnx").read_bytes()
    for name in ("encoder.onnx", "sam.onnx"):
        (tmp_path / name).write_bytes(decoder)
    with pytest.raises(InputError, match=r"encoder\.onnx.*`ris weights fetch mobilesam`"):
        MobileSam(str(tmp_path), "cpu", backend=backend)
