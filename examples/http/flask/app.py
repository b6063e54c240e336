"""A chat in Flask: the messages are in the session.

    gunicorn --threads 16 --bind 127.0.0.1:8000 app:app

The environment selects where sessions are kept:

    SESSIONS=filesystem         Flask-Session, one file for each session in the directory flask_session (default)
    SESSIONS=cookie             Flask's own: the whole session is in a signed cookie, and the server keeps nothing
    SESSION_FILE_THRESHOLD=500  Flask-Session removes the oldest files when there are more; 0 keeps all (default 500)
    WORK_MS=1                   milliseconds between the read and the write of a session (default 1)

Both load the whole session when a request begins and save it when the request ends. Flask-Session saves it although the
request has not changed it, Flask's own session only if it has.
"""

import os
import time

from flask import Flask, abort, jsonify, request, session

HISTORY_LIMIT = 15  # messages kept per session: the newest

work_seconds = float(os.environ.get("WORK_MS", "1")) / 1000
kind = os.environ.get("SESSIONS", "filesystem")

app = Flask(__name__)
app.secret_key = "not a secret: an example"

if kind == "filesystem":
    from flask_session import Session

    app.config["SESSION_TYPE"] = "filesystem"
    if "SESSION_FILE_THRESHOLD" in os.environ:
        app.config["SESSION_FILE_THRESHOLD"] = int(os.environ["SESSION_FILE_THRESHOLD"])
    Session(app)
elif kind != "cookie":
    raise SystemExit(f"SESSIONS={kind}: want filesystem or cookie")


def messages():
    """Returns the session's messages. Without a session the answer is 404."""
    if "messages" not in session:
        abort(404)
    return session["messages"]


@app.get("/healthz")
def healthz():
    return jsonify(status="ok")


@app.post("/sessions")
def create_session():
    session["messages"] = []
    return jsonify(), 201


@app.post("/messages")
def add_message():
    before = messages()
    time.sleep(work_seconds)  # like a call of a language model
    entry = {"role": request.json["role"], "content": request.json["content"]}
    session["messages"] = (before + [entry])[-HISTORY_LIMIT:]
    return jsonify(), 201


@app.get("/messages")
def get_messages():
    return jsonify(messages=messages())


@app.delete("/sessions")
def delete_session():
    messages()
    session.clear()
    return "", 204
