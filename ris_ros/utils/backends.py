"""Backends that compute a network in an ONNX file, and the choice of the quickest that is installed."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ris_ros.errors import InputError, MissingError
from ris_ros.utils.cancellation import check_cancelled
from ris_ros.utils.device import processor_name
from ris_ros.utils.files import read_json, write_atomically
from ris_ros.utils.weights import cache_dir, locked, sha256_of

AUTO = "auto"
BACKENDS = {"onnxruntime": ("onnxruntime", "onnxruntime-gpu"), "openvino": ("openvino",)}
"""Backend, which is also the name of its module -> the usual distributions of it, for its version."""

POLL_SECONDS = 0.02
"""How often a running network checks whether its result is still wanted."""

RUNS = 2
"""Runs of each backend that are timed, in turns; the quickest counts, because other programs only add to it."""

logger = logging.getLogger(__name__)


class OnnxNetwork(Protocol):
    """A network with one input and one output.

    Attributes
    ----------
    backend : its name
    inputs : name and shape of each input; dimensions that are not fixed are names or None

    """

    backend: str
    inputs: list[tuple[str, tuple[int | str | None, ...]]]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the output for an input, float32 both; several threads may call at a time.

        Raises
        ------
        Cancelled
            As soon as the network can be stopped after the surrounding block was cancelled.

        """


class OnnxRuntimeNetwork:
    """A network in ONNX Runtime, on the best execution provider for a device; see `OnnxNetwork`.

    Attributes
    ----------
    provider : the execution provider in use, such as ``CPUExecutionProvider``

    """

    backend = "onnxruntime"

    def __init__(self, model: str | bytes, device: str, *, tensorrt: bool = False):
        import onnxruntime

        available = onnxruntime.get_available_providers()
        providers: list[str | tuple[str, dict[str, Any]]] = ["CPUExecutionProvider"]
        if device.startswith("cuda"):
            number = int(device.partition(":")[2] or 0)
            if "CUDAExecutionProvider" in available:
                providers.insert(0, ("CUDAExecutionProvider", {"device_id": number}))
            if tensorrt and "TensorrtExecutionProvider" in available:
                providers.insert(0, ("TensorrtExecutionProvider", {
                    "device_id": number, "trt_engine_cache_enable": True,
                    "trt_engine_cache_path": str(cache_dir() / "tensorrt")}))
        options = onnxruntime.SessionOptions()
        # The arena would keep the memory of the largest layer allocated: 300 MB that a robot's other nodes can use.
        options.enable_cpu_mem_arena = False
        self.session = onnxruntime.InferenceSession(model, options, providers=providers)
        self.provider: str = self.session.get_providers()[0]
        self.inputs = [(one.name, tuple(one.shape)) for one in self.session.get_inputs()]
        self._run_options: Callable[[], Any] = onnxruntime.RunOptions

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the output for an input; see `OnnxNetwork`."""
        options = self._run_options()
        with ThreadPoolExecutor(1, "onnxruntime") as thread:
            running = thread.submit(self.session.run, None, {self.inputs[0][0]: values}, options)
            try:
                while not wait([running], POLL_SECONDS).done:
                    check_cancelled()
            except BaseException:
                options.terminate = True  # It ends after the current layer.
                raise
            output: np.ndarray = running.result()[0]
        return output


class OpenVinoNetwork:
    """A network in OpenVINO, in float32 on the CPU, with its first dimension fixed to 1; see `OnnxNetwork`.

    What OpenVINO compiles is kept in the cache folder. OpenVINO itself compiles anew where that is of another version,
    network or processor, or damaged.
    """

    backend = "openvino"

    def __init__(self, file: Path):
        import openvino

        core = openvino.Core()
        model = core.read_model(file)
        self.inputs = [(one.any_name, tuple(size.get_length() if size.is_static else None
                                            for size in one.partial_shape)) for one in model.inputs]
        model.reshape({name: [1, *shape[1:]] for name, shape in self.inputs})
        self._compiled = core.compile_model(
            model, "CPU", openvino_options() | {"CACHE_DIR": str(cache_dir() / "openvino")})

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the output for an input; see `OnnxNetwork`."""
        request = self._compiled.create_infer_request()
        request.start_async({0: values}, share_inputs=True)
        try:
            while not request.wait_for(int(1000 * POLL_SECONDS)):
                check_cancelled()
        except BaseException:
            request.cancel()
            with suppress(RuntimeError):  # It says that the request was cancelled.
                request.wait()
            raise
        output: np.ndarray = request.get_output_tensor(0).data.copy()
        return output


def openvino_options() -> dict[str, Any]:
    """Return how OpenVINO computes a network on the CPU."""
    return {"PERFORMANCE_HINT": "LATENCY",
            # By default OpenVINO rounds to bfloat16 where the processor can multiply it.
            "INFERENCE_PRECISION_HINT": "f32",
            # A robot's other programs need the cores too.
            "ENABLE_CPU_PINNING": False}


def load(file: Path, backend: str, device: str = "cpu", *, tensorrt: bool = False) -> OnnxNetwork:
    """Return the network in an ONNX file.

    Parameters
    ----------
    file : of the network
    backend : a name of `BACKENDS`
    device : ``cpu``, ``cuda`` or ``cuda:N``
    tensorrt : build TensorRT engines where onnxruntime supports it on the device

    Raises
    ------
    InputError
        If there is no such backend, or it does not run on the device.
    MissingError
        If the backend is not installed.

    """
    if backend not in BACKENDS:
        raise InputError(f"there is no backend {backend!r}; known are {', '.join(BACKENDS)}")
    if backend not in installed():
        raise MissingError(f"the backend {backend} is not installed: run `pip install 'ris_ros[{backend}]'`, or set "
                           "proposals.backend to auto")
    if backend == "onnxruntime":
        return OnnxRuntimeNetwork(str(file), device, tensorrt=tensorrt)
    if device != "cpu" or tensorrt:
        raise InputError(f"the backend {backend} runs on the CPU, not on {device}{' with TensorRT' * tensorrt}: "
                         "set proposals.backend to auto or onnxruntime")
    return OpenVinoNetwork(file)


def installed() -> dict[str, str]:
    """Return the version of each backend that is installed, by name."""
    versions = {backend: "unknown" for backend in BACKENDS if find_spec(backend) is not None}
    for backend in versions:
        for distribution in BACKENDS[backend]:
            with suppress(PackageNotFoundError):
                versions[backend] = version(distribution)
                break
    return versions


@dataclass(frozen=True)
class Choice:
    """Which backend `auto` means.

    Attributes
    ----------
    backend : its name
    reason : why, as a user reads it
    seconds : of a run, by backend; empty where nothing was measured

    """

    backend: str
    reason: str
    seconds: dict[str, float]


def choose(file: Path, shape: tuple[int, ...], device: str) -> Choice:
    """Return the quickest backend that is installed, as measured once for this processor, network and versions.

    Parameters
    ----------
    file : of the network
    shape : of the input to measure with
    device : ``cpu``, ``cuda`` or ``cuda:N``

    """
    if not device.startswith("cpu"):
        return Choice("onnxruntime", "the backend for CUDA", {})
    with _measuring():
        known = remembered(file)
        if known is None:
            logger.info("measuring which backend computes %s quickest, once for this machine", file.name)
            known = measure(file, shape)
    return known


def remembered(file: Path) -> Choice | None:
    """Return the choice for a network if nothing has to be measured for it, else None."""
    versions = installed()
    if len(versions) < 2:
        others = ", ".join(sorted(BACKENDS.keys() - versions.keys()))
        return Choice(next(iter(versions), "onnxruntime"), f"{others} is not installed", {})
    key = _key(file, versions)
    try:
        record = read_json(_record(key))
    except InputError:
        return None  # Absent or damaged.
    seconds = record.get("seconds") if isinstance(record, dict) and record.get("key") == key else None
    if not isinstance(seconds, dict) or seconds.keys() != versions.keys() or not all(
            type(value) is float and 0 < value < math.inf for value in seconds.values()):
        return None
    return _quickest(seconds)


def measure(file: Path, shape: tuple[int, ...]) -> Choice:
    """Return the quickest backend that is installed, as measured now on the CPU, and remember it for `choose`."""
    seconds = time_backends({backend: load(file, backend) for backend in installed()}, shape)
    key = _key(file, installed())
    try:
        write_atomically(_record(key), json.dumps({"key": key, "seconds": seconds}, indent=1).encode())
    except OSError as error:
        logger.warning("the quickest backend is measured at every start, because %s cannot be written: %s",
                       _record(key), error.strerror or error, extra={"trouble": "backend-not-kept"})
    return _quickest(seconds)


def time_backends(networks: dict[str, OnnxNetwork], shape: tuple[int, ...]) -> dict[str, float]:
    """Return the seconds of a run of each network, by name."""
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for network in networks.values():
        network(values)  # Lets the backends choose their kernels.
    seconds = dict.fromkeys(networks, math.inf)
    for _ in range(RUNS):
        for backend, network in networks.items():
            start = time.perf_counter()
            network(values)
            seconds[backend] = min(seconds[backend], time.perf_counter() - start)
    return seconds


@contextmanager
def _measuring() -> Iterator[None]:
    """Run the block while no other process measures, if the cache folder can be written."""
    folder = cache_dir() / "backends"
    with ExitStack() as stack:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder))
        yield


def _quickest(seconds: dict[str, float]) -> Choice:
    best, *others = sorted(seconds, key=lambda backend: seconds[backend])
    times = ", ".join(f"{other} takes {seconds[other] / seconds[best]:.2g} times as long" for other in others)
    return Choice(best, f"the quickest on this machine: {times}", seconds)


def _key(file: Path, versions: dict[str, str]) -> dict[str, Any]:
    """Return all that a measurement depends on."""
    return {"network": sha256_of(file), "processor": processor_name(), "cores": len(os.sched_getaffinity(0)),
            "versions": versions}


def _record(key: dict[str, Any]) -> Path:
    """Return the file of a measurement: one for each network, so that the last machine's or version's is replaced."""
    return cache_dir() / "backends" / f"{key['network'][:16]}.json"
