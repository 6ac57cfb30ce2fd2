"""The data sets for evaluation: a registry (`registry`), one reader per data set, and checks of local copies."""

from ris_ros.evaluation.datasets.registry import (
    DATASETS,
    DatasetEntry,
    available_datasets,
    find_dataset,
    load_dataset,
)

__all__ = ["DATASETS", "DatasetEntry", "available_datasets", "find_dataset", "load_dataset"]
