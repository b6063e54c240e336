"""Boards: the fields of each session, and a directory that lives as long as it does."""

import shutil
import tempfile
import threading

from session_manager import AsyncSessionManager, BaseSessionManager


def _started(session, fields):
    """Reads the fields and returns what the new ones make of them."""
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
    """Where the directories of boards are: below a temporary one, which is made with the first of them."""

    def __init__(self):
        self.lock = threading.RLock()  # protects root; a signal may come while it is held
        self.root = None

    def make(self):
        with self.lock:
            if self.root is None:
                self.root = tempfile.mkdtemp(prefix="sessbench-python-")
            return tempfile.mkdtemp(dir=self.root)

    def clear(self):
        """Removes all of them."""
        with self.lock:
            if self.root is not None:
                shutil.rmtree(self.root, ignore_errors=True)
                self.root = None


class Brainstorming(BaseSessionManager):
    """Boards for threads."""

    def __init__(self, table, directories):
        super().__init__(table)
        self.directories = directories

    def create_session(self):
        return super().create_session(self.directories.make())

    def update(self, id, fields, work):
        with self.locked(id) as session:
            started = _started(session, fields)
            held = work.do()
            return _finished(session, *started, held)

    def get(self, id):
        with self.locked(id) as session:
            return _fields(session)


class AsyncBrainstorming(AsyncSessionManager):
    """Boards for one event loop."""

    def __init__(self, table, directories):
        super().__init__(table)
        self.directories = directories

    async def create_session(self):
        return await super().create_session(self.directories.make())

    async def update(self, id, fields, work):
        async with self.locked(id) as session:
            started = _started(session, fields)
            held = await work.do_async()
            return _finished(session, *started, held)

    async def get(self, id):
        async with self.locked(id) as session:
            return _fields(session)
