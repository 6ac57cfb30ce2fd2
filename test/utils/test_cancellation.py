"""Cooperative cancellation."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.utils.cancellation import Cancelled, cancellable, check_cancelled
from ris_ros.utils.device import AdaptiveBatcher


class Network:
    """A network with batches of two points that predicts no masks."""

    batch_size = 2

    def __init__(self):
        self.decoded = 0

    def encode(self, image):
        return np.random.default_rng(0).normal(size=(1, 4, 64, 64)).astype(np.float32)

    def decode(self, embedding, points):
        self.decoded += len(points)
        return np.full((len(points), 3, 256, 256), -9, np.float32), np.zeros((len(points), 3), np.float32)


def test_work_stops_between_two_calls_to_the_network():
    image, network = np.zeros((48, 64, 3), np.uint8), Network()
    proposer = PromptedProposer(network, ProposalsConfig(max_prompts=20))
    with pytest.raises(Cancelled), cancellable(lambda: network.decoded >= 4):
        proposer(image)
    assert network.decoded == 4
    assert len(proposer(image)) == 0
    assert network.decoded > 12


def test_work_stops_between_two_batches():
    done = []
    with pytest.raises(Cancelled), cancellable(lambda: len(done) == 2):
        AdaptiveBatcher(3, "numbers").map(done.append, range(100))
    assert done == [range(3), range(3, 6)]


def test_nothing_stops_unless_cancelled():
    check_cancelled()
    with cancellable(lambda: False):
        check_cancelled()
