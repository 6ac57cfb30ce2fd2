"""SAM 2.1 (Ravi et al., arXiv 2408.00714): image encoder of the package transformers, prompts decoded in batches.

The decoder is ours, with the weights of the model, as it is for SAM: see `decoder`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError, MissingError, reading
from ris_ros.proposals.decoder import MaskDecoder
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.proposals.proposer import ImageEmbedding
from ris_ros.proposals.resize import INPUT_SIDE, ResizeTransform
from ris_ros.utils.device import within_memory
from ris_ros.utils.hub import find_folder, quiet_transformers


@dataclass(frozen=True)
class ImageEncoderSize:
    """The architecture of an image encoder, a Hiera (arXiv 2306.00989) of four stages.

    Attributes
    ----------
    channels, heads : of the first stage; each further stage has twice as many
    blocks : of each stage
    global_blocks : numbers of the blocks whose attention is not confined to windows
    windows : sides of the windows of each stage
    background : side of the positional embedding that is stretched over the image

    """

    channels: int
    heads: int
    blocks: tuple[int, ...]
    global_blocks: tuple[int, ...]
    windows: tuple[int, ...] = (8, 4, 14, 7)
    background: int = 7


SIZES = {
    "tiny": ImageEncoderSize(96, 1, (1, 2, 7, 2), (5, 7, 9)),
    "small": ImageEncoderSize(96, 1, (1, 2, 11, 2), (7, 10, 13)),
    "base-plus": ImageEncoderSize(112, 2, (2, 3, 16, 3), (12, 16, 20), background=14),
    "large": ImageEncoderSize(144, 2, (2, 6, 36, 4), (23, 33, 43), (8, 4, 16, 8)),
}
"""The published sizes by name. The weights of a size are on the Hugging Face hub, see `hub_name`."""

DEFAULT_SIZE = "tiny"

RANDOM = "random"
"""Tag after the name of a size, as in ``tiny/random``, that stands for random weights."""

FILES = "config.json", "model.safetensors"
"""What a folder or a repository must hold."""

TYPICAL_LENGTH = 1.55
"""Median length of the features of a cell in MobileSAM's embedding, whose encoder ends with a norm: that of its four
test photographs is between 1.51 and 1.64. Prompts are placed by features of this length; SAM 2's encoder has no norm at
its end."""

PIXEL_MEAN, PIXEL_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of each channel, 0..1, that the network's input is normalised with."""

NAMES = (
    (r"shared_embedding\.positional_embedding$", "pe_layer.positional_encoding_gaussian_matrix"),
    (r"layer_norm(\d|_final_attn)", r"norm\1"),
    (r"\.o_proj\.", ".out_proj."),
    (r"\.mlp\.proj_in\.", ".mlp.lin1."),
    (r"\.mlp\.proj_out\.", ".mlp.lin2."),
    (r"upscale_conv1\.", "output_upscaling.0."),
    (r"upscale_layer_norm\.", "output_upscaling.1."),
    (r"upscale_conv2\.", "output_upscaling.3."),
    (r"((?:_mlps\.\d|_head)\.)layers\.0\.", r"\1layers.1."),
    (r"((?:_mlps\.\d|_head)\.)proj_in\.", r"\1layers.0."),
    (r"((?:_mlps\.\d|_head)\.)proj_out\.", r"\1layers.2."),
)
"""Patterns in the names of weights in transformers -> the same in Segment Anything's state dictionary."""


def make_proposer(config: ProposalsConfig, device: str) -> PromptedProposer:
    """Return the proposer ``sam2`` on ``cpu``, ``cuda`` or ``cuda:N``."""
    return PromptedProposer(Sam2(config.checkpoint or DEFAULT_SIZE, device), config)


class Sam2:
    """The network of the proposer ``sam2``; see `prompting.Network`.

    Parameters
    ----------
    checkpoint : see `load_model`
    device : ``cpu``, ``cuda`` or ``cuda:N``

    Raises
    ------
    InputError, MissingError
        See `load_model`; also if the model is for images of another size.

    """

    def __init__(self, checkpoint: str, device: str):
        self.checkpoint = checkpoint
        self.model = load_model("Sam2Model", checkpoint, device, setting="proposals.checkpoint")
        side = self.model.config.prompt_encoder_config.image_size
        if side != INPUT_SIDE:
            raise InputError(f"proposals.checkpoint {checkpoint} is for images of {side} pixels; only {INPUT_SIDE} are "
                             "supported")
        self.decoder = MaskDecoder(decoder_state(self.model.state_dict()), device)
        # On a CPU a larger batch gains nothing; on a GPU it saves kernel launches.
        self.batch_size = 4 if device == "cpu" else 64
        self.notes: list[str] = []
        self.backend = "torch"

    @torch.inference_mode()
    def embed(self, image: np.ndarray) -> ImageEmbedding:
        """Encode an image, uint8 RGB [H, W, 3].

        Raises
        ------
        MissingError
            If the device has too little memory.

        """
        with within_memory(f"SAM 2 ({self.checkpoint})", "choose a smaller proposals.checkpoint"):
            pixels = preprocess(image, INPUT_SIDE, self.model.device)
            four_times, twice, embedding = self.model.get_image_embeddings(pixels)
        length = float(embedding.norm(dim=1).median()) / TYPICAL_LENGTH
        return ImageEmbedding(embedding.cpu().numpy(), ResizeTransform(*image.shape[:2], keep_aspect=False),
                              max(length, 1e-6), (twice, four_times))


def load_model(kind: str, checkpoint: str, device: str, *, setting: str) -> Any:
    """Return a SAM 2 model of transformers, for inference.

    Parameters
    ----------
    kind : ``Sam2Model`` for images, ``Sam2VideoModel`` for videos; both read the same files
    checkpoint : name of one of `SIZES`, of which SAM 2.1's weights are used; a folder, or OWNER/NAME on the Hugging
        Face hub, with the files of either model; or ``tiny/random`` and the like, to measure time and memory
    device : ``cpu``, ``cuda`` or ``cuda:N``
    setting : name of the setting with the checkpoint, for messages

    Raises
    ------
    MissingError
        If transformers is not installed, the weights are not here and cannot be downloaded, or the memory is too small.
    InputError
        If the files are damaged, or those of another model.

    """
    try:
        import transformers
        model_class = getattr(transformers, kind)
    except (ImportError, AttributeError) as error:
        raise MissingError(f"{setting} {checkpoint}: SAM 2 needs transformers 4.57 or newer; run "
                           "`pip install 'ris_ros[hf]'`") from error
    size, _, tag = checkpoint.partition("/")
    if size in SIZES and tag == RANDOM:
        model = _random_model(model_class, SIZES[size])
    else:
        folder = find_folder(hub_name(size) if checkpoint in SIZES else checkpoint, FILES, setting=setting)
        remedy = "the folder needs the config.json and model.safetensors of a SAM 2 model of transformers, whole ones"
        with reading(f"{setting} {checkpoint}", remedy), quiet_transformers():
            model, report = model_class.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True)
        lacking = sorted({*report["missing_keys"], *report["mismatched_keys"]}, key=str)
        if lacking:
            raise InputError(f"{setting} {checkpoint} is no SAM 2 model: its weights lack {lacking[0]}; {remedy}")
    with within_memory(f"SAM 2 ({checkpoint})", f"choose a smaller {setting}"):
        return model.eval().requires_grad_(False).to(device)


def hub_name(size: str) -> str:
    """Return the repository of a size on the Hugging Face hub."""
    return f"facebook/sam2.1-hiera-{size}"


def preprocess(image: np.ndarray, side: int, device: torch.device) -> Tensor:
    """Return the network's input, float32 [1, 3, side, side], of an image, uint8 RGB [H, W, 3]."""
    pixels = torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1)[None]
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (PIXEL_MEAN, PIXEL_STD))
    return (resize(pixels, [side, side], antialias=True).float() / 255 - mean) / std


def decoder_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a model's decoder and prompt encoder by their names in Segment Anything."""
    renamed: dict[str, Tensor] = {}
    for name, weights in state.items():
        if name == "prompt_encoder.point_embed.weight":
            renamed |= {f"prompt_encoder.point_embeddings.{label}.weight": row[None]
                        for label, row in enumerate(weights)}
            continue
        for pattern, replacement in NAMES:
            name = re.sub(pattern, replacement, name)
        renamed[name] = weights
    return renamed


def _random_model(model_class: Any, size: ImageEncoderSize) -> Any:
    """Return a model of true size with random weights."""
    from transformers import Sam2HieraDetConfig, Sam2VisionConfig

    channels = [size.channels * 2 ** stage for stage in range(4)]
    backbone = Sam2HieraDetConfig(
        hidden_size=size.channels, num_attention_heads=size.heads, embed_dim_per_stage=channels,
        num_attention_heads_per_stage=[size.heads * 2 ** stage for stage in range(4)],
        blocks_per_stage=list(size.blocks), global_attention_blocks=list(size.global_blocks),
        window_size_per_stage=list(size.windows),
        window_positional_embedding_background_size=[size.background] * 2)
    vision = Sam2VisionConfig(backbone_config=backbone, backbone_channel_list=channels[::-1])
    torch.manual_seed(0)
    model = model_class(model_class.config_class(vision_config=vision))
    # Published weights have the same positions for prompts and for the image.
    model.prompt_encoder.shared_embedding.load_state_dict(model.shared_image_embedding.state_dict())
    return model
