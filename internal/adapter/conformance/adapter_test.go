package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/uuid"
)

// testAdapter is a correct adapter with one flaw. The empty flaw is none; some flaws are legal variants.
type testAdapter struct {
	flaw string

	mu       sync.Mutex // protects the following
	sessions map[string]*session
	deleted  map[string][]storedMessage
	created  int // sessions
	messages int
	answers  int
}

type session struct {
	mu       sync.Mutex // protects the following
	deleted  bool
	created  int // incarnation
	seq      int
	version  int
	messages []storedMessage
	fields   map[string]string
	used     time.Time
}

type storedMessage struct {
	Seq     any    `json:"seq,omitempty"`
	Role    string `json:"role"`
	Content string `json:"content"`
	Again   string `json:"again,omitempty"`
}

type parsedRequest struct {
	Op, Kind          string
	ID, Role, Content *string
	Fields            map[string]string
	Hold              int64  `json:"hold_us"`
	HoldKind          string `json:"hold_kind"`
	OlderThan         *int64 `json:"older_than_us"`
}

// illTyped returns an error for a request without a required field.
func (a *testAdapter) illTyped(q *parsedRequest) error {
	needsID := slices.Contains([]string{"get_or_create", "add_message", "history", "update", "get", "delete"}, q.Op)
	missing := needsID && q.ID == nil ||
		q.Op == "add_message" && (q.Role == nil || q.Content == nil) ||
		q.Op == "update" && q.Fields == nil || q.Op == "sweep" && q.OlderThan == nil
	if !missing || a.is("accepts ill-typed requests") {
		return nil
	}
	if a.is("a missing id is not_found") && q.ID == nil && q.Op != "get_or_create" {
		return nil
	}
	return errors.New("a field is missing")
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

type members = map[string]any

var allOps = []string{"create", "get_or_create", "add_message", "history", "update", "get", "delete", "sweep", "census", "reset"}

func failure(kind string) members { return members{"error": kind, "message": "on purpose"} }

// is reports whether the adapter has one of these flaws.
func (a *testAdapter) is(flaws ...string) bool { return slices.Contains(flaws, a.flaw) }

func newTestAdapter(flaw string) *testAdapter {
	return &testAdapter{flaw: flaw, sessions: map[string]*session{}, deleted: map[string][]storedMessage{}}
}

// runAdapter is the main function of the adapter as a process.
func runAdapter(flaw string) int {
	a := newTestAdapter(flaw)
	if a.is("ends at once") {
		fmt.Fprintln(os.Stderr, "no module named sessions")
		return 3
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	line, _ := json.Marshal(members{"sessbench": 1, "listen": l.Addr().String(), "name": "test"})
	for _, change := range [][3]string{
		{"announces another version", `"sessbench":1`, `"sessbench":2`},
		{"announces all interfaces", "127.0.0.1", "0.0.0.0"},
		{"text before the announcement", "{", "Welcome! {"},
	} {
		if a.is(change[0]) {
			line = bytes.Replace(line, []byte(change[1]), []byte(change[2]), 1)
		}
	}
	fmt.Println(string(line))
	fmt.Println("this line is ignored")
	var serving sync.WaitGroup
	go a.serveAll(l, &serving)
	if a.is("ignores the end of stdin") {
		select {}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if a.is("waits for its users") {
		serving.Wait()
	}
	return 0
}

// serveAll serves all connections until the listener is closed.
func (a *testAdapter) serveAll(l net.Listener, serving *sync.WaitGroup) {
	for n := 0; ; n++ {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if n >= 20 && a.is("serves few") {
			c.Close()
			continue
		}
		if n >= 20 && a.is("resets many") {
			_, _ = c.Read(make([]byte, 1)) // the request has come: what is read first is the reset
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
			continue
		}
		serving.Go(func() { a.serve(c) })
	}
}

// serve answers the requests of a connection.
func (a *testAdapter) serve(c net.Conn) {
	defer c.Close()
	own := a
	if a.is("sessions per connection") {
		own = newTestAdapter(a.flaw)
	}
	longest := maxLine
	switch a.flaw {
	case "lines of 64 KiB":
		longest = 64 << 10
	case "lines of 512 KiB":
		longest = 512 << 10
	case "lines of 4 MiB":
		longest = 4 << 20
	}
	in := bufio.NewScanner(c)
	in.Buffer(nil, longest)
	if a.is("treats a read as a line") {
		in.Split(func(data []byte, _ bool) (int, []byte, error) {
			if len(data) == 0 {
				return 0, nil, nil
			}
			return len(data), data, nil
		})
	}
	for n := 1; in.Scan(); n++ {
		answer := own.line(in.Bytes())
		if answer == nil {
			continue
		}
		if _, err := c.Write(append(answer, '\n')); err != nil || answer[0] == 'X' {
			return
		}
		if a.is("sends more later") && n > 1 { // not in the check of hello, which sends one request
			time.Sleep(quiet / 3)
			_, _ = c.Write([]byte("{}\n")) // fails on a closed connection
		}
	}
	_ = in.Err() // a line that is too long, or the closed connection, ends the conversation
}

// line returns the answer to a line, nil for none, or one that begins with X to close the connection.
func (a *testAdapter) line(line []byte) []byte {
	var q parsedRequest
	d := json.NewDecoder(bytes.NewReader(line))
	if a.is("rejects unknown fields") {
		d.DisallowUnknownFields()
	}
	err := d.Decode(&q)
	if err == nil {
		err = a.illTyped(&q)
	}
	if a.is("checks the first bytes") && !bytes.HasPrefix(line, []byte(`{"op":"`)) {
		err = errors.New("no op")
	}
	var answer members
	switch {
	case err != nil && a.is("crashes at invalid JSON"):
		panic(err)
	case err != nil && a.is("ignores invalid JSON"):
		return nil
	case err != nil && q.Op != "" && a.is("ill-typed is not_found"):
		answer = failure("not_found")
	case err != nil && q.Op != "" && a.is("ill-typed ends the connection"):
	case err != nil && a.is("accepts invalid JSON"):
		answer = members{}
	case err != nil:
		answer = failure("internal")
	default:
		answer = a.answer(&q)
	}
	if answer == nil {
		return []byte("X")
	}
	return a.encode(answer)
}

func (a *testAdapter) encode(answer members) []byte {
	for _, change := range []struct {
		flaw, name string
		to         func(any) any
	}{
		{"seq is text", "seq", func(n any) any { return fmt.Sprint(n) }},
		{"seq is a float", "seq", func(n any) any { return json.RawMessage(fmt.Sprint(n, ".0")) }},
		{"seq is negative", "seq", func(n any) any { return -n.(int) }},
		{"no counters", "seq", nil}, {"no counters", "version", nil}, {"no counters", "incarnation", nil},
		{"no created", "created", nil},
		{"removed is missing", "removed", nil},
		{"get without fields", "fields", nil},
		{"messages without roles", "messages", func(list any) any {
			bare := []members{}
			for _, m := range list.([]storedMessage) {
				bare = append(bare, members{"content": m.Content})
			}
			return bare
		}},
		{"messages are null", "messages", func(any) any { return nil }},
		{"an unknown error code", "error", func(any) any { return "gone_fishing" }},
	} {
		if v, there := answer[change.name]; there && a.is(change.flaw) {
			delete(answer, change.name)
			if change.to != nil {
				answer[change.name] = change.to(v)
			}
		}
	}
	if a.is("null for absent fields") {
		for _, name := range []string{"error", "message", "seq", "version", "incarnation", "held_us"} {
			if _, there := answer[name]; !there {
				answer[name] = nil
			}
		}
	}
	line, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	switch a.flaw {
	case "escapes everything":
		line = escapeStrings(line)
	case "two lines per answer":
		line = append(line, "\n{}"...)
	case "Latin-1":
		line = bytes.ReplaceAll(line, []byte("é"), []byte{0xe9})
	case "a list":
		line = fmt.Appendf(nil, "[%s]", line)
	case "data after the newline":
		line = append(line, "\n  "...)
	}
	return line
}

// escapeStrings escapes every character in the strings of a line of JSON. Its time is linear, because a history of 2 MiB
// must be answered within the time-out under the race detector.
func escapeStrings(line []byte) []byte {
	out := make([]byte, 0, 6*len(line))
	for inside := false; len(line) > 0; {
		r, size := utf8.DecodeRune(line)
		switch {
		case r == '"':
			inside = !inside
			out = append(out, '"')
		case !inside:
			out = append(out, line[:size]...)
		case r == '\\': // escaped already
			if size = 2; line[1] == 'u' {
				size = 6
			}
			out = append(out, line[:size]...)
		case r == '/':
			out = append(out, `\/`...)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				out = append(out, '\\', 'u', hexDigits[unit>>12], hexDigits[unit>>8&15], hexDigits[unit>>4&15], hexDigits[unit&15])
			}
		}
		line = line[size:]
	}
	return out
}

const hexDigits = "0123456789abcdef"

func (a *testAdapter) answer(q *parsedRequest) members {
	ops := allOps
	switch a.flaw {
	case "only chat":
		ops = []string{"create", "add_message", "history", "delete", "reset"}
	case "census is not listed":
		ops = []string{"create", "get_or_create", "reset"}
	case "reset is not listed":
		ops = ops[:len(ops)-1]
	}
	switch {
	case q.Op == "hello":
		hello := members{"sessbench": 1, "name": "test", "ops": ops}
		switch a.flaw {
		case "hello in another version":
			hello["sessbench"] = 2
		case "hello without ops":
			delete(hello, "ops")
		case "hello without a name":
			hello["name"] = "\u202e \x1b"
		}
		return hello
	case a.is("only chat") && !slices.Contains(ops, q.Op):
		return failure("unsupported")
	case !slices.Contains(allOps, q.Op):
		switch a.flaw {
		case "closes at unknown operations":
			return nil
		case "does unknown operations":
			return members{}
		}
		return failure("unsupported")
	case q.Op == "sweep" && a.is("lists a missing operation"):
		return failure("unsupported")
	}
	switch q.Op {
	case "create":
		return a.create()
	case "get_or_create":
		return a.getOrCreate(orZero(q.ID))
	case "sweep":
		return a.sweep(time.Duration(orZero(q.OlderThan)) * time.Microsecond)
	case "census":
		return a.census()
	case "reset":
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.is("reset does nothing") {
			a.sessions = map[string]*session{}
		}
		return members{}
	}
	return a.onSession(q)
}

// newSession creates a session. a.mu is held.
func (a *testAdapter) newSession(id string) *session {
	a.created++
	s := &session{created: a.created, fields: map[string]string{}, used: time.Now()}
	switch a.flaw {
	case "incarnations are reused":
		s.created = 1
	case "messages survive delete":
		s.messages = a.deleted[id]
	}
	a.sessions[id] = s
	return s
}

func (a *testAdapter) create() members {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := uuid.NewString()
	s := a.newSession(id)
	switch a.flaw {
	case "creates the same id":
		id = "8d1f6c1e-52a4-4c0b-9c3e-0d8a3f5b7e21"
		a.sessions[id] = s
	case "creates numbers as ids":
		id = fmt.Sprint(a.created)
	case "creates ids in upper case":
		id = strings.ToUpper(id)
	case "creates ids of version 1":
		id = uuid.Must(uuid.NewUUID()).String()
		a.sessions[id] = s
	case "forgets what it creates":
		delete(a.sessions, id)
	}
	return a.withCounters(s, members{"id": id})
}

func (a *testAdapter) getOrCreate(id string) members {
	a.mu.Lock()
	s, there := a.sessions[id]
	if !there {
		s = a.newSession(id)
	}
	a.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !a.is("get_or_create does not count as use") {
		s.used = time.Now()
	}
	return a.withCounters(s, members{"created": !there || a.is("always created")})
}

// withCounters adds the counters of a locked session.
func (a *testAdapter) withCounters(s *session, answer members) members {
	answer["seq"], answer["version"], answer["incarnation"] = s.seq, s.version, s.created
	if a.is("incarnation counts answers") {
		a.answers++
		answer["incarnation"] = a.answers
	}
	if a.is("seq from 0") && s.seq > 0 {
		answer["seq"] = s.seq - 1
	}
	return answer
}

// find returns a session with its lock held.
func (a *testAdapter) find(q *parsedRequest) *session {
	for {
		a.mu.Lock()
		s := a.sessions[orZero(q.ID)]
		if s == nil && (a.is("every operation creates") || a.is("creates and returns not_found") && q.Op == "update") {
			s = a.newSession(orZero(q.ID))
			if a.is("creates and returns not_found") {
				s = nil
			}
		}
		a.mu.Unlock()
		if s == nil {
			return nil
		}
		s.mu.Lock()
		if !s.deleted {
			return s
		}
		s.mu.Unlock()
	}
}

func (a *testAdapter) onSession(q *parsedRequest) members {
	s := a.find(q)
	if s == nil {
		if a.is("absent is internal") {
			return failure("internal")
		}
		if a.is("delete of nothing succeeds") && q.Op == "delete" {
			return members{}
		}
		return failure("not_found")
	}
	defer func() { s.mu.Unlock() }()
	answer := members{}
	switch q.Op {
	case "add_message", "update":
		a.change(s, q, answer)
	case "history":
		answer["messages"] = a.history(s)
	case "get":
		answer["fields"] = s.fields
	case "delete":
		a.mu.Lock()
		if !a.is("delete removes nothing") {
			s.deleted = true
			delete(a.sessions, orZero(q.ID))
			a.deleted[orZero(q.ID)] = s.messages
		}
		a.mu.Unlock()
	}
	if !a.is("reads do not count as use") || q.Op != "history" && q.Op != "get" {
		s.used = time.Now()
	}
	answer = a.withCounters(s, answer)
	if a.is("delete returns zero counters") && q.Op == "delete" {
		answer["seq"], answer["version"] = 0, 0
	}
	return answer
}

// change reads the session, does the work of the request, and writes the session.
func (a *testAdapter) change(s *session, q *parsedRequest, answer members) {
	if a.is("writes before the work") {
		a.write(s, q, s.seq, s.version, s.messages)
		s.mu.Unlock()
		a.work(q)
		s.mu.Lock()
		return
	}
	seq, version, messages := s.seq, s.version, s.messages
	start := time.Now()
	if a.is("no lock during the work") {
		s.mu.Unlock()
	}
	a.work(q)
	if a.is("no lock during the work") {
		s.mu.Lock()
	}
	held := time.Since(start)
	a.write(s, q, seq, version, messages)
	answer["held_us"] = held.Microseconds()
	if a.is("held in nanoseconds") {
		answer["held_us"] = held.Nanoseconds()
	}
}

func (a *testAdapter) work(q *parsedRequest) {
	hold := time.Duration(q.Hold) * time.Microsecond
	switch {
	case a.is("no work"), a.is("update does not work") && q.Op == "update", a.is("spin is ignored") && q.HoldKind == "spin",
		a.is("update does not spin") && q.Op == "update" && q.HoldKind == "spin":
		return
	case a.is("microseconds are nanoseconds"):
		hold /= 1000
	}
	if q.HoldKind == "spin" {
		for start := time.Now(); time.Since(start) < hold; {
		}
		return
	}
	time.Sleep(hold)
}

// write writes the session that was read with the change of the request.
func (a *testAdapter) write(s *session, q *parsedRequest, seq, version int, messages []storedMessage) {
	if !(a.is("version counts updates") && q.Op == "add_message") && !(a.is("no fields are no change") && q.Op == "update" && len(q.Fields) == 0) {
		s.version = version + 1
	}
	if q.Op == "update" {
		a.update(s, q.Fields)
		return
	}
	s.seq = seq + 1
	if a.is("seq of the store") {
		a.messages++
		s.seq = a.messages
	}
	m := storedMessage{Seq: s.seq, Role: orZero(q.Role), Content: a.mangle(orZero(q.Content))}
	if a.is("one role") {
		m.Role = "user"
	}
	most := map[string]int{"sixteen": 16, "fourteen": 14}[a.flaw]
	if most == 0 {
		most = kept
	}
	messages = append(messages[:len(messages):len(messages)], m)
	if extra := len(messages) - most; extra > 0 {
		if a.is("the oldest stay") {
			messages = messages[:most]
		} else {
			messages = messages[extra:]
		}
	}
	s.messages = messages
	if a.is("one history for all") {
		a.mu.Lock()
		for _, other := range a.sessions {
			other.messages = messages
		}
		a.mu.Unlock()
	}
}

func (a *testAdapter) update(s *session, fields map[string]string) {
	to := maps.Clone(s.fields)
	if a.is("update replaces") || a.is("no fields clear all") && len(fields) == 0 {
		to = map[string]string{}
	}
	for name, value := range fields {
		if a.is("names are trimmed") {
			name = strings.TrimSpace(name)
		}
		to[name] = a.mangle(value)
	}
	s.fields = to
	if a.is("one set of fields for all") {
		a.mu.Lock()
		for _, other := range a.sessions {
			other.fields = to
		}
		a.mu.Unlock()
	}
}

// mangle changes a text as the libraries of some languages do.
func (a *testAdapter) mangle(text string) string {
	switch a.flaw {
	case "NUL ends a text":
		text, _, _ = strings.Cut(text, "\x00")
	case "U+2028 ends a line":
		text = strings.NewReplacer("\u2028", "\n", "\u2029", "\n").Replace(text)
	case "no character beyond U+FFFF":
		text = strings.Map(func(r rune) rune {
			if r > 0xFFFF {
				return 0xFFFD
			}
			return r
		}, text)
	case "texts are trimmed":
		text = strings.TrimSpace(text)
	case "line ends are unified":
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	return text
}

func (a *testAdapter) history(s *session) []storedMessage {
	list := append([]storedMessage{}, s.messages...)
	switch a.flaw {
	case "newest first":
		slices.Reverse(list)
	case "history lags":
		list = list[:max(0, len(list)-1)]
	case "each message nine times":
		for i := range list {
			list[i].Again = strings.Repeat(list[i].Content, 8)
		}
	case "numbers within the history":
		for i := range list {
			list[i].Seq = i + 1
		}
	case "numbers here and there":
		for i := range list {
			if i%2 == 1 {
				list[i].Seq = nil
			}
		}
	case "no counters":
		for i := range list {
			list[i].Seq = nil
		}
	}
	return list
}

func (a *testAdapter) sweep(age time.Duration) members {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for id, s := range a.sessions {
		s.mu.Lock()
		old := time.Since(s.used) > age
		switch a.flaw {
		case "sweeps all":
			old = true
		case "sweeps none":
			old = false
		}
		if old {
			n++
			if !a.is("sweeps and keeps") {
				s.deleted = true
				delete(a.sessions, id)
			}
		}
		s.mu.Unlock()
	}
	if a.is("sweeps one more") {
		n++
	}
	return members{"removed": n}
}

func (a *testAdapter) census() members {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.sessions)
	count := members{"sessions": n, "locks": n, "threads": 1}
	switch a.flaw {
	case "counts deleted sessions":
		count["sessions"] = n + len(a.deleted)
	case "keeps locks":
		count["locks"] = n + len(a.deleted)
	}
	return count
}
