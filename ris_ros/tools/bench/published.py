"""The published networks, whose decoder computes every mask of a prompt in full; what the reference method prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError
from ris_ros.proposals import filters, make_proposer
from ris_ros.proposals.mobilesam import MobileSam
from ris_ros.proposals.points import spread_points
from ris_ros.proposals.resize import CELL_STRIDE, ResizeTransform
from ris_ros.proposals.sam import Sam
from ris_ros.types import Proposals
from ris_ros.utils.backends import OnnxRuntimeNetwork

Decode = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Embedding [1, C, 64, 64] and points [P, 2], xy input pixels -> logits [P, 3, 256, 256] and predicted IoU [P, 3]."""

FIXED_PROMPTS, FIXED_BATCH = 56, 2
"""Prompts of the fixed procedure, and how many are decoded at a time."""

DECODER_OUTPUTS = {"/Reshape_9_output_0": "masks", "/iou_prediction_head/layers.2/Gemm_output_0": "quality"}
"""Inner outputs of MobileSAM's published decoder, before it chooses one of four masks -> their names here."""


@dataclass(frozen=True, eq=False)
class PublishedNetwork:
    """A network as it was published.

    Attributes
    ----------
    encode : image, uint8 RGB [h, w, 3] whose longer side is 1024 -> embedding, float32 [1, C, 64, 64]
    decode : see `Decode`

    """

    encode: Callable[[np.ndarray], np.ndarray]
    decode: Decode


def load_network(config: ProposalsConfig, device: str) -> PublishedNetwork:
    """Return the network of the proposer that a configuration names, with the published decoder.

    Raises
    ------
    InputError
        If the proposer is not made of such a network.

    """
    network = getattr(make_proposer(config, device), "network", None)
    if isinstance(network, MobileSam):
        return PublishedNetwork(network.encode, _mobilesam_decoder(network.decoder_file, device))
    if isinstance(network, Sam):
        return PublishedNetwork(network.encode, _sam_decoder(network.model, device))
    raise InputError(f"the proposer {config.method} has no published network, so there is no reference for it")


def propose_fixed(network: PublishedNetwork, image: np.ndarray, config: ProposalsConfig) -> Proposals:
    """Return proposals from a fixed number of prompts that are spread over the embedding, whatever they find.

    This is the procedure before the picture decided on the number of prompts.
    """
    transform = ResizeTransform(*image.shape[:2])
    rows, columns = transform.logit_shape
    min_area = max(config.min_area * rows * columns, 1)
    embedding = network.encode(transform.resize(image))
    cell_rows, cell_columns = transform.cell_shape
    points = CELL_STRIDE * spread_points(embedding[0, :, :cell_rows, :cell_columns], FIXED_PROMPTS)
    found: list[np.ndarray] = []
    qualities: list[float] = []
    scores: list[float] = []
    for start in range(0, len(points), FIXED_BATCH):
        logits, quality = network.decode(embedding, points[start:start + FIXED_BATCH])
        logits, quality = logits[..., :rows, :columns].reshape(-1, rows, columns), quality.ravel()
        stability = filters.stability_score(logits)
        is_good = (quality >= config.min_quality) & (stability >= config.min_stability)
        is_good &= np.count_nonzero(logits > 0, axis=(1, 2)) >= min_area
        found += [filters.remove_small_regions(mask, min_area) for mask in logits[is_good]]
        qualities += list(quality[is_good])
        scores += list((quality * stability)[is_good])
    if not found:
        return Proposals.from_masks(np.zeros((0, *image.shape[:2]), bool))
    logits = np.stack(found)
    kept = filters.mask_nms(logits > 0, np.array(scores), config.duplicate_iou)
    logits, _ = filters.with_remainders(logits[kept], np.array(qualities)[kept], min_area,
                                        max_iou=config.duplicate_iou, max_count=config.max_remainders)
    masks = transform.resize_logits(logits, config.min_area * image.shape[0] * image.shape[1])
    return Proposals.from_masks(masks[masks.any(axis=(1, 2))])


def _mobilesam_decoder(file: Path, device: str) -> Decode:
    """Return MobileSAM's published decoder, cut before it chooses one mask, for any number of prompts of one point."""
    session = OnnxRuntimeNetwork(_cut_decoder(file), device).session

    def decode(embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # The decoder was trained with a padding point, labelled -1, at the end of a prompt without a box.
        coordinates = np.stack([points, np.zeros_like(points)], axis=1).astype(np.float32)
        labels = np.tile(np.array([[1, -1]], np.float32), (len(points), 1))
        masks, quality = session.run(None, {
            "image_embeddings": embedding, "point_coords": coordinates, "point_labels": labels})
        return masks[:, 1:], quality[:, 1:]

    return decode


def _cut_decoder(file: Path) -> bytes:
    """Return the published graph as far as its four masks."""
    import onnx

    graph = (model := onnx.load(file)).graph
    producers = {output: node for node in graph.node for output in node.output}
    needed, pending = set(), list(DECODER_OUTPUTS)
    while pending:
        name = pending.pop()
        if name in producers and name not in needed:
            needed.add(name)
            pending += producers[name].input
    nodes = [node for node in graph.node if node.output[0] in needed]
    for node in nodes:
        node.output[:] = [DECODER_OUTPUTS.get(name, name) for name in node.output]
        # One image for all prompts of a batch, instead of a copy for each.
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
        nodes, "four_masks",
        [tensor("image_embeddings", float32, [1, 256, 64, 64]),
         tensor("point_coords", float32, ["prompts", "points", 2]),
         tensor("point_labels", float32, ["prompts", "points"])],
        [tensor("masks", float32, ["prompts", 4, 256, 256]), tensor("quality", float32, ["prompts", 4])],
        [constant for constant in constants if constant.name in used])
    decoder = onnx.helper.make_model(cut, opset_imports=model.opset_import, ir_version=model.ir_version)
    return bytes(decoder.SerializeToString())


def _sam_decoder(model: Any, device: str) -> Decode:
    """Return the decoder of the package segment_anything."""

    @torch.inference_mode()
    def decode(embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        coordinates = torch.from_numpy(points).float().to(device)[:, None]
        sparse, dense = model.prompt_encoder(
            points=(coordinates, torch.ones(len(points), 1, device=device)), boxes=None, masks=None)
        masks, quality = model.mask_decoder.predict_masks(
            image_embeddings=torch.from_numpy(embedding).to(device), image_pe=model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense)
        return masks[:, 1:].cpu().numpy(), quality[:, 1:].cpu().numpy()

    return decode
