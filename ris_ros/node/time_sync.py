"""Approximate time synchronization: which depth image belongs to which colour image, by their stamps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MAX_SAMPLES = 8
"""Samples kept of each kind: a depth image may arrive this many frames late."""
MAX_DEPTH_WAIT_SECONDS = 0.3
"""How long an image waits for depth that has not arrived yet."""

MAX_PAIR_AGE_SECONDS = 2 * MAX_DEPTH_WAIT_SECONDS
"""Age beyond which a pair is not used while a newer image waits for its depth, which it does not do for long."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A message as it was received.

    Attributes
    ----------
    stamp : stamp of its header, nanoseconds
    arrived : when it was received, seconds of ``time.monotonic()``
    number : how many messages its publisher had sent by then
    data : the serialized message

    """

    stamp: int
    arrived: float
    number: int
    data: bytes


class ApproximateTimeSync:
    """The newest images and, for each of them, the depth image with the closest stamp.

    Stamps that go back, as when a recording starts over, clear everything that came before.
    """

    def __init__(self) -> None:
        self._images: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._depths: deque[Sample] = deque(maxlen=MAX_SAMPLES)

    def add_image(self, sample: Sample) -> None:
        """Add an image."""
        self._add(self._images, sample)

    def add_depth(self, sample: Sample) -> None:
        """Add a depth image."""
        self._add(self._depths, sample)

    def take(self, now: float, *, depth_expected: bool, tolerance: float) -> list[tuple[Sample, Sample | None]]:
        """Remove and return the images that can be used now, newest first, each with its depth or None.

        Those that have become old, as while a job ran, are only removed if a newer image waits for its depth.

        Parameters
        ----------
        now : seconds of ``time.monotonic()``
        depth_expected : whether images wait up to MAX_DEPTH_WAIT_SECONDS for depth that may still arrive
        tolerance : largest difference between the stamps of a pair, seconds

        """
        pairs: list[tuple[Sample, Sample | None]] = []
        while self._images and (not depth_expected or self._is_settled(self._images[0], now)):
            image = self._images.popleft()
            depth = min(self._depths, key=lambda depth: abs(depth.stamp - image.stamp), default=None)
            fits = depth is not None and abs(depth.stamp - image.stamp) <= tolerance * 1e9
            pairs.insert(0, (image, depth if fits else None))
        # Later images have later stamps: depth that is too old for the newest image here is too old for them as well.
        while pairs and self._depths and self._depths[0].stamp < pairs[0][0].stamp - tolerance * 1e9:
            self._depths.popleft()
        if self.is_waiting:
            return [(image, depth) for image, depth in pairs if now - image.arrived <= MAX_PAIR_AGE_SECONDS]
        return pairs

    @property
    def is_waiting(self) -> bool:
        """Whether an image is left whose depth may still arrive."""
        return bool(self._images)

    def clear(self) -> None:
        """Drop all samples."""
        self._images.clear()
        self._depths.clear()

    def _add(self, samples: deque[Sample], sample: Sample) -> None:
        if samples and sample.stamp < samples[-1].stamp:
            self.clear()
        samples.append(sample)

    def _is_settled(self, image: Sample, now: float) -> bool:
        """Return whether no depth image that is still to come can be closer to an image, or it has waited enough."""
        # Depth images arrive sorted by stamp.
        has_newer_depth = bool(self._depths) and self._depths[-1].stamp >= image.stamp
        is_full = len(self._images) == MAX_SAMPLES  # The next image would push this one out, at 30 Hz before its time.
        return has_newer_depth or is_full or now - image.arrived >= MAX_DEPTH_WAIT_SECONDS
