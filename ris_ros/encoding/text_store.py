"""Text features of a long list, kept on disk for each model: they are computed once, with a progress bar."""

from __future__ import annotations

import hashlib
import io
import logging
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ris_ros.utils.files import write_atomically
from ris_ros.utils.weights import cache_dir

MAX_FILES = 32
"""Files that are kept, the most recently written ones."""

logger = logging.getLogger(__name__)


def load_or_compute(fingerprint: str, texts: Sequence[str], compute: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the features of M texts, float16 [M, D]: from the user's cache folder, or computed and stored there.

    A file that is damaged or holds something else is computed anew. Where the folder cannot be written, nothing is
    stored.

    Parameters
    ----------
    fingerprint : of the model
    texts : in the order of the features
    compute : returns the features, float [M, D]

    """
    listed = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    file = cache_dir() / "texts" / f"{fingerprint[:16]}-{listed[:16]}.npz"
    stored = _read(file, fingerprint, listed, len(texts))
    if stored is not None:
        return stored
    logger.info("computing the features of %d texts, once for this model", len(texts))
    features = compute().astype(np.float16)
    try:
        _write(file, fingerprint, listed, features)
    except OSError as error:
        logger.debug("text features are not kept: %s", error)
    return features


def _read(file: Path, fingerprint: str, listed: str, count: int) -> np.ndarray | None:
    try:
        with np.load(file, allow_pickle=False) as stored:
            features = np.asarray(stored["features"])
            key = str(stored["key"])
    except (OSError, EOFError, ValueError, LookupError, AttributeError, TypeError, RuntimeError, MemoryError,
            zipfile.BadZipFile, zlib.error, struct.error):
        return None  # Absent or damaged.
    is_sound = features.dtype == np.float16 and features.ndim == 2 and len(features) == count \
        and np.isfinite(features).all()
    return features if is_sound and key == fingerprint + listed else None


def _write(file: Path, fingerprint: str, listed: str, features: np.ndarray) -> None:
    content = io.BytesIO()
    np.savez(content, features=features, key=np.array(fingerprint + listed))
    write_atomically(file, content.getvalue())
    by_age = sorted(file.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in by_age[MAX_FILES:]:
        old.unlink(missing_ok=True)
