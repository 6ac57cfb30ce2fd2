"""`ris export`: the networks of a configuration as files of ONNX, OpenVINO or TensorRT, compared with torch."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ris_ros.config import Config
from ris_ros.encoding import MaskGuidedEncoder, load_encoder
from ris_ros.encoding.preprocessing import image_tensor
from ris_ros.errors import InputError, MissingError, shortened
from ris_ros.proposals import make_proposer, mobilesam, sam2
from ris_ros.proposals.decoder import MaskDecoder
from ris_ros.proposals.mobilesam import MobileSam
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.proposals.resize import INPUT_SIDE, ResizeTransform
from ris_ros.proposals.sam import Sam
from ris_ros.proposals.sam2 import Sam2
from ris_ros.tools.bench.measure import Row, timed
from ris_ros.utils import exported
from ris_ros.utils.exported import ExportedNetwork, Record
from ris_ros.utils.files import write_atomically
from ris_ros.utils.weights import fingerprint_of, locked, scratch_folder, sha256_of

PARTS = ("proposer-encoder", "proposer-decoder", "local", "global", "text")
"""Networks that can be exported: those of the proposer, and the towers of the encoder."""

TOLERANCE = 1e-3
"""Largest difference from torch, in float32, with which a network is kept."""

RUNS = 3
"""Runs of each side that are timed, in turns; the quickest counts."""

OPSET = 18

PACKAGES = ("torch", "open_clip_torch", "onnx", "onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt")

MASKS = 8
"""Boxes of several sizes in the picture whose features are compared."""


@dataclass(frozen=True, eq=False)
class Part:
    """A network of the pipeline.

    Attributes
    ----------
    name : one of `PARTS`
    model, key : see `exported.Record`
    source : the network, or an ONNX file of it
    inputs : from the picture, by name
    outputs : names
    axes : of inputs and outputs, those of any size: number -> name
    compute : what ris_ros computes of the inputs, without an export

    """

    name: str
    model: str
    key: dict[str, Any]
    source: nn.Module | Path
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    axes: dict[str, dict[int, str]]
    compute: Callable[..., Tensor | np.ndarray | Sequence[Tensor]]

    def sized(self, size: Callable[[int], int]) -> dict[str, Tensor]:
        """Return the inputs with every axis of any size cut to ``size(length)``."""
        cut = {}
        for name, values in self.inputs.items():
            for axis in self.axes.get(name, {}):
                values = values.narrow(axis, 0, min(size(values.shape[axis]), values.shape[axis]))
            cut[name] = values
        return cut


class _Network(nn.Module):
    """A function of tensors as the module that torch exports; the module is part of it for its weights."""

    def __init__(self, compute: Callable[..., Any], module: nn.Module | None = None):
        super().__init__()
        self.compute, self.module = compute, module

    def forward(self, *inputs: Tensor) -> Any:
        """Return the outputs of the function."""
        return self.compute(*inputs)


def export(folder: Path, config: Config, form: str, device: str, image: np.ndarray, texts: Sequence[str],
           names: Sequence[str] = PARTS) -> Iterator[Row]:
    """Write networks into a folder, and yield a row on each: size, largest difference from torch, and time.

    A network that is there already, from the same weights and packages, is only compared. Each is moved into place
    when it is complete and equal to torch, so that an interrupted export leaves what was there or nothing.

    Parameters
    ----------
    folder : to write into, is created
    config : whose networks these are, always in float32
    form : a name of `exported.FORMATS`
    device : ``cpu``, ``cuda`` or ``cuda:N``
    image : uint8 RGB [H, W, 3], to compare on
    texts : to compare on, at least two
    names : of `PARTS`

    Raises
    ------
    InputError
        If there is no such format or part, or the folder cannot be written.
    MissingError
        If the format's package is not installed, and as the models raise it.

    """
    exported.check_format(form, device)
    if unknown := set(names) - set(PARTS):
        raise InputError(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            for part in _parts(config, device, image, texts, names):
                yield _export(folder, part, form, device)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}; choose another folder") from error


def _parts(config: Config, device: str, image: np.ndarray, texts: Sequence[str], names: Sequence[str]
           ) -> Iterator[Part]:
    if any(name.startswith("proposer") for name in names):
        yield from (part for part in _proposer_parts(config, device, image) if part.name in names)
    if not {"local", "global", "text"}.isdisjoint(names):
        float32 = config.replace({"encoder.dtype": "float32", "encoder.exported": ""})
        encoder = load_encoder(float32.encoder, device, offline=config.offline)
        yield from (part for part in _encoder_parts(encoder, config.encoder.model, image, texts) if part.name in names)


def _proposer_parts(config: Config, device: str, image: np.ndarray) -> Iterator[Part]:
    settings = config.proposals
    if settings.method == "mobilesam":
        settings = config.replace({"proposals.backend": "onnxruntime"}).proposals
    proposer = make_proposer(settings, device, offline=config.offline)
    if not isinstance(proposer, PromptedProposer):
        raise InputError(f"the proposer {settings.method} has no networks that can be exported: choose the parts "
                         "local, global and text")
    network = proposer.network
    resized = ResizeTransform(*image.shape[:2]).resize(image)
    name, model = "proposer-encoder", settings.model
    if isinstance(network, MobileSam):
        yield Part(name, model, {"weights": sha256_of(network.encoder_file)}, network.encoder_file,
                   {"input": torch.from_numpy(mobilesam.preprocess(resized))}, ("output",), {},
                   lambda pixels: network.encode(resized))
    elif isinstance(network, Sam):
        encoder = network.model.image_encoder
        yield Part(name, model, {"weights": fingerprint_of(encoder.state_dict())}, encoder,
                   {"image": network.preprocess(resized)}, ("embedding",), {}, encoder)
    elif isinstance(network, Sam2):
        yield Part(name, model, {"weights": fingerprint_of(network.model.state_dict())},
                   _Network(network.model.get_image_embeddings, network.model),
                   {"image": sam2.preprocess(image, INPUT_SIDE, network.model.device)},
                   ("four_times", "twice", "embedding"), {}, network.model.get_image_embeddings)
    embedding = network.embed(image)
    yield decoder_part(network.decoder, model, torch.from_numpy(embedding.features), embedding.fine)


def decoder_part(decoder: MaskDecoder, model: str, embedding: Tensor, fine: Sequence[Tensor]) -> Part:
    """Return a decoder with all that it does for an image: `MaskDecoder.decode_densely`."""
    points = torch.rand((6, 3, 2), generator=torch.Generator().manual_seed(0)) * (INPUT_SIDE - 1)
    labels = torch.tensor((1, 0, -1)).tile(6, 1)
    inputs = {"embedding": embedding, "points": points, "labels": labels,
              **dict(zip(("twice", "four_times"), fine, strict=False))}
    prompts = {0: "prompts"}
    return Part("proposer-decoder", model, {"weights": decoder.fingerprint}, _Network(decoder.decode_densely),
                {name: values.to(decoder.device) for name, values in inputs.items()}, ("logits", "quality"),
                {"points": {**prompts, 1: "points"}, "labels": {**prompts, 1: "points"}, "logits": prompts,
                 "quality": prompts}, decoder.decode_densely)


def _encoder_parts(encoder: MaskGuidedEncoder, model: str, image: np.ndarray, texts: Sequence[str]) -> Iterator[Part]:
    key = {"weights": encoder.fingerprint}
    boxes = _boxes(*image.shape[:2])
    clip = encoder.model
    assert isinstance(clip, nn.Module)
    crops = encoder.crop(image_tensor(image, encoder.device), boxes)
    yield Part("local", model, key,
               _Network(lambda values: clip.encode_image(values, normalize=False), clip), {"crops": crops},
               ("features",), {"crops": {0: "masks"}, "features": {0: "masks"}},
               lambda values: encoder.encode_crops(values, "full"))
    if path := encoder.global_path:
        yield Part("global", model, {**key, "masked_blocks": encoder.masked_blocks},
                   _Network(lambda inputs, masks: path.encode(clip.visual, inputs, masks, encoder.masked_blocks), clip),
                   {"image": encoder.preprocess(image), "masks": encoder.soften(boxes)}, ("features",),
                   {"masks": {0: "masks"}, "features": {0: "masks"}},
                   lambda inputs, masks: encoder.encode_soft_masks(inputs, masks, "full"))
    yield Part("text", model, key, _Network(lambda values: clip.encode_text(values, normalize=False), clip),
               {"tokens": encoder.tokenize(list(texts))}, ("features",),
               {"tokens": {0: "texts"}, "features": {0: "texts"}}, encoder.encode_tokens)


def _boxes(height: int, width: int) -> np.ndarray:
    """Return boxes of several sizes and places as masks, bool [MASKS, height, width]."""
    masks = np.zeros((MASKS, height, width), bool)
    for number, mask in enumerate(masks, 1):
        top, left = height * (number % 3) // 4, width * (number % 4) // 5
        mask[top:top + max(1, height * number // 16), left:left + max(1, width * number // 16)] = True
    return masks


def _export(folder: Path, part: Part, form: str, device: str) -> Row:
    row: Row = {"part": part.name, "format": form}
    try:
        network, state = exported.load(folder, part.name, part.key, device), "up to date"
    except (InputError, MissingError):
        network = None
    if network is None or network.record.format != form or network.record.packages != _versions():
        with scratch_folder(folder) as scratch:
            try:
                record = _write(scratch, part, form, device)
            except Exception as error:  # Of torch, OpenVINO or TensorRT: whatever they cannot do.
                return row | {"state": f"cannot be exported: {shortened(error)}"}
            network, state = ExportedNetwork(scratch / next(iter(record.files)), record, device), "written"
            row |= _compare(part, network)
            if not row["largest difference"] <= TOLERANCE:
                return row | {"state": f"not written: it differs from torch by more than {TOLERANCE}"}
            _move(scratch, folder, record)
    else:
        row |= _compare(part, network)
    size = sum((folder / file).stat().st_size for file in network.record.files)
    return {"part": part.name, "format": form, "MB": size / 1e6, **row, "state": state}


def _write(scratch: Path, part: Part, form: str, device: str) -> Record:
    """Write a network into an empty folder."""
    onnx = scratch / f"{part.name}.onnx"
    if isinstance(part.source, Path):
        shutil.copyfile(part.source, onnx)
    else:
        _write_onnx(onnx, part, part.source)
    if form == "openvino":
        import openvino

        model = openvino.convert_model(onnx)
        onnx.unlink()
        openvino.save_model(model, onnx.with_suffix(".xml"), compress_to_fp16=False)
    elif form == "tensorrt":
        session = exported.tensorrt_session(onnx, device)
        session.run(None, _arrays(part.inputs))  # It builds the engine.
    shapes = {name: [part.axes.get(name, {}).get(axis, size) for axis, size in enumerate(values.shape)]
              for name, values in part.inputs.items()}
    # The network's own file first: .xml before .bin, .onnx before engines.
    files = sorted(scratch.iterdir(), key=lambda file: (file.suffix not in (".onnx", ".xml"), file.name))
    return Record(part.name, form, part.model, part.key, shapes, list(part.outputs), _versions(),
                  exported.built_for(device)[0] if form == "tensorrt" else "",
                  {file.name: sha256_of(file) for file in files})


@torch.inference_mode()
def _write_onnx(file: Path, part: Part, network: nn.Module) -> None:
    # Half of each size, so that a size which the graph holds as a constant shows when it is compared.
    inputs = part.sized(lambda size: max(2, size // 2))
    had_fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # Its fused attention has no counterpart in ONNX.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of constants in the graph, which the comparison would show.
            # The exporter of torch.export needs the package onnxscript, and writes the same networks.
            torch.onnx.export(network.eval(), tuple(inputs.values()), file, dynamo=False, opset_version=OPSET,
                              input_names=list(inputs), output_names=list(part.outputs), dynamic_axes=part.axes)
    finally:
        torch.backends.mha.set_fastpath_enabled(had_fast_path)


@torch.inference_mode()
def _compare(part: Part, network: ExportedNetwork) -> Row:
    """Return the largest difference from torch, at all sizes and at size 1, and the time of the former."""
    largest = 0.0
    for inputs in (part.sized(lambda size: 1), part.inputs):
        arrays = _arrays(inputs)
        for ours, theirs in zip(_listed(part.compute(*inputs.values())), network(**arrays), strict=True):
            largest = float(np.maximum(largest, np.abs(ours - theirs).max()))  # NaN stays.
    seconds = [(timed(lambda: network(**arrays))[1], timed(lambda: part.compute(*inputs.values()))[1])
               for _ in range(RUNS)]
    ours, theirs = (min(times) for times in zip(*seconds, strict=True))
    return {"largest difference": largest, "seconds": ours, "time, torch = 1": ours / theirs}


def _move(scratch: Path, folder: Path, record: Record) -> None:
    """Move a complete network into place. The record comes last, because without it the others are no network."""
    old = folder / f"{record.part}.json"
    if old.exists():
        with suppress(InputError):
            for file in exported.read_record(folder, record.part).files.keys() - record.files:
                (folder / Path(file).name).unlink(missing_ok=True)
        old.unlink()
    for file in record.files:
        (scratch / file).replace(folder / file)
    write_atomically(old, record.to_json())


def _arrays(inputs: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: values.cpu().numpy() for name, values in inputs.items()}


def _listed(outputs: Tensor | np.ndarray | Sequence[Tensor]) -> list[np.ndarray]:
    if isinstance(outputs, np.ndarray):
        return [outputs]
    return [one.cpu().numpy() for one in ([outputs] if isinstance(outputs, Tensor) else outputs)]


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
