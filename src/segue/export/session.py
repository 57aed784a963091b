"""An ONNX model run by ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from segue.export import EXTRA
from segue.extras import require

ERRORS_ONLY = 3  # of ONNX Runtime's levels: its warnings are about what it optimises away


def open_session(model: Path | bytes, threads: int) -> Any:  # noqa: ANN401 - a type of the optional package
    """A session with that many threads; raises `MissingPackageError` where the extra `edge` is not installed."""
    runtime = require("onnxruntime", EXTRA)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    source = model if isinstance(model, bytes) else str(model)
    return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def answer(session: Any, feed: Mapping[str, np.ndarray]) -> np.ndarray:  # noqa: ANN401 - as above
    """The one output of a session."""
    found: np.ndarray = session.run(None, dict(feed))[0]
    return found
