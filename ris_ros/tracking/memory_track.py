"""A track whose mask in each frame comes from SAM 2's video memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ris_ros.errors import MissingError
from ris_ros.tracking.frames import FramePyramid
from ris_ros.tracking.motion import IDENTITY
from ris_ros.tracking.template import Visibility
from ris_ros.tracking.thresholds import MIN_SAME_MASK_IOU, MIN_TRUSTED_MATCH
from ris_ros.tracking.track import Track
from ris_ros.tracking.video_memory import VideoMemory
from ris_ros.utils.masks import mask_iou

logger = logging.getLogger(__name__)


class MemoryTrack(Track):
    """A masked object, tracked from one frame on by a memory of it.

    Points still measure the motion of the camera and, between keyframes, that of the object. They and the colours say
    where to search for the object when it is lost. A memory that turned out to be of something else is no longer used,
    nor is one that the device has no room for.

    Parameters
    ----------
    frame : the frame of the mask
    mask : bool [H, W], not empty
    memory : is started anew with the mask

    """

    def __init__(self, frame: FramePyramid, mask: np.ndarray, memory: VideoMemory):
        self._memory = memory
        self._is_trusted, self._is_lost = True, False
        self._seen = mask
        self._whole_area = float(np.count_nonzero(mask))  # of the object if all of it were visible, in full size
        with self._within_memory():
            memory.start(frame.image, mask)
        super().__init__(frame, mask)

    @property
    def is_trusted(self) -> bool:
        """Whether the memory is of the object, as far as is known."""
        return self._is_trusted

    @property
    def is_distinctive(self) -> bool:
        """Whether the object can be told from what is around it."""
        return self._is_trusted or super().is_distinctive

    @property
    def is_displaced(self) -> bool:
        """Whether the memory sees the object, or a part of it, beside where its motion has brought it."""
        inside = np.count_nonzero(self._seen & super().extent())
        return self._sees and bool(inside < MIN_SAME_MASK_IOU * np.count_nonzero(self._seen))

    def distrust(self) -> None:
        """Use the memory no more: it is of something else."""
        self._is_trusted = False

    def shows(self, mask: np.ndarray) -> bool:
        """Return whether the memory sees the object where a mask, bool [H, W], of the newest frame is."""
        return self._is_trusted and bool(mask_iou(self._seen, mask) >= MIN_SAME_MASK_IOU)

    def advance(self, frame: FramePyramid) -> None:
        """Track the object into the next frame."""
        super().advance(frame)
        if self._is_trusted and not self._is_lost and self.visibility.share >= MIN_TRUSTED_MATCH:
            self._adopt_seen(frame)

    def confirm(self, keyframe: FramePyramid, mask: np.ndarray, motion: np.ndarray, frame: FramePyramid) -> None:
        """Learn the size of the object from a verified mask; the memory's newer mask stays."""
        self._whole_area = np.count_nonzero(mask) * abs(np.linalg.det(motion[:, :2]))
        self._points.add_target_points(self._visible_small(frame))

    def reinitialize(self, frame: FramePyramid) -> Track:
        """Return a track of the object where the memory sees it, with newly selected points in a frame."""
        track = super().reinitialize(frame)
        if isinstance(track, MemoryTrack) and track._sees:
            track._is_lost = False
            track._whole_area = float(np.count_nonzero(self._seen))
            track._adopt_seen(frame)
        return track

    def relocalize(self, frame: FramePyramid, radius: float, min_visibility: float) -> Track | None:
        """Return a track without memory of the object where the memory sees it; parameters as in `Track.relocalize`."""
        if not self._is_trusted:
            return super().relocalize(frame, radius, min_visibility)
        return Track(frame, self._seen) if self._sees and self.visibility.share >= min_visibility else None

    def attach_to_background(self, frame: FramePyramid, *, was_static: bool) -> None:
        """Let the object's expected position move with the background from now on; see `Track.attach_to_background`."""
        self._is_lost = True
        seen = self.visibility
        super().attach_to_background(frame, was_static=was_static)
        if self._is_trusted:
            self.visibility = seen

    def extent(self) -> np.ndarray:
        """Return the mask of the object, bool [H, W]; where it is expected if it is not seen."""
        return self._seen if self._sees and not self._is_lost else super().extent()

    def mask(self) -> np.ndarray:
        """Return the mask of the object's visible part, bool [H, W]."""
        return self._seen if self._is_trusted else super().mask()

    @property
    def _sees(self) -> bool:
        return self._is_trusted and bool(self._seen.any())

    def _compare(self, frame: FramePyramid) -> Visibility:
        expected = super()._compare(frame)
        if not self._is_trusted:
            return expected
        with self._within_memory():
            self._seen = self._memory.advance(frame.image)
        if not self._is_trusted:
            return expected
        self._whole_area *= abs(np.linalg.det(self.frame_motion.target[:, :2]))
        share = float(np.clip(np.count_nonzero(self._seen) / max(self._whole_area, 1), 0, 1))
        in_view = max(expected.in_view, share)
        return Visibility(expected.matching, in_view, share / in_view if in_view else 0.0)

    @contextmanager
    def _within_memory(self) -> Iterator[None]:
        """Run the block, and go on without the memory if the device has too little memory for it."""
        try:
            yield
        except MissingError as error:
            logger.warning("%s; tracking goes on by motion", error, extra={"trouble": "gpu-memory"})
            self.distrust()

    def _adopt_seen(self, frame: FramePyramid) -> None:
        """Take the memory's mask for the shape, colours and position of the object."""
        seen = self.visibility
        self._set_template(frame, self._seen, IDENTITY, frame)
        self.visibility = seen

    def _visible_small(self, frame: FramePyramid) -> np.ndarray:
        return self._reduce(self._seen.astype(np.uint8)) if self._sees else super()._visible_small(frame)
