"""SAM 2's video memory (Ravi et al., arXiv 2408.00714): the mask of one object in each frame of an endless video.

The network attends to what it has stored of the frame with the given mask and of the last few frames. It also tells
whether the object is in view at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from ris_ros.proposals.sam2 import DEFAULT_SIZE, load_model, preprocess
from ris_ros.utils.device import within_memory
from ris_ros.utils.hub import downloads

if TYPE_CHECKING:
    from ris_ros.encoding import MaskGuidedEncoder
    from ris_ros.segmenter import ReferringSegmenter

_models: WeakKeyDictionary[MaskGuidedEncoder, dict[str, Any]] = WeakKeyDictionary()
"""Loaded models by checkpoint, as long as the encoder lives that is used with them; segmenters share encoders."""


def load_memory(segmenter: ReferringSegmenter) -> VideoMemory | None:
    """Return an empty memory on the segmenter's device; None if its settings do not ask for one.

    The model is loaded once for all trackers of a segmenter.

    Raises
    ------
    InputError, MissingError
        If the model cannot be loaded, see `ris_ros.proposals.sam2.load_model`.

    """
    config = segmenter.config
    if config.following.method != "sam2":
        return None
    of_proposals = config.proposals.checkpoint if config.proposals.method == "sam2" else ""
    checkpoint = config.following.checkpoint or of_proposals or DEFAULT_SIZE
    loaded = _models.setdefault(segmenter.encoder, {})
    if checkpoint not in loaded:
        with downloads(allowed=not config.offline):
            loaded[checkpoint] = load_model("Sam2VideoModel", checkpoint, str(segmenter.encoder.device),
                                            setting="following.checkpoint")
    return VideoMemory(loaded[checkpoint], checkpoint)


class VideoMemory:
    """The memory of one object.

    Parameters
    ----------
    model : a ``Sam2VideoModel`` of transformers
    checkpoint : its name, for messages

    """

    def __init__(self, model: Any, checkpoint: str = ""):
        self._model, self._checkpoint = model, checkpoint
        self._session: Any = None
        self._number = 0
        # What the network looks back at: spatial memories of so many frames, and pointers of so many.
        self._kept_frames = max(model.config.num_maskmem, model.config.max_object_pointers_in_encoder)

    @torch.inference_mode()
    def start(self, image: np.ndarray, mask: np.ndarray) -> None:
        """Forget everything, and remember an object by its mask, bool [H, W], in an image, uint8 RGB [H, W, 3]."""
        from transformers import Sam2VideoInferenceSession

        device, side = self._model.device, self._model.image_size
        height, width = mask.shape
        self._session = session = Sam2VideoInferenceSession(
            video_height=height, video_width=width, inference_device=device, inference_state_device=device,
            video_storage_device=device, dtype=torch.float32)
        self._number = 0
        given = torch.from_numpy(mask).to(device)[None, None].float()
        resized = F.interpolate(given, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
        session.add_mask_inputs(session.obj_id_to_idx(0), 0, (resized >= 0.5).float())
        session.obj_with_new_inputs = [0]
        self._run(image)

    @torch.inference_mode()
    def advance(self, image: np.ndarray) -> np.ndarray:
        """Return the mask of the object, bool [H, W], in the next frame; empty where it is not in view.

        Parameters
        ----------
        image : uint8 RGB [H, W, 3], of the size of the first

        Raises
        ------
        MissingError
            If the device has too little memory.

        """
        self._number += 1
        logits = F.interpolate(self._run(image), size=image.shape[:2], mode="bilinear", align_corners=False)
        mask: np.ndarray = (logits[0, 0] > 0).cpu().numpy()
        return mask

    def _run(self, image: np.ndarray) -> torch.Tensor:
        """Return the logits [1, 1, 256, 256] of the newest frame, and forget what no later frame can look back at."""
        session = self._session
        with within_memory(f"SAM 2 ({self._checkpoint})", "choose a smaller following.checkpoint"):
            pixels = preprocess(image, self._model.image_size, self._model.device)
            logits: torch.Tensor = self._model(session, frame=pixels, frame_idx=self._number).pred_masks
        session.processed_frames.clear()
        oldest = self._number - self._kept_frames
        for outputs in session.output_dict_per_obj.values():
            recent = outputs["non_cond_frame_outputs"]
            recent.pop(oldest, None)
            if self._number in recent:
                recent[self._number].pop("high_res_masks", None)  # Only the memory encoder reads it, which is through.
        for tracked in session.frames_tracked_per_obj.values():
            tracked.pop(oldest, None)
        return logits
