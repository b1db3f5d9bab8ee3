"""Between a result and the word of it: a process that is asked to end finishes what it is writing, and begins to write nothing more."""

import threading


class Gate:
    """Open until it is closed. A thread enters before it writes a result, and leaves when the result is told."""

    def __init__(self) -> None:
        self._inside: set[int] = set()
        self._closed = False
        self._turn = threading.Condition()

    def enter(self) -> None:
        """Returns while the gate is open; once it is closed never, for the process is about to end."""
        with self._turn:
            self._turn.wait_for(lambda: not self._closed)
            self._inside.add(threading.get_ident())

    def leave(self) -> None:
        """No effect for a thread that has not entered."""
        with self._turn:
            self._inside.discard(threading.get_ident())
            self._turn.notify_all()

    def close(self) -> None:
        """Let nobody in, and wait for those who are."""
        with self._turn:
            self._closed = True
            self._turn.wait_for(lambda: not self._inside)


gate = Gate()
"""That of this process."""
