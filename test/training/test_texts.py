from __future__ import annotations

from ris_ros.sim.samples import HELD_OUT_PAIRS
from training.texts import CATEGORY_NAMES, COLOUR_NAMES, SEEN_PAIRS


def test_training_texts_name_no_held_out_pair():
    named = {(COLOUR_NAMES[colour], CATEGORY_NAMES[category]) for colour, category in SEEN_PAIRS}
    assert not named & HELD_OUT_PAIRS
    assert len(named | HELD_OUT_PAIRS) == len(COLOUR_NAMES) * len(CATEGORY_NAMES)
