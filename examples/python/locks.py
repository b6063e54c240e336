"""The session tables, which differ in the lock that stands before a session.

A table is made for threads (new_lock=threading.RLock) or for one event loop (new_lock=asyncio.Lock). It never waits
for a session itself: it says which lock to wait for, and what that lock is good for once one has it.
"""

import threading
from collections import defaultdict
from itertools import count

from session import NotFound, Session


class GlobalLock:
    """One lock before everything: while one user works on a session, all others wait."""

    def __init__(self, new_lock):
        self.sessions = {}
        self.creation = new_lock()  # held to look for an id and insert it
        self.incarnations = count(1)

    def insert(self, session_id, directory=None):
        """Puts a new session into the table. The caller holds creation and has seen that the id is free."""
        session = self.sessions[session_id] = Session(session_id, next(self.incarnations), directory)
        return session

    def find(self, session_id):
        """The lock to wait for, and the session it was found in, if that is where it lives."""
        return self.creation, None

    def confirm(self, session_id, found):
        """With the lock held: the session to work on, or None where one has to find it again."""
        session = self.sessions.get(session_id)
        if session is None:
            raise NotFound(session_id)
        return session

    def remove(self, session):
        """Takes the session out of the table. The caller holds the lock that find named."""
        if self.sessions.pop(session.id, None) is None:
            raise NotFound(session.id)

    def clear(self):
        """Empties the table, when nobody is using it."""
        self.sessions.clear()

    def lock_count(self):
        """The locks that are kept for single sessions."""
        return 0


class PerSessionLock(GlobalLock):
    """A lock for each session, made on first use and removed with the session: the origin's design, with its bug.

    remove takes the lock out of the table of locks while others wait for it. If the session is then made again under
    the same id, the next user gets a new lock, while those who waited get the old one: two of them are in the critical
    section of one session at once, and one's update is lost. PerSessionLockFixed is without it.
    """

    def __init__(self, new_lock):
        super().__init__(new_lock)
        self.locks = defaultdict(new_lock)
        self.guard = threading.Lock()  # protects locks: there is one only where there is a session

    def find(self, session_id):
        with self.guard:
            if session_id not in self.sessions:
                raise NotFound(session_id)
            return self.locks[session_id], None

    def remove(self, session):
        with self.guard:
            super().remove(session)
            self.locks.pop(session.id, None)  # the bug: others may be waiting for it

    def clear(self):
        super().clear()
        self.locks.clear()

    def lock_count(self):
        return len(self.locks)


class PerSessionLockFixed(GlobalLock):
    """A lock for each session that lives in the session, and a mark on a session that was removed.

    Whoever waited for the lock and finds the mark looks the id up again, and so waits for the lock of the session that
    is there now, if any.
    """

    def __init__(self, new_lock):
        super().__init__(new_lock)
        self.new_lock = new_lock

    def insert(self, session_id, directory=None):
        session = Session(session_id, next(self.incarnations), directory)
        session.lock = self.new_lock()
        self.sessions[session_id] = session  # last: from here on others find it
        return session

    def find(self, session_id):
        session = self.sessions.get(session_id)
        if session is None:
            raise NotFound(session_id)
        return session.lock, session

    def confirm(self, session_id, found):
        return None if found.dead else found

    def remove(self, session):
        session.dead = True
        del self.sessions[session.id]  # this very one: only a session without the mark is in the table

    def lock_count(self):
        return len(self.sessions)


LOCKS = {"global": GlobalLock, "per-session": PerSessionLock, "per-session-fixed": PerSessionLockFixed}
