"""A chat server in FastAPI whose sessions live in a dictionary of the process.

    uvicorn app:app --port 8000

The environment selects how sessions are locked, and how long the work under a lock takes:

    SESSIONS=global       one lock for all sessions
    SESSIONS=per-session  one lock per session, in a table beside the sessions (default)
    SESSIONS=fixed        one lock per session, in the session
    WORK_MS=1             milliseconds between the read and the write of a session (default 1)

The handlers are functions and not coroutines, so FastAPI runs them in its thread pool: up to 40 of them overlap.
"""

import os
import threading
import time
import uuid
from contextlib import contextmanager

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel

HISTORY_LIMIT = 15  # messages kept per session: the newest


class NotFound(Exception):
    """No session has this id."""


class Session:
    """A session. The holder of its lock may read and change it."""

    def __init__(self):
        self.seq = 0  # messages ever added
        self.messages = []  # the newest, oldest first; replaced, never modified
        self.lock = threading.Lock()  # only for FixedSessionManager
        self.dead = False  # removed; only for FixedSessionManager


class GlobalSessionManager:
    """One lock for all sessions: while one request works on a session, all others wait."""

    def __init__(self):
        self.sessions = {}
        self.lock = threading.Lock()

    def create(self, session_id):
        """Creates the session if there is none. Reports whether it did."""
        with self.lock:
            if session_id in self.sessions:
                return False
            self.sessions[session_id] = Session()
            return True

    @contextmanager
    def locked(self, session_id):
        """Yields the session to one caller at a time. Raises NotFound if there is none."""
        with self.lock:
            yield self.find(session_id)

    def find(self, session_id):
        session = self.sessions.get(session_id)
        if session is None:
            raise NotFound
        return session

    def delete(self, session_id):
        """Removes the session. Raises NotFound if there is none."""
        with self.locked(session_id):
            del self.sessions[session_id]


class PerSessionManager(GlobalSessionManager):
    """One lock per session, in a table beside the sessions, with a bug: delete also removes the lock for which other
    requests are waiting. If the session is then created again under the same id, the next request gets a new lock while
    those that waited get the old one. Two requests change one session at the same time, and a message is lost.
    """

    def __init__(self):
        super().__init__()
        self.locks = {}

    @contextmanager
    def locked(self, session_id):
        with self.lock:
            self.find(session_id)
            lock = self.locks.setdefault(session_id, threading.Lock())
        with lock:
            yield self.find(session_id)

    def delete(self, session_id):
        with self.locked(session_id), self.lock:
            del self.sessions[session_id]
            self.locks.pop(session_id, None)  # the bug


class FixedSessionManager(GlobalSessionManager):
    """One lock per session, in the session. A request that finds the session marked as removed looks up the id again."""

    @contextmanager
    def locked(self, session_id):
        while True:
            session = self.find(session_id)
            with session.lock:
                if not session.dead:
                    yield session
                    return

    def delete(self, session_id):
        with self.locked(session_id) as session, self.lock:
            session.dead = True
            del self.sessions[session_id]


MANAGERS = {"global": GlobalSessionManager, "per-session": PerSessionManager, "fixed": FixedSessionManager}
manager = MANAGERS[os.environ.get("SESSIONS", "per-session")]()
work_seconds = float(os.environ.get("WORK_MS", "1")) / 1000

app = FastAPI(title="Chat")


class Message(BaseModel):
    role: str
    content: str


@contextmanager
def session_or_404(session_id):
    try:
        with manager.locked(session_id) as session:
            yield session
    except NotFound:
        raise HTTPException(404, "no such session") from None


@app.get("/healthz")
def healthz():
    return {"status": "ok"}


@app.post("/sessions", status_code=201)
def create_session():
    session_id = str(uuid.uuid4())
    manager.create(session_id)
    return {"session_id": session_id}


@app.put("/sessions/{session_id}")
def put_session(session_id: uuid.UUID, response: Response):
    created = manager.create(str(session_id))
    response.status_code = 201 if created else 200
    return {"session_id": session_id}


@app.get("/sessions/{session_id}")
def get_session(session_id: str):
    with session_or_404(session_id) as session:
        return {"session_id": session_id, "seq": session.seq}


@app.post("/sessions/{session_id}/messages")
def add_message(session_id: str, message: Message):
    with session_or_404(session_id) as session:
        seq, messages = session.seq + 1, session.messages
        time.sleep(work_seconds)  # between read and write, like a call of a language model
        entry = {"seq": seq, "role": message.role, "content": message.content}
        session.seq, session.messages = seq, (messages + [entry])[-HISTORY_LIMIT:]
        return {"seq": seq}


@app.get("/sessions/{session_id}/messages")
def get_messages(session_id: str):
    with session_or_404(session_id) as session:
        return {"messages": session.messages}


@app.delete("/sessions/{session_id}", status_code=204)
def delete_session(session_id: str):
    try:
        manager.delete(session_id)
    except NotFound:
        raise HTTPException(404, "no such session") from None
    return Response(status_code=204)
