import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * A session server with a map of Java, as a target for sessbench, with three lock strategies.
 *
 * <pre>
 * sessbench run -s hundred-users --target 'exec:java examples/java/Server.java --lock synchronized' \
 *     --target 'exec:java examples/java/Server.java --lock compute' \
 *     --target 'exec:java examples/java/Server.java --lock reentrant'
 * sessbench verify -s churn --target 'exec:java examples/java/Server.java --lock compute'
 * sessbench adapter test -- java examples/java/Server.java --lock reentrant
 * </pre>
 *
 * It implements docs/adapter-protocol.md, with one thread per connection. Java 17 and later, no libraries.
 */
public final class Server {
    static final int HISTORY_LIMIT = 15; // messages kept per session: the newest
    static final int LINE_LIMIT = 16 << 20; // bytes, with the newline
    static final int BACKLOG = 1024; // simultaneous connection attempts

    static final Map<String, Supplier<Sessions>> LOCKS = locks();

    private static Map<String, Supplier<Sessions>> locks() {
        var locks = new LinkedHashMap<String, Supplier<Sessions>>(); // in the order of the usage line
        locks.put("synchronized", Synchronized::new);
        locks.put("compute", Compute::new);
        locks.put("reentrant", Reentrant::new);
        return Collections.unmodifiableMap(locks);
    }

    // ---- sessions ----

    record Message(long seq, String role, String content) {}

    /** The immutable state of a session. A change creates a new one. */
    record State(long incarnation, long seq, long version, List<Message> messages, Map<String, String> fields) {
        static final AtomicLong INCARNATIONS = new AtomicLong();

        static State begin() {
            return new State(INCARNATIONS.incrementAndGet(), 0, 0, List.of(), Map.of());
        }

        State with(String role, String content) {
            var kept = new ArrayList<>(messages.subList(Math.max(0, messages.size() + 1 - HISTORY_LIMIT), messages.size()));
            kept.add(new Message(seq + 1, role, content));
            return new State(incarnation, seq + 1, version + 1, kept, fields);
        }

        State with(Map<String, String> more) {
            var all = new LinkedHashMap<>(fields);
            all.putAll(more);
            return new State(incarnation, seq, version + 1, messages, all);
        }
    }

    /** One incarnation of a session. The holder of its lock may read and change it. */
    static final class Session {
        final String id;
        State state = State.begin();
        long touched = System.nanoTime(); // last use
        final ReentrantLock lock = new ReentrantLock(); // only for Reentrant
        boolean dead; // removed; only for Reentrant

        Session(String id) {
            this.id = id;
        }

        /** Reads, calls change, writes: without a lock it overwrites a concurrent update. */
        State change(UnaryOperator<State> change) {
            var before = state;
            state = change.apply(before);
            touched = System.nanoTime();
            return state;
        }
    }

    record Found(State state, boolean created) {}

    /** Sessions by id, with a lock strategy. Its methods may be called concurrently. */
    interface Sessions {
        /** Finds or creates the session. Of several concurrent callers exactly one creates it. */
        Found getOrCreate(String id);

        /** Applies one change at a time to the session and returns the new state; null: there is no session. */
        State change(String id, UnaryOperator<State> change);

        /** Removes the session if the predicate holds under its lock, and returns its last state; null: not removed. */
        State removeIf(String id, Predicate<Session> when);

        List<String> ids();

        /** Removes all sessions. No other call is running. */
        void clear();

        /** Returns the number of locks kept for single sessions. */
        int locks();
    }

    /** One lock for all sessions: while one user works on a session, all others wait. */
    static final class Synchronized implements Sessions {
        private final Map<String, Session> sessions = new HashMap<>();

        @Override public synchronized Found getOrCreate(String id) {
            var session = sessions.get(id);
            var created = session == null;
            if (created) {
                session = new Session(id);
                sessions.put(id, session);
            }
            return new Found(session.change(state -> state), created);
        }

        @Override public synchronized State change(String id, UnaryOperator<State> change) {
            var session = sessions.get(id);
            return session == null ? null : session.change(change);
        }

        @Override public synchronized State removeIf(String id, Predicate<Session> when) {
            var session = sessions.get(id);
            if (session == null || !when.test(session)) {
                return null;
            }
            sessions.remove(id);
            return session.state;
        }

        @Override public synchronized List<String> ids() {
            return new ArrayList<>(sessions.keySet());
        }

        @Override public synchronized void clear() {
            sessions.clear();
        }

        @Override public int locks() {
            return 0;
        }
    }

    /**
     * The work is done inside ConcurrentHashMap.compute. That is correct and short, but compute locks a bin of the map and
     * not a key: sessions in the same bin wait for each other, and a resize of the map waits for all.
     */
    static final class Compute implements Sessions {
        private final ConcurrentHashMap<String, Session> sessions = new ConcurrentHashMap<>();

        @Override public Found getOrCreate(String id) {
            var found = new Found[1];
            sessions.compute(id, (key, session) -> {
                var created = session == null;
                session = created ? new Session(id) : session;
                found[0] = new Found(session.change(state -> state), created);
                return session;
            });
            return found[0];
        }

        @Override public State change(String id, UnaryOperator<State> change) {
            var changed = new State[1];
            sessions.computeIfPresent(id, (key, session) -> {
                changed[0] = session.change(change);
                return session;
            });
            return changed[0];
        }

        @Override public State removeIf(String id, Predicate<Session> when) {
            var last = new State[1];
            sessions.computeIfPresent(id, (key, session) -> {
                if (!when.test(session)) {
                    return session;
                }
                last[0] = session.state;
                return null;
            });
            return last[0];
        }

        @Override public List<String> ids() {
            return new ArrayList<>(sessions.keySet());
        }

        @Override public void clear() {
            sessions.clear();
        }

        @Override public int locks() {
            return 0;
        }
    }

    /**
     * One lock per session, kept in the session, and a mark on removed sessions. A thread that acquires the lock of a marked
     * session looks up the id again, and waits for the lock of the session that exists now, if any.
     */
    static final class Reentrant implements Sessions {
        private final ConcurrentHashMap<String, Session> sessions = new ConcurrentHashMap<>();

        @Override public Found getOrCreate(String id) {
            while (true) {
                var state = change(id, same -> same);
                if (state != null) {
                    return new Found(state, false);
                }
                var fresh = new Session(id);
                state = fresh.state; // before other threads find and change it
                if (sessions.putIfAbsent(id, fresh) == null) {
                    return new Found(state, true);
                }
            }
        }

        @Override public State change(String id, UnaryOperator<State> change) {
            for (Session session; (session = sessions.get(id)) != null; ) {
                session.lock.lock();
                try {
                    if (!session.dead) {
                        return session.change(change);
                    }
                } finally {
                    session.lock.unlock();
                }
            }
            return null;
        }

        @Override public State removeIf(String id, Predicate<Session> when) {
            for (Session session; (session = sessions.get(id)) != null; ) {
                session.lock.lock();
                try {
                    if (session.dead) {
                        continue;
                    }
                    if (!when.test(session)) {
                        return null;
                    }
                    session.dead = true;
                    sessions.remove(id, session);
                    return session.state;
                } finally {
                    session.lock.unlock();
                }
            }
            return null;
        }

        @Override public List<String> ids() {
            return new ArrayList<>(sessions.keySet());
        }

        @Override public void clear() {
            sessions.clear();
        }

        @Override public int locks() {
            return sessions.size();
        }
    }

    // ---- work ----

    /** The work under a session's lock: sleep waits, spin keeps a processor busy. */
    static final class Work {
        private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

        private final long nanos;
        private final boolean spins;
        private long took;

        Work(long microseconds, String kind) {
            if (!kind.equals("sleep") && !kind.equals("spin")) {
                throw new ProtocolError("internal", "\"hold_kind\" " + kind + ": want sleep or spin");
            }
            nanos = microseconds * 1000;
            spins = kind.equals("spin");
        }

        void work() {
            if (nanos == 0) {
                return;
            }
            var start = System.nanoTime();
            if (spins) {
                var end = THREADS.getCurrentThreadCpuTime() + nanos; // preemption is not work
                while (THREADS.getCurrentThreadCpuTime() < end) {
                    Thread.onSpinWait();
                }
            } else {
                // Thread.sleep rounds to milliseconds before Java 21.
                for (long left = nanos; left > 0; left = nanos - (System.nanoTime() - start)) {
                    LockSupport.parkNanos(left);
                }
            }
            took = System.nanoTime() - start;
        }

        long tookMicroseconds() {
            return took / 1000;
        }
    }

    // ---- protocol ----

    static final List<String> OPERATIONS = List.of("hello", "create", "get_or_create", "add_message", "history", "update",
            "get", "delete", "sweep", "census", "reset");

    /** An error in an answer. */
    static final class ProtocolError extends RuntimeException {
        final String error;

        ProtocolError(String error, String message) {
            super(message, null, false, false); // no stack trace: errors are frequent
            this.error = error;
        }
    }

    private final String name;
    private final Sessions sessions;

    Server(String name, Sessions sessions) {
        this.name = name;
        this.sessions = sessions;
    }

    /** Answers one line. */
    String answer(String line) {
        try {
            if (!(new JsonReader(line).read() instanceof Map<?, ?> request)) {
                throw new ProtocolError("internal", "not a JSON object");
            }
            return answer(new Request(request)).end();
        } catch (ProtocolError refusal) {
            return new JsonWriter().put("error", refusal.error).put("message", refusal.getMessage()).end();
        } catch (RuntimeException bug) {
            return new JsonWriter().put("error", "internal").put("message", bug.toString()).end();
        }
    }

    private JsonWriter answer(Request request) {
        var answer = new JsonWriter();
        var op = request.fields.get("op") instanceof String text ? text : "";
        switch (op) {
            case "hello" -> answer.put("sessbench", 1).put("name", name).put("ops", OPERATIONS);
            case "create" -> {
                var id = UUID.randomUUID().toString();
                var found = sessions.getOrCreate(id);
                if (!found.created) {
                    throw new ProtocolError("exists", id);
                }
                answer.put("id", id).put(found.state);
            }
            case "get_or_create" -> {
                var found = sessions.getOrCreate(request.text("id"));
                answer.put("created", found.created).put(found.state);
            }
            case "add_message" -> {
                String role = request.text("role"), content = request.text("content");
                var work = request.work();
                answer.put(change(request, before -> {
                    work.work(); // between read and write, like a call of a language model
                    return before.with(role, content);
                })).put("held_us", work.tookMicroseconds());
            }
            case "update" -> {
                var fields = request.strings("fields");
                var work = request.work();
                answer.put(change(request, before -> {
                    work.work();
                    return before.with(fields);
                })).put("held_us", work.tookMicroseconds());
            }
            case "history" -> {
                var state = change(request, same -> same);
                answer.putMessages("messages", state.messages).put(state);
            }
            case "get" -> {
                var state = change(request, same -> same);
                answer.put("fields", state.fields).put(state);
            }
            case "delete" -> answer.put(found(request, sessions.removeIf(request.text("id"), session -> true)));
            case "sweep" -> {
                var idle = request.number("older_than_us", null) * 1000;
                var now = System.nanoTime();
                var removed = 0;
                for (var id : sessions.ids()) {
                    removed += sessions.removeIf(id, session -> now - session.touched >= idle) != null ? 1 : 0;
                }
                answer.put("removed", removed);
            }
            case "census" -> answer.put("sessions", sessions.ids().size()).put("locks", sessions.locks())
                    .put("threads", Thread.activeCount());
            case "reset" -> sessions.clear();
            default -> throw new ProtocolError("unsupported", "\"" + op + "\": want one of " + String.join(", ", OPERATIONS));
        }
        return answer;
    }

    private State change(Request request, UnaryOperator<State> change) {
        return found(request, sessions.change(request.text("id"), change));
    }

    private static State found(Request request, State state) {
        if (state == null) {
            throw new ProtocolError("not_found", "no session " + request.text("id"));
        }
        return state;
    }

    /** The fields of a request. Unknown ones are ignored. */
    record Request(Map<?, ?> fields) {
        String text(String name) {
            if (fields.get(name) instanceof String text) {
                return text;
            }
            throw wrong(name, "a string");
        }

        long number(String name, Long absent) {
            if (fields.get(name) instanceof Long number && number >= 0 && number <= 1L << 53) {
                return number;
            }
            if (absent != null && !fields.containsKey(name)) {
                return absent;
            }
            throw wrong(name, "an integer from 0");
        }

        Map<String, String> strings(String name) {
            if (!(fields.get(name) instanceof Map<?, ?> object)) {
                throw wrong(name, "an object of strings");
            }
            var strings = new LinkedHashMap<String, String>();
            object.forEach((key, value) -> {
                if (!(value instanceof String text)) {
                    throw wrong(name, "an object of strings");
                }
                strings.put((String) key, text);
            });
            return strings;
        }

        Work work() {
            return new Work(number("hold_us", 0L), fields.containsKey("hold_kind") ? text("hold_kind") : "sleep");
        }

        private ProtocolError wrong(String name, String want) {
            return new ProtocolError("internal", "\"" + name + "\" " + fields.get(name) + ": want " + want);
        }
    }

    // ---- JSON ----

    /** Reads one JSON text: Map, List, String, Long, Double, Boolean or null. */
    static final class JsonReader {
        private static final int DEPTH_LIMIT = 200;
        private static final int LONG_DIGITS = 18; // always fit into a long

        // RFC 8259, section 6; the group is not empty if the number is not an integer.
        private static final Pattern NUMBER =
                Pattern.compile("-?(?:0|[1-9][0-9]*)((?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)");

        private final String text;
        private int at;
        private int depth;

        JsonReader(String text) {
            this.text = text;
        }

        Object read() {
            var value = value();
            if (next() != 0) {
                throw wrong("the end");
            }
            return value;
        }

        private Object value() {
            return switch (next()) {
                case '{' -> object();
                case '[' -> array();
                case '"' -> string();
                case 't' -> word("true", true);
                case 'f' -> word("false", false);
                case 'n' -> word("null", null);
                default -> number();
            };
        }

        /** Returns the next character that is not a space, without consuming it; 0 at the end. */
        private char next() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
            return at < text.length() ? text.charAt(at) : 0;
        }

        private boolean takes(char wanted) {
            if (next() != wanted) {
                return false;
            }
            at++;
            return true;
        }

        private void take(char wanted) {
            if (!takes(wanted)) {
                throw wrong("'" + wanted + "'");
            }
        }

        private Map<String, Object> object() {
            var object = new LinkedHashMap<String, Object>();
            deeper();
            take('{');
            if (!takes('}')) {
                do {
                    next();
                    var name = string();
                    take(':');
                    object.put(name, value());
                } while (takes(','));
                take('}');
            }
            depth--;
            return object;
        }

        private List<Object> array() {
            var array = new ArrayList<>();
            deeper();
            take('[');
            if (!takes(']')) {
                do {
                    array.add(value());
                } while (takes(','));
                take(']');
            }
            depth--;
            return array;
        }

        private void deeper() {
            if (++depth > DEPTH_LIMIT) {
                throw wrong("at most " + DEPTH_LIMIT + " levels");
            }
        }

        private Object word(String word, Object value) {
            if (!text.startsWith(word, at)) {
                throw wrong(word);
            }
            at += word.length();
            return value;
        }

        private Number number() {
            var number = NUMBER.matcher(text).region(at, text.length());
            if (!number.lookingAt()) {
                throw wrong("a value");
            }
            at = number.end(); // the rest of 01 and 1. is rejected by the caller
            var digits = number.group();
            if (number.group(1).isEmpty() && digits.length() <= LONG_DIGITS) {
                return Long.valueOf(digits);
            }
            return Double.valueOf(digits);
        }

        private String string() {
            take('"');
            var plain = at; // start of the part that is not copied yet
            StringBuilder copy = null;
            while (at < text.length()) {
                var c = text.charAt(at++);
                if (c == '"') {
                    var last = text.substring(plain, at - 1);
                    return copy == null ? last : copy.append(last).toString();
                }
                if (c < ' ') {
                    at--;
                    throw wrong("an escape, for a control character");
                }
                if (c == '\\') {
                    copy = copy == null ? new StringBuilder() : copy;
                    copy.append(text, plain, at - 1).append(escaped());
                    plain = at;
                }
            }
            throw wrong("'\"'");
        }

        /** Returns the character of an escape. Half of a surrogate pair is returned unchanged: the other half follows. */
        private char escaped() {
            var c = at < text.length() ? text.charAt(at++) : 0;
            return switch (c) {
                case '"', '\\', '/' -> c;
                case 'b' -> '\b';
                case 'f' -> '\f';
                case 'n' -> '\n';
                case 'r' -> '\r';
                case 't' -> '\t';
                case 'u' -> hexadecimal();
                default -> throw wrong("an escape before this");
            };
        }

        private char hexadecimal() {
            var c = 0;
            for (var end = at + 4; at < end; at++) {
                var digit = at < text.length() ? Character.digit(text.charAt(at), 16) : -1;
                if (digit < 0) {
                    throw wrong("a hexadecimal digit");
                }
                c = c << 4 | digit;
            }
            return (char) c;
        }

        private ProtocolError wrong(String want) {
            return new ProtocolError("internal", "invalid JSON: at character " + (at + 1) + " want " + want);
        }
    }

    /** Writes one JSON object on one line. */
    static final class JsonWriter {
        private final StringBuilder text = new StringBuilder("{");

        String end() {
            return text.append("}\n").toString();
        }

        JsonWriter put(String name, long value) {
            name(name).append(value);
            return this;
        }

        JsonWriter put(String name, boolean value) {
            name(name).append(value);
            return this;
        }

        JsonWriter put(String name, String value) {
            name(name);
            quote(value);
            return this;
        }

        JsonWriter put(String name, List<String> values) {
            name(name).append('[');
            for (var value : values) {
                comma();
                quote(value);
            }
            text.append(']');
            return this;
        }

        JsonWriter put(String name, Map<String, String> values) {
            name(name).append('{');
            values.forEach(this::put);
            text.append('}');
            return this;
        }

        JsonWriter putMessages(String name, List<Message> messages) {
            name(name).append('[');
            for (var message : messages) {
                comma();
                text.append('{');
                put("seq", message.seq).put("role", message.role).put("content", message.content);
                text.append('}');
            }
            text.append(']');
            return this;
        }

        /** Returns the counters for the answer of every operation on a session. */
        JsonWriter put(State state) {
            return put("seq", state.seq).put("version", state.version).put("incarnation", state.incarnation);
        }

        private StringBuilder name(String name) {
            comma();
            quote(name);
            return text.append(':');
        }

        private void comma() {
            var last = text.charAt(text.length() - 1);
            if (last != '{' && last != '[') {
                text.append(',');
            }
        }

        private void quote(String value) {
            text.append('"');
            var plain = 0; // start of the part that is not copied yet
            for (int i = 0; i < value.length(); i++) {
                var c = value.charAt(i);
                if (c >= ' ' && c != '"' && c != '\\') {
                    continue;
                }
                text.append(value, plain, i).append('\\');
                plain = i + 1;
                if (c < ' ') {
                    text.append(String.format("u%04x", (int) c));
                } else {
                    text.append(c);
                }
            }
            text.append(value, plain, value.length()).append('"');
        }
    }

    // ---- connections ----

    /** Reads lines as bytes: a character may arrive in pieces. */
    static final class LineReader {
        private final InputStream in;
        private byte[] buffer = new byte[1 << 13];
        private int start; // of the data that is not returned yet
        private int end;

        LineReader(InputStream in) {
            this.in = in;
        }

        /** Returns the next line without its newline; null at the end. */
        String read() throws IOException {
            for (int seen = start; ; ) {
                for (; seen < end; seen++) {
                    if (buffer[seen] == '\n') {
                        var line = new String(buffer, start, seen - start, StandardCharsets.UTF_8);
                        start = seen + 1;
                        return line;
                    }
                }
                seen -= start;
                makeRoom();
                var n = in.read(buffer, end, buffer.length - end);
                if (n < 0) {
                    return null;
                }
                end += n;
            }
        }

        /** Moves the data to the front, into a larger buffer if necessary. */
        private void makeRoom() throws IOException {
            var length = end - start;
            if (length >= LINE_LIMIT) {
                throw new IOException("a line of more than " + LINE_LIMIT + " bytes");
            }
            var room = length < buffer.length ? buffer : new byte[Math.min(2 * buffer.length, LINE_LIMIT)];
            System.arraycopy(buffer, start, room, 0, length);
            buffer = room;
            start = 0;
            end = length;
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            connection.setTcpNoDelay(true);
            var lines = new LineReader(connection.getInputStream());
            OutputStream out = connection.getOutputStream();
            for (String line; (line = lines.read()) != null; ) {
                out.write(answer(line).getBytes(StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            // The user has disconnected, or violates the protocol.
        }
    }

    private static Thread start(Runnable task) {
        var thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Ends the program at the end of stdin, whatever its other threads are doing. */
    private static void endWithStdin() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            // Same as the end.
        }
        Runtime.getRuntime().halt(0);
    }

    public static void main(String[] args) throws IOException {
        if (args.length != 2 || !args[0].equals("--lock") || !LOCKS.containsKey(args[1])) {
            System.err.println("java Server.java " + String.join(" ", args) + ": want --lock "
                    + String.join("|", LOCKS.keySet()));
            System.exit(2);
        }
        var server = new Server("java-" + args[1], LOCKS.get(args[1]).get());
        start(Server::endWithStdin);
        var listener = new ServerSocket(0, BACKLOG, InetAddress.getByName("127.0.0.1"));
        System.out.print(new JsonWriter().put("sessbench", 1).put("listen", "127.0.0.1:" + listener.getLocalPort())
                .put("name", server.name).end());
        System.out.flush();
        while (true) {
            var connection = listener.accept();
            start(() -> server.serve(connection));
        }
    }
}
