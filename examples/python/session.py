"""A session."""

import time

HISTORY_LIMIT = 15  # messages kept per session: the newest


class NotFound(Exception):
    """No session has this id."""


class Session:
    """One incarnation of a session. The holder of its lock may read and change it."""

    __slots__ = ("id", "incarnation", "seq", "version", "messages", "fields", "directory", "touched", "lock", "dead")

    def __init__(self, session_id, incarnation, directory=None):
        self.id = session_id
        self.incarnation = incarnation  # differs between all incarnations
        self.seq = 0  # messages ever added
        self.version = 0  # changes ever made, including messages
        self.messages = []  # newest ones, oldest first; replaced, never modified
        self.fields = {}  # replaced, never modified
        self.directory = directory  # removed with the session; None: no directory
        self.touched = time.monotonic_ns()  # last use
        self.lock = None  # only for PerSessionLockFixed
        self.dead = False  # removed; only for PerSessionLockFixed

    def touch(self):
        self.touched = time.monotonic_ns()

    def state(self):
        """Returns the counters for the answer of every operation on a session."""
        return {"incarnation": self.incarnation, "seq": self.seq, "version": self.version}
