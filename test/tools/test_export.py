"""Exported networks: the same numbers as torch's for any number of inputs, and what is refused or rebuilt."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ris_ros.config import Config, EncoderConfig
from ris_ros.encoding import load_encoder
from ris_ros.errors import InputError, MissingError
from ris_ros.proposals.decoder import MaskDecoder
from ris_ros.proposals.mobilesam import _decoder_state
from ris_ros.tools import export as export_module
from ris_ros.tools.export import TOLERANCE, export
from ris_ros.utils import exported, weights

TEXTS = ["the red cup", "a bowl", "the blue block on the left of the plate"]
TOWERS = ("local", "global", "text")


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def run(folder, form="onnx", names=TOWERS, **settings):
    return list(export(folder, Config().replace(settings), form, "cpu", picture(), TEXTS, names))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    for row in run(folder):
        assert row["state"] == "written", row
        assert row["largest difference"] <= TOLERANCE
    return folder


@pytest.fixture
def folder(original, tmp_path):
    """A copy of the exported towers of the bundled model."""
    for file in original.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_an_encoder_of_exported_towers_gives_the_same_features(original):
    own = load_encoder(EncoderConfig(dtype="float32"), "cpu")
    ours = load_encoder(EncoderConfig(exported=str(original)), "cpu")
    masks = np.zeros((11, 60, 80), bool)  # More than were compared when they were exported.
    for number, mask in enumerate(masks):
        mask[2 * number:2 * number + 20, 3 * number:3 * number + 30] = True
    expected, found = (encoder.encode_masks(picture(), masks, method="full") for encoder in (own, ours))
    torch.testing.assert_close(found.global_features, expected.global_features, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(found.local_features, expected.local_features, atol=TOLERANCE, rtol=0)
    texts = ["the green vase", *TEXTS, "a spoon"]
    torch.testing.assert_close(ours.encode_text(texts), own.encode_text(texts), atol=TOLERANCE, rtol=0)
    assert "onnx" in ours.arithmetic


def test_a_record_tells_what_was_exported(original):
    record = exported.read_record(original, "global")
    assert (record.format, record.model, record.key["masked_blocks"]) == ("onnx", "bundled", 3)
    assert record.inputs["masks"] == ["masks", 12, 12]
    assert "torch" in record.packages
    assert list(record.files) == ["global.onnx"]


def test_openvino_replaces_what_was_there(folder):
    pytest.importorskip("openvino")
    [row] = run(folder, "openvino", ["text"])
    assert row["state"] == "written"
    assert row["largest difference"] <= TOLERANCE
    assert sorted(file.name for file in folder.glob("text*")) == ["text.bin", "text.json", "text.xml"]


def test_what_fits_is_kept_and_what_does_not_is_rebuilt(folder):
    file, record = folder / "text.onnx", folder / "text.json"
    before = file.stat().st_mtime_ns
    assert [row["state"] for row in run(folder, names=["text"])] == ["up to date"]
    assert file.stat().st_mtime_ns == before
    record.write_text(record.read_text().replace('"torch": "', '"torch": "0.'))
    assert [row["state"] for row in run(folder, names=["text"])] == ["written"]
    file.write_bytes(file.read_bytes()[:-100])
    assert [row["state"] for row in run(folder, names=["text"])] == ["written"]
    assert exported.load(folder, "text", exported.read_record(folder, "text").key)


def test_an_interrupted_export_leaves_what_was_there(folder, monkeypatch):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(export_module, "_versions", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(folder, names=["text"])
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_network_that_cannot_be_exported_or_differs_is_named_and_not_written(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(export_module, "OPSET", 1)  # It knows no layer norm.
        [row] = run(tmp_path, names=["text"])
    assert row["state"].startswith("cannot be exported: ")
    monkeypatch.setattr(export_module, "TOLERANCE", -1.0)
    [row] = run(tmp_path, names=["text"])
    assert row["state"].startswith("not written: it differs")
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_no_export(tmp_path, monkeypatch):
    monkeypatch.setattr(export_module.ExportedNetwork, "__call__", lambda self, **inputs: [np.array(np.nan)])
    [row] = run(tmp_path, names=["text"])
    assert row["state"].startswith("not written: it differs")
    assert list(tmp_path.iterdir()) == []


def _edit(name: str, value):
    def edit(folder: Path) -> None:
        content = json.loads((folder / "text.json").read_text())
        (folder / "text.json").write_text(json.dumps(content | {name: value}))
    return edit


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda folder: (folder / "text.json").unlink(), "text.json.*run `ris export"),
    (lambda folder: (folder / "text.json").write_text("{"), "text.json.*not JSON"),
    (lambda folder: (folder / "text.json").write_text("[]"), "text.json"),
    (lambda folder: (folder / "text.onnx").unlink(), "text.*No such file"),
    (lambda folder: (folder / "text.onnx").write_bytes(b"?"), "text.onnx is damaged"),
    (_edit("key", {"weights": "0"}), "other weights or settings"),
    (_edit("files", {}), "text.*run `ris export"),
    (_edit("format", "caffe"), "no format 'caffe'"),
    (_edit("format", "tensorrt"), "tensorrt"),
])
def test_towers_that_do_not_fit_are_refused_in_one_line(folder, spoil, message):
    spoil(folder)
    with pytest.raises((InputError, MissingError), match=message) as refusal:
        load_encoder(EncoderConfig(exported=str(folder)), "cpu")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("settings", "message"), [
    ({"dtype": "bfloat16"}, "encoder.dtype"), ({"masked_blocks": 2}, "other weights or settings"),
])
def test_settings_that_do_not_fit_the_towers_are_refused(original, settings, message):
    with pytest.raises(InputError, match=message):
        load_encoder(EncoderConfig(exported=str(original), **settings), "cpu")


def test_an_engine_of_another_device_or_version_is_refused(folder, monkeypatch):
    _edit("format", "tensorrt")(folder)
    _edit("device", "NVIDIA A")(folder)
    _edit("packages", {"tensorrt": "10"})(folder)
    monkeypatch.setattr(exported, "check_format", lambda *_: None)
    monkeypatch.setattr(exported, "built_for", lambda _: ("NVIDIA B", "10"))
    with pytest.raises(InputError, match="built for NVIDIA A with TensorRT 10, and this is NVIDIA B"):
        exported.load(folder, "text", exported.read_record(folder, "text").key, "cuda")


def test_a_format_that_is_missing_or_does_not_run_on_the_device_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="known are onnx, openvino, tensorrt"):
        run(tmp_path, "caffe")
    with pytest.raises(InputError, match="no part head; there are"):
        run(tmp_path, names=["head"])
    with pytest.raises(InputError, match="openvino runs on the CPU, not on cuda"):
        exported.check_format("openvino", "cuda")
    monkeypatch.setattr(exported, "find_spec", lambda package: None)
    with pytest.raises(MissingError, match="tensorrt needs the package tensorrt, which is not installed"):
        run(tmp_path, "tensorrt")
    (tmp_path / "file").write_text("")
    monkeypatch.undo()
    with pytest.raises(InputError, match="cannot write to"):
        run(tmp_path / "file")


def test_the_decoder_gives_the_same_logits_for_any_number_of_prompts(tmp_path):
    """The logits of `MaskDecoder.decode` at the pixel of each cell that it computes, and the quality."""
    weights.fetch("mobilesam")
    decoder = MaskDecoder(_decoder_state(weights.path("mobilesam", "sam.onnx")), "cpu")
    embedding = 0.1 * torch.randn((1, 256, 64, 64), generator=torch.Generator().manual_seed(0))
    part = export_module.decoder_part(decoder, "mobilesam", embedding, ())
    row = export_module._export(tmp_path, part, "onnx", "cpu")
    assert row["state"] == "written", row
    network = exported.load(tmp_path, "proposer-decoder", part.key)
    points, labels = np.array([[[100.0, 200], [0, 0]]] * 5, np.float32), np.array([[1, -1]] * 5)
    points[:, 0] += 50 * np.arange(5)[:, None]
    logits, quality = network(embedding=embedding.numpy(), points=points, labels=labels)
    expected = decoder.decode(decoder.prepare(embedding.numpy()), points, labels)
    np.testing.assert_allclose(logits[:, :, 2::4, 2::4], expected.coarse, atol=TOLERANCE)
    np.testing.assert_allclose(quality, expected.quality, atol=TOLERANCE)
