"""Segment Anything (Kirillov et al., arXiv 2304.02643) with the original package; prompts are decoded in batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ris_ros.config import ProposalsConfig
from ris_ros.errors import MissingError, reading
from ris_ros.proposals.decoder import MaskDecoder
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.proposals.proposer import ImageEmbedding
from ris_ros.proposals.resize import ResizeTransform
from ris_ros.utils import weights

MODELS = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
"""Width of the image encoder, in channels -> name of the model in segment_anything's registry."""


def make_proposer(config: ProposalsConfig, device: str) -> PromptedProposer:
    """Return the proposer ``sam`` on ``cpu``, ``cuda`` or ``cuda:N``."""
    return PromptedProposer(Sam(config.checkpoint or "sam_vit_b", device), config)


class Sam:
    """The network of the proposer ``sam``; see `prompting.Network`.

    Parameters
    ----------
    checkpoint : name of a checkpoint, or path of a file with a state dictionary of vit_b, vit_l or vit_h
    device : ``cpu``, ``cuda`` or ``cuda:N``

    Raises
    ------
    MissingError
        If the package segment-anything or the named checkpoint is not installed.
    InputError
        If the file holds something else.

    """

    def __init__(self, checkpoint: str, device: str):
        try:
            from segment_anything import sam_model_registry
        except ImportError as error:
            raise MissingError("the sam proposer needs a package; run `pip install segment-anything`") from error
        file = weights.path(checkpoint) if checkpoint in weights.CHECKPOINTS else Path(checkpoint)
        with reading(f"the checkpoint {checkpoint}", "it must be a checkpoint name (see `ris weights list`) or a file "
                     "with a state dictionary of Segment Anything; if it is damaged, fetch it again"):
            # Loading a pickle can run code; a state dictionary needs none.
            state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
            model = sam_model_registry[MODELS[state["image_encoder.pos_embed"].shape[-1]]]()
            model.load_state_dict(state)
        self.model = model.eval().to(device)
        self.decoder = MaskDecoder(model.state_dict(), device)
        # On a CPU a larger batch gains nothing; on a GPU it saves kernel launches.
        self.batch_size = 4 if device == "cpu" else 64
        self.notes: list[str] = []
        self.backend = "torch"

    def embed(self, image: np.ndarray) -> ImageEmbedding:
        """Encode an image, uint8 RGB [H, W, 3]."""
        transform = ResizeTransform(*image.shape[:2])
        return ImageEmbedding(self.encode(transform.resize(image)), transform)

    @torch.inference_mode()
    def encode(self, image: np.ndarray) -> np.ndarray:
        """Return the embedding, float32 [1, 256, 64, 64], of uint8 RGB [h, w, 3] whose longer side is 1024."""
        embedding: np.ndarray = self.model.image_encoder(self.preprocess(image)).cpu().numpy()
        return embedding

    def preprocess(self, image: np.ndarray) -> Tensor:
        """Return the network's input, float32 [1, 3, 1024, 1024], of uint8 RGB [h, w, 3] whose longer side is 1024."""
        pixels = torch.from_numpy(image).to(self.model.device).permute(2, 0, 1).float()
        inputs: Tensor = self.model.preprocess(pixels)[None]
        return inputs
