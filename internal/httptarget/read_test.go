package httptarget

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

func TestRead(t *testing.T) {
	const seq, version = scenarios.ReportsSeq, scenarios.ReportsVersion
	type effect = scenarios.Effect
	for _, test := range []struct {
		why, op, yaml string
		status        int
		body          string
		want          effect
		err           string
	}{
		{"a number of a message", "append", "seq: .seq", 200, `{"seq": 7}`, effect{Seq: 7, Reported: seq}, ""},
		{"a number far down", "append", "seq: .a[1].seq", 200, `{"a": [0, {"seq": 7}]}`, effect{Seq: 7, Reported: seq}, ""},
		{"a computed number", "append", "seq: (.messages | length)", 200, `{"messages": [1, 2, 3]}`, effect{Seq: 3, Reported: seq}, ""},
		{"a whole number with a fraction", "append", "seq: .seq", 200, `{"seq": 7.0}`, effect{Seq: 7, Reported: seq}, ""},
		{"a large number", "append", "seq: .seq", 200, `{"seq": 9007199254740993}`, effect{Seq: 9007199254740993, Reported: seq}, ""},
		{"the last of two members with one name", "append", "seq: .seq", 200, `{"seq": {"a": "}"}, "x": "\"seq\": 3", "seq": 7}`, effect{Seq: 7, Reported: seq}, ""},
		{"a name with an escape", "append", "seq: .seq", 200, `{"x": "\\", "s\u0065q": 7}`, effect{Seq: 7, Reported: seq}, ""},
		{"a number and a version", "append", "seq: .n\nversion: .v", 200, `{"n": 1, "v": 2}`, effect{Seq: 1, Version: 2, Reported: seq | version}, ""},
		{"server-sent events", "append", "seq: .[-2].seq\nevents: true", 200, "{\"delta\": \"a\"}\n{\"seq\": 7}\n[DONE]\n", effect{Seq: 7, Reported: seq}, ""},
		{"no events", "append", "seq: .[-1].seq\nevents: true", 200, "", effect{}, "returns null: want a whole number"},
		{"nothing", "append", "", 200, `no JSON`, effect{}, ""},
		{"a page instead of JSON", "append", "seq: .seq", 200, `<html>`, effect{}, "seq: the body is not JSON: invalid character '<'"},
		{"no body", "append", "seq: .seq", 200, ``, effect{}, "seq: the body is not JSON: EOF"},
		{"half a body", "append", "seq: .seq", 200, `{"seq": 7`, effect{}, "seq: the body is not JSON: unexpected EOF"},
		{"two values", "append", "seq: .seq", 200, `{"seq": 7} {"seq": 8}`, effect{}, "seq: the body is not JSON: data after the value"},
		{"no such member", "append", "seq: .seq", 200, `{}`, effect{}, "seq: jq: .seq returns null: want a whole number"},
		{"a negative number", "append", "seq: .seq", 200, `{"seq": -1}`, effect{}, "returns -1: want a whole number"},
		{"a fraction", "append", "seq: .seq", 200, `{"seq": 1.5}`, effect{}, "returns 1.5: want a whole number"},
		{"a string", "append", "seq: .seq", 200, `{"seq": "7"}`, effect{}, `returns "7": want a whole number`},
		{"a member of a list", "append", "seq: .seq", 200, `[7]`, effect{}, `seq: jq: .seq: expected an object but got: array`},
		{"a program that returns nothing", "append", "seq: empty", 200, `[7]`, effect{}, "seq: jq: empty returns no value"},
		{"a program that fails", "append", "seq: 'error(\"no\")'", 200, `{}`, effect{}, "no"},
		{"the newest messages", "history", `messages: ".messages[] | {seq, role, content}"`, 200,
			`{"messages": [{"seq": 3, "role": "user", "content": "a", "at": [1]}, {"seq": 4, "role": "bot", "content": "\u00e9\""}]}`,
			effect{Messages: []manager.Message{{Seq: 3, Role: "user", Content: "a"}, {Seq: 4, Role: "bot", Content: `é"`}}}, ""},
		{"a list of messages", "history", "messages: .messages", 200, `{"messages": [{"role": "user", "content": "a"}]}`,
			effect{Messages: []manager.Message{{Role: "user", Content: "a"}}}, ""},
		{"messages without numbers", "history", `messages: '.[] | {role: .who, content: .text}'`, 200, `[{"who": "user", "text": "a"}]`,
			effect{Messages: []manager.Message{{Role: "user", Content: "a"}}}, ""},
		{"the role in the text", "history", `messages: '.[].text | capture("(?s)^(?<role>[a-z]+) (?<content>.*)$")'`, 200, "[{\"text\": \"bot a b\\nc\"}]",
			effect{Messages: []manager.Message{{Role: "bot", Content: "a b\nc"}}}, ""},
		{"newest first, turned round", "history", `messages: 'reverse'`, 200, `[{"role": "user", "content": "b"}, {"role": "user", "content": "a"}]`,
			effect{Messages: []manager.Message{{Role: "user", Content: "a"}, {Role: "user", Content: "b"}}}, ""},
		{"no messages", "history", `messages: '.messages[]'`, 200, `{"messages": []}`, effect{}, ""},
		{"null for no messages", "history", `messages: '.messages[]?'`, 200, `{"messages": null}`, effect{}, ""},
		{"null that is not declared", "history", `messages: '.messages[]'`, 200, `{"messages": null}`, effect{}, "messages: jq: .messages[]: "},
		{"a message without a role", "history", `messages: '.[]'`, 200, `[{"content": "a"}]`, effect{}, `the message {"content":"a"} lacks role or content, as strings`},
		{"a message with a number for its content", "history", `messages: '.[]'`, 200, `[{"role": "a", "content": 5}]`, effect{}, `lacks role or content`},
		{"a message that is a string", "history", `messages: '.[]'`, 200, `["a"]`, effect{}, `"a" is not a message: want an object`},
		{"a message with a bad number", "history", `messages: '.[]'`, 200, `[{"role": "a", "content": "b", "seq": "1"}]`, effect{}, `has a seq that is not a whole number`},
		{"fields", "read", "fields: .fields", 200, `{"fields": {"a": "1", "b": "", "c": null}}`, effect{Fields: map[string]string{"a": "1", "b": ""}}, ""},
		{"no fields", "read", "fields: .fields", 200, `{"fields": {}}`, effect{Fields: map[string]string{}}, ""},
		{"a field that is a number", "read", "fields: .", 200, `{"a": 1}`, effect{Fields: map[string]string{}}, "fields: a is 1: want a string"},
		{"fields that are a list", "read", "fields: .", 200, `["a"]`, effect{}, `fields: ["a"]: want an object`},
		{"only a version", "read", "version: .v", 200, `{"v": 3}`, effect{Version: 3, Reported: version}, ""},
		{"created by status", "get_or_create", "created: {status: 201}", 201, ``, effect{Created: true}, ""},
		{"not created by status", "get_or_create", "created: {status: [201, 202]}", 200, ``, effect{}, ""},
		{"created by jq", "get_or_create", "created: .new", 200, `{"new": true}`, effect{Created: true}, ""},
		{"neither created nor not", "get_or_create", "created: .new", 200, `{}`, effect{}, "created: jq: .new returns null: want true or false"},
		{"removed sessions", "sweep", "removed: .n", 200, `{"n": 5}`, effect{Removed: 5}, ""},
		{"removed sessions without a number", "sweep", "removed: .n", 200, `{}`, effect{}, "removed: jq: .n returns null"},
	} {
		yaml := "    request: PUT /\n"
		if test.op == "append" {
			yaml += "    body: '{role} {content}'\n"
		}
		yaml = strings.TrimRight(yaml+"    "+strings.ReplaceAll(test.yaml, "\n", "\n    "), " \n")
		m, err := parseText(strings.Replace(withOperation(test.op, yaml), "id: .session_id", "id: {client: uuid}", 1))
		if err != nil {
			t.Errorf("%s: %v", test.why, err)
			continue
		}
		op, _ := scenarios.ParseOp(test.op)
		var got effect
		err = m.Operations[op].read(&response{status: test.status, body: []byte(test.body)}, &got)
		if len(got.Messages) == 0 {
			got.Messages = nil
		}
		if diff := cmp.Diff(test.want, got); diff != "" && test.err == "" {
			t.Errorf("%s (-want +got):\n%s", test.why, diff)
		}
		checkError(t, test.why, err, test.err)
	}
}

// TestReadKeepsTheNewest: a service may keep and return more messages than sessbench compares.
func TestReadKeepsTheNewest(t *testing.T) {
	var list []string
	for i := range 40 {
		list = append(list, fmt.Sprintf(`{"seq": %d, "role": "user", "content": "m%d"}`, i+1, i+1))
	}
	for _, program := range []string{".[]", ".", ".[] | {seq, role, content}", "map(.)"} {
		o := mustParse(t, withOperation("history", "    request: GET /\n    messages: '"+program+"'")).Operations[scenarios.History]
		e := scenarios.Effect{Messages: make([]manager.Message, 3, 20)}
		if err := o.read(&response{body: []byte("[" + strings.Join(list, ",") + "]")}, &e); err != nil {
			t.Fatal(err)
		}
		if n := len(e.Messages); n != manager.HistoryLimit || e.Messages[0].Seq != 26 || e.Messages[n-1] != (manager.Message{Seq: 40, Role: "user", Content: "m40"}) {
			t.Errorf("%s: %v", program, e.Messages)
		}
	}
}

func TestCapture(t *testing.T) {
	s := mustParse(t, withOperation("create", `    request: GET /login
    capture:
      token: .token
      number: {jq: .n}
      next: {header: location}
      sid: {cookie: sid}
      csrf: {regexp: '<input name=(.{5})'}
      word: {regexp: '[a-z]+'}`)).Operations[scenarios.Create].steps[0]
	a := response{
		header: []headerField{{"Location", "/a"}, {"Location", "/b"}, {"Set-Cookie", "sid=1; Path=/"}, {"Set-Cookie", "other=3"}, {"Set-Cookie", "sid = 2=x;HttpOnly"}},
		body:   []byte(`{"token": "t", "n": 5, "page": "<input name=\"x\">", "html": 1, "c": {}}`),
	}
	got := map[string]value{}
	if err := s.capture(&a, func(name string, v value) { got[name] = v }); err != nil {
		t.Fatal(err)
	}
	want := map[string]value{"token": {text: "t"}, "number": {text: "5", literal: true}, "next": {text: "/a"}, "sid": {text: "2=x"},
		"csrf": {text: `\"x\"`}, "word": {text: "token"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(value{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, test := range []struct{ why, yaml, want string }{
		{"no cookie", "{cookie: none}", "capture a: the answer sets no cookie none"},
		{"no header", "{header: none}", "capture a: the answer has no header None"},
		{"no match", "{regexp: 'zz(z)'}", `capture a: the body does not match "zz(z)"`},
		{"an object", ".c", "capture a: jq: .c returns {}: want a string or a number"},
	} {
		s := mustParse(t, withOperation("create", "    request: GET /\n    capture: {a: "+test.yaml+"}")).Operations[scenarios.Create].steps[0]
		checkError(t, test.why, s.capture(&a, func(string, value) {}), test.want)
	}
}

// TestJQEnds: a program that does not end is stopped, whether or not it returns values.
func TestJQEnds(t *testing.T) {
	for _, program := range []string{"def f: f; f", "repeat(1) | empty", "[repeat(1)]", "last(range(1e18))"} {
		x, err := compileJQ(program)
		if err != nil {
			t.Fatal(err)
		}
		x.limit = 50 * time.Millisecond
		_, err = x.one(&document{body: []byte("{}")})
		checkError(t, program, err, "has not ended after 50ms")
	}
	x, err := compileJQ(`repeat({role: "a", content: "b"})`)
	if err != nil {
		t.Fatal(err)
	}
	x.limit = 50 * time.Millisecond
	messages, err := readMessages(x, &document{body: []byte("{}")}, nil)
	checkError(t, "messages without end", err, "has not ended after 50ms")
	if len(messages) > manager.HistoryLimit {
		t.Errorf("%d messages", len(messages))
	}
}

// TestJQIsolated: a program reads the answer and nothing else.
func TestJQIsolated(t *testing.T) {
	t.Setenv("SESSBENCH_TEST_SECRET", "x")
	x, err := compileJQ(`env.SESSBENCH_TEST_SECRET, $ENV.SESSBENCH_TEST_SECRET | values`)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := x.one(&document{body: []byte("{}")}); err == nil {
		t.Errorf("the environment is visible: %v", v)
	}
	if _, err := compileJQ("input"); err == nil {
		t.Error("input is a function")
	}
}

// TestShapes: programs of the usual forms and those that mean the same have the same results.
func TestShapes(t *testing.T) {
	for _, test := range []struct {
		program string
		simple  bool
	}{
		{".", true}, {".a", true}, {" .a.b_2 ", true}, {".a[]", true}, {".[]", true}, {".a[] | {seq, role, content}", true},
		{".a[]|{role:.who,content: .text }", true}, {".a | {role, content}", false}, {".a[] | {role, text}", false}, {".a[0]", false},
		{".a?", false}, {"..", false}, {".a[] | {role: .a.b}", false}, {".a, .b", false}, {"length", false}, {".a[] | {}", false}, {".a[] | {seq}", true},
	} {
		if _, err := compileJQ(test.program); err != nil {
			t.Errorf("%s: %v", test.program, err)
		}
		if got := shapeOf(test.program) != nil; got != test.simple {
			t.Errorf("%s: a usual form: %v, want %v", test.program, got, test.simple)
		}
	}
}

// FuzzShapes compares the single pass with the program.
func FuzzShapes(f *testing.F) {
	for _, body := range []string{
		`{"a": 7}`, `{"a": "x\u00e9\n", "b": [1.5e-3, -0, true, false, null, {}, []]}`, `{"a": {"a": 1}, "a": 2}`, `{"a": 01}`, `{"a": 1} x`, `[]`, `7`,
		`{"a": [{"seq": 1, "role": "user", "content": "a\"b", "x": {}}, {"content": "", "role": "é"}]}`, "{\"a\": \"\xff\"}", `{"a": [{"role": "a"}]}`, `{"a": [{"": 1, "role": "a", "content": "b"}]}`,
		`{"a": [{"seq": 1, "seq": 2, "role": "a", "content": "b"}]}`, `{"a": [{"seq": 1e0, "role": "a", "content": "b"}]}`, `{"a": 12345678901234567890}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, program := range []string{".", ".a", ".a.a", ".a[]", ".[]", ".a[] | {seq, role, content}", ".a[] | {content: .role, role: .content}", ".a[] | {role, content}", ".a[] | {seq}"} {
			fast, err := compileJQ(program)
			if err != nil || fast.shape == nil {
				t.Fatal(program, err)
			}
			slow := *fast
			slow.shape = nil
			compare(t, program, body, (*expression).integer, fast, &slow)
			compare(t, program, body, (*expression).scalar, fast, &slow)
			compare(t, program, body, func(x *expression, d *document) ([]manager.Message, error) { return readMessages(x, d, nil) }, fast, &slow)
		}
	})
}

func compare[T any](t *testing.T, program, body string, read func(*expression, *document) (T, error), fast, slow *expression) {
	t.Helper()
	got, err := read(fast, &document{body: []byte(body)})
	want, wantErr := read(slow, &document{body: []byte(body)})
	if (err == nil) != (wantErr == nil) {
		t.Errorf("%s of %s: error %v, want %v", program, body, err, wantErr)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(value{})); diff != "" && err == nil {
		t.Errorf("%s of %s (-want +got):\n%s", program, body, diff)
	}
}

func TestReadAppendDoesNotAllocate(t *testing.T) {
	o := mustParse(t, chat).Operations[scenarios.Append]
	a, e := &response{body: []byte(`{"id": "x", "n": [1], "seq": 17}`)}, &scenarios.Effect{}
	if n := testing.AllocsPerRun(100, func() { _ = o.read(a, e) }); n != 0 || e.Seq != 17 {
		t.Errorf("%v allocations, want 0; seq %d", n, e.Seq)
	}
}

func BenchmarkRead(b *testing.B) {
	m := mustParse(b, chat)
	var list []string
	for i := range 15 {
		list = append(list, fmt.Sprintf(`{"seq": %d, "role": "user", "content": "%s"}`, i+1, strings.Repeat("x", 100)))
	}
	for op, body := range map[scenarios.Op]string{
		scenarios.Append:  `{"session_id": "0123456789", "seq": 17, "created": "2026-01-01T00:00:00Z"}`,
		scenarios.History: `{"messages": [` + strings.Join(list, ",") + `]}`,
	} {
		b.Run(op.String(), func(b *testing.B) {
			a, e := &response{body: []byte(body)}, &scenarios.Effect{}
			b.ReportAllocs()
			for b.Loop() {
				e.Clear()
				if err := m.Operations[op].read(a, e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
