"""Conversion of results to values that JSON can represent."""

from __future__ import annotations

from typing import Any

import numpy as np


def nan_to_none(values: dict[str, Any]) -> dict[str, Any]:
    """Return values by name with None for NaN, which JSON does not have."""
    return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in values.items()}
