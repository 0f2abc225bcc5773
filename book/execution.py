"""Run a notebook in a kernel of this Python, and measure what it cost."""

import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

# run behind the last cell, and then taken away again
PEAK = """\
import sys
if sys.platform == "win32":
    import psutil
    print(psutil.Process().memory_info().peak_wset // 2**20)
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak // (2**20 if sys.platform == "darwin" else 2**10))
"""


class PressError(Exception):
    """A chapter that cannot be pressed, with the reason."""


class ThisPython(AsyncKernelManager):
    """Kernel of the running interpreter, whatever kernels a user has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """Return the only kernel there is."""
        kernel = ["-m", "ipykernel_launcher", "--log-level=ERROR"]
        command = [sys.executable, *kernel, "-f", "{connection_file}"]
        return KernelSpec(argv=command, language="python")


@dataclass(frozen=True)
class Run:
    """What a run left behind besides its outputs.

    Attributes:
        ledger: the records of the claims, JSON lines.
        seconds: wall time, the start of the kernel included.
        megabytes: most memory that the kernel held at once, MiB.
    """

    ledger: str
    seconds: int
    megabytes: int


def run(
    notebook: NotebookNode,
    folder: Path,
    *,
    settings: Mapping[str, str] | None = None,
    go_on: bool = False,
) -> Run:
    """Run a notebook in place.

    Args:
        notebook: gets outputs and execution counts.
        folder: the kernel's working folder.
        settings: environment variables for the kernel, besides the present ones.
        go_on: whether the next cell runs where one fails.

    Returns:
        The records of its claims, time and memory.

    Raises:
        PressError: if a cell fails, unless `go_on`.
    """
    started = time.monotonic()
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    with tempfile.TemporaryDirectory() as temporary:
        ledger = Path(temporary, "ledger.jsonl")
        quiet = {"MEDVAE_LEDGER": str(ledger), "TF_CPP_MIN_LOG_LEVEL": "3"}
        client = NotebookClient(
            notebook,
            timeout=900,
            allow_errors=go_on,
            record_timing=False,
            coalesce_streams=True,
            kernel_name="python3",
            kernel_manager_class=ThisPython,
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            client.execute(env=os.environ | quiet | dict(settings or {}))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            number = client.code_cells_executed
            plain = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # the traceback's colours
            raise PressError(f"code cell {number}: {plain}") from error
        notebook.metadata.pop("language_info", None)
        megabytes = int(notebook.cells.pop().outputs[0].text)
        text = ledger.read_text("utf-8") if ledger.exists() else ""
    return Run(text, round(time.monotonic() - started), megabytes)
