// A chat in Express whose messages are in the session, with a session store of a published version, unchanged.
//
//     node server.js --port 8000 --store session-file-store@1.0.0 --queue changes
//
// express-session loads the whole session when a request begins and saves it when the request ends. Of requests that overlap, one therefore
// overwrites the other. --queue makes requests of one session wait for each other, so that what is still lost is lost by the store:
//
//     --queue none       no request waits, as with express-session alone
//     --queue changes    POST and DELETE wait for each other
//     --queue all        all requests wait for each other

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import express from "express";
import session from "express-session";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8000" },
    store: { type: "string", default: "memory" },
    queue: { type: "string", default: "none" },
  },
});

const HISTORY_LIMIT = 15; // messages kept per session: the newest
const require = createRequire(import.meta.url); // the stores are CommonJS
const [name, version] = options.store.split("@");
const published = () => require(`${name}-${version}`)(session);
const directory = mkdtempSync(join(tmpdir(), "sessbench-track-record-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

const stores = {
  "memory": () => new session.MemoryStore(),
  "connect-redis": () => {
    const Redis = require("ioredis");
    const socket = join(directory, "redis"); // ends with this process's group, which the supervisor stops
    spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", directory], { stdio: "ignore" });
    return new (published())({ client: new Redis({ path: socket, retryStrategy: () => 50 }) }); // milliseconds
  },
  "session-file-store": () => new (published())({ path: directory, retries: 0, reapInterval: -1, logFn: () => {} }),
};

const waits = { none: () => false, changes: (request) => request.method !== "GET", all: () => true }[options.queue];
const last = new Map(); // of each session's cookie: a promise that is settled when its last request has ended

// queue makes a request wait until the previous one of its session has been answered, which is after the session was saved.
async function queue(request, response, next) {
  const cookie = request.headers.cookie;
  if (!cookie || !waits(request)) return next();
  const previous = last.get(cookie);
  const ended = new Promise((resolve) => response.once("close", resolve));
  last.set(cookie, ended);
  await previous;
  next();
}

const app = express();
app.get("/healthz", (request, response) => response.json({ status: "ok" }));
app.use(queue);
app.use(express.json());
app.use(
  session({
    store: stores[name](),
    secret: "not a secret: an example",
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 7 * 24 * 60 * 60 * 1000 },
  }),
);

app.post("/sessions", (request, response) => {
  request.session.messages = [];
  response.status(201).json({});
});

// What follows needs a session: one that has been created and not destroyed.
app.use((request, response, next) => {
  if (request.session.messages) return next();
  response.status(404).json({ error: "no session" });
});

app.post("/messages", async (request, response) => {
  const { role, content } = request.body;
  await sleep(1); // like a call of a language model
  request.session.messages = [...request.session.messages, { role, content }].slice(-HISTORY_LIMIT);
  response.status(201).json({});
});

app.get("/messages", async (request, response) => {
  const { messages } = request.session;
  await sleep(1); // like the rendering of a page
  response.json({ messages });
});

app.delete("/sessions", (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.status(204).end()));
});

const server = app.listen(Number(options.port), "127.0.0.1", (error) => {
  if (error) throw error;
});
server.keepAliveTimeout = 60_000; // milliseconds; Node closes idle connections after 5 s
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
