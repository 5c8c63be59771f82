"""Human action recognition: from a folder of short videos to trained, compared models.

Importing any module of this package first sets, here, what libraries read when they are imported.
A variable that is already set in the environment wins.
"""

import os

_ENVIRONMENT = {
    # oneDNN behaves as off by default on AMD processors and makes Conv3D training 4 times faster.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # No start-up messages of TensorFlow (3 leaves fatal errors only).
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # The matrices here are small: a second thread of NumPy's only waits; on a busy machine that
    # made fitting the baselines 20 times slower. The bits are those of one thread everywhere.
    "OPENBLAS_NUM_THREADS": "1",
    "KERAS_BACKEND": "tensorflow",
    # Nothing here reports its use to anyone.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}

for _name, _value in _ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
