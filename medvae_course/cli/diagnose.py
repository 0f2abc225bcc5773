"""The command `medvae-course diagnose`: a saved VAE on a folder of CT."""

import zipfile
from pathlib import Path

import keras
import numpy as np

import medvae_course.models.vae  # noqa: F401  Keras has to know the classes to load
from medvae_course.ct import datasets
from medvae_course.evaluate import diagnosis


def diagnose_file(path: Path, data: str | None, seed: int) -> diagnosis.Diagnosis:
    """Diagnose a model of a `.keras` file.

    Args:
        path: file that `model.save` wrote; a model with `encoder` and `decoder`.
        data: folder of CT or name of a data set; None: the phantoms.
        seed: of the split that the model was trained with.

    Returns:
        The diagnosis, on the validation patients of that split.

    Raises:
        ValueError: if the file holds no such model, or it takes no square grey images.
    """
    model = load(path)
    height, width, channels = model.encoder.input_shape[1:]
    if height != width or channels != 1:
        raise ValueError(
            "the model must take square images of one channel, and takes "
            f"{height} x {width} x {channels}: call evaluate.diagnosis.diagnose with "
            "images of your own"
        )
    found = datasets.load(data, image_size=height, seed=seed)
    return diagnosis.diagnose(
        model,
        found.train.images,
        found.validation.images,
        train_patients=found.train.patients,
        validation_patients=found.validation.patients,
        sigma=sigma_of(model),
        seed=seed,
    )


def load(path: Path) -> keras.Model:
    """Load a model that has halves; nothing in the file is run to load it."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no .keras file: give one that model.save wrote")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (KeyError, TypeError, OSError) as error:
        raise ValueError(
            f"{path} cannot be loaded: {str(error).splitlines()[0]} A model of your "
            "own classes is diagnosed from Python: evaluate.diagnosis.diagnose"
        ) from error
    if not (hasattr(model, "encoder") and hasattr(model, "decoder")):
        raise ValueError(f"the model in {path} has no `encoder` and `decoder`")
    if getattr(model, "likelihood", "gaussian") != "gaussian":
        raise ValueError(
            f"the model in {path} has a {model.likelihood} likelihood: only models "
            "trained with a squared error can be diagnosed"
        )
    return model


def sigma_of(model: keras.Model) -> float | np.ndarray | None:
    """Return the standard deviation of the likelihood, model units, if it has one."""
    if getattr(model, "fitted", None) is not None:
        return keras.ops.convert_to_numpy(model.fitted.sigma)
    return getattr(model, "sigma", None)
