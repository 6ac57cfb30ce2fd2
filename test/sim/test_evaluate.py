from __future__ import annotations

import numpy as np

from ris_ros.config import EncoderConfig
from ris_ros.encoding import load_encoder
from ris_ros.sim.evaluate import picks
from ris_ros.sim.render import Renderer
from ris_ros.sim.splits import TEST_SEEDS
from ris_ros.sim.tabletop import sample_scene


def test_the_bundled_model_picks_objects_of_unseen_scenes():
    encoder = load_encoder(EncoderConfig(model="bundled"), "cpu")
    picked = []
    with Renderer() as renderer:
        for seed in TEST_SEEDS[:10]:
            scene = sample_scene(seed)
            rendering = renderer.render(scene)
            masks = np.stack([rendering.mask(index) for index in range(len(scene.objects))])
            picked += picks(encoder, scene, rendering.image, masks).values()
    local, fused = np.mean(picked, axis=0)[[0, 4]]
    assert len(picked) > 40
    assert fused >= 0.95
    assert local >= 0.95
