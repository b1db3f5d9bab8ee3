"""A maker for worker processes without a model; the text of each input decides its behaviour."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from mattecli.batch.gate import gate
from mattecli.batch.identity import identity_of, settings_hash, written_identity
from mattecli.batch.items import Item
from mattecli.batch.processes.worker import Make, Plan, Ready, Send, Told
from mattecli.errors import ModelError
from mattecli.io.parts import part_beside


def open_copier(plan: Plan, send: Send) -> tuple[Make, Ready]:
    """Copies inputs to outputs. An input of `die` ends its process, one of `die once` only the first; `wait N` takes N seconds, `linger N`
    as long after its output is there.

    The plan's workers are 10 x processes + slots.
    """
    if plan.settings.model == "broken":
        raise ModelError("there is no model called broken; choose another")
    if plan.settings.model == "deadly":
        os._exit(3)
    send(Told(f"opened by {os.getpid()}"))

    def make(item: Item) -> dict[str, Any]:
        word, _, more = Path(item.input).read_text().partition(" ")
        with part_beside(Path(item.output)) as part:
            os.write(part.descriptor, b"half")
            if word == "die" and (more != "once" or _is_first(item)):
                signal.raise_signal(signal.SIGSEGV)
            if word == "wait":
                time.sleep(float(more))
            gate.enter()
            part.become(Path(item.output))
        if word == "linger":
            time.sleep(float(more))
        record = {"input": item.input, "output": item.output, "status": "ok", "error": None, "pid": os.getpid()}
        record |= {"settings": settings_hash(item, plan.run), "identity": identity_of(item), "written": written_identity(item.output)}
        return record

    processes, slots = divmod(plan.workers or 21, 10)
    return make, Ready("cpu", processes, slots)


def _is_first(item: Item) -> bool:
    try:
        os.close(os.open(f"{item.input}.died", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
