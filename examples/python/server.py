"""A chatbot and brainstorming server whose sessions live in a dictionary, as a target for sessbench.

    sessbench run -s hundred-users --target 'exec:python3 examples/python/server.py --lock global' \\
        --target 'exec:python3 examples/python/server.py --lock per-session'
    sessbench verify -s churn --target 'exec:python3 examples/python/server.py --lock per-session'        # finds its bug
    sessbench verify -s churn --target 'exec:python3 examples/python/server.py --lock per-session-fixed'  # finds none
    sessbench adapter test -- python3 examples/python/server.py --lock per-session --async

It implements docs/adapter-protocol.md. Python 3.9 and later, standard library only.

    locks.py            the lock strategies: start here
    session_manager.py  creating, finding and removing sessions under the locks
    chatbot.py          messages, the newest 15
    brainstorming.py    fields, and one directory per session
    work.py             the work under a lock
"""

import argparse
import asyncio
import atexit
import inspect
import json
import os
import signal
import socket
import sys
import threading

from brainstorming import AsyncBrainstorming, Brainstorming, Directories
from chatbot import AsyncChatbot, Chatbot
from locks import LOCKS
from session import NotFound
from work import Work

LINE_LIMIT = 16 << 20  # bytes, with the newline
BACKLOG = 1024  # simultaneous connection attempts

encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Unsupported(Exception):
    """The operation is unknown."""


def text(request, name):
    """Returns a field that must be a string."""
    value = request.get(name)
    if not isinstance(value, str):
        raise ValueError(f'"{name}" {value!r}: want a string')
    return value


def number(request, name):
    """Returns a field that must be an integer from 0."""
    value = request.get(name)
    if type(value) is not int or value < 0:
        raise ValueError(f'"{name}" {value!r}: want an integer from 0')
    return value


def work(request):
    return Work(request.get("hold_us", 0), request.get("hold_kind", "sleep"))


class Adapter:
    """Translates requests into calls of the managers: one JSON line in, one out.

    Use answer with managers for threads, and answer_async with managers for an event loop.
    """

    def __init__(self, name, table, chatbot, brainstorming):
        self.name = name
        self.table = table
        self.chatbot = chatbot
        self.brainstorming = brainstorming
        self.operations = {
            "hello": self.hello,
            "create": self.create,
            "get_or_create": self.get_or_create,
            "add_message": self.add_message,
            "history": self.history,
            "update": self.update,
            "get": self.get,
            "delete": self.delete,
            "sweep": self.sweep,
            "census": self.census,
            "reset": self.reset,
        }

    def answer(self, line):
        try:
            return self._line(self._call(line))
        except Exception as error:
            return self._line(self._error(error))

    async def answer_async(self, line):
        try:
            answer = self._call(line)
            return self._line(await answer if inspect.isawaitable(answer) else answer)
        except Exception as error:
            return self._line(self._error(error))

    def _call(self, line):
        if not line.endswith(b"\n"):
            raise ValueError(f"a line of more than {LINE_LIMIT} bytes")
        request = json.loads(str(line, "utf-8"))
        if not isinstance(request, dict):
            raise ValueError("not a JSON object")
        operation = self.operations.get(request.get("op"))
        if operation is None:
            raise Unsupported(f"{request.get('op')!r}: want one of {', '.join(self.operations)}")
        return operation(request)

    def _error(self, error):
        if isinstance(error, NotFound):
            return {"error": "not_found", "message": f"no session {error}"}
        if isinstance(error, Unsupported):
            return {"error": "unsupported", "message": str(error)}
        return {"error": "internal", "message": f"{type(error).__name__}: {error}"}

    def _line(self, answer):
        return encode(answer).encode("utf-8", "replace") + b"\n"  # half of a surrogate pair cannot be encoded

    def hello(self, request):
        return {"sessbench": 1, "name": self.name, "ops": list(self.operations)}

    def create(self, request):
        kind = request.get("kind", "chat")
        if kind == "chat":
            return self.chatbot.create_session()
        if kind == "brainstorm":
            return self.brainstorming.create_session()
        raise ValueError(f'"kind" {kind!r}: want chat or brainstorm')

    def get_or_create(self, request):
        return self.chatbot.get_or_create(text(request, "id"))

    def add_message(self, request):
        role, content = text(request, "role"), text(request, "content")
        return self.chatbot.add_message(text(request, "id"), role, content, work(request))

    def history(self, request):
        return self.chatbot.history(text(request, "id"))

    def update(self, request):
        fields = request.get("fields")
        if not isinstance(fields, dict):
            raise ValueError(f'"fields" {fields!r}: want an object')
        return self.brainstorming.update(text(request, "id"), fields, work(request))

    def get(self, request):
        return self.brainstorming.get(text(request, "id"))

    def delete(self, request):
        return self.chatbot.delete(text(request, "id"))

    def sweep(self, request):
        return self.chatbot.sweep(number(request, "older_than_us"))

    def census(self, request):
        locks = self.table.lock_count()
        return {"sessions": len(self.table.sessions), "locks": locks, "threads": threading.active_count()}

    def reset(self, request):
        self.table.clear()
        self.brainstorming.directories.clear()
        return {}


def serve(adapter, listener):
    """Serves each connection in a separate thread."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_user, args=(adapter, connection), daemon=True).start()


def serve_user(adapter, connection):
    try:
        with connection, connection.makefile("rb", 1 << 16) as lines:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                line = lines.readline(LINE_LIMIT)
                if not line:
                    return
                connection.sendall(adapter.answer(line))
                if not line.endswith(b"\n"):
                    return  # too long: the start of the next line is unknown
    except OSError:
        pass  # the user has disconnected


async def serve_async(new_adapter, listener):
    """Serves all connections in one event loop, which sets TCP_NODELAY itself."""
    adapter = new_adapter()  # here: before Python 3.10 a lock belongs to the loop in which it was created

    async def serve_user_async(reader, writer):
        try:
            while True:
                try:
                    line = await reader.readuntil(b"\n")
                except asyncio.LimitOverrunError:
                    line = b""  # too long
                writer.write(await adapter.answer_async(line))
                await writer.drain()
                if not line:
                    return
        except (OSError, asyncio.IncompleteReadError):
            pass  # the user has disconnected
        finally:
            writer.close()

    server = await asyncio.start_server(serve_user_async, sock=listener, limit=LINE_LIMIT, backlog=BACKLOG)
    await server.serve_forever()


def end_with_stdin(directories):
    """Ends the program at the end of stdin, whatever its other threads are doing."""
    while sys.stdin.buffer.read(1 << 16):
        pass
    end(directories)


def end(directories):
    directories.clear()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(
        description="A session server for sessbench: sessbench run --target 'exec:python3 server.py --lock per-session'"
    )
    parser.add_argument("--lock", choices=LOCKS, default="per-session", help="lock strategy (default per-session)")
    parser.add_argument("--async", dest="event_loop", action="store_true", help="one event loop instead of threads")
    options = parser.parse_args()

    directories = Directories()
    for ending in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)):  # Windows has no SIGHUP
        if ending is not None and signal.getsignal(ending) is not signal.SIG_IGN:  # as under nohup
            signal.signal(ending, lambda *_: end(directories))
    atexit.register(directories.clear)  # after an exception in the main thread
    threading.Thread(target=end_with_stdin, args=(directories,), daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    name = ("python-async-" if options.event_loop else "python-") + options.lock
    host, port = listener.getsockname()
    print(encode({"sessbench": 1, "listen": f"{host}:{port}", "name": name}), flush=True)

    def new_adapter():
        if options.event_loop:
            table = LOCKS[options.lock](asyncio.Lock)
            return Adapter(name, table, AsyncChatbot(table), AsyncBrainstorming(table, directories))
        table = LOCKS[options.lock](threading.RLock)
        return Adapter(name, table, Chatbot(table), Brainstorming(table, directories))

    if options.event_loop:
        asyncio.run(serve_async(new_adapter, listener))
    else:
        serve(new_adapter(), listener)


if __name__ == "__main__":
    main()
