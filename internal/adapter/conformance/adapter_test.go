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
	"strings"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/uuid"
)

// testAdapter is a correct adapter, but for one flaw. The empty flaw is none, and some are only unusual.
type testAdapter struct {
	flaw string

	mu       sync.Mutex // protects what follows
	sessions map[string]*session
	graves   map[string][]said // of deleted sessions
	lives    int
	messages int
	used     int // incarnations told
}

type session struct {
	mu       sync.Mutex // protects what follows
	dead     bool
	life     int
	seq      int
	version  int
	messages []said
	fields   map[string]string
	used     time.Time
}

type said struct {
	Seq     any    `json:"seq,omitempty"`
	Role    string `json:"role"`
	Content string `json:"content"`
	Again   string `json:"again,omitempty"`
}

type asked struct {
	Op, Kind          string
	ID, Role, Content *string
	Fields            map[string]string
	Hold              int64  `json:"hold_us"`
	HoldKind          string `json:"hold_kind"`
	OlderThan         *int64 `json:"older_than_us"`
}

// illTyped is an error for a request that lacks a field.
func (a *testAdapter) illTyped(q *asked) error {
	needsID := contains([]string{"get_or_create", "add_message", "history", "update", "get", "delete"}, q.Op)
	lacks := needsID && q.ID == nil ||
		q.Op == "add_message" && (q.Role == nil || q.Content == nil) ||
		q.Op == "update" && q.Fields == nil || q.Op == "sweep" && q.OlderThan == nil
	if !lacks || a.is("takes what it gets") {
		return nil
	}
	if a.is("an absent id is no session") && q.ID == nil && q.Op != "get_or_create" {
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

type object_ = map[string]any

var allOps = []string{"create", "get_or_create", "add_message", "history", "update", "get", "delete", "sweep", "census", "reset"}

func failure(kind string) object_ { return object_{"error": kind, "message": "on purpose or not"} }

// is reports whether the adapter has one of these flaws.
func (a *testAdapter) is(flaws ...string) bool {
	for _, f := range flaws {
		if f == a.flaw {
			return true
		}
	}
	return false
}

// act is the adapter's main function.
func act(flaw string) int {
	a := &testAdapter{flaw: flaw, sessions: map[string]*session{}, graves: map[string][]said{}}
	if a.is("ends at once") {
		fmt.Fprintln(os.Stderr, "no module named sessions")
		return 3
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	line, _ := json.Marshal(object_{"sessbench": 1, "listen": l.Addr().String(), "name": "test"})
	for _, lie := range [][3]string{
		{"announces another version", `"sessbench":1`, `"sessbench":2`},
		{"announces all interfaces", "127.0.0.1", "0.0.0.0"},
		{"greets before it announces", "{", "Welcome! {"},
	} {
		if a.is(lie[0]) {
			line = bytes.Replace(line, []byte(lie[1]), []byte(lie[2]), 1)
		}
	}
	fmt.Println(string(line))
	fmt.Println("this line is ignored")
	var serving sync.WaitGroup
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if n >= 20 && a.is("serves few") {
				c.Close()
				continue
			}
			serving.Go(func() { a.serve(c) })
		}
	}()
	if a.is("outlives its stdin") {
		select {}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if a.is("waits for its users") {
		serving.Wait()
	}
	return 0
}

// serve answers the requests of a connection.
func (a *testAdapter) serve(c net.Conn) {
	defer c.Close()
	mine := a
	if a.is("sessions of a connection") {
		mine = &testAdapter{flaw: a.flaw, sessions: map[string]*session{}, graves: map[string][]said{}}
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
	if a.is("a read is a line") {
		in.Split(func(data []byte, _ bool) (int, []byte, error) {
			if len(data) == 0 {
				return 0, nil, nil
			}
			return len(data), data, nil
		})
	}
	for in.Scan() {
		answer := mine.line(in.Bytes())
		if answer == nil {
			continue
		}
		if _, err := c.Write(append(answer, '\n')); err != nil || answer[0] == 'X' {
			return
		}
		if a.is("says more later") {
			time.Sleep(quiet / 3)
			_, _ = c.Write([]byte("{}\n")) // errs when nobody listens any more
		}
	}
}

// line answers one, with nothing, or with one that begins with an X, after which the connection is closed.
func (a *testAdapter) line(line []byte) []byte {
	var q asked
	d := json.NewDecoder(bytes.NewReader(line))
	if a.is("refuses what it does not know") {
		d.DisallowUnknownFields()
	}
	err := d.Decode(&q)
	if err == nil {
		err = a.illTyped(&q)
	}
	if a.is("looks at the first bytes") && !bytes.HasPrefix(line, []byte(`{"op":"`)) {
		err = errors.New("no op")
	}
	var answer object_
	switch {
	case err != nil && a.is("crashes at no JSON"):
		panic(err)
	case err != nil && a.is("ignores no JSON"):
		return nil
	case err != nil && q.Op != "" && a.is("ill-typed is not_found"):
		answer = failure("not_found")
	case err != nil && q.Op != "" && a.is("ill-typed ends the connection"):
	case err != nil && a.is("no JSON is fine"):
		answer = object_{}
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

func (a *testAdapter) encode(answer object_) []byte {
	for _, change := range []struct {
		flaw, name string
		to         func(any) any
	}{
		{"seq is text", "seq", func(n any) any { return fmt.Sprint(n) }},
		{"seq is a float", "seq", func(n any) any { return json.RawMessage(fmt.Sprint(n, ".0")) }},
		{"seq is negative", "seq", func(n any) any { return -n.(int) }},
		{"tells no counters", "seq", nil}, {"tells no counters", "version", nil}, {"tells no counters", "incarnation", nil},
		{"tells no created", "created", nil},
		{"removed is missing", "removed", nil},
		{"get without fields", "fields", nil},
		{"messages without roles", "messages", func(list any) any {
			bare := []object_{}
			for _, m := range list.([]said) {
				bare = append(bare, object_{"content": m.Content})
			}
			return bare
		}},
		{"messages are null", "messages", func(any) any { return nil }},
		{"an error of its own", "error", func(any) any { return "gone_fishing" }},
	} {
		if v, there := answer[change.name]; there && a.is(change.flaw) {
			delete(answer, change.name)
			if change.to != nil {
				answer[change.name] = change.to(v)
			}
		}
	}
	if a.is("null for what it does not tell") {
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
	case "escapes all it can":
		line = escapeStrings(line)
	case "two lines an answer":
		line = append(line, "\n{}"...)
	case "Latin-1":
		line = bytes.ReplaceAll(line, []byte("é"), []byte{0xe9})
	case "a list":
		line = fmt.Appendf(nil, "[%s]", line)
	case "lines end late":
		line = append(line, "\n  "...)
	}
	return line
}

// escapeStrings escapes every character of the strings of a line of JSON. Its time is linear in the line's length: a
// history of 2 MiB must be answered within the kit's time limit under the race detector, too.
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

func (a *testAdapter) answer(q *asked) object_ {
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
		hello := object_{"sessbench": 1, "name": "test", "ops": ops}
		switch a.flaw {
		case "hello in another version":
			hello["sessbench"] = 2
		case "hello without ops":
			delete(hello, "ops")
		case "hello without a name":
			hello["name"] = "\u202e \x1b"
		}
		return hello
	case a.is("only chat") && !contains(ops, q.Op):
		return failure("unsupported")
	case !contains(allOps, q.Op):
		switch a.flaw {
		case "closes at unknown operations":
			return nil
		case "does unknown operations":
			return object_{}
		}
		return failure("unsupported")
	case q.Op == "sweep" && a.is("lists what it has not"):
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
		return object_{}
	}
	return a.onSession(q)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// begin makes a session. a.mu is held.
func (a *testAdapter) begin(id string) *session {
	a.lives++
	s := &session{life: a.lives, fields: map[string]string{}, used: time.Now()}
	switch a.flaw {
	case "incarnations are reused":
		s.life = 1
	case "messages outlive their session":
		s.messages = a.graves[id]
	}
	a.sessions[id] = s
	return s
}

func (a *testAdapter) create() object_ {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := uuid.NewString()
	s := a.begin(id)
	switch a.flaw {
	case "mints the same id":
		id = "8d1f6c1e-52a4-4c0b-9c3e-0d8a3f5b7e21"
		a.sessions[id] = s
	case "mints numbers":
		id = fmt.Sprint(a.lives)
	case "mints in upper case":
		id = strings.ToUpper(id)
	case "mints version 1":
		id = uuid.Must(uuid.NewUUID()).String()
		a.sessions[id] = s
	case "forgets what it mints":
		delete(a.sessions, id)
	}
	return a.tell(s, object_{"id": id})
}

func (a *testAdapter) getOrCreate(id string) object_ {
	a.mu.Lock()
	s, there := a.sessions[id]
	if !there {
		s = a.begin(id)
	}
	a.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !a.is("get_or_create is no use") {
		s.used = time.Now()
	}
	return a.tell(s, object_{"created": !there || a.is("always created")})
}

// tell adds the counters of a session that is held.
func (a *testAdapter) tell(s *session, answer object_) object_ {
	answer["seq"], answer["version"], answer["incarnation"] = s.seq, s.version, s.life
	if a.is("incarnation counts answers") {
		a.used++
		answer["incarnation"] = a.used
	}
	if a.is("seq from 0") && s.seq > 0 {
		answer["seq"] = s.seq - 1
	}
	return answer
}

// find finds a session and takes its lock.
func (a *testAdapter) find(q *asked) *session {
	for {
		a.mu.Lock()
		s := a.sessions[orZero(q.ID)]
		if s == nil && (a.is("mutations create") || a.is("creates and says not") && q.Op == "update") {
			s = a.begin(orZero(q.ID))
			if a.is("creates and says not") {
				s = nil
			}
		}
		a.mu.Unlock()
		if s == nil {
			return nil
		}
		s.mu.Lock()
		if !s.dead {
			return s
		}
		s.mu.Unlock()
	}
}

func (a *testAdapter) onSession(q *asked) object_ {
	s := a.find(q)
	if s == nil {
		if a.is("absent is internal") {
			return failure("internal")
		}
		if a.is("deleting nothing is fine") && q.Op == "delete" {
			return object_{}
		}
		return failure("not_found")
	}
	defer func() { s.mu.Unlock() }()
	answer := object_{}
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
			s.dead = true
			delete(a.sessions, orZero(q.ID))
			a.graves[orZero(q.ID)] = s.messages
		}
		a.mu.Unlock()
	}
	if !a.is("reading is no use") || q.Op != "history" && q.Op != "get" {
		s.used = time.Now()
	}
	answer = a.tell(s, answer)
	if a.is("delete tells nothing of the end") && q.Op == "delete" {
		answer["seq"], answer["version"] = 0, 0
	}
	return answer
}

// change does the work of a request between reading and writing.
func (a *testAdapter) change(s *session, q *asked, answer object_) {
	if a.is("writes before it works") {
		a.write(s, q, s.seq, s.version, s.messages)
		s.mu.Unlock()
		a.work(q)
		s.mu.Lock()
		return
	}
	seq, version, messages := s.seq, s.version, s.messages
	start := time.Now()
	if a.is("no lock while it works") {
		s.mu.Unlock()
	}
	a.work(q)
	if a.is("no lock while it works") {
		s.mu.Lock()
	}
	held := time.Since(start)
	a.write(s, q, seq, version, messages)
	answer["held_us"] = held.Microseconds()
	if a.is("held in nanoseconds") {
		answer["held_us"] = held.Nanoseconds()
	}
}

func (a *testAdapter) work(q *asked) {
	hold := time.Duration(q.Hold) * time.Microsecond
	switch {
	case a.is("no work"), a.is("update does not work") && q.Op == "update", a.is("spin is not known") && q.HoldKind == "spin",
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

// write writes what a request says over what was read.
func (a *testAdapter) write(s *session, q *asked, seq, version int, messages []said) {
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
	m := said{Seq: s.seq, Role: orZero(q.Role), Content: a.mangle(orZero(q.Content))}
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

// mangle does to a text what languages do to theirs.
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

func (a *testAdapter) history(s *session) []said {
	list := append([]said{}, s.messages...)
	switch a.flaw {
	case "newest first":
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
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
	case "tells no counters":
		for i := range list {
			list[i].Seq = nil
		}
	}
	return list
}

func (a *testAdapter) sweep(age time.Duration) object_ {
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
				s.dead = true
				delete(a.sessions, id)
			}
		}
		s.mu.Unlock()
	}
	if a.is("sweeps one more") {
		n++
	}
	return object_{"removed": n}
}

func (a *testAdapter) census() object_ {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.sessions)
	count := object_{"sessions": n, "locks": n, "threads": 1}
	switch a.flaw {
	case "counts the dead":
		count["sessions"] = n + len(a.graves)
	case "keeps locks":
		count["locks"] = n + len(a.graves)
	}
	return count
}
