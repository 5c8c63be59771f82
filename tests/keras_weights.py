"""Files of weights as `keras.applications` downloads them, with random weights."""

from pathlib import Path

import h5py

from har.engine.runtime import keras


def write_keras_weights(path: Path, name: str) -> None:
    """Write random weights of a model of `keras.applications`, without its classifier."""
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(include_top=False, weights=None)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)
