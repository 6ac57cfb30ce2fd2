"""Files of the reader."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ris_ros.errors import MissingError, reading
from ris_ros.language.tree import LABELS
from ris_ros.utils.spacy_models import light_import

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
        state, config = (where / WEIGHTS).read_bytes(), (where / CONFIG).read_bytes()
    except OSError as error:
        raise MissingError(f"no reader in {where}: set language.reader to a folder that `python -m training.reader "
                           "train` made, or to nothing") from error
    if folder is None:
        with reading(f"{where / CARD} of the bundled reader", "install ris_ros again", MissingError):
            expected = json.loads((where / CARD).read_text(encoding="utf-8"))["sha256"]
        if hashlib.sha256(state).hexdigest() != expected:
            raise MissingError(f"the bundled reader in {where} is damaged (its sha256 differs): install ris_ros again")
    with light_import():
        import spacy
    with reading(f"the reader in {where}"):
        nlp = spacy.util.load_model_from_config(spacy.util.load_config_from_str(config.decode()), auto_fill=True)
        for label in ("ROOT", "dep", *LABELS):
            nlp.vocab.strings.add(label)
        return nlp.from_bytes(state, exclude=["tokenizer", "vocab"])


def save_reader(nlp: Language, folder: Path, **facts: Any) -> None:
    """Write a reader to a folder, with facts about it on its card."""
    state = nlp.to_bytes(exclude=["tokenizer", "vocab"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(nlp.config.to_str(), encoding="utf-8")
    (folder / WEIGHTS).write_bytes(state)
    card = {"sha256": hashlib.sha256(state).hexdigest(), **facts}
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
