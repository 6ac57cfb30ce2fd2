"""Feed random bytes, guided by the coverage that they reach, to everything that reads data from outside.

    python test/fuzz/fuzz.py TARGET [CORPUS] [options of libFuzzer, such as -max_total_time=300 -rss_limit_mb=4000]

A target may only raise an InputError or a MissingError. The first input that does more is written to crash-*; give its
name in place of the folder to run it again. Needs the extra `fuzz`.
"""

from __future__ import annotations

import io
import json
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

try:
    import atheris
except ImportError:
    sys.exit("fuzzing needs atheris: pip install 'ris_ros[fuzz]' (Linux, Python 3.11 to 3.13)")

with atheris.instrument_imports(include=["ris_ros", "PIL", "rosbags"]):
    import numpy as np
    from PIL import Image

    from ris_ros import Config
    from ris_ros.errors import RisError
    from ris_ros.evaluation.datasets.folder import read_folder
    from ris_ros.evaluation.datasets.pickles import read_plain_pickle
    from ris_ros.grounding.prompt_bank import PromptBank
    from ris_ros.language.parser import ExpressionParser
    from ris_ros.messages import decode_camera_info, decode_depth, decode_image
    from ris_ros.messages.decoding import DEPTH_UNITS, ENCODING_ALIASES, NUM_CHANNELS
    from ris_ros.proposals.given import from_coco
    from ris_ros.recordings.bag import Bag
    from ris_ros.utils.files import parse_json
    from ris_ros.utils.images import decode_rgb

MAX_PIXELS = 1_000_000
SHAPE = (6, 8)
HEADER = SimpleNamespace(frame_id="")
SCRATCH = Path(tempfile.mkdtemp(prefix="ris-fuzz-"))


def fuzz_picture(data: bytes) -> None:
    """Decode an image file."""
    decode_rgb(data, MAX_PIXELS, upright=True)


def fuzz_image(data: bytes) -> None:
    """Decode an image message: its header, then its data."""
    source = atheris.FuzzedDataProvider(data)
    known = [*NUM_CHANNELS, *ENCODING_ALIASES, *DEPTH_UNITS]
    encoding = source.PickValueInList(known) if source.ConsumeBool() else source.ConsumeUnicode(12)
    sizes = [source.ConsumeIntInRange(0, 12) if source.ConsumeBool() else source.ConsumeUInt(4) for _ in range(3)]
    message = SimpleNamespace(height=sizes[0], width=sizes[1], step=sizes[2], encoding=encoding, header=HEADER,
                              is_bigendian=source.ConsumeIntInRange(0, 1), data=source.ConsumeBytes(4096))
    for decode in (lambda: decode_image(message), lambda: decode_depth(message, HEADER, SHAPE)):
        _expect(decode)


def fuzz_compressed(data: bytes) -> None:
    """Decode a compressed image and a compressed depth image: the format up to a line feed, then the data."""
    format_, _, content = data.partition(b"\n")
    message = SimpleNamespace(format=format_.decode(errors="replace"), data=content, header=HEADER)
    for decode in (lambda: decode_image(message, MAX_PIXELS), lambda: decode_depth(message, HEADER, SHAPE)):
        _expect(decode)


def fuzz_camera(data: bytes) -> None:
    """Decode a camera_info of random numbers."""
    source = atheris.FuzzedDataProvider(data)
    model = source.PickValueInList(["plumb_bob", "rational_polynomial", "equidistant", "", "x"])
    numbers = [source.ConsumeFloat() for _ in range(9)]
    decode_camera_info(SimpleNamespace(
        height=SHAPE[0], width=SHAPE[1], k=numbers, distortion_model=model,
        d=[source.ConsumeFloat() for _ in range(source.ConsumeIntInRange(0, 14))]), SHAPE)


def fuzz_json(data: bytes) -> None:
    """Read JSON, and what is in it as COCO annotations and as a calibration."""
    value = parse_json(data)
    _expect(lambda: from_coco(value, *SHAPE))
    if isinstance(value, dict):
        _expect(lambda: PromptBank.load("", value))


def fuzz_pickle(data: bytes) -> None:
    """Read a pickle of plain data."""
    read_plain_pickle(_file("refs.p", data))


def fuzz_folder(data: bytes) -> None:
    """Read a data-set folder with these lines."""
    if not (SCRATCH / "masks.png").is_file():
        Image.fromarray(np.zeros((*SHAPE, 3), np.uint8)).save(SCRATCH / "a.png")
        Image.fromarray(np.ones(SHAPE, np.uint8)).save(SCRATCH / "masks.png")
    read_folder(_file("expressions.jsonl", data).parent, strict=False)


def fuzz_settings(data: bytes) -> None:
    """Read a file of settings."""
    Config.from_yaml(_file("ris.yaml", data))


def fuzz_mcap(data: bytes) -> None:
    """Read a recording."""
    _read_bag(_file("bag.mcap", data))


def fuzz_db3(data: bytes) -> None:
    """Read a recording in an SQLite database."""
    _read_bag(_file("bag.db3", data))


def fuzz_command(data: bytes) -> None:
    """Parse an expression."""
    _parser().parse(data.decode(errors="surrogatepass" if data[:1] == b"\xed" else "replace"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): target for name, target in globals().items() if name.startswith("fuzz_")}


def seeds(target: str) -> list[bytes]:
    """Return valid inputs of a target, to start from."""
    picture = Image.fromarray(np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE))
    files = []
    for format_ in ("PNG", "JPEG", "WEBP", "TIFF", "BMP"):
        content = io.BytesIO()
        picture.save(content, format_)
        files.append(content.getvalue())
    line = {"image": "a.png", "masks": "masks.png", "text": "the cup", "targets": [1]}
    coco = [{"id": 1, "segmentation": [[1, 1, 5, 1, 5, 5]]}, {"segmentation": {"size": [6, 8], "counts": [5, 43]}}]
    found = {"picture": files, "compressed": [b"bayer_rggb8; png compressed \n" + files[0], b"jpeg\n" + files[1],
                                              b"16UC1; compressedDepth png\n" + bytes(12) + files[0]],
             "json": [json.dumps(coco).encode()], "folder": [json.dumps(line).encode()],
             "pickle": [pickle.dumps([{"ref_id": 1, "sentences": [("a", 2.5)], "set": {1}}], p) for p in (0, 2, 4)],
             "settings": [b"encoder: {model: bundled}\ncameras: [a, b]\n"], "command": [b"the red cup on the left"]}
    if target in ("mcap", "db3"):
        return [_recording(target)] + [_recording(target, compressed=True)] * (target == "mcap")
    return found.get(target, [bytes(200)])


def main() -> None:
    """Fuzz the target that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"{__doc__}\nTargets: {', '.join(TARGETS)}")
    target = sys.argv.pop(1)
    if all(argument.startswith("-") for argument in sys.argv[1:]):
        corpus = SCRATCH / "corpus"
        corpus.mkdir()
        sys.argv.append(str(corpus))
        for i, seed in enumerate(seeds(target)):
            (corpus / str(i)).write_bytes(seed)
    atheris.Setup(sys.argv, lambda data: _expect(lambda: TARGETS[target](data)))
    atheris.Fuzz()


def _expect(call: Callable[[], object]) -> None:
    """Call a function that may only fail with an error for users, in one line."""
    try:
        call()
    except RisError as error:
        assert "\n" not in str(error), error


def _file(name: str, data: bytes) -> Path:
    path = SCRATCH / name
    path.write_bytes(data)
    return path


def _read_bag(path: Path) -> None:
    with Bag(path, max_pixels=MAX_PIXELS) as bag:
        list(bag.frames())


def _recording(kind: str, *, compressed: bool = False) -> bytes:
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    from ris_ros.messages import MessageBuilder, TypestoreMessageFactory

    types = get_typestore(Stores.LATEST)
    build = MessageBuilder(TypestoreMessageFactory(types))
    image = build.image(np.zeros((*SHAPE, 3), np.uint8), "rgb8", build.header((1, 0), "camera"))
    folder = Path(tempfile.mkdtemp(dir=SCRATCH)) / "bag"
    plugin = StoragePlugin.MCAP if kind == "mcap" else StoragePlugin.SQLITE3
    writer = Writer(folder, version=9, storage_plugin=plugin)
    if compressed:
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection("/image", image.__msgtype__, typestore=types)
        writer.write(connection, 1_000_000_000, types.serialize_cdr(image, image.__msgtype__))
    return next(folder.glob(f"*.{kind}")).read_bytes()


def _parser(cache: list[ExpressionParser] = []) -> ExpressionParser:  # noqa: B006  The models load once.
    if not cache:
        cache.append(ExpressionParser(Config().language))
    return cache[0]


if __name__ == "__main__":
    main()
