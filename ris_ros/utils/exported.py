"""Networks that `ris export` wrote: what their files are, whether they fit, and what computes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, MissingError, reading
from ris_ros.utils import backends
from ris_ros.utils.files import read_json
from ris_ros.utils.weights import sha256_of

FORMATS = {"onnx": "onnxruntime", "openvino": "openvino", "tensorrt": "tensorrt"}
"""Format of an exported network -> the package that it needs. ONNX Runtime builds TensorRT engines, and runs them."""

TENSORRT = "TensorrtExecutionProvider"


@dataclass(frozen=True)
class Record:
    """What the JSON file beside an exported network says.

    Attributes
    ----------
    part : name of the network
    format : a name of `FORMATS`
    model : setting that named the model
    key : what its numbers depend on, such as the fingerprint of the weights
    inputs : shapes by name; a dimension that may have any size is a name
    outputs : names
    packages : versions of the packages that wrote it
    device : name of the device that an engine was built for; empty for the formats that run anywhere
    files : sha256 by name; the network's own file comes first

    """

    part: str
    format: str
    model: str
    key: dict[str, Any]
    inputs: dict[str, list[int | str]]
    outputs: list[str]
    packages: dict[str, str]
    device: str
    files: dict[str, str]

    def to_json(self) -> bytes:
        """Return the content of the JSON file."""
        return json.dumps(asdict(self), indent=1).encode()


class ExportedNetwork:
    """An exported network; several threads may call it at a time.

    Parameters
    ----------
    file : of the network
    record : what it is
    device : ``cpu``, ``cuda`` or ``cuda:N``

    """

    def __init__(self, file: Path, record: Record, device: str):
        self.record = record
        self._compiled: Any = None
        if record.format == "openvino":
            import openvino

            core = openvino.Core()
            self._compiled = core.compile_model(core.read_model(file), "CPU", backends.openvino_options())
        elif record.format == "tensorrt":
            self._session = tensorrt_session(file, device)
        else:
            self._session = backends.OnnxRuntimeNetwork(str(file), device).session

    def __call__(self, **inputs: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for inputs by name."""
        if self._compiled is not None:
            results = self._compiled.create_infer_request().infer(inputs)
            return [np.array(results[index]) for index in range(len(self._compiled.outputs))]
        outputs: list[np.ndarray] = self._session.run(None, inputs)
        return outputs


def load(folder: Path, part: str, key: Mapping[str, Any], device: str = "cpu") -> ExportedNetwork:
    """Return an exported network.

    Parameters
    ----------
    folder : that `ris export` wrote
    part : name of the network
    key : what it must have been exported from, see `Record`
    device : ``cpu``, ``cuda`` or ``cuda:N``

    Raises
    ------
    InputError
        If it is missing, damaged, or of another model, or an engine was built for another device or version.
    MissingError
        If the package that computes it is not installed.

    """
    remedy = f"run `ris export {folder}` with the same model and settings"
    record = read_record(folder, part)
    check_format(record.format, device)
    with reading(f"{folder}/{part}", remedy):
        if record.key != dict(key):
            raise InputError(f"{folder}/{part} was exported from {record.model} with other weights or settings: "
                             f"{remedy}")
        if record.format == "tensorrt":
            here = built_for(device)
            if (record.device, record.packages["tensorrt"]) != here:
                raise InputError(f"the engine {folder}/{part} was built for {record.device} with TensorRT "
                                 f"{record.packages['tensorrt']}, and this is {here[0]} with {here[1]}: {remedy}")
        for file, sha256 in record.files.items():
            if sha256_of(folder / file) != sha256:
                raise InputError(f"{folder / file} is damaged: {remedy}")
        return ExportedNetwork(folder / next(iter(record.files)), record, device)


def read_record(folder: Path, part: str) -> Record:
    """Return what a folder says of an exported network.

    Raises
    ------
    InputError
        If it is missing or damaged.

    """
    file, remedy = folder / f"{part}.json", f"run `ris export {folder}`"
    with reading(str(file), remedy):
        return Record(**read_json(file, remedy))


def check_format(name: str, device: str) -> None:
    """Raise an error unless networks of a format can be computed on a device.

    Raises
    ------
    InputError
        If there is no such format, or it does not run on the device.
    MissingError
        If its package is not installed.

    """
    if name not in FORMATS:
        raise InputError(f"there is no format {name!r}; known are {', '.join(FORMATS)}")
    package = FORMATS[name]
    if find_spec(package) is None:
        raise MissingError(f"the format {name} needs the package {package}, which is not installed: run "
                           f"`pip install {package}`, or choose another format")
    if name == "openvino" and device != "cpu":
        raise InputError(f"the format openvino runs on the CPU, not on {device}: choose another format, or device cpu")
    if name == "tensorrt" and device == "cpu":
        raise InputError("the format tensorrt needs a CUDA device: choose another format, or set device to cuda")


def built_for(device: str) -> tuple[str, str]:
    """Return the name of a CUDA device and the version of TensorRT: an engine fits no others."""
    from importlib.metadata import version

    import torch

    return torch.cuda.get_device_name(device), version("tensorrt")


def tensorrt_session(file: Path, device: str) -> Any:
    """Return the session of ONNX Runtime that computes a file by a TensorRT engine, which is kept beside the file.

    Raises
    ------
    MissingError
        If ONNX Runtime does not find TensorRT; it would compute by something else.

    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=[(TENSORRT, {
        "device_id": int(device.partition(":")[2] or 0), "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(file.parent), "trt_engine_cache_prefix": file.stem})]
        if TENSORRT in onnxruntime.get_available_providers() else ["CPUExecutionProvider"])
    if session.get_providers()[0] != TENSORRT:
        raise MissingError("this ONNX Runtime has no working TensorRT: run `pip install onnxruntime-gpu tensorrt` in "
                           "place of onnxruntime, or choose another format")
    return session
