"""The common part of the managers of chats and boards: sessions are created, found, locked and removed."""

import shutil
import time
import uuid
from contextlib import asynccontextmanager, contextmanager

from session import NotFound


def _created(session, created):
    return {"created": created, **session.state()}


def _remove_directory(session):
    if session.directory is not None:
        shutil.rmtree(session.directory, ignore_errors=True)


class BaseSessionManager:
    """A manager for threads. Its methods may be called concurrently.

    Managers of the same table have the same sessions. Every method returns the fields of the protocol's answer, and raises
    NotFound if there is no session.
    """

    def __init__(self, table):
        self.table = table

    @contextmanager
    def locked(self, session_id):
        """Yields the session to one caller at a time."""
        while True:
            lock, found = self.table.find(session_id)
            with lock:
                session = self.table.confirm(session_id, found)
                if session is not None:
                    yield session
                    return

    def create_session(self, directory=None):
        """Creates a session under a new random id."""
        with self.table.creation:
            session = self.table.insert(str(uuid.uuid4()), directory)
        return {"id": session.id, **_created(session, True)}

    def get_or_create(self, session_id):
        """Creates the session if it does not exist. Of several concurrent callers exactly one creates it."""
        while True:
            if session_id not in self.table.sessions:
                with self.table.creation:
                    if session_id not in self.table.sessions:  # not created meanwhile
                        return _created(self.table.insert(session_id), True)
            try:
                with self.locked(session_id) as session:
                    session.touch()
                    return _created(session, False)
            except NotFound:
                pass  # removed meanwhile: try again

    def delete(self, session_id):
        """Removes the session and its directory, and returns its last counters."""
        with self.locked(session_id) as session:
            self.table.remove(session)
            last = session.state()
        _remove_directory(session)
        return last

    def sweep(self, older_than_us):
        """Removes every session whose last use is at least older_than_us ago."""
        deadline = time.monotonic_ns() - older_than_us * 1000
        removed = 0
        for session_id in list(self.table.sessions):
            try:
                with self.locked(session_id) as session:
                    if session.touched > deadline:
                        continue
                    self.table.remove(session)
            except NotFound:
                continue  # removed meanwhile
            _remove_directory(session)
            removed += 1
        return {"removed": removed}


class AsyncSessionManager:
    """BaseSessionManager for one event loop: other users run while it waits for a lock.

    They do not run while it removes a directory: see AsyncBrainstorming.
    """

    def __init__(self, table):
        self.table = table

    @asynccontextmanager
    async def locked(self, session_id):
        while True:
            lock, found = self.table.find(session_id)
            async with lock:
                session = self.table.confirm(session_id, found)
                if session is not None:
                    yield session
                    return

    async def create_session(self, directory=None):
        async with self.table.creation:
            session = self.table.insert(str(uuid.uuid4()), directory)
        return {"id": session.id, **_created(session, True)}

    async def get_or_create(self, session_id):
        while True:
            if session_id not in self.table.sessions:
                async with self.table.creation:
                    if session_id not in self.table.sessions:
                        return _created(self.table.insert(session_id), True)
            try:
                async with self.locked(session_id) as session:
                    session.touch()
                    return _created(session, False)
            except NotFound:
                pass

    async def delete(self, session_id):
        async with self.locked(session_id) as session:
            self.table.remove(session)
            last = session.state()
        _remove_directory(session)
        return last

    async def sweep(self, older_than_us):
        deadline = time.monotonic_ns() - older_than_us * 1000
        removed = 0
        for session_id in list(self.table.sessions):
            try:
                async with self.locked(session_id) as session:
                    if session.touched > deadline:
                        continue
                    self.table.remove(session)
            except NotFound:
                continue
            _remove_directory(session)
            removed += 1
        return {"removed": removed}
