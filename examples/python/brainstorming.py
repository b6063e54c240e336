"""Boards: sessions with fields, and with a directory that is removed with the session."""

import glob
import os
import shutil
import tempfile
import threading

try:
    import fcntl
except ImportError:
    fcntl = None  # Windows

from session_manager import AsyncSessionManager, BaseSessionManager


def _started(session, fields):
    """Reads the session. Returns its fields and version after the update."""
    return {**session.fields, **fields}, session.version + 1


def _finished(session, fields, version, held):
    """Writes the session."""
    session.fields, session.version = fields, version
    session.touch()
    return {"version": version, "seq": session.seq, "incarnation": session.incarnation, "held_us": held}


def _fields(session):
    session.touch()
    return {"fields": session.fields, **session.state()}


class Directories:
    """The directories of boards, below a temporary one that is created with the first of them.

    The process holds a lock on a file in it. The system releases the lock when the process ends for whatever reason;
    then the next process removes the directory.
    """

    PREFIX = "sessbench-python-"

    def __init__(self):
        self.lock = threading.RLock()  # protects root and owner; a signal may come while it is held
        self.root = None
        self.owner = None  # the open file that is locked
        self._sweep()

    def make(self):
        """Creates a directory and returns its path. Raises OSError if all of them are removed meanwhile."""
        with self.lock:
            if self.root is None:
                self.root = tempfile.mkdtemp(prefix=self.PREFIX)
                self.owner = self._own(os.path.join(self.root, "owner.lock"))
            root = self.root
        return tempfile.mkdtemp(dir=root)  # without the lock: boards do not wait for each other

    def clear(self):
        """Removes all of them."""
        with self.lock:
            if self.root is not None:
                for _ in range(3):  # again, because a concurrent make may have used the old root
                    shutil.rmtree(self.root, ignore_errors=True)
                self.owner.close()
                self.root = self.owner = None

    def _own(self, name):
        """Creates a locked file. It is renamed after it is locked, so that it is never found unlocked."""
        owner = open(name + ".new", "w")
        _try_lock(owner)
        os.rename(owner.name, name)
        return owner

    def _sweep(self):
        """Removes the directories of processes that have ended, as far as possible."""
        for name in glob.glob(os.path.join(glob.escape(tempfile.gettempdir()), self.PREFIX + "*", "owner.lock")):
            try:
                with open(name, "r+") as owner:
                    if _try_lock(owner):
                        shutil.rmtree(os.path.dirname(name), ignore_errors=True)
            except OSError:
                pass  # removed meanwhile, or owned by another user


def _try_lock(file):
    """Locks a file until it is closed. Returns False if another process has locked it."""
    if fcntl is None:
        return False  # without locks no directory is removed
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or the file system has no locks
        return False
    return True


class Brainstorming(BaseSessionManager):
    """Boards for threads."""

    def __init__(self, table, directories):
        super().__init__(table)
        self.directories = directories

    def create_session(self):
        return super().create_session(self.directories.make())

    def update(self, session_id, fields, work):
        with self.locked(session_id) as session:
            started = _started(session, fields)
            held = work.do()
            return _finished(session, *started, held)

    def get(self, session_id):
        with self.locked(session_id) as session:
            return _fields(session)


class AsyncBrainstorming(AsyncSessionManager):
    """Boards for one event loop.

    Directories are created and removed on the loop, which blocks all users for a short time, because they are empty. For
    larger ones use asyncio.to_thread.
    """

    def __init__(self, table, directories):
        super().__init__(table)
        self.directories = directories

    async def create_session(self):
        return await super().create_session(self.directories.make())

    async def update(self, session_id, fields, work):
        async with self.locked(session_id) as session:
            started = _started(session, fields)
            held = await work.do_async()
            return _finished(session, *started, held)

    async def get(self, session_id):
        async with self.locked(session_id) as session:
            return _fields(session)
