"""A chat whose messages are in CherryPy's session, which is locked during a request.

    python3 app.py 8000 file        # a file for each session, and one for its lock
    python3 app.py 8000 ram
"""

import sys
import tempfile
import time

import cherrypy
from cherrypy.lib.sessions import FileSession, RamSession

HISTORY_LIMIT = 15  # messages kept per session: the newest

port, kind = int(sys.argv[1]), sys.argv[2]


def messages():
    """Returns the session's messages. Without a session the answer is 404."""
    if "messages" not in cherrypy.session:
        raise cherrypy.HTTPError(404)
    return cherrypy.session["messages"]


@cherrypy.expose
@cherrypy.tools.json_out()
class Sessions:
    def POST(self):
        cherrypy.session["messages"] = []
        cherrypy.response.status = 201
        return {}

    def DELETE(self):
        messages()
        cherrypy.session.clear()  # delete() has no effect: the session is saved when the request ends
        return {}


@cherrypy.expose
@cherrypy.tools.json_in()
@cherrypy.tools.json_out()
class Messages:
    def POST(self):
        before = messages()
        time.sleep(0.001)  # like a call of a language model
        entry = {"role": cherrypy.request.json["role"], "content": cherrypy.request.json["content"]}
        cherrypy.session["messages"] = (before + [entry])[-HISTORY_LIMIT:]
        cherrypy.response.status = 201
        return {}

    def GET(self):
        return {"messages": messages()}


class Root:
    sessions = Sessions()
    messages = Messages()


cherrypy.config.update({"server.socket_host": "127.0.0.1", "server.socket_port": port, "server.thread_pool": 16, "environment": "production"})
cherrypy.quickstart(
    Root(),
    config={
        "/": {
            "request.dispatch": cherrypy.dispatch.MethodDispatcher(),
            "tools.sessions.on": True,
            "tools.sessions.storage_class": {"file": FileSession, "ram": RamSession}[kind],
            "tools.sessions.storage_path": tempfile.mkdtemp(prefix="sessbench-cherrypy-"),
        }
    },
)
