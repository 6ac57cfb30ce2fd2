"""Settings, calibrations and checkpoints from anywhere: one clear line says what is wrong and what to do."""

import contextlib
import copy
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_ros import Config
from ris_ros.cli.common import load_config
from ris_ros.config import EncoderConfig, to_ros_yaml
from ris_ros.encoding.loading import BUNDLED_FOLDER, _read_metadata, load_encoder
from ris_ros.errors import InputError, MissingError, RisError, excerpt, reading
from ris_ros.grounding.prompt_bank import PromptBank
from ris_ros.proposals.mobilesam import MobileSam
from ris_ros.utils.files import parse_json, read_json

pytestmark = pytest.mark.slow


def refused(call, error=InputError):
    """Check that a call is refused, in one line of a length that can be read."""
    with pytest.raises(error) as refusal:
        call()
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 900
    return str(refusal.value)


JSON = {"deep": b"[" * 200_000, "half": b'{"a": ', "empty": b"", "NUL": b"\0", "surrogate": b'["\\ud800"]',
        "capital surrogate": b'["\\uDFFF"]', "a key": b'{"\\ud800": 1}', "raw surrogate": b'["\xed\xa0\x80"]',
        "Latin-1": b'["\xe9"]', "digits": b"9" * 10_000, "UTF-16": "[1]".encode("utf-16") + b"\0"}


@pytest.mark.parametrize("content", JSON.values(), ids=JSON)
def test_what_is_no_json_is_told(tmp_path, content):
    refused(lambda: parse_json(content))
    (tmp_path / "x.json").write_bytes(content)
    assert "x.json" in refused(lambda: read_json(tmp_path / "x.json"))


def test_json_with_pairs_of_surrogates_is_read(tmp_path):
    assert parse_json(r'["\ud83d\ude00", "\\ud800"]') == ["\U0001F600", "\\ud800"]
    assert parse_json("\ufeff[1]".encode()) == [1]
    refused(lambda: read_json(tmp_path / "nowhere.json", "make it"))
    refused(lambda: read_json(tmp_path))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_json_is_read_or_refused(changes):
    content = bytearray(json.dumps({"a": [1, 2.5, None, "é\U0001F600"], "b": {"c": True}}).encode())
    for at, value in changes:
        content[at % len(content)] = value
    with contextlib.suppress(InputError):
        json.dumps(parse_json(bytes(content)), ensure_ascii=False).encode()


def test_excerpts_are_short_whatever_the_value_is():
    deep, shared = [], []
    for _ in range(100_000):
        deep = [deep]
    for _ in range(60):
        shared = [shared, shared]
    itself = []
    itself.append(itself)
    for value in (deep, shared, itself, "x" * 10**6, {"a": shared}, "\ud800", [10**4000], 10**5000, float("nan")):
        assert len(excerpt(value)) <= 100
    with pytest.raises(InputError, match="cannot read it: ValueError: no; go away"), reading("it", "go away"):
        raise ValueError("no")
    with pytest.raises(MissingError, match="as it was"), reading("it"):
        raise MissingError("as it was")


LAUGHS = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}}}\n" for i in range(1, 40))
YAML = {"billion laughs": LAUGHS, "itself": "a: &a {x: *a}", "itself below": "proposals: &a {x: *a}",
        "a list of itself": "cameras: &a [*a]", "a huge number": "max_rate: 1" + "0" * 400,
        "a date": "a: 2024-99-99", "a number": "a: !!int x", "deep": "[" * 1000,
        "an object": "a: !!python/object/apply:os.system [echo]", "a key": "{[1]: 2}",
        "a key of a dict": "? {a: 1}\n: 2",
        "binary": "a: !!binary '*'", "a tab": "a:\t- b", "NUL": "a: \0", "other types": "encoder: [1]",
        "a float": "method: .nan", "a list": "device: [cpu]", "ros": "a: {ros__parameters: 3}", "true": "a: !!bool x"}


@pytest.mark.parametrize("text", YAML.values(), ids=YAML)
def test_hostile_settings_are_refused(tmp_path, text):
    (tmp_path / "ris.yaml").write_text(text)
    refused(lambda: Config.from_yaml(tmp_path / "ris.yaml"))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_settings_are_read_or_refused(tmp_path_factory, changes):
    lines = [line for line in to_ros_yaml(Config()).splitlines() if "#" not in line]
    content = bytearray("\n".join(lines).encode())
    for at, value in changes:
        content[at % len(content)] = value
    file = tmp_path_factory.mktemp("settings") / "ris.yaml"
    file.write_bytes(content)
    try:
        Config.from_yaml(file)
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("value", ["2024-99-99", "[", "!!int x", "&a [*a]", "{a: 1}", "\0"])
def test_hostile_values_on_the_command_line_are_refused(value):
    refused(lambda: load_config(None, [f"device={value}"]))


OWN = json.loads((BUNDLED_FOLDER / "ris.json").read_text())
WRONG = [None, "text", [], {}, [[1]], float("nan"), 10**400, -1e300, True]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(wrong)[:8])
def test_wrong_values_in_a_calibration_are_refused_or_harmless(tmp_path, wrong):
    file = tmp_path / "calibration.json"
    for name in (*OWN["calibration"], "name_slope", "statistics", "false_absences", "fingerprint", "other"):
        values = copy.deepcopy(OWN["calibration"]) | {name: wrong}
        file.write_text(json.dumps(values))
        try:
            bank = PromptBank.load(str(file), None)
        except InputError as error:
            assert "calibration.json" in str(error) and "\n" not in str(error)
        else:
            assert np.isfinite([bank.name_temperature, bank.threshold(0.05), bank.name_slope]).all()
            assert all(isinstance(name, str) for name in bank.names)
    file.write_text(json.dumps(wrong))
    if wrong is not None:
        refused(lambda: PromptBank.load(str(file), None))


RIS_JSON = ["", "{", "[]", "3", '{"visual_weight": "x"}', '{"visual_weight": NaN}', '{"visual_weight": 7}',
            '{"calibration": 3}', "[" * 100_000, '{"a": "\\ud800"}']


@pytest.mark.parametrize("content", RIS_JSON, ids=lambda content: content[:24])
def test_a_damaged_ris_json_is_told_with_a_remedy(tmp_path, content):
    (tmp_path / "ris.json").write_text(content)
    assert "copy the model's folder again" in refused(lambda: _read_metadata(tmp_path))


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    return Path(shutil.copytree(BUNDLED_FOLDER, tmp_path_factory.mktemp("models") / "model"))


@pytest.mark.parametrize("damage", [
    lambda content: b"", lambda content: content[:len(content) // 2], lambda content: b"no tensors" * 100,
    lambda content: b"\xff" * 8 + content[8:], lambda content: b"\0" * 8 + content[8:],
    lambda content: content.replace(b'"F32"', b'"F99"'), lambda content: content.replace(b'"shape":[', b'"shape":[9,')])
def test_damaged_safetensors_are_told_with_a_remedy(model_folder, damage):
    file = model_folder / "open_clip_model.safetensors"
    whole = (BUNDLED_FOLDER / "open_clip_model.safetensors").read_bytes()
    file.write_bytes(damage(whole))
    message = refused(lambda: load_encoder(EncoderConfig(model=f"local-dir:{model_folder}"), "cpu"), RisError)
    assert "open_clip_model.safetensors" in message


class Trap:
    def __reduce__(self):
        return print, ("caught",)


CHECKPOINTS = {
    "nothing": lambda file: file.touch(), "text": lambda file: file.write_text("weights"),
    "JSON": lambda file: file.write_text("{}"), "a list": lambda file: torch.save([1], file),
    "a tensor": lambda file: torch.save(torch.zeros(3), file), "other weights": lambda file: torch.save(
        {"a": torch.zeros(3)}, file),
    "a number": lambda file: torch.save({"image_encoder.pos_embed": torch.tensor(3.0)}, file),
    "a text in it": lambda file: torch.save({"image_encoder.pos_embed": "x"}, file),
    "too few": lambda file: torch.save({"image_encoder.pos_embed": torch.zeros(1, 64, 64, 768)}, file),
    "code": lambda file: file.write_bytes(pickle.dumps(Trap())), "code in a zip": lambda file: torch.save(Trap(), file),
    "a folder": lambda file: file.mkdir()}


@pytest.mark.parametrize("make", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_damaged_checkpoints_of_sam_are_told_with_a_remedy(tmp_path, capfd, make):
    pytest.importorskip("segment_anything")
    from ris_ros.proposals.sam import Sam

    make(tmp_path / "sam.pth")
    assert "fetch it again" in refused(lambda: Sam(str(tmp_path / "sam.pth"), "cpu"))
    assert "caught" not in capfd.readouterr().out


def test_half_a_checkpoint_of_sam_is_told(tmp_path):
    pytest.importorskip("segment_anything")
    from ris_ros.proposals.sam import Sam

    torch.save({"image_encoder.pos_embed": torch.zeros(1, 64, 64, 768)}, tmp_path / "sam.pth")
    whole = (tmp_path / "sam.pth").read_bytes()
    for part in (whole[:100], whole[:len(whole) // 2], whole[:-20]):
        (tmp_path / "sam.pth").write_bytes(part)
        refused(lambda: Sam(str(tmp_path / "sam.pth"), "cpu"))


def onnx_model(name="input", shape=(1, 3, 1024, 1024)):
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, shape) for end in (name, "output")]
    graph = helper.make_graph([helper.make_node("Identity", [name], ["output"])], "graph", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


ONNX = {"nothing": b"", "text": b"no model", "half": onnx_model()[:40], "other input": onnx_model("pixels"),
        "other size": onnx_model(shape=(1, 3, 224, 224)), "a vector": onnx_model(shape=(3,)), "zeros": bytes(500)}


@pytest.mark.parametrize("content", ONNX.values(), ids=ONNX)
@pytest.mark.parametrize("name", ["encoder.onnx", "sam.onnx"])
def test_damaged_files_of_mobilesam_are_told_with_a_remedy(tmp_path, name, content):
    for file in ("encoder.onnx", "sam.onnx"):
        (tmp_path / file).write_bytes(content if file == name else onnx_model())
    message = refused(lambda: MobileSam(str(tmp_path), "cpu"))
    assert name in message and "ris weights fetch mobilesam" in message
