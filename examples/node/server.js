'use strict';
// A session server with a Map on one event loop, as a target for sessbench.
//
//   sessbench run -s hundred-users --target 'exec:node examples/node/server.js --lock global' \
//       --target 'exec:node examples/node/server.js --lock per-session'
//   sessbench verify --target 'exec:node examples/node/server.js --lock none'    # a single thread loses updates too
//   sessbench adapter test -- node examples/node/server.js --lock per-session
//
// Nothing runs in parallel here, but there is a critical section: the code between read and write of a session if it has
// an await. The server implements docs/adapter-protocol.md. Node 18 and later, no packages.

const {randomUUID} = require('node:crypto');
const net = require('node:net');

const HISTORY_LIMIT = 15; // messages kept per session: the newest
const LINE_LIMIT = 16 << 20; // bytes, with the newline
const BACKLOG = 1024; // simultaneous connection attempts

// A first-come, first-served lock: each task waits for the one before it.
class Lock {
  #last = Promise.resolve();

  run(task) {
    const done = this.#last.then(task);
    this.#last = done.catch(() => {}); // also after a failure
    return done;
  }
}

// The lock strategies: own is the lock of the session or of the creation that task works on.
const LOCKS = {
  none: () => (own, task) => task(),
  global() {
    const lock = new Lock();
    return (own, task) => lock.run(task);
  },
  'per-session': () => (own, task) => own.run(task),
};

class ProtocolError extends Error {
  constructor(error, message) {
    super(message);
    this.error = error;
  }
}

// One incarnation of a session.
class Session {
  seq = 0; // messages ever added
  version = 0; // changes ever made, including messages
  messages = []; // newest ones, oldest first; replaced, never modified
  fields = {}; // replaced, never modified
  touched = performance.now(); // last use
  lock = new Lock();
  dead = false; // removed: a task that waited for the lock looks up the id again

  constructor(id, incarnation) {
    this.id = id;
    this.incarnation = incarnation;
  }

  state() {
    return {seq: this.seq, version: this.version, incarnation: this.incarnation};
  }
}

class Store {
  sessions = new Map();
  #incarnations = 0;
  #creation = new Lock(); // held to look up an id and insert it
  #lock;
  #exclusive;

  constructor(lock) {
    this.#lock = lock;
    this.#exclusive = LOCKS[lock]();
  }

  census() {
    const sessions = this.sessions.size;
    return {sessions, locks: this.#lock === 'per-session' ? sessions : 0, threads: 1};
  }

  // Runs one task at a time on the session.
  async locked(id, task) {
    for (;;) {
      const session = this.sessions.get(id);
      if (!session) throw new ProtocolError('not_found', `no session ${id}`);
      const again = {};
      const result = await this.#exclusive(session.lock, () => (session.dead ? again : task(session)));
      if (result !== again) return result;
    }
  }

  // Finds or creates the session. Of several concurrent callers exactly one creates it.
  async getOrCreate(id) {
    for (;;) {
      if (!this.sessions.has(id)) {
        const created = await this.#exclusive(this.#creation, () => this.#insert(id));
        if (created) return {created: true, ...created};
      }
      try {
        return await this.locked(id, session => ({created: false, ...use(session)}));
      } catch (error) {
        if (error.error !== 'not_found') throw error; // removed meanwhile: try again
      }
    }
  }

  // There is no await between lookup and insertion, so they are atomic even without a lock. Returns the counters of the
  // new session, or null if the id exists.
  #insert(id) {
    if (this.sessions.has(id)) return null;
    const session = new Session(id, ++this.#incarnations);
    this.sessions.set(id, session);
    return session.state();
  }

  remove(session) {
    session.dead = true;
    this.sessions.delete(session.id);
    return session.state();
  }
}

function use(session) {
  session.touched = performance.now();
  return session.state();
}

// The work under a lock: other users run during sleep, but not during spin. Returns its duration in microseconds.
async function work({hold_us: microseconds = 0, hold_kind: kind = 'sleep'}) {
  if (microseconds === 0) return 0;
  const start = performance.now();
  const left = () => microseconds / 1000 - (performance.now() - start);
  if (kind === 'spin') {
    const from = process.cpuUsage(); // includes the garbage collector, so the clock is checked too
    let spent;
    do spent = process.cpuUsage(from);
    while (spent.user + spent.system < microseconds || left() > 0);
  } else {
    while (left() > 0) await new Promise(wake => setTimeout(wake, left())); // timers have whole milliseconds and may fire early
  }
  return Math.floor(1000 * (performance.now() - start));
}

function server(name, store) {
  const operations = {
    hello: () => ({sessbench: 1, name, ops: Object.keys(operations)}),
    async create() {
      const id = randomUUID();
      return {id, ...(await store.getOrCreate(id))};
    },
    get_or_create: ({id}) => store.getOrCreate(id),
    add_message: ({id, role, content, ...hold}) =>
      store.locked(id, async session => {
        const message = {seq: session.seq + 1, role, content};
        const version = session.version + 1;
        const messages = [...session.messages, message].slice(-HISTORY_LIMIT);
        const held_us = await work(hold); // between read and write, like a call of a language model
        Object.assign(session, {seq: message.seq, version, messages});
        return {...use(session), held_us};
      }),
    update: ({id, fields, ...hold}) =>
      store.locked(id, async session => {
        const all = {...session.fields, ...fields};
        const version = session.version + 1;
        const held_us = await work(hold);
        Object.assign(session, {version, fields: all});
        return {...use(session), held_us};
      }),
    history: ({id}) => store.locked(id, session => ({messages: session.messages, ...use(session)})),
    get: ({id}) => store.locked(id, session => ({fields: session.fields, ...use(session)})),
    delete: ({id}) => store.locked(id, session => store.remove(session)),
    async sweep({older_than_us: idle}) {
      const deadline = performance.now() - idle / 1000;
      let removed = 0;
      for (const id of [...store.sessions.keys()]) {
        await store
          .locked(id, session => {
            if (session.touched > deadline) return;
            store.remove(session);
            removed++;
          })
          .catch(error => {
            if (error.error !== 'not_found') throw error; // removed meanwhile
          });
      }
      return {removed};
    },
    census: () => store.census(),
    reset() {
      store.sessions.clear();
      return {};
    },
  };

  // The required fields of each operation with their types. Other fields are ignored.
  const string = value => typeof value === 'string' || 'want a string';
  const integer = value => (Number.isInteger(value) && value >= 0 && value <= 2 ** 53) || 'want an integer from 0';
  const object = value => isObject(value) || 'want an object';
  const hold = {hold_us: integer, hold_kind: kind => ['sleep', 'spin'].includes(kind) || 'want sleep or spin'};
  const wanted = {
    get_or_create: {id: string},
    add_message: {id: string, role: string, content: string},
    update: {id: string, fields: object},
    history: {id: string},
    get: {id: string},
    delete: {id: string},
    sweep: {older_than_us: integer},
  };

  function check(request, rules) {
    for (const [field, is] of Object.entries(rules)) {
      const problem = is(request[field]);
      if (problem !== true) throw new ProtocolError('internal', `"${field}" ${JSON.stringify(request[field])}: ${problem}`);
    }
  }

  async function answer(line) {
    try {
      const request = JSON.parse(line);
      if (!isObject(request)) throw new ProtocolError('internal', 'not a JSON object');
      if (typeof request.op !== 'string' || !Object.hasOwn(operations, request.op)) {
        throw new ProtocolError('unsupported', `${JSON.stringify(request.op)}: want one of ${Object.keys(operations).join(', ')}`);
      }
      check(request, wanted[request.op] ?? {});
      check({hold_us: 0, hold_kind: 'sleep', ...request}, hold);
      return await operations[request.op](request);
    } catch (error) {
      return {error: error.error ?? 'internal', message: String(error.message)};
    }
  }

  // Only complete lines are decoded, because a character may arrive in pieces. A connection has one outstanding request,
  // so the next line arrives after the answer.
  return net.createServer({noDelay: true}, connection => {
    let pieces = [];
    let length = 0;
    connection.on('error', () => {}); // the user has disconnected
    connection.on('data', async piece => {
      pieces.push(piece);
      length += piece.length;
      if (length > LINE_LIMIT) return connection.destroy();
      if (piece[piece.length - 1] !== 0x0a) return;
      const line = Buffer.concat(pieces).toString();
      pieces = [];
      length = 0;
      connection.write(JSON.stringify(await answer(line)) + '\n');
    });
  });
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function main(lock) {
  const name = `node-${lock}`;
  const listener = server(name, new Store(lock));
  listener.listen({host: '127.0.0.1', port: 0, backlog: BACKLOG}, () => {
    console.log(JSON.stringify({sessbench: 1, listen: `127.0.0.1:${listener.address().port}`, name}));
  });
  for (const event of ['end', 'close']) process.stdin.on(event, () => process.exit(0));
  process.stdin.resume(); // ends the program with its parent
}

const [option, lock, ...more] = process.argv.slice(2);
if (option !== '--lock' || !Object.hasOwn(LOCKS, lock ?? '') || more.length > 0) {
  console.error(`node server.js ${process.argv.slice(2).join(' ')}: want --lock ${Object.keys(LOCKS).join('|')}`);
  process.exit(2);
}
main(lock);
