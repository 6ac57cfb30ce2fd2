"""Backends of ONNX networks: the same numbers, cancelled runs, and the choice of the quickest."""

import json

import numpy as np
import onnx
import pytest

from ris_ros.errors import InputError, MissingError
from ris_ros.utils import backends
from ris_ros.utils.cancellation import Cancelled, cancellable

BOTH = ("onnxruntime", "openvino")
SHAPE = (1, 3, 16, 16)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("RIS_CACHE", str(folder))
    return folder


@pytest.fixture
def file(tmp_path):
    """A convolution, a GELU by its parts and a mean, for any number of images."""
    rng = np.random.default_rng(0)
    weight = onnx.numpy_helper.from_array(rng.normal(size=(8, 3, 3, 3)).astype(np.float32), "weight")
    nodes = [onnx.helper.make_node("Conv", ["input", "weight"], ["x"], pads=[1, 1, 1, 1]),
             onnx.helper.make_node("Erf", ["x"], ["erf"]),
             onnx.helper.make_node("Mul", ["x", "erf"], ["y"]),
             onnx.helper.make_node("ReduceMean", ["y"], ["output"], axes=[1])]
    ends = [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["batch", *SHAPE[1:]]),
            onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, ["batch", 1, *SHAPE[2:]])]
    graph = onnx.helper.make_graph(nodes, "small", ends[:1], ends[1:], [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "small.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture
def timings(monkeypatch):
    """Replace the measurement by given seconds; count how often it is made."""
    made = []

    def give(networks, shape):
        made.append(sorted(networks))
        return dict(zip(BOTH, (2.0, 1.0), strict=True))

    monkeypatch.setattr(backends, "time_backends", give)
    monkeypatch.setattr(backends, "load", lambda file, backend: None)
    monkeypatch.setattr(backends, "installed", lambda: dict.fromkeys(BOTH, "1.0"))
    return made


@pytest.fixture
def values():
    return np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)


def test_all_backends_give_the_same_numbers(cache, file, values):
    pytest.importorskip("openvino")
    networks = [backends.load(file, backend) for backend in BOTH]
    assert [network.backend for network in networks] == list(BOTH)
    assert {network.inputs[0][0] for network in networks} == {"input"}
    assert {network.inputs[0][1][1:] for network in networks} == {SHAPE[1:]}
    expected, other = (network(values) for network in networks)
    assert expected.shape == (1, 1, 16, 16)
    assert np.abs(other - expected).max() < 1e-5


@pytest.mark.parametrize("backend", BOTH)
def test_a_run_can_be_cancelled_and_repeated(cache, file, values, monkeypatch, backend):
    pytest.importorskip(backend)
    network = backends.load(file, backend)
    expected = network(values)
    # So that even the run of a small network is caught in the middle.
    monkeypatch.setattr(backends, "POLL_SECONDS", 0)
    cancelled = 0
    for _ in range(50):
        try:
            with cancellable(lambda: True):
                network(values)
        except Cancelled:
            cancelled += 1
    assert cancelled
    assert np.array_equal(network(values), expected)


def test_what_openvino_has_compiled_is_rebuilt_where_it_is_damaged(cache, file, values):
    pytest.importorskip("openvino")
    expected = backends.load(file, "openvino")(values)
    [compiled] = (cache / "openvino").glob("*.blob")
    content = compiled.read_bytes()
    compiled.chmod(0o600)
    for damaged in (content[:len(content) // 2], b"", bytes(len(content))):
        compiled.write_bytes(damaged)
        assert np.array_equal(backends.load(file, "openvino")(values), expected)
        compiled.chmod(0o600)


def test_a_backend_that_is_missing_or_does_not_fit_is_refused(file, monkeypatch):
    monkeypatch.setattr(backends, "installed", lambda: {"onnxruntime": "1.0"})
    with pytest.raises(MissingError, match=r"openvino is not installed: run `pip install 'ris_ros\[openvino\]'`"):
        backends.load(file, "openvino")
    monkeypatch.setattr(backends, "installed", lambda: dict.fromkeys(BOTH, "1.0"))
    with pytest.raises(InputError, match="runs on the CPU, not on cuda:1"):
        backends.load(file, "openvino", "cuda:1")
    with pytest.raises(InputError, match="with TensorRT"):
        backends.load(file, "openvino", tensorrt=True)
    with pytest.raises(InputError, match="no backend 'tvm'; known are onnxruntime, openvino"):
        backends.load(file, "tvm")


def test_the_quickest_is_measured_once(cache, file, timings):
    first = backends.choose(file, SHAPE, "cpu")
    assert first.backend == "openvino"
    assert "onnxruntime takes 2 times as long" in first.reason
    assert backends.choose(file, SHAPE, "cpu") == backends.remembered(file) == first
    assert timings == [list(BOTH)]


@pytest.mark.parametrize("change", ["version", "processor", "cores", "network"])
def test_it_is_measured_again_where_something_has_changed(cache, file, timings, monkeypatch, change):
    backends.choose(file, SHAPE, "cpu")
    if change == "version":
        monkeypatch.setattr(backends, "installed", lambda: dict.fromkeys(BOTH, "1.1"))
    elif change == "processor":
        monkeypatch.setattr(backends, "processor_name", lambda: "another")
    elif change == "cores":
        monkeypatch.setattr(backends.os, "sched_getaffinity", lambda pid: range(999))
    else:
        file.write_bytes(file.read_bytes() + b"\0")
    assert backends.remembered(file) is None
    backends.choose(file, SHAPE, "cpu")
    assert len(timings) == 2


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b'{"key": 1, "seconds": {"onnxruntime": 1.0, "openvino": 2.0}}'])
def test_a_damaged_record_is_measured_again(cache, file, timings, content):
    backends.choose(file, SHAPE, "cpu")
    [record] = (cache / "backends").iterdir()
    record.write_bytes(content)
    assert backends.choose(file, SHAPE, "cpu").backend == "openvino"
    assert len(timings) == 2


@pytest.mark.parametrize("seconds", [
    {"onnxruntime": 1.0}, {"onnxruntime": 1.0, "openvino": "fast"}, {"onnxruntime": 0.0, "openvino": 1.0},
    {"onnxruntime": 1.0, "openvino": float("nan")}, [1.0, 2.0], None])
def test_a_record_without_usable_seconds_is_measured_again(cache, file, timings, seconds):
    backends.choose(file, SHAPE, "cpu")
    [record] = (cache / "backends").iterdir()
    record.write_text(json.dumps({**json.loads(record.read_text()), "seconds": seconds}))
    backends.choose(file, SHAPE, "cpu")
    assert len(timings) == 2


def test_a_cache_that_cannot_be_written_costs_a_measurement_only(cache, file, timings, caplog):
    cache.write_text("a file is in the way")
    with caplog.at_level("WARNING"):
        assert backends.choose(file, SHAPE, "cpu").backend == "openvino"
    assert "measured at every start" in caplog.text


def test_nothing_is_measured_where_there_is_no_choice(cache, file, monkeypatch, timings):
    assert backends.choose(file, SHAPE, "cuda").backend == "onnxruntime"
    monkeypatch.setattr(backends, "installed", lambda: {"onnxruntime": "1.0"})
    choice = backends.choose(file, SHAPE, "cpu")
    assert (choice.backend, choice.reason) == ("onnxruntime", "openvino is not installed")
    assert not timings


def test_the_measurement_times_every_backend(cache, file):
    pytest.importorskip("openvino")
    choice = backends.measure(file, SHAPE)
    assert choice.seconds.keys() == set(BOTH)
    assert choice.backend == min(choice.seconds, key=choice.seconds.get)
    assert backends.remembered(file) == choice
