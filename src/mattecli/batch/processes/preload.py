"""Imported once by the fork server, so that each worker process starts with torch in memory."""

from mattecli.cli.process import set_up

set_up()

import torch  # noqa: E402, F401

import mattecli.batch.processes.opening  # noqa: E402
import mattecli.door.video  # noqa: E402, F401
