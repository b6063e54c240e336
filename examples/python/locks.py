"""The session tables, one per lock strategy.

A table is created for threads (new_lock=threading.RLock) or for one event loop (new_lock=asyncio.Lock). It never waits
for a lock: find returns the lock to acquire, and confirm returns the session once the caller holds that lock.
"""

import threading
from collections import defaultdict
from itertools import count

from session import NotFound, Session


class GlobalLock:
    """One lock for all sessions: while one user works on a session, all others wait."""

    def __init__(self, new_lock):
        self.sessions = {}
        self.creation = new_lock()  # held to look up an id and insert it
        self.incarnations = count(1)

    def insert(self, session_id, directory=None):
        """Adds a new session. The caller holds creation and has checked that the id is free."""
        session = self.sessions[session_id] = Session(session_id, next(self.incarnations), directory)
        return session

    def find(self, session_id):
        """Returns the lock to acquire, and the session that contains it (None: the lock is elsewhere)."""
        return self.creation, None

    def confirm(self, session_id, found):
        """Returns the session, or None if the caller must call find again. The caller holds the lock."""
        session = self.sessions.get(session_id)
        if session is None:
            raise NotFound(session_id)
        return session

    def remove(self, session):
        """Removes the session from the table. The caller holds the lock from find."""
        if self.sessions.pop(session.id, None) is None:
            raise NotFound(session.id)

    def clear(self):
        """Removes all sessions. No other call is running."""
        self.sessions.clear()

    def lock_count(self):
        """Returns the number of locks kept for single sessions."""
        return 0


class PerSessionLock(GlobalLock):
    """One lock per session, created on first use and removed with the session: the original design, with its bug.

    remove removes the lock while other threads wait for it. If the session is then created again under the same id, the
    next user gets a new lock while the waiting threads get the old one: two threads are in the critical section of the
    same session, and one update is lost. PerSessionLockFixed does not have this bug.
    """

    def __init__(self, new_lock):
        super().__init__(new_lock)
        self.locks = defaultdict(new_lock)
        self.guard = threading.Lock()  # protects locks: only existing sessions have one

    def find(self, session_id):
        with self.guard:
            if session_id not in self.sessions:
                raise NotFound(session_id)
            return self.locks[session_id], None

    def remove(self, session):
        with self.guard:
            super().remove(session)
            self.locks.pop(session.id, None)  # the bug: other threads may be waiting for it

    def clear(self):
        super().clear()
        self.locks.clear()

    def lock_count(self):
        return len(self.locks)


class PerSessionLockFixed(GlobalLock):
    """One lock per session, kept in the session, and a mark on removed sessions.

    A thread that acquires the lock of a marked session looks up the id again, and waits for the lock of the session that
    exists now, if any.
    """

    def __init__(self, new_lock):
        super().__init__(new_lock)
        self.new_lock = new_lock

    def insert(self, session_id, directory=None):
        session = Session(session_id, next(self.incarnations), directory)
        session.lock = self.new_lock()
        self.sessions[session_id] = session  # last: now other threads can find it
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
        del self.sessions[session.id]  # always this session: the table has no marked ones

    def lock_count(self):
        return len(self.sessions)


LOCKS = {"global": GlobalLock, "per-session": PerSessionLock, "per-session-fixed": PerSessionLockFixed}
