"""Segment Anything (Kirillov et al., arXiv 2304.02643) by its own package, with all prompts of a batch at once."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch

from ris_ros.errors import InputError, MissingError
from ris_ros.utils import weights

_MODELS = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}


class Sam:
    """The network of the ``sam`` proposer: image -> embedding, embedding and points -> three masks a point."""

    def __init__(self, checkpoint: str, device: str):
        """Load the checkpoint of that name, or a file with a state dictionary of vit_b, vit_l or vit_h.

        Raises
        ------
        MissingError
            When the package segment-anything or the named checkpoint is not there.
        InputError
            When the file holds something else.

        """
        try:
            from segment_anything import sam_model_registry
        except ImportError as error:
            raise MissingError("the sam proposer needs a package; run `pip install segment-anything`") from error
        file = weights.path(checkpoint) if checkpoint in weights.CHECKPOINTS else Path(checkpoint)
        try:
            # Pickles can run code when they load; a state dictionary needs none.
            state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
            model = sam_model_registry[_MODELS[state["image_encoder.pos_embed"].shape[-1]]]()
            model.load_state_dict(state)
        except (OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise InputError(f"{checkpoint} must be a checkpoint name (see `ris weights list`) or a file with a state "
                             f"dictionary of Segment Anything: {' '.join(str(error).split())[:200]}") from error
        self._model = model.eval().to(device)
        # On a CPU a larger batch gains nothing; on a GPU it saves launches.
        self.batch_size = 4 if device == "cpu" else 64
        self.notes: list[str] = []

    @torch.inference_mode()
    def encode(self, image: np.ndarray) -> np.ndarray:
        """The embedding float32 [1, 256, 64, 64] of uint8 RGB [h, w, 3] whose longer side is 1024."""
        pixels = torch.from_numpy(image).to(self._model.device).permute(2, 0, 1).float()
        return self._model.image_encoder(self._model.preprocess(pixels)[None]).cpu().numpy()

    @torch.inference_mode()
    def decode(self, embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [P, 3, 256, 256] and predicted IoU float32 [P, 3] for points [P, 2], xy input pixels."""
        device = self._model.device
        coordinates = torch.from_numpy(points).float().to(device)[:, None]
        sparse, dense = self._model.prompt_encoder(
            points=(coordinates, torch.ones(len(points), 1, device=device)), boxes=None, masks=None)
        masks, quality = self._run_decoder(embedding, sparse, dense)
        return masks[:, 1:], quality[:, 1:]

    @torch.inference_mode()
    def decode_object(self, embedding: np.ndarray, points: np.ndarray, labels: np.ndarray, box: np.ndarray
                      ) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [4, 256, 256] and predicted IoU float32 [4] of what lies in a box, xyxy input pixels.

        The first mask is the one meant for several prompts at once, the others are those of `decode`. Points [P, 2]
        lie on the object where their label is 1, beside it where it is 0.
        """
        points, labels, box = (torch.from_numpy(np.asarray(values)).float().to(self._model.device)[None]
                               for values in (points, labels, box))
        masks, quality = self._run_decoder(embedding, *self._model.prompt_encoder(
            points=(points, labels), boxes=box, masks=None))
        return masks[0], quality[0]

    def _run_decoder(self, embedding: np.ndarray, sparse: torch.Tensor, dense: torch.Tensor
                     ) -> tuple[np.ndarray, np.ndarray]:
        masks, quality = self._model.mask_decoder.predict_masks(
            image_embeddings=torch.from_numpy(embedding).to(self._model.device),
            image_pe=self._model.prompt_encoder.get_dense_pe(), sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense)
        return masks.cpu().numpy(), quality.cpu().numpy()
