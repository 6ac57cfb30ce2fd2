"""The notebook that explains the method: it runs, and the pictures that are stored with it are those that it draws."""

from __future__ import annotations

import copy
import os
import re
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "method.ipynb"
MAX_BYTES = 1_500_000


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(stored):
    """The notebook, executed by this Python; a cell that fails is an error that shows it."""
    notebook = copy.deepcopy(stored)
    client = nbclient.NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)
        # A kernel of that name that the user has installed may be another Python.
        client.create_kernel_manager().kernel_spec.argv[0] = sys.executable
        client.execute()
    return notebook


def outputs(notebook):
    """Return the kinds of the outputs by cell: images, and what is printed."""
    return {number: [sorted(kind for kind in output.data if kind.startswith("image/"))
                     if output.output_type in ("display_data", "execute_result") else [output.get("name", "error")]
                     for output in cell.outputs]
            for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"}


def test_it_runs_and_gives_what_is_stored(stored, executed):
    assert outputs(executed) == outputs(stored)
    kinds = [kind for cell in outputs(executed).values() for output in cell for kind in output]
    assert "error" not in kinds and "stderr" not in kinds
    assert kinds.count("image/jpeg") >= 10 and kinds.count("image/svg+xml") == 1


def test_its_claims_hold(executed):
    """What the text says of the pictures."""
    printed = "".join(output.text for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs
                      if output.output_type == "stream")
    assert "looks like:  cup" in printed
    assert "relation:    behind ['the spoon']" in printed
    assert "is not:      grey" in printed
    assert "nothing fits 'the green pen'" in printed


def test_it_is_small_and_links_to_files_that_exist(stored):
    assert NOTEBOOK.stat().st_size < MAX_BYTES
    links = [link for cell in stored.cells if cell.cell_type == "markdown"
             for link in re.findall(r"\]\(([^)]+)\)", cell.source)]
    assert any(link.startswith("https://arxiv.org") for link in links)
    for link in links:
        assert link.startswith("https://") or (NOTEBOOK.parent / link).is_file(), link
    assert str(ROOT) not in NOTEBOOK.read_text(encoding="utf-8")
