// A chat whose sessions are in a Map, each with a Mutex of the package async-mutex, which handlers release by the mutex's method release:
// the "alternate release API" of the package's README.
//
//     node mutex.js --port 8000 --version 0.2.4

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import express from "express";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8000" },
    version: { type: "string", default: "0.2.4" },
  },
});

const HISTORY_LIMIT = 15; // messages kept per session: the newest
const { Mutex } = createRequire(import.meta.url)(`async-mutex-${options.version}`);
const sessions = new Map();

const app = express();
app.get("/healthz", (request, response) => response.json({ status: "ok" }));
app.use(express.json());

app.post("/sessions", (request, response) => {
  const id = randomUUID();
  sessions.set(id, { mutex: new Mutex(), messages: [] });
  response.status(201).json({ id });
});

// exclusive returns a handler that calls handle with the session locked. A session that is not in the map when it is locked was deleted.
const exclusive = (handle) => async (request, response) => {
  const { id } = request.params;
  const session = sessions.get(id);
  if (!session) return response.status(404).json({ error: "no session" });
  await session.mutex.acquire();
  try {
    if (sessions.get(id) !== session) return response.status(404).json({ error: "no session" });
    await handle(request, response, session);
  } finally {
    session.mutex.release();
  }
};

app.post(
  "/sessions/:id/messages",
  exclusive(async (request, response, session) => {
    const { role, content } = request.body;
    await sleep(1); // like a call of a language model
    session.messages = [...session.messages, { role, content }].slice(-HISTORY_LIMIT);
    response.status(201).json({});
  }),
);

app.get(
  "/sessions/:id/messages",
  exclusive((request, response, session) => response.json({ messages: session.messages })),
);

app.delete(
  "/sessions/:id",
  exclusive((request, response) => {
    sessions.delete(request.params.id);
    response.status(204).end();
  }),
);

const server = app.listen(Number(options.port), "127.0.0.1", (error) => {
  if (error) throw error;
});
server.keepAliveTimeout = 60_000; // milliseconds; Node closes idle connections after 5 s
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
