"""Every error Segue raises on purpose.

    SegueError                 exit 1   base: one line that says what was expected, what was found, what to do
    ├── UsageError             exit 2   a flag, a configuration value or an argument is wrong
    ├── DataError              exit 1   images, masks or their layout are at fault
    ├── WeightsError           exit 1   a weights file cannot be used
    ├── RunError               exit 1   a run folder is missing something, or cannot be written
    ├── RunTakenError          exit 3   another process trains in this run folder, or it already holds a run
    ├── TrainingStoppedError   exit 4   training stopped itself (NaN loss, no memory left); the state is saved
    ├── InterruptedRunError    exit 130, 143 or 129   SIGINT, SIGTERM or SIGHUP; the state is saved
    └── MissingPackageError    exit 1   an optional package is needed; the message is the pip line

The command line prints the message and exits with the code; Python callers catch `SegueError`.
"""

from __future__ import annotations


class SegueError(Exception):
    """Base of all of Segue's own errors; `exit_code` is what the command line exits with."""

    exit_code = 1


class UsageError(SegueError):
    """A flag, an argument or a configuration value is wrong."""

    exit_code = 2


class DataError(SegueError):
    """Images, masks or their layout are at fault."""


class WeightsError(SegueError):
    """A weights file cannot be read, is not what it should be, or fits the network too badly."""


class RunError(SegueError):
    """A run folder is missing something or cannot be written."""


class RunTakenError(SegueError):
    """Another process holds the run folder, or it already contains a run."""

    exit_code = 3


class TrainingStoppedError(SegueError):
    """Training stopped itself; the last good state is saved."""

    exit_code = 4


class InterruptedRunError(SegueError):
    """A signal asked the run to stop; the state is saved and `segue fit --resume` continues it."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number  # the shell's convention


class MissingPackageError(SegueError):
    """An optional package is not installed."""
