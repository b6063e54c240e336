'use strict';
// Sessions in a Map on one event loop, as a target for sessbench: the contrast to threads.
//
//   sessbench run -s hundred-users --target 'exec:node examples/node/server.js --lock global' \
//       --target 'exec:node examples/node/server.js --lock per-session'
//   sessbench verify --target 'exec:node examples/node/server.js --lock none'    # one thread loses updates, too
//   sessbench adapter test -- node examples/node/server.js --lock per-session
//
// Nothing runs at the same time here, and still there is a critical section: whatever stands between reading and writing
// a session with an await in it. It speaks the protocol of docs/adapter-protocol.md. Node 18 and later, no packages.

const {randomUUID} = require('node:crypto');
const net = require('node:net');

const HISTORY_LIMIT = 15; // messages a session keeps: the newest
const LINE_LIMIT = 16 << 20; // bytes, the line's end included
const BACKLOG = 1024; // users that connect at once

// A lock that is had by one task after the other, in the order in which they asked: each waits for the one before it.
class Lock {
  #last = Promise.resolve();

  run(task) {
    const done = this.#last.then(task);
    this.#last = done.catch(() => {}); // one that failed is over, too
    return done;
  }
}

// The locks: how task comes to run alone on what own is the lock of, or does not.
const LOCKS = {
  none: () => (own, task) => task(),
  global() {
    const lock = new Lock();
    return (own, task) => lock.run(task);
  },
  'per-session': () => (own, task) => own.run(task),
};

class Refusal extends Error {
  constructor(error, message) {
    super(message);
    this.error = error;
  }
}

// One life of a session under an id.
class Session {
  seq = 0; // messages ever added
  version = 0; // changes ever made, each message among them
  messages = []; // the newest, oldest first; replaced, never changed
  fields = {}; // replaced, never changed
  touched = performance.now(); // last use
  lock = new Lock();
  dead = false; // removed: whoever waited for its lock looks the id up again

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
  #creation = new Lock(); // held to look for an id and insert it
  #lock;
  #alone;

  constructor(lock) {
    this.#lock = lock;
    this.#alone = LOCKS[lock]();
  }

  census() {
    const sessions = this.sessions.size;
    return {sessions, locks: this.#lock === 'per-session' ? sessions : 0, threads: 1};
  }

  // Gives the session to one task at a time.
  async locked(id, task) {
    for (;;) {
      const session = this.sessions.get(id);
      if (!session) throw new Refusal('not_found', `no session ${id}`);
      const again = {};
      const result = await this.#alone(session.lock, () => (session.dead ? again : task(session)));
      if (result !== again) return result;
    }
  }

  // Finds the session, or makes it: of any number of concurrent callers one does.
  async getOrCreate(id) {
    for (;;) {
      if (!this.sessions.has(id)) {
        const made = await this.#alone(this.#creation, () => this.#insert(id));
        if (made) return {created: true, ...made};
      }
      try {
        return await this.locked(id, session => ({created: false, ...use(session)}));
      } catch (error) {
        if (error.error !== 'not_found') throw error; // gone since: look again
      }
    }
  }

  // No await between looking and inserting, so that nobody comes between them, even without a lock. Returns the state
  // of the new session, null if somebody was faster.
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

// The work under a lock: sleep lets others run, spin keeps the processor and with it everybody. Tells how long it took,
// in microseconds.
async function work({hold_us: microseconds = 0, hold_kind: kind = 'sleep'}) {
  if (microseconds === 0) return 0;
  const start = performance.now();
  const left = () => microseconds / 1000 - (performance.now() - start);
  if (kind === 'spin') {
    const from = process.cpuUsage(); // of all threads: the collector's are not ours, hence the clock besides
    let spent;
    do spent = process.cpuUsage(from);
    while (spent.user + spent.system < microseconds || left() > 0);
  } else {
    while (left() > 0) await new Promise(wake => setTimeout(wake, left())); // whole milliseconds, and now and then early
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
        const held_us = await work(hold); // between reading and writing, as a call of a language model would be
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
            if (error.error !== 'not_found') throw error; // somebody else removed it
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

  // What must be in a request: a name, what it must be, and who asks for it. Other fields are ignored.
  const string = value => typeof value === 'string' || 'want a string';
  const whole = value => (Number.isInteger(value) && value >= 0 && value <= 2 ** 53) || 'want a whole number from 0';
  const object = value => isObject(value) || 'want an object';
  const hold = {hold_us: whole, hold_kind: kind => ['sleep', 'spin'].includes(kind) || 'want sleep or spin'};
  const wanted = {
    get_or_create: {id: string},
    add_message: {id: string, role: string, content: string},
    update: {id: string, fields: object},
    history: {id: string},
    get: {id: string},
    delete: {id: string},
    sweep: {older_than_us: whole},
  };

  function check(request, rules) {
    for (const [field, is] of Object.entries(rules)) {
      const verdict = is(request[field]);
      if (verdict !== true) throw new Refusal('internal', `"${field}" ${JSON.stringify(request[field])}: ${verdict}`);
    }
  }

  async function answer(line) {
    try {
      const request = JSON.parse(line);
      if (!isObject(request)) throw new Refusal('internal', 'not a JSON object');
      if (typeof request.op !== 'string' || !Object.hasOwn(operations, request.op)) {
        throw new Refusal('unsupported', `${JSON.stringify(request.op)}: want one of ${Object.keys(operations).join(', ')}`);
      }
      check(request, wanted[request.op] ?? {});
      check({hold_us: 0, hold_kind: 'sleep', ...request}, hold);
      return await operations[request.op](request);
    } catch (error) {
      return {error: error.error ?? 'internal', message: String(error.message)};
    }
  }

  // Only what is whole is decoded: a character may arrive in pieces. One request is outstanding on a connection, so that
  // the next line comes after the answer.
  return net.createServer({noDelay: true}, connection => {
    let pieces = [];
    let length = 0;
    connection.on('error', () => {}); // the user has gone
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
  for (const over of ['end', 'close']) process.stdin.on(over, () => process.exit(0));
  process.stdin.resume(); // ends with whoever started it
}

const [option, lock, ...more] = process.argv.slice(2);
if (option !== '--lock' || !Object.hasOwn(LOCKS, lock ?? '') || more.length > 0) {
  console.error(`node server.js ${process.argv.slice(2).join(' ')}: want --lock ${Object.keys(LOCKS).join('|')}`);
  process.exit(2);
}
main(lock);
