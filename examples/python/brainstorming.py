"""Boards: the fields of each session, and a directory that lives as long as it does."""

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
    """Reads what new fields change. Returns all fields and the version they make."""
    return {**session.fields, **fields}, session.version + 1


def _finished(session, fields, version, held):
    """Writes what the update changed."""
    session.fields, session.version = fields, version
    session.touch()
    return {"version": version, "seq": session.seq, "incarnation": session.incarnation, "held_us": held}


def _fields(session):
    session.touch()
    return {"fields": session.fields, **session.state()}


class Directories:
    """Where the directories of boards are: below a temporary one, which is made with the first of them.

    It belongs to the process that holds the lock on a file in it. The system releases the lock when the process ends,
    however it ends, and the next one removes what is left behind.
    """

    PREFIX = "sessbench-python-"

    def __init__(self):
        self.lock = threading.RLock()  # protects root and owner; a signal may come while it is held
        self.root = None
        self.owner = None  # the open file that is locked
        self._sweep()

    def make(self):
        """Makes a directory and returns its path. Raises OSError where all of them are removed meanwhile."""
        with self.lock:
            if self.root is None:
                self.root = tempfile.mkdtemp(prefix=self.PREFIX)
                self.owner = self._own(os.path.join(self.root, "owner.lock"))
            root = self.root
        return tempfile.mkdtemp(dir=root)  # without the lock: boards do not wait for each other's directories

    def clear(self):
        """Removes all of them."""
        with self.lock:
            if self.root is not None:
                for _ in range(3):  # again, because whoever had taken root before may have made one meanwhile
                    shutil.rmtree(self.root, ignore_errors=True)
                self.owner.close()
                self.root = self.owner = None

    def _own(self, name):
        """Makes a locked file. It gets its name when it is locked: nobody finds it without a lock."""
        owner = open(name + ".new", "w")
        _try_lock(owner)
        os.rename(owner.name, name)
        return owner

    def _sweep(self):
        """Removes the directories of processes that have ended, as far as it can."""
        for name in glob.glob(os.path.join(glob.escape(tempfile.gettempdir()), self.PREFIX + "*", "owner.lock")):
            try:
                with open(name, "r+") as owner:
                    if _try_lock(owner):
                        shutil.rmtree(os.path.dirname(name), ignore_errors=True)
            except OSError:
                pass  # removed since, or another user's


def _try_lock(file):
    """Locks a file for as long as it is open, and says whether nobody else has locked it."""
    if fcntl is None:
        return False  # without locks nothing is found to be left behind
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody else has, or the file system has no locks
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

    Directories are made and removed on the loop itself, so that everybody waits for the disk meanwhile. They are empty,
    so it is short; where they are not, asyncio.to_thread belongs here.
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
