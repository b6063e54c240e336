"""Chats: the newest messages of each session."""

from session import HISTORY_LIMIT
from session_manager import AsyncSessionManager, BaseSessionManager


def _started(session, role, content):
    """Reads the session. Returns the new message, and the history and the version after it."""
    message = {"seq": session.seq + 1, "role": role, "content": content}
    return message, (session.messages + [message])[-HISTORY_LIMIT:], session.version + 1


def _finished(session, message, messages, version, held):
    """Writes the session."""
    session.messages, session.seq, session.version = messages, message["seq"], version
    session.touch()
    return {"seq": message["seq"], "version": version, "incarnation": session.incarnation, "held_us": held}


def _history(session):
    session.touch()
    return {"messages": session.messages, **session.state()}


class Chatbot(BaseSessionManager):
    """Chats for threads. Without mutual exclusion two messages get the same number."""

    def add_message(self, session_id, role, content, work):
        with self.locked(session_id) as session:
            started = _started(session, role, content)
            held = work.do()  # between read and write, like a call of a language model
            return _finished(session, *started, held)

    def history(self, session_id):
        with self.locked(session_id) as session:
            return _history(session)


class AsyncChatbot(AsyncSessionManager):
    """Chats for one event loop."""

    async def add_message(self, session_id, role, content, work):
        async with self.locked(session_id) as session:
            started = _started(session, role, content)
            held = await work.do_async()
            return _finished(session, *started, held)

    async def history(self, session_id):
        async with self.locked(session_id) as session:
            return _history(session)
