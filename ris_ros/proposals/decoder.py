"""Segment Anything's prompt encoder and mask decoder (arXiv 2304.02643, appendix A), arranged for many prompts.

The decoder of SAM 2 (arXiv 2408.00714, appendix D) is the same with three additions: a token that tells whether the
object is there, finer features of the image in the two upscalings, and a padding point after boxes too.

The published decoder computes everything for all 4096 cells of an image, for each prompt. This one computes the same
numbers with less:

- What only depends on the image is computed once (`MaskDecoder.prepare`).
- Attention between the cells and a prompt's few tokens projects the tokens, not the cells: (W x) . q = x . (W^T q).
- Masks are computed at one pixel of the 16 in each cell first. Those that are wanted are then computed at all pixels,
  in the cells near their border (`DecodedPrompts.logits`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.proposals.resize import INPUT_SIDE
from ris_ros.utils.weights import fingerprint_of

GRID = 64
"""Cells of an embedding along each side."""

HEADS = 8
"""Attention heads."""

PIXELS = 4
"""Logits along each side of a cell."""

MASKS = 4
"""Masks of a prompt."""

SAMPLED = 3, 0
"""The logit of a cell that is computed first, as its place in the two upscalings, each by 2 x 2: (2, 2) of 4 x 4."""

SURE_LOGIT = 1.0
"""A cell is not near the border of a mask if its sampled logit and those of its 8 neighbours exceed this, or are all
below its negative."""

TRANSFORMER = "mask_decoder.transformer."


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """What the decoder derives from an embedding; [N] are its cells, row by row.

    Attributes
    ----------
    cells : float32 [N, C]
    keys, values : of the first attention from tokens to cells, float32 [1, heads, N, c]
    queries : of the first attention from cells to tokens, without its tokens, float32 [N, heads * c]
    fine : what the image adds to the first upscaling, float32 [64, 64, 4, 64], and to the second, [64, 64, 4, 4 * 32]:
        for each cell, its pixels as `MaskDecoder.upscale` orders them; None for SAM, which has no such features

    """

    cells: Tensor
    keys: Tensor
    values: Tensor
    queries: Tensor
    fine: tuple[Tensor, Tensor] | None = None


class DecodedPrompts:
    """The four masks of each of several prompts: the first for prompts of several points, then three of one point.

    Attributes
    ----------
    coarse : logits at one pixel of each cell, float32 [P, 4, rows, columns]
    quality : predicted IoU, float32 [P, 4]

    """

    def __init__(self, decoder: MaskDecoder, cells: Tensor, fine: tuple[Tensor, Tensor] | None, weights: Tensor,
                 quality: Tensor):
        self._decoder, self._cells, self._fine, self._weights = decoder, cells, fine, weights
        self.quality: np.ndarray = quality.cpu().numpy()
        sampled = decoder.upscale_sampled(cells, fine).flatten(1, 2) @ weights.transpose(1, 2)
        self.coarse: np.ndarray = sampled.transpose(1, 2).unflatten(2, cells.shape[1:3]).cpu().numpy()

    @torch.inference_mode()
    def logits(self, prompts: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Return some of the masks at four times the resolution.

        Parameters
        ----------
        prompts : index of the prompt of each, [N]
        masks : which of its four masks, [N]

        Returns
        -------
        float32 [N, 4 * rows, 4 * columns]; away from the border of a mask, the sampled logit of each cell

        """
        coarse = self.coarse[prompts, masks]
        is_near = np.array([_near_border(one) for one in coarse]).reshape(coarse.shape)
        wanted = np.zeros(self._cells.shape[:3], bool)  # By any mask of a prompt: they share the upscaled cells.
        np.logical_or.at(wanted, prompts, is_near)
        row_of = np.cumsum(wanted).reshape(wanted.shape) - 1
        prompt, row, column = torch.from_numpy(np.stack(np.nonzero(wanted))).to(self._cells.device)
        fine = None if self._fine is None else (self._fine[0][row, column], self._fine[1][row, column])
        upscaled = self._decoder.upscale(self._cells[prompt, row, column], fine)
        blocks = coarse[..., None, None].repeat(PIXELS, axis=3).repeat(PIXELS, axis=4)
        for block, near, index, mask in zip(blocks, is_near, prompts, masks, strict=True):
            rows = torch.from_numpy(row_of[index][near]).to(upscaled.device)
            block[near] = (upscaled[rows] @ self._weights[index, mask]).cpu().numpy()
        count, height, width = coarse.shape
        return blocks.transpose(0, 1, 3, 2, 4).reshape(count, PIXELS * height, PIXELS * width)


class MaskDecoder:
    """The decoder of one network.

    Parameters
    ----------
    state : Segment Anything's state dictionary, of which ``prompt_encoder`` and ``mask_decoder`` are used; that of
        SAM 2 is told by its token for the presence of an object
    device : of torch

    Attributes
    ----------
    always_pads : whether every prompt ends with a padding point, also one with a box

    Numbers of prompts are read from shapes and go into `view`: after `len` or `unflatten` they would be constants in an
    exported network.

    """

    def __init__(self, state: Mapping[str, Tensor], device: str):
        self.device = torch.device(device)
        self._state = {name: tensor.detach().float().contiguous().to(self.device) for name, tensor in state.items()
                       if name.startswith(("prompt_encoder.", "mask_decoder."))}
        tokens = [self._state[f"mask_decoder.{name}.weight"] for name in ("obj_score_token", "iou_token", "mask_tokens")
                  if f"mask_decoder.{name}.weight" in self._state]
        self.always_pads = self._is_sam2 = len(tokens) == 3
        self._tokens = torch.cat(tokens)
        self._labels = torch.cat([self._state["prompt_encoder.not_a_point_embed.weight"], *(
            self._state[f"prompt_encoder.point_embeddings.{label}.weight"] for label in range(4))])
        centres = (torch.arange(GRID, device=self.device) + 0.5) / GRID
        positions = self._encode_positions(torch.cartesian_prod(centres, centres).flip(1))
        self._positions = positions
        self._projected_positions = {
            name: positions @ self._state[f"{TRANSFORMER}{name}.weight"].T for name in (
                "layers.1.cross_attn_token_to_image.k_proj", "layers.1.cross_attn_image_to_token.q_proj",
                "final_attn_token_to_image.k_proj")}
        # A transposed convolution by 2 with a kernel of 2 x 2 is a product for each pixel.
        self._upscale1, self._upscale2 = (
            self._state[f"mask_decoder.output_upscaling.{layer}.weight"].permute(2, 3, 1, 0).flatten(0, 1).contiguous()
            for layer in (0, 3))

    @property
    def fingerprint(self) -> str:
        """The sha256, in hexadecimal, of a sample of every weight."""
        return fingerprint_of(self._state)

    @torch.inference_mode()
    def prepare(self, embedding: np.ndarray, fine: Sequence[Tensor] = ()) -> PreparedImage:
        """Return what all prompts of an image share.

        Parameters
        ----------
        embedding : of the image, float32 [1, C, 64, 64]
        fine : for SAM 2, its features at two and four times the resolution, [1, 64, 128, 128] and [1, 32, 256, 256]

        """
        return self._prepare(torch.from_numpy(embedding).to(self.device), fine)

    def _prepare(self, embedding: Tensor, fine: Sequence[Tensor]) -> PreparedImage:
        cells = embedding[0].flatten(1).T + self._state["prompt_encoder.no_mask_embed.weight"]
        layer = TRANSFORMER + "layers.0."
        keys = self._linear(layer + "cross_attn_token_to_image.k_proj", cells + self._positions)
        values = self._linear(layer + "cross_attn_token_to_image.v_proj", cells)
        queries = self._linear(layer + "cross_attn_image_to_token.q_proj", cells + self._positions)
        return PreparedImage(cells.contiguous(), _heads(keys)[None], _heads(values)[None], queries,
                             _by_cells(*fine) if fine else None)

    @torch.inference_mode()
    def decode(self, image: PreparedImage, points: np.ndarray, labels: np.ndarray, rows: int = GRID,
               columns: int = GRID) -> DecodedPrompts:
        """Return the masks of several prompts.

        Parameters
        ----------
        image : from `prepare`
        points : [P, T, 2], xy input pixels
        labels : [P, T], 1 for a point on the object, 0 for one that is not, 2 and 3 for the upper left and lower right
            corner of a box, -1 for padding, which a prompt without a box needs as its last point, see `always_pads`
        rows, columns : cells that the image covers; masks are computed there

        """
        prompts = self._encode_prompts(torch.from_numpy(points).float().to(self.device),
                                       torch.from_numpy(labels).long().to(self.device))
        cells, weights, quality = self._outputs(image, prompts)
        fine = None if image.fine is None else (image.fine[0][:rows, :columns], image.fine[1][:rows, :columns])
        return DecodedPrompts(self, cells.unflatten(1, (GRID, GRID))[:, :rows, :columns], fine, weights, quality)

    def decode_densely(self, embedding: Tensor, points: Tensor, labels: Tensor, *fine: Tensor) -> tuple[Tensor, Tensor]:
        """Return all logits, float32 [P, 4, 256, 256], and the quality [P, 4]: `decode` in one network, to export.

        The parameters are those of `prepare` and `decode`.
        """
        image = self._prepare(embedding, fine)
        cells, weights, quality = self._outputs(image, self._encode_prompts(points, labels))
        count = cells.shape[0]
        by_cells = None
        if image.fine is not None:
            twice, four_times = (part.flatten(0, 1).repeat(count, 1, 1) for part in image.fine)
            by_cells = twice, four_times
        pixels = self.upscale(cells.flatten(0, 1), by_cells)
        logits = pixels.view(count, GRID * GRID * PIXELS * PIXELS, -1) @ weights.transpose(1, 2)
        logits = logits.view(count, GRID, GRID, PIXELS, PIXELS, MASKS).permute(0, 5, 1, 3, 2, 4)
        return logits.reshape(count, MASKS, GRID * PIXELS, GRID * PIXELS), quality

    def _outputs(self, image: PreparedImage, prompts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return cells [P, N, C], the weights of the masks [P, 4, 32] and their quality [P, 4]."""
        tokens, cells = self._transform(image, prompts)
        # The token of the object's presence comes first where there is one.
        of_quality, *of_masks = tokens[:, -MASKS - 1:].unbind(1)
        weights = torch.stack([self._mlp(f"mask_decoder.output_hypernetworks_mlps.{mask}", token)
                               for mask, token in enumerate(of_masks)], dim=1)
        quality = self._mlp("mask_decoder.iou_prediction_head", of_quality)
        return cells, weights, quality.sigmoid() if self._is_sam2 else quality

    def upscale_sampled(self, cells: Tensor, fine: tuple[Tensor, Tensor] | None) -> Tensor:
        """Return the features [P, R, S, 32] of one pixel of each cell [P, R, S, C]; `fine` as in `PreparedImage`."""
        first, second = SAMPLED
        features = self._upscaled1(cells, first, None if fine is None else fine[0][:, :, first])
        bias = self._state["mask_decoder.output_upscaling.3.bias"]
        pixels = F.linear(features, self._upscale2[second], bias)
        if fine is not None:
            pixels = pixels + fine[1][:, :, first, 32 * second:32 * (second + 1)]
        return F.gelu(pixels)

    def upscale(self, cells: Tensor, fine: tuple[Tensor, Tensor] | None) -> Tensor:
        """Return the features [K, 4, 4, 32] of all pixels of cells [K, C]; `fine` is [K, 4, 64] and [K, 4, 4 * 32]."""
        # Each upscaling is 2 x 2 with one product; their indices interleave to rows and columns.
        features = torch.stack([self._upscaled1(cells, pixel, None if fine is None else fine[0][:, pixel])
                                for pixel in range(len(self._upscale1))], dim=1)
        bias = self._state["mask_decoder.output_upscaling.3.bias"]
        pixels = F.linear(features, self._upscale2.flatten(0, 1), bias.repeat(4))
        pixels = F.gelu(pixels if fine is None else pixels + fine[1])
        return pixels.view(-1, 2, 2, 2, 2, 32).transpose(2, 3).reshape(-1, PIXELS, PIXELS, 32)

    def _upscaled1(self, cells: Tensor, pixel: int, fine: Tensor | None) -> Tensor:
        """Return the features [..., 64] of one of the 2 x 2 pixels of the first upscaling of cells [..., C]."""
        features = F.linear(cells, self._upscale1[pixel], self._state["mask_decoder.output_upscaling.0.bias"])
        if fine is not None:
            features = features + fine
        return F.gelu(self._norm("mask_decoder.output_upscaling.1", features, epsilon=1e-6))

    def _encode_positions(self, positions: Tensor) -> Tensor:
        """Return the encoding [..., C] of positions [..., 2], xy as shares of the input."""
        angles = 2 * math.pi * (
            (2 * positions - 1) @ self._state["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"])
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def _encode_prompts(self, points: Tensor, labels: Tensor) -> Tensor:
        """Return the tokens [P, O + T, C] of prompts: those of the outputs, then one for each point."""
        positions = self._encode_positions((points + 0.5) / INPUT_SIDE) * (labels >= 0)[..., None]
        return torch.cat([self._tokens.expand(points.shape[0], -1, -1), positions + self._labels[labels + 1]], dim=1)

    def _transform(self, image: PreparedImage, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens [P, T, C] and cells [P, N, C] after the two-way transformer."""
        tokens, cells = self._first_layer(image, prompts)
        name = TRANSFORMER + "layers.1."
        query = tokens + prompts
        tokens = self._norm(name + "norm1", tokens + self._attend_tokens(name + "self_attn", query, tokens))
        tokens = tokens + self._attend_cells("layers.1.cross_attn_token_to_image", tokens + prompts, cells)
        tokens = self._after_attention(name, tokens)
        cells = self._norm(name + "norm4", self._attend_from_cells(
            "layers.1.cross_attn_image_to_token", cells, tokens + prompts, tokens))
        # The points have had their say: only the tokens of the outputs go on.
        tokens, prompts = tokens[:, :len(self._tokens)], prompts[:, :len(self._tokens)]
        tokens = tokens + self._attend_cells("final_attn_token_to_image", tokens + prompts, cells)
        return self._norm(TRANSFORMER + "norm_final_attn", tokens), cells

    def _first_layer(self, image: PreparedImage, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens [P, T, C] and cells [P, N, C] after the first layer, where all prompts see the same cells."""
        name = TRANSFORMER + "layers.0."
        tokens = self._norm(name + "norm1", self._attend_tokens(name + "self_attn", prompts, prompts))
        attention = name + "cross_attn_token_to_image"
        count = prompts.shape[0]
        # One query for all tokens of all prompts, so that keys and values are read once.
        queries = _heads(self._linear(attention + ".q_proj", tokens + prompts).flatten(0, 1))
        attended = F.scaled_dot_product_attention(queries[None], image.keys, image.values)[0]
        tokens = tokens + self._linear(attention + ".out_proj", attended.transpose(0, 1).flatten(1)).view(
            count, -1, tokens.shape[2])
        tokens = self._after_attention(name, tokens)
        attention = name + "cross_attn_image_to_token"
        keys = self._scaled_keys(attention, tokens + prompts)
        scores = _scores(keys, image.queries)
        return tokens, self._norm(name + "norm4", self._add_values(attention, image.cells.expand(count, -1, -1), scores,
                                                                   tokens))

    def _after_attention(self, layer: str, tokens: Tensor) -> Tensor:
        """Return tokens after the norm of the attention to the image and the MLP of a layer."""
        tokens = self._norm(layer + "norm2", tokens)
        hidden = self._linear(layer + "mlp.lin1", tokens).relu()
        return self._norm(layer + "norm3", tokens + self._linear(layer + "mlp.lin2", hidden))

    def _attend_tokens(self, name: str, query: Tensor, value: Tensor) -> Tensor:
        """Return the attention of tokens [P, T, C] to each other."""
        queries, keys, values = (_heads(self._linear(f"{name}.{part}_proj", tokens))
                                 for part, tokens in (("q", query), ("k", query), ("v", value)))
        attended = F.scaled_dot_product_attention(queries, keys, values)
        return self._linear(name + ".out_proj", attended.transpose(1, 2).flatten(2))

    def _attend_cells(self, name: str, query: Tensor, cells: Tensor) -> Tensor:
        """Return the attention of tokens [P, T, C] to cells [P, N, C]."""
        full = TRANSFORMER + name
        queries = self._scaled(_heads(self._linear(full + ".q_proj", query)))
        scores = _scores(queries, self._projected_positions[name + ".k_proj"])
        # The bias of the keys adds the same to all scores of a token: the softmax ignores it.
        moved = torch.einsum("phtd,hdc->phtc", queries, self._head_weights(full + ".k_proj"))
        scores = torch.baddbmm(scores.flatten(1, 2), moved.flatten(1, 2), cells.transpose(1, 2)).softmax(dim=2)
        means = (scores @ cells).view(cells.shape[0], HEADS, -1, cells.shape[2])
        values = torch.einsum("phtc,hdc->pthd", means, self._head_weights(full + ".v_proj")).flatten(2)
        return self._linear(full + ".out_proj", values + self._state[full + ".v_proj.bias"])

    def _attend_from_cells(self, name: str, cells: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return cells [P, N, C] plus their attention to tokens [P, T, C]."""
        full = TRANSFORMER + name
        keys = self._scaled_keys(full, key)
        moved = torch.einsum("phtd,hdc->phtc", keys, self._head_weights(full + ".q_proj"))
        bias = torch.einsum("phtd,hd->pht", keys, self._state[full + ".q_proj.bias"].unflatten(0, (HEADS, -1)))
        scores = torch.baddbmm(bias.flatten(1)[..., None], moved.flatten(1, 2), cells.transpose(1, 2))
        scores = scores.view(cells.shape[0], HEADS, -1, cells.shape[1])
        scores = scores + _scores(keys, self._projected_positions[name + ".q_proj"])
        return self._add_values(full, cells, scores, value)

    def _add_values(self, name: str, cells: Tensor, scores: Tensor, value: Tensor) -> Tensor:
        """Return cells [P, N, C] plus the values of tokens [P, T, C], weighted by scores [P, heads, T, N]."""
        values = _heads(self._linear(name + ".v_proj", value))
        output = self._state[name + ".out_proj.weight"].T.unflatten(0, (HEADS, -1))
        # The weights of each head sum to 1, so the bias can be spread over the values of all heads.
        moved = torch.einsum("phtd,hdc->phtc", values, output) + self._state[name + ".out_proj.bias"] / HEADS
        weights = scores.softmax(dim=2).flatten(1, 2)
        return torch.baddbmm(cells, weights.transpose(1, 2), moved.flatten(1, 2))

    def _scaled_keys(self, name: str, key: Tensor) -> Tensor:
        return self._scaled(_heads(self._linear(name + ".k_proj", key)))

    @staticmethod
    def _scaled(heads: Tensor) -> Tensor:
        return heads / math.sqrt(heads.shape[-1])

    def _head_weights(self, name: str) -> Tensor:
        """Return the weight of a projection to heads, [heads, c, C]."""
        return self._state[name + ".weight"].unflatten(0, (HEADS, -1))

    def _linear(self, name: str, inputs: Tensor) -> Tensor:
        return F.linear(inputs, self._state[name + ".weight"], self._state[name + ".bias"])

    def _norm(self, name: str, inputs: Tensor, epsilon: float = 1e-5) -> Tensor:
        weight = self._state[name + ".weight"]
        return F.layer_norm(inputs, (len(weight),), weight, self._state[name + ".bias"], epsilon)

    def _mlp(self, name: str, inputs: Tensor) -> Tensor:
        for layer in range(2):
            inputs = self._linear(f"{name}.layers.{layer}", inputs).relu()
        return self._linear(f"{name}.layers.2", inputs)


def _heads(features: Tensor) -> Tensor:
    """Return features [..., N, heads * c] as [..., heads, N, c]."""
    return features.reshape(*features.shape[:-1], HEADS, -1).transpose(-2, -3)


def _scores(tokens: Tensor, cells: Tensor) -> Tensor:
    """Return products, [P, heads, T, N], of tokens [P, heads, T, c] and cells [N, heads * c] that all prompts share."""
    count = tokens.shape[0]
    products = tokens.transpose(0, 1).flatten(1, 2) @ _heads(cells).transpose(1, 2)
    return products.view(products.shape[0], count, -1, products.shape[2]).transpose(0, 1)


def _by_cells(twice: Tensor, four_times: Tensor) -> tuple[Tensor, Tensor]:
    """Return the finer features of an image, sorted as `PreparedImage.fine`."""
    channels = twice.shape[1], four_times.shape[1]
    first = twice[0].view(channels[0], GRID, 2, GRID, 2).permute(1, 3, 2, 4, 0)
    # Rows: cell, first and second upscaling; the same for columns.
    second = four_times[0].view(channels[1], GRID, 2, 2, GRID, 2, 2).permute(1, 4, 2, 5, 3, 6, 0)
    return (first.reshape(GRID, GRID, 4, channels[0]).contiguous(),
            second.reshape(GRID, GRID, 4, 4 * channels[1]).contiguous())


def _near_border(coarse: np.ndarray) -> np.ndarray:
    """Return which cells, bool [rows, columns], may hold the border of a mask, from its sampled logits."""
    kernel = np.ones((3, 3), np.uint8)
    near: np.ndarray = (cv2.erode(coarse, kernel) <= SURE_LOGIT) & (cv2.dilate(coarse, kernel) >= -SURE_LOGIT)
    return near
