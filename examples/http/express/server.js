// A chat in Express: the messages are in the session of express-session, and the session's id in a cookie.
//
//     node server.js --port 8000                  # MemoryStore, the default
//     node server.js --port 8000 --store redis    # connect-redis, and the server at REDIS_URL
//     node server.js --port 8000 --work 0         # no work between the read and the write of a session
//
// express-session loads the whole session when a request begins and saves it when the request ends.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8000" },
    store: { type: "string", default: "memory" }, // or redis
    work: { type: "string", default: "1" }, // milliseconds between the read and the write of a session
  },
});

const HISTORY_LIMIT = 15; // messages kept per session: the newest

async function redisStore() {
  let connected = false;
  const client = createClient({
    url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379",
    socket: { reconnectStrategy: () => connected && 100 }, // milliseconds; the first attempt must succeed
  });
  client.on("error", (error) => console.error(`redis: ${error.message}`));
  await client.connect();
  connected = true;
  return new RedisStore({ client, prefix: "sessbench-express:" });
}

const stores = { memory: () => new session.MemoryStore(), redis: redisStore };
if (!stores[options.store]) throw new Error(`--store ${options.store}: want ${Object.keys(stores).join(" or ")}`);
const store = await stores[options.store]();

const app = express();
app.get("/healthz", (request, response) => response.json({ status: "ok" }));
app.use(express.json({ limit: "1mb" }));
app.use(session({ store, secret: "not a secret: an example", resave: false, saveUninitialized: false }));

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
  await sleep(Number(options.work)); // like a call of a language model
  request.session.messages = [...request.session.messages, { role, content }].slice(-HISTORY_LIMIT);
  response.status(201).json({});
});

app.get("/messages", (request, response) => response.json({ messages: request.session.messages }));

app.delete("/sessions", (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.status(204).end()));
});

const server = app.listen(Number(options.port), "127.0.0.1", (error) => {
  if (error) throw error;
});
server.keepAliveTimeout = 60_000; // milliseconds; Node closes idle connections after 5 s
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
