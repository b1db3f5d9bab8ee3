"""Correction of jumping time stamps, like that of FFmpeg's command, so that joined recordings follow each other."""

from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.packet import Packet

_TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT of libavformat: time stamps of this format may jump
_JUMP = Fraction(10)  # seconds; a larger deviation means another recording
_BACK = Fraction(1, 10)  # seconds that a stream may go back, because sound and pictures overlap
_NONSENSE = Fraction(30 * 3600)  # seconds; in formats whose stamps do not jump, such a stamp is damage


def may_jump(container: InputContainer) -> bool:
    """Whether this is a format, such as MPEG-TS, whose time stamps may restart within the file."""
    return bool(int(container.format.flags) & _TS_DISCONT)


class Timeline:
    """Corrects the time stamps of a container's packets; it needs all packets in order, from the beginning of the file.

    joins: the number of jumps. All streams are shifted equally, so sound and pictures stay in sync.
    """

    def __init__(self, container: InputContainer) -> None:
        self.joins = 0
        self._may_jump = may_jump(container)
        self._offset = Fraction(0)
        self._last: dict[int, Fraction] = {}
        self._due: dict[int, Fraction] = {}
        self._latest: Fraction | None = None

    def mend(self, packet: "Packet[Any]") -> None:
        """Shift a packet's time stamps; invalid ones are removed."""
        if packet.dts is None or packet.stream.type not in ("video", "audio"):
            self._move(packet)
            return
        index, stated = packet.stream.index, packet.dts * packet.time_base
        due = self._due.get(index)
        if self._may_jump:
            self._join(index, stated, due)
        elif due is not None and abs(stated - due) > _NONSENSE:
            packet.dts = packet.pts = None
            return
        self._move(packet)
        dts = stated + self._offset
        self._last[index], self._latest = dts, dts
        self._due[index] = dts + (packet.duration or 0) * packet.time_base

    def _join(self, index: int, stated: Fraction, due: Fraction | None) -> None:
        """Register a jump: from here on, time stamps are shifted so that this one is the expected one."""
        dts, expected = stated + self._offset, self._latest if due is None else due
        if expected is None:
            return
        back = due is not None and dts + _BACK < self._last[index]
        if back or abs(dts - expected) > _JUMP:
            self._offset = expected - stated
            self.joins += 1

    def _move(self, packet: "Packet[Any]") -> None:
        ticks = round(self._offset / packet.time_base) if self._offset else 0
        if ticks:
            packet.dts = None if packet.dts is None else packet.dts + ticks
            packet.pts = None if packet.pts is None else packet.pts + ticks
