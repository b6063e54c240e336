"""What is kept under an id."""

import time

HISTORY_LIMIT = 15  # messages a session keeps: the newest


class NotFound(Exception):
    """There is no session with this id."""


class Session:
    """One life of a session under an id. Whoever holds its lock may read and change it."""

    __slots__ = ("id", "incarnation", "seq", "version", "messages", "fields", "directory", "touched", "lock", "dead")

    def __init__(self, session_id, incarnation, directory=None):
        self.id = session_id
        self.incarnation = incarnation  # tells this life from every other
        self.seq = 0  # messages ever added
        self.version = 0  # changes ever made, each message among them
        self.messages = []  # the newest, oldest first; replaced, never changed
        self.fields = {}  # replaced, never changed
        self.directory = directory  # lives as long as the session; None: it has none
        self.touched = time.monotonic_ns()  # last use
        self.lock = None  # its own lock, where the lock lives in the session
        self.dead = False  # removed, where the lock lives in the session

    def touch(self):
        self.touched = time.monotonic_ns()

    def state(self):
        """The part of an answer that every operation on a session has."""
        return {"incarnation": self.incarnation, "seq": self.seq, "version": self.version}
