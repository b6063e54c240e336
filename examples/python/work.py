"""The work under a session's lock."""

import asyncio
import time


class Work:
    """An amount of work: "sleep" waits, as for a disk or a language model; "spin" keeps a processor busy."""

    KINDS = ("sleep", "spin")

    def __init__(self, microseconds, kind):
        if type(microseconds) is not int or microseconds < 0:
            raise ValueError(f'"hold_us" {microseconds!r}: want an integer from 0')
        if kind not in self.KINDS:
            raise ValueError(f'"hold_kind" {kind!r}: want one of {", ".join(self.KINDS)}')
        self.microseconds = microseconds
        self.spins = kind == "spin"

    def do(self):
        """Does the work and returns its duration in microseconds."""
        if not self.microseconds:
            return 0
        start = time.perf_counter_ns()
        if self.spins:
            self._spin()
        else:
            time.sleep(self.microseconds / 1e6)
        return (time.perf_counter_ns() - start) // 1000

    async def do_async(self):
        """Does the work and returns its duration in microseconds. Other users run meanwhile, unless it spins."""
        if not self.microseconds:
            return 0
        start = time.perf_counter_ns()
        if self.spins:
            self._spin()
        else:
            await asyncio.sleep(self.microseconds / 1e6)
        return (time.perf_counter_ns() - start) // 1000

    def _spin(self):
        end = time.thread_time_ns() + self.microseconds * 1000  # processor time: preemption is not work
        while time.thread_time_ns() < end:
            pass
