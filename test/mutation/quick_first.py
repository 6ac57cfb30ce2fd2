"""A plugin of pytest: run the tests without rendered scenes and models first, as most mutants need no others."""

# The server that forks the tests' processes loads this file: they need not import again what is slow to import.
import scipy.optimize
import scipy.stats  # noqa: F401

SLOW_FIXTURES = {"make_table", "encoder"}


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not SLOW_FIXTURES.isdisjoint(item.fixturenames))
