import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/**
 * Repeats a tape of sessbench's scenario chatbot on a ConcurrentHashMap, without any harness. bench.sh runs it beside the same
 * loop in Go, with alternating blocks.
 *
 * <pre>
 * java Bench noop|compute|synchronized SESSIONS TAPE
 * </pre>
 *
 * Each line of the input is the length of a block in nanoseconds. The answer is the number of operations that all users completed,
 * the time that they took, and the processor time of the JVM, its compiler and collector included. After each block all appends
 * must be in the sessions. Java 17 and later, no libraries.
 */
public final class Bench {
    static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    static final int HISTORY_LIMIT = 15; // messages kept per session: the newest

    record Message(long seq, String role, String content) {}

    /** A conversation: a ring of its newest messages. Messages are immutable, so a history is a copy of references. */
    static final class Session {
        boolean dead; // removed from the map; nothing is removed here, but whoever may find a session has to check
        long seq; // number of messages ever appended
        final Message[] ring = new Message[HISTORY_LIMIT]; // message n, from 1, is in slot (n - 1) % HISTORY_LIMIT

        long append(String role, String content) {
            int slot = (int) (seq % HISTORY_LIMIT);
            ring[slot] = new Message(++seq, role, content);
            return seq;
        }

        /** Copies the messages into an array, oldest first, and returns their number. */
        int history(Message[] into) {
            if (seq <= HISTORY_LIMIT) {
                System.arraycopy(ring, 0, into, 0, (int) seq);
                return (int) seq;
            }
            int oldest = (int) (seq % HISTORY_LIMIT);
            System.arraycopy(ring, oldest, into, 0, HISTORY_LIMIT - oldest);
            System.arraycopy(ring, 0, into, HISTORY_LIMIT - oldest, oldest);
            return HISTORY_LIMIT;
        }
    }

    /** A user's access to the sessions, for one thread at a time. */
    interface Sessions {
        long append(UUID id, String role, String content);

        int history(UUID id, Message[] into);
    }

    /** No map and no lock: a session of the user's own. Its speed is that of the loop. */
    static final class Noop implements Sessions {
        final Session own = filled();

        @Override
        public long append(UUID id, String role, String content) {
            return own.append(role, content);
        }

        @Override
        public int history(UUID id, Message[] into) {
            return own.history(into);
        }
    }

    /** Works inside compute, which locks a bin of the map. The functions are bound once, so that an operation allocates none. */
    static final class Compute implements Sessions {
        final ConcurrentHashMap<UUID, Session> map;

        // Arguments and results of the functions, for one operation at a time.
        String role;
        String content;
        Message[] into;
        long result;

        final BiFunction<UUID, Session, Session> append = (id, s) -> {
            if (s != null) {
                result = s.append(role, content);
            }
            return s;
        };
        final BiFunction<UUID, Session, Session> history = (id, s) -> {
            if (s != null) {
                result = s.history(into);
            }
            return s;
        };

        Compute(ConcurrentHashMap<UUID, Session> map) {
            this.map = map;
        }

        @Override
        public long append(UUID id, String role, String content) {
            this.role = role;
            this.content = content;
            if (map.compute(id, append) == null) {
                throw new IllegalStateException("session not found");
            }
            return result;
        }

        @Override
        public int history(UUID id, Message[] into) {
            this.into = into;
            if (map.compute(id, history) == null) {
                throw new IllegalStateException("session not found");
            }
            return (int) result;
        }
    }

    /** Finds a session without a lock and works in its monitor. */
    static final class Synchronized implements Sessions {
        final ConcurrentHashMap<UUID, Session> map;

        Synchronized(ConcurrentHashMap<UUID, Session> map) {
            this.map = map;
        }

        @Override
        public long append(UUID id, String role, String content) {
            for (;;) {
                Session s = find(id);
                synchronized (s) {
                    if (!s.dead) {
                        return s.append(role, content);
                    }
                }
            }
        }

        @Override
        public int history(UUID id, Message[] into) {
            for (;;) {
                Session s = find(id);
                synchronized (s) {
                    if (!s.dead) {
                        return s.history(into);
                    }
                }
            }
        }

        private Session find(UUID id) {
            Session s = map.get(id);
            if (s == null) {
                throw new IllegalStateException("session not found");
            }
            return s;
        }
    }

    static Session filled() {
        var s = new Session();
        for (int i = 0; i < HISTORY_LIMIT; i++) {
            s.append("user", "");
        }
        return s;
    }

    /** A user with its place on the tape. */
    static final class User {
        final Sessions sessions;
        int at;
        final Message[] history = new Message[HISTORY_LIMIT];
        long ops; // of the last block
        long appends;
        Throwable failure;

        User(Sessions sessions, int at) {
            this.sessions = sessions;
            this.at = at;
        }
    }

    final UUID[] ids;
    final long[] tape; // slot, 24 bits of size, and whether it is a read
    final String[] texts; // by size: messages that need not be created
    final ConcurrentHashMap<UUID, Session> map = new ConcurrentHashMap<>();
    final User[] users;
    long acknowledged;
    volatile boolean stop;

    Bench(String kind, int sessions, Path file) throws IOException {
        var words = ByteBuffer.wrap(Files.readAllBytes(file)).asLongBuffer();
        int[] starts = new int[(int) words.get()];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = (int) words.get();
        }
        String longest = "x".repeat((int) words.get());
        texts = new String[longest.length() + 1];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = longest.substring(0, i);
        }
        tape = new long[words.remaining()];
        words.get(tape);
        ids = new UUID[sessions];
        for (int i = 0; i < sessions; i++) {
            ids[i] = UUID.randomUUID();
            map.put(ids[i], filled());
            acknowledged += HISTORY_LIMIT;
        }
        Supplier<Sessions> open = switch (kind) {
            case "noop" -> Noop::new;
            case "compute" -> () -> new Compute(map);
            case "synchronized" -> () -> new Synchronized(map);
            default -> throw new IllegalArgumentException(kind + ": want noop, compute or synchronized");
        };
        users = new User[starts.length];
        for (int i = 0; i < users.length; i++) {
            users[i] = new User(open.get(), starts[i]);
        }
    }

    /** Lets all users work for a time and prints what they have done. */
    void block(long nanos) throws InterruptedException {
        stop = false;
        var ready = new CountDownLatch(users.length);
        var start = new CountDownLatch(1);
        var end = new AtomicLong();
        var threads = new Thread[users.length];
        for (int i = 0; i < users.length; i++) {
            User u = users[i];
            threads[i] = new Thread(() -> {
                try {
                    ready.countDown();
                    start.await();
                    use(u, end.get());
                } catch (Throwable t) {
                    u.failure = t;
                    stop = true;
                }
            });
            threads[i].start();
        }
        ready.await();
        long cpu = SYSTEM.getProcessCpuTime();
        long began = System.nanoTime();
        end.set(began + nanos);
        start.countDown();
        for (Thread t : threads) {
            t.join();
        }
        long took = System.nanoTime() - began;
        cpu = SYSTEM.getProcessCpuTime() - cpu;
        long ops = 0;
        for (User u : users) {
            if (u.failure != null) {
                throw new IllegalStateException(u.failure);
            }
            ops += u.ops;
            acknowledged += u.appends;
        }
        if (!(users[0].sessions instanceof Noop)) {
            audit();
        }
        System.out.println(ops + " " + took + " " + cpu);
    }

    /** Has a user work until the first user has seen that the time is over. */
    void use(User u, long end) {
        long ops = 0;
        long appends = 0;
        int at = u.at;
        long[] tape = this.tape;
        Sessions sessions = u.sessions;
        for (;; ops++) {
            if ((ops & 255) == 0 && (stop || System.nanoTime() - end >= 0)) {
                stop = true;
                break;
            }
            long op = tape[at];
            if (++at == tape.length) {
                at = 0;
            }
            UUID id = ids[(int) (op >>> 32)];
            if ((op & 1) == 1) {
                sessions.history(id, u.history);
            } else {
                sessions.append(id, "user", texts[(int) (op >>> 8) & 0xffffff]);
                appends++;
            }
        }
        u.at = at;
        u.ops = ops;
        u.appends = appends;
    }

    void audit() {
        long sum = 0;
        for (Session s : map.values()) {
            sum += s.seq;
        }
        if (sum != acknowledged) {
            throw new IllegalStateException(sum + " appends are in the sessions, " + acknowledged + " were acknowledged");
        }
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        var bench = new Bench(args[0], Integer.parseInt(args[1]), Path.of(args[2]));
        var in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            bench.block(Long.parseLong(line));
        }
    }
}
