"""A model file from outside: what it asks Keras to build, before Keras builds it."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras

_LARGEST = 2**31  # bytes of a model; a file that unpacks to more is a trap
_PLAIN = ("__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "slice")
_FUNCTIONS = ("keras.activations", "keras.initializers", "keras.regularizers")


def check_archive(path: Path) -> None:
    """Refuse a `.keras` file that asks for more than layers of Keras and this course.

    Keras refuses stored code itself (`safe_mode`). This refuses classes from other
    packages, which would be imported, and functions such as those that fetch files.

    Args:
        path: the file.

    Raises:
        ValueError: if it is no such file, unpacks to 2 GiB, or asks for anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            config = json.loads(archive.read("config.json")) if size < _LARGEST else {}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no .keras file: give one that model.save wrote"
        ) from error
    if size >= _LARGEST:
        raise ValueError(f"{path} must unpack to less than 2 GiB, got {size} bytes")
    for entry in _entries(config):
        if not _is_known(entry):
            module = entry.get("module") or "no module"
            raise ValueError(
                f"{path} must hold layers of Keras and of this course only, it asks "
                f"for {entry['class_name']!r} of {module}: ask who made it; from "
                "Python you can load it with keras.saving.load_model"
            )


def _is_known(entry: dict) -> bool:
    module, name = str(entry.get("module") or ""), str(entry["class_name"])
    if name in ("function", "class", "Lambda", "__lambda__"):
        return module in _FUNCTIONS
    registered = str(entry.get("registered_name"))
    if registered.startswith("medvae_course>"):
        return keras.saving.get_registered_object(registered) is not None
    of_keras = module == "keras" or module.startswith("keras.")
    return name in _PLAIN or (of_keras and name[:1].isupper())


def _entries(config: object) -> Iterator[dict]:
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _entries(value)
    elif isinstance(config, list):
        for value in config:
            yield from _entries(value)
