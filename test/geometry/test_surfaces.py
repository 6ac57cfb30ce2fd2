"""Surfaces in small depth images whose pixels are set by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.geometry.surfaces import contact_pixels, object_surface, subsample

STEP = 0.02


def surface(z, known=None):
    """Return the object's surface where a pixel is a millimetre wide and neighbours may differ by STEP."""
    rows, columns = np.indices(z.shape)
    xyz = np.dstack([columns * 1e-3, rows * 1e-3, z])
    return object_surface(z, ~np.isnan(z) if known is None else known, np.full(z.shape, STEP), xyz)


def plate(shape=(20, 30)):
    return np.ones(shape)


def test_one_surface_is_kept_whole():
    assert surface(plate()).all()
    # A slope whose neighbours differ by less than a step is one surface, however deep it is in all.
    assert surface(plate() + np.arange(30) * (STEP - 1e-6)).all()
    assert surface(plate() + np.arange(20)[:, None] * (STEP - 1e-6)).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_what_lies_behind_a_step_is_dropped(axis):
    z = plate()
    np.moveaxis(z, axis, 0)[16:] = 1.5
    np.testing.assert_array_equal(surface(z), z == 1)


def test_pixels_outside_of_the_mask_are_no_surface():
    known = np.zeros((20, 30), bool)
    known[5:15, 5:25] = True
    np.testing.assert_array_equal(surface(plate(), known), known)


@pytest.mark.parametrize("place", [(10, 10), (0, 0), (19, 29), (0, 7), (7, 0)])
def test_a_single_pixel_off_the_surface_is_dropped(place):
    z = plate()
    z[place] = 1.1
    expected = np.ones(z.shape, bool)
    expected[place] = False
    np.testing.assert_array_equal(surface(z), expected)


@pytest.mark.parametrize("offset", [(0, 1), (1, 0), (1, 1), (1, -1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_pixel_between_a_near_and_a_far_neighbour_is_flying(offset, sign):
    # Its other neighbours are at its own depth, so that it is connected.
    z, (dy, dx) = plate(), offset
    z[10 + dy, 10 + dx], z[10 - dy, 10 - dx] = 1 + sign * 0.03, 1 - sign * 0.03
    kept = surface(z)
    assert not kept[10, 10]
    # Where only one side is more than a step away, it is an edge.
    z[10 - dy, 10 - dx] = 1 - sign * 0.01
    assert surface(z)[10, 10]


@pytest.mark.parametrize(("gap", "depth", "is_part"), [(5, 1.0, True), (60, 1.0, False), (5, 1.015, True),
                                                       (5, 1.3, False)])
def test_a_part_apart_belongs_to_the_object_if_it_is_near(gap, depth, is_part):
    # A largest part of 20 mm x 20 mm: others may be 20 mm away from it.
    z = np.full((20, 100), np.nan)
    z[:, :20] = 1.0
    z[5:10, 20 + gap:25 + gap] = depth
    kept = surface(z)
    assert kept[:, :20].all()
    assert kept[5:10, 20 + gap:25 + gap].all() == kept[5:10, 20 + gap:25 + gap].any() == is_part


def test_parts_may_be_farther_from_a_large_object():
    # A diagonal of 0.5 m: parts may be 0.05 m away.
    z = np.full((300, 470), np.nan)
    z[:, :400] = 1.0
    z[:100, 440:450] = 1.0
    z[200:, 460:] = 1.0
    kept = surface(z)
    assert kept[:100, 440:450].all()
    assert not kept[200:, 460:].any()


@pytest.mark.parametrize(("pixels", "is_part"), [(2, False), (3, True)])
def test_a_part_of_few_pixels_is_noise(pixels, is_part):
    z = np.full((20, 30), np.nan)
    z[:, :20] = 1.0
    z[10, 25:25 + pixels] = 1.0
    assert surface(z)[10, 25:25 + pixels].any() == is_part


@pytest.mark.parametrize(("pixels", "is_part"), [(4, False), (5, True)])
def test_a_part_is_at_least_a_two_hundredth_of_the_largest(pixels, is_part):
    z = np.full((25, 60), np.nan)
    z[:, :40] = 1.0
    z[10, 45:45 + pixels] = 1.0
    assert surface(z)[10, 45:45 + pixels].any() == is_part


def test_without_known_pixels_there_is_no_surface():
    assert not surface(np.full((5, 5), np.nan)).any()


def ring(mask, inner, outer):
    """Return the pixels whose Chebyshev distance from a rectangle is inner to outer."""
    rows, columns = np.nonzero(mask)
    y, x = np.indices(mask.shape)
    distance = np.maximum.reduce([rows.min() - y, y - rows.max(), columns.min() - x, x - columns.max()])
    return (distance >= inner) & (distance <= outer)


@pytest.fixture
def mask():
    mask = np.zeros((30, 40), bool)
    mask[10:20, 10:30] = True
    return mask


def contacts(mask, z, surface=None):
    return contact_pixels(mask, mask if surface is None else surface, z, np.full(z.shape, STEP))


def test_contacts_are_around_the_mask_where_depth_goes_on(mask):
    z = np.ones(mask.shape)
    np.testing.assert_array_equal(contacts(mask, z), ring(mask, 3, 4))
    for depth, touches in ((1.019, True), (1.021, False), (0.981, True), (0.979, False)):
        z[:, 30:] = depth
        beyond = ring(mask, 3, 4) & (np.arange(40) >= 30)
        assert (contacts(mask, z)[beyond] == touches).all(), depth
        assert contacts(mask, z)[ring(mask, 3, 4) & ~beyond].all()


def test_contacts_may_have_any_depth_of_the_surface_nearby(mask):
    z = np.ones(mask.shape)
    z[10:20, 28], z[10:20, 29] = 0.9, 1.1
    z[12:18, 32] = 0.95          # Neither the nearest nor the farthest of the surface, but between them.
    assert contacts(mask, z)[12:18, 32].all()
    z[12:18, 32] = 0.85
    assert not contacts(mask, z)[12:18, 32].any()


def test_there_is_no_contact_without_a_surface_or_depth(mask):
    z = np.ones(mask.shape)
    assert not contacts(mask, z, np.zeros_like(mask)).any()
    z[:] = np.nan
    assert not contacts(mask, z).any()


def test_a_subsample_takes_even_steps_and_both_ends():
    points = np.arange(10)
    assert subsample(points, 4).tolist() == [0, 3, 6, 9]
    assert subsample(points, 10) is points
    assert subsample(points, 9).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9]
