"""A network that LiteRT runs."""

import os
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from liquidwarp.detect.litert.models import read_model
from liquidwarp.detect.native_log import native_log_muted

_networks: "weakref.WeakSet[Network]" = weakref.WeakSet()


class Network:
    """A model and its interpreter, on one thread; calls from several threads wait for each other.

    A forked process has an interpreter of its own, since the parent's may have been at work.

    Args:
        name: of the model, see `litert.models.MODELS`.
        folder: where models are looked for first.
        low: what a black pixel is for the model; a white one is 1.

    Raises:
        InputError: the model's file is not there or not the one that was tested.
    """

    def __init__(self, name: str, folder: str | Path | None = None, *, low: float = 0.0) -> None:
        self._data = read_model(name, folder)
        self._interpreter = self._start()
        details = self._interpreter.get_input_details()[0]
        self._input: int = details["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]
        self._scale, self._low = (1 - low) / 255, low
        self._lock = threading.Lock()
        _networks.add(self)
        self.size = int(details["shape"][1])
        """Side of the square picture that it looks at, in pixels."""

    def run(self, picture: UInt8[np.ndarray, "S S 3"]) -> list[Float[np.ndarray, "..."]]:
        """Return what the network says of an RGB picture of its size, without the batch's axis."""
        with self._lock:
            if self._interpreter is None:
                self._interpreter = self._start()
            view = self._interpreter.tensor(self._input)()
            np.multiply(picture, np.float32(self._scale), out=view[0], dtype=np.float32)
            if self._low:
                view += np.float32(self._low)
            del view  # the interpreter refuses to run while somebody holds its memory
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index)[0] for index in self._outputs]

    def _start(self) -> Any:
        with native_log_muted():
            from ai_edge_litert.interpreter import Interpreter  # imported late: it loads a library of 20 MB

            interpreter = Interpreter(model_content=self._data, num_threads=1)
            interpreter.allocate_tensors()
        return interpreter

    def _begin_anew(self) -> None:
        self._interpreter, self._lock = None, threading.Lock()


def _begin_child() -> None:
    for network in _networks:
        network._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)
