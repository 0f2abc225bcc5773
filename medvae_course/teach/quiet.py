"""Loading Keras without the log of TensorFlow.

No setting keeps all of it out: with oneDNN on, TensorFlow 2.21 tells so twice in four
lines whatever `TF_CPP_MIN_LOG_LEVEL` is, and a notebook shows them in red.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_log() -> Iterator[None]:
    """Keep out what TensorFlow logs while it is loaded, before anyone can tell it to.

    Those lines come from C++: they go to the file of standard error, past Python.
    Errors are raised as always. Afterwards only TensorFlow's errors are logged, unless
    `TF_CPP_MIN_LOG_LEVEL` says otherwise. Without a standard error nothing is done.

    Example:
        >>> with without_log():
        ...     import keras
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.stderr is None:  # closed, as a service may have it
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
