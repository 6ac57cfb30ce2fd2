"""A plugin of pytest for mutation testing: leave out slow tests, and run those of models and rendered scenes last."""

# The server that forks the tests' processes loads this file: they need not import again what is slow to import.
import scipy.optimize
import scipy.stats  # noqa: F401

SLOW_TESTS = (
    "test_boxes_are_located_from_other_views", "test_every_category_is_located", "test_intervals_agree_with_scipy",
    "test_contour_accuracy_agrees_with_its_definition[size2]", "test_relations_of_every_name_hold",
    "test_every_name_is_known_and", "test_a_pixel_without_a_ray_is_nan", "test_projection_inverts_the_rays[dist")
"""Each mutant that survives has to run them all."""
SLOW_FIXTURES = {"make_table", "encoder"}


def pytest_collection_modifyitems(items):
    items[:] = sorted((item for item in items if not item.name.startswith(SLOW_TESTS)),
                      key=lambda item: not SLOW_FIXTURES.isdisjoint(item.fixturenames))
