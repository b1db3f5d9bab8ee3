"""The one error family: what a person can mend, said in one sentence.

Low layers raise these with "what happened; what to do". The command line prints the sentence once, to stderr, and exits with
the class's `exit_code`. Everything else that escapes is a bug and keeps its traceback.
"""


class MatteError(Exception):
    """Something the caller can mend; the message says what happened and what to do."""

    exit_code = 1


class UsageError(MatteError):
    """The command was put together wrongly: mend the command line, not the files."""

    exit_code = 2


class InputError(MatteError):
    """A file given by the caller cannot be used: mend or replace the file."""


class EmptyError(InputError):
    """A picture holds nothing to cut out: an error for a photo, an empty matte for a frame of a clip."""


class OutputError(MatteError):
    """A result cannot be written: choose another place or free some space."""


class ModelError(MatteError):
    """A model is unknown, missing, corrupt or fed with the wrong guides: pick, pull or repair the model."""


class UnknownModelError(ModelError):
    """There is no model of that name: mend the command line."""

    exit_code = 2


class DeviceError(MatteError):
    """The device asked for cannot be used: choose another or mend the installation."""


class OutOfMemoryError(DeviceError):
    """The device has less memory than the job needs: make the job smaller or choose a model that takes less."""
