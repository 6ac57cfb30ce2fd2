"""Which depth image belongs to which colour image: approximate pairing by stamps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

# Images kept of each kind: a depth image may be this many frames late.
KEPT = 8
# How long an image waits for depth that is behind, in seconds.
PATIENCE = 0.3


@dataclass(frozen=True, eq=False)
class Sample:
    """A message as it came.

    Attributes
    ----------
    stamp : when it was taken, nanoseconds
    arrived : when it was received, seconds of a clock that never jumps
    number : how many messages its publisher had sent by then
    data : the message

    """

    stamp: int
    arrived: float
    number: int
    data: Any


class ApproximateTimeSync:
    """The newest images and, for each, the depth image that was taken closest to it.

    Stamps that go back, as when a recording starts over, clear what came before.
    """

    def __init__(self) -> None:
        self._images: deque[Sample] = deque(maxlen=KEPT)
        self._depths: deque[Sample] = deque(maxlen=KEPT)

    def add_image(self, sample: Sample) -> None:
        """An image has come."""
        self._add(self._images, sample)

    def add_depth(self, sample: Sample) -> None:
        """A depth image has come."""
        self._add(self._depths, sample)

    def take(self, now: float, *, depth_expected: bool, tolerance: float) -> list[tuple[Sample, Sample | None]]:
        """The images that can be used now, newest first, each with its depth or None; they are not kept.

        Parameters
        ----------
        now : seconds, of the same clock as ``Sample.arrived``
        depth_expected : whether an image waits for depth that may still come, for at most PATIENCE
        tolerance : the largest difference of stamps in a pair, seconds

        """
        pairs = []
        while self._images and (not depth_expected or self._is_settled(self._images[0], now)):
            image = self._images.popleft()
            depth = min(self._depths, key=lambda depth: abs(depth.stamp - image.stamp), default=None)
            fits = depth is not None and abs(depth.stamp - image.stamp) <= tolerance * 1e9
            pairs.insert(0, (image, depth if fits else None))
        # Images to come are later: what is too old for the newest of these is too old for them.
        while pairs and self._depths and self._depths[0].stamp < pairs[0][0].stamp - tolerance * 1e9:
            self._depths.popleft()
        return pairs

    @property
    def is_waiting(self) -> bool:
        """Whether an image is left that may still get its depth."""
        return bool(self._images)

    def clear(self) -> None:
        """Forget everything."""
        self._images.clear()
        self._depths.clear()

    def _add(self, samples: deque[Sample], sample: Sample) -> None:
        if samples and sample.stamp < samples[-1].stamp:
            self.clear()
        samples.append(sample)

    def _is_settled(self, image: Sample, now: float) -> bool:
        # Depth comes in the order of its stamps: once one is not older, no later one is closer.
        return (bool(self._depths) and self._depths[-1].stamp >= image.stamp) or now - image.arrived >= PATIENCE
