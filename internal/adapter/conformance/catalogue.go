package conformance

// check is one rule of the specification and how to check it.
type check struct {
	section string       // of docs/adapter-protocol.md
	name    string       // the rule
	run     func(*probe) // called on a separate goroutine
	needs   []string     // operations without which it is skipped
	vital   bool         // after a failure no other check is possible
	started bool         // only for programs that are started here
}

// onConn returns a check that uses one connection.
func onConn(run func(*conn)) func(*probe) {
	return func(p *probe) { run(p.connect()) }
}

// inSession returns a check that uses one connection and a new session.
func inSession(run func(c *conn, id string)) func(*probe) {
	return onConn(func(c *conn) { run(c, c.newSession()) })
}

// anyCreate in check.needs stands for either of the operations that create a session.
const anyCreate = "get_or_create or create"

// catalogue returns all checks, in the order of the specification.
func catalogue() []check {
	const lines = "connections-and-lines"
	var (
		creates  = []string{anyCreate}
		given    = []string{"get_or_create"} // the id is given
		again    = []string{"get_or_create", "delete"}
		deletion = []string{anyCreate, "delete"}
		appends  = []string{anyCreate, "add_message"}
		updates  = []string{anyCreate, "update"}
		messages = []string{anyCreate, "add_message", "history"}
		fields   = []string{anyCreate, "update", "get"}
	)
	return []check{
		{section: "start-up", name: "start-up line", run: startUp, vital: true, started: true},
		{section: "hello", name: "hello", run: hello, vital: true},
		{section: "hello", name: "operations that hello lists are there", run: onConn(listed)},
		{section: "operations", name: "operations that hello does not list are unsupported", run: onConn(unlisted)},

		{section: lines, name: "one request, one line", run: onConn(oneLine)},
		{section: lines, name: "a request in pieces", run: onConn(pieces)},
		{section: lines, name: "unknown fields of a request are ignored", run: onConn(unknownFields)},
		{section: lines, name: "blanks in a request", run: blanks},
		{section: lines, name: "a line that is not JSON", run: garbage},
		{section: lines, name: "every connection sees all sessions", run: shared, needs: deletion},
		{section: lines, name: "a hundred connections", run: hundred},
		{section: lines, name: "answers without delay", run: onConn(delay)},

		{section: "create", name: "create returns new ids", run: onConn(newIDs), needs: []string{"create"}},
		{section: "get_or_create", name: "get_or_create creates once", run: onConn(getOrCreates), needs: given},
		{section: "errors", name: "an absent session is not_found", run: absentSession},
		{section: "errors", name: "no other operation creates an absent session", run: onConn(neverCreated), needs: given},
		{section: "delete", name: "delete removes", run: inSession(deletes), needs: deletion},
		{section: "sessions", name: "a session created after delete is empty", run: onConn(emptyAfterDelete), needs: again},

		{section: "history", name: "history: none, then each message", run: inSession(grows), needs: messages},
		{section: "history", name: "history: oldest first", run: inSession(oldestFirst), needs: messages},
		{section: "history", name: "history: the newest 15", run: inSession(newest), needs: messages},
		{section: "history", name: "history: roles as they were sent", run: inSession(roles), needs: messages},
		{section: "history", name: "history: numbers of messages", run: inSession(numbers), needs: messages},
		{section: "sessions", name: "messages stay in their session", run: onConn(apart), needs: messages},

		{section: "update", name: "update sets the named fields and leaves the others", run: inSession(merges), needs: fields},
		{section: "update", name: "update of no fields changes none", run: inSession(updatesNothing), needs: fields},
		{section: "sessions", name: "fields stay in their session", run: onConn(fieldsApart), needs: fields},

		{section: "sessions", name: "seq counts messages, from 1", run: countsMessages, needs: appends},
		{section: "sessions", name: "version counts changes", run: countsChanges, needs: creates},
		{section: "sessions", name: "incarnation stays the same until removal", run: sameIncarnation, needs: creates},
		{section: "sessions", name: "incarnation differs after removal", run: onConn(otherIncarnation), needs: again},

		{section: "sweep", name: "sweep removes sessions that were not used", run: sweeps, needs: []string{anyCreate, "sweep"}},
		{section: "census", name: "census counts sessions and locks", run: onConn(counts), needs: []string{anyCreate, "census"}},
		{section: "reset", name: "reset removes every session", run: resets, needs: creates},

		{section: "work", name: "add_message works for hold_us", run: works("add_message", "sleep"), needs: appends},
		{section: "work", name: "update works for hold_us", run: works("update", "sleep"), needs: updates},
		{section: "work", name: "add_message spins for hold_us", run: works("add_message", "spin"), needs: appends},
		{section: "work", name: "update spins for hold_us", run: works("update", "spin"), needs: updates},
		{section: "work", name: "work is done before the write", run: inSession(workBeforeWrite), needs: messages},
		{section: "work", name: "two messages at once in one session", run: inSession(twoAtOnce), needs: messages},
		{section: "work", name: "work in two sessions at once", run: onConn(twoSessions), needs: appends},

		{section: "add_message", name: "any text in messages", run: onConn(textInMessages), needs: messages},
		{section: "update", name: "any text in fields", run: onConn(textInFields), needs: fields},
		{section: "sizes", name: "a message of 128 KiB", run: onConn(largeMessage), needs: messages},
		{section: "sizes", name: "a history of 15 messages of 128 KiB", run: inSession(largeHistory), needs: messages},
		{section: "sizes", name: "fields of 1 MiB", run: onConn(largeFields), needs: fields},

		{section: "errors", name: "a field that is missing or of another type", run: onConn(illTyped)},
		{section: "start-up", name: "the end of stdin ends the program", run: end, started: true},
	}
}
