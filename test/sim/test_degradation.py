from __future__ import annotations

import numpy as np

from ris_ros.sim.degradation import cut_mask, degrade_mask
from ris_ros.sim.render import Renderer
from ris_ros.sim.samples import HELD_OUT_PAIRS, TRAIN_SEEDS
from ris_ros.sim.tabletop import sample_scene
from ris_ros.utils.masks import mask_iou


def test_degraded_masks_resemble_the_true_ones():
    scene = sample_scene(TRAIN_SEEDS[0], exclude_pairs=HELD_OUT_PAIRS)
    with Renderer() as renderer:
        rendering = renderer.render(scene)
    rng = np.random.default_rng(0)
    masks = [rendering.mask(index) for index in range(len(scene.objects))]
    overlaps = [mask_iou(mask, degrade_mask(mask, rendering, rng)) for _ in range(5) for mask in masks]
    assert min(overlaps) > 0.25
    assert 0.6 < np.median(overlaps) < 0.98


def test_a_cut_mask_is_a_part_of_the_requested_size():
    mask = np.zeros((100, 100), bool)
    mask[20:80, 30:90] = True
    part = cut_mask(mask, 0.25, np.random.default_rng(0))
    assert not (part & ~mask).any()
    assert abs(part.sum() / mask.sum() - 0.25) < 0.02
