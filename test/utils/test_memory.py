"""Memory of this process and of others."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from ris_ros.utils.memory import gpu_memory, large_imports, release_memory, resident_memory


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_resident_memory_of_this_and_of_another_process():
    # In a process of its own, as the system may reclaim idle pages of this large one at any time.
    code = ("from ris_ros.utils.memory import resident_memory; before = resident_memory(); "
            "block = bytearray(b'x' * 1024) * (100 << 10); print(resident_memory() - before)")
    grown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(grown.stdout) > 50e6
    assert resident_memory(os.getpid()) > 20e6
    child = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    child.stdout.readline()
    assert 1e6 < resident_memory(child.pid) < resident_memory()
    child.communicate(b"\n")
    assert resident_memory(child.pid) == 0


def test_releasing_memory_needs_no_gpu():
    release_memory()
    assert gpu_memory() is None or gpu_memory() >= 0


def test_the_garbage_collector_rests_during_large_imports_and_works_after_them():
    try:
        with large_imports():
            assert not gc.isenabled()
        assert gc.isenabled()
        release_memory()
        assert gc.get_freeze_count()
        release_memory(of_models=True)
        assert not gc.get_freeze_count()
        with pytest.raises(ImportError), large_imports():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
