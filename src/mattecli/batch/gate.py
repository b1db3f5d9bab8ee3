"""Orderly ending of a process: results being written are completed and reported, and no further write starts."""

import threading


class Gate:
    """Open until it is closed. A thread enters before it writes a result, and leaves when the result is reported."""

    def __init__(self) -> None:
        self._inside: set[int] = set()
        self._closed = False
        self._turn = threading.Condition()

    def enter(self) -> None:
        """Return if the gate is open. Blocks forever once it is closed, because the process is about to end."""
        with self._turn:
            self._turn.wait_for(lambda: not self._closed)
            self._inside.add(threading.get_ident())

    def leave(self) -> None:
        """No effect for a thread that has not entered."""
        with self._turn:
            self._inside.discard(threading.get_ident())
            self._turn.notify_all()

    def close(self) -> None:
        """Let no further thread enter, and wait until the gate is empty."""
        with self._turn:
            self._closed = True
            self._turn.wait_for(lambda: not self._inside)


gate = Gate()
"""The gate of this process."""
