from __future__ import annotations

import numpy as np
import pytest

from ris_ros.tracking.motion import IDENTITY, transform_points
from ris_ros.tracking.template import Template


@pytest.fixture
def template(stage):
    return Template(stage.frame((stage.RED, IDENTITY, 36)), stage.disc())


def test_the_template_measures_occlusion(stage, template):
    assert template.is_distinctive
    before = stage.motion((25, 0))
    visibility = template.compare(stage.frame((stage.RED, IDENTITY, 36), (stage.BLUE, before, 44)), IDENTITY)
    truth = stage.disc() & ~stage.disc(before, 44)
    assert visibility.in_view == 1
    assert visibility.unoccluded == pytest.approx(truth.sum() / stage.disc().sum(), abs=0.06)
    assert stage.iou(stage.disc() & ~template.occlusion(visibility, IDENTITY, stage.SHAPE), truth) > 0.85


def test_the_template_measures_what_is_outside_the_image(stage, template):
    half_out = stage.motion((-stage.MIDDLE[0], 0))
    visibility = template.compare(stage.frame((stage.RED, half_out, 36)), half_out)
    assert visibility.in_view == pytest.approx(0.5, abs=0.03)
    assert visibility.unoccluded > 0.95


def test_the_template_tolerates_a_change_of_lighting_but_not_of_colour(stage, template):
    dimmed = (stage.frame((stage.RED, IDENTITY, 36)) * 0.85).astype(np.uint8)
    assert template.compare(dimmed, IDENTITY).share > 0.95
    assert template.compare(stage.frame((stage.BLUE, IDENTITY, 44)), IDENTITY).share < 0.1


def test_a_search_finds_the_target_by_its_colours(stage, template):
    # An object of another colour is at the expected position.
    expected, here = stage.motion((-50, 20), 0, 1.1), stage.motion((44, -16), 0, 1.1)
    image = stage.frame((stage.RED, here, 36), (stage.BLUE, expected, 40))
    motion = template.search(image, expected, 110)
    middle = np.array([stage.MIDDLE], float)
    np.testing.assert_allclose(transform_points(middle, motion), transform_points(middle, here), atol=4)
    assert template.compare(image, motion).share > 0.9
    assert template.compare(image, template.search(image, expected, 20)).share < 0.6, "it is out of the radius"
    assert template.search(image, stage.motion((600, 0)), 70) is None


def test_a_template_with_the_colours_of_its_surroundings_is_not_distinctive(stage):
    assert not Template(stage.TABLE, stage.disc()).is_distinctive
