"""Models of the Hugging Face hub: from this machine first, downloaded only where that is allowed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ris_ros.errors import MissingError, shortened


def find_folder(name: str, files: Sequence[str], *, setting: str) -> Path:
    """Return the folder with a model's files: a folder of this machine, or a repository of the hub.

    Files that are on this machine are not looked for elsewhere.

    Parameters
    ----------
    name : path of a folder, or OWNER/NAME of a repository
    files : names of the files that are needed
    setting : name of the setting that `name` is the value of, for messages

    Raises
    ------
    MissingError
        If a file is missing in the folder, or neither on this machine nor to be downloaded.

    """
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if os.path.isdir(name):  # Unlike Path, it takes any name.
        missing = [file for file in files if not Path(name, file).is_file()]
        if missing:
            raise MissingError(f"{setting} {name}: the folder has no {' and no '.join(missing)}; it needs the files of "
                               "a model of transformers, as its save_pretrained writes them")
        return Path(name)
    try:
        paths = [cached_file(f"{name}/{file}") or huggingface_hub.hf_hub_download(name, file) for file in files]
        return Path(paths[0]).parent
    except HFValidationError as error:
        raise MissingError(f"{setting} {name} is neither a folder nor a name on the Hugging Face hub") from error
    except (OSError, ValueError, HfHubHTTPError) as error:
        where = "nothing is downloaded, because offline is set" if constants.HF_HUB_OFFLINE \
            else shortened(error)
        raise MissingError(f"{setting} {name} is not on this machine, and {where}; run `ris weights fetch {name}` "
                           f"where there is a network, or copy {' and '.join(files)} into a folder and name that"
                           ) from error


def cached_file(path: str) -> str | None:
    """Return where the file REPOSITORY/FILE of the hub is on this machine; None if it is not there."""
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError

    repository, _, file = path.rpartition("/")
    try:
        cached = huggingface_hub.try_to_load_from_cache(repository, file)
    except HFValidationError:
        return None
    return cached if isinstance(cached, str) else None


@contextmanager
def downloads(*, allowed: bool) -> Iterator[None]:
    """Run the block with Hugging Face's libraries restricted to what is on this machine, unless downloads are allowed.

    The variable HF_HUB_OFFLINE does the same, but is only read when the library is imported.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    _set_hub_offline(before or not allowed)
    # The root logger, which open_clip may set up, prints the hub's lines too: its own handler would do so once more.
    logger = logging.getLogger("huggingface_hub")
    handlers, logger.handlers = logger.handlers, []
    try:
        yield
    finally:
        logger.handlers = handlers
        _set_hub_offline(before)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Run the block without the progress bars and warnings that transformers prints while it loads a model."""
    from transformers.utils import logging as output

    level, shows_progress = output.get_verbosity(), output.is_progress_bar_enabled()
    output.set_verbosity_error()
    output.disable_progress_bar()
    try:
        yield
    finally:
        output.set_verbosity(level)
        if shows_progress:
            output.enable_progress_bar()


def _set_hub_offline(offline: bool) -> None:
    import huggingface_hub
    from huggingface_hub import constants

    if offline == constants.HF_HUB_OFFLINE:
        return
    constants.HF_HUB_OFFLINE = offline
    # Before version 1 the library reads the constant only when it makes a session, and keeps the session.
    reset_sessions = getattr(huggingface_hub.utils, "reset_sessions", None)
    if reset_sessions is not None:
        reset_sessions()
