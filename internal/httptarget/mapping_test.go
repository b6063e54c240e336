package httptarget

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/scenarios"
)

// chat is the smallest useful mapping.
const chat = `name: my-chatbot
base: http://127.0.0.1:8000
session:
  id: .session_id
operations:
  create:
    request: POST /sessions
  append:
    request: POST /sessions/{id}/messages
    json: {role: "{role}", content: "{content}"}
    seq: .seq
  history:
    request: GET /sessions/{id}/messages
    messages: ".messages[] | {seq, role, content}"
  delete: DELETE /sessions/{id}
`

// files are what a mapping in a test may open.
type files map[string]string

func (f files) open(name string) (io.ReadCloser, error) {
	text, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// environment has the variables TOKEN and EMPTY.
func environment(name string) (string, bool) {
	text, ok := map[string]string{"TOKEN": `s3cr"t/`, "EMPTY": ""}[name]
	return text, ok
}

func parseText(text string) (*Mapping, error) {
	return parse("chat.yaml", []byte(text), nil, environment, files{"accounts.csv": "user,password\nada,1234\ngrace,\"5,6\"\n", "empty.csv": "user\n",
		"twice.csv": "user,user\na,b\n", "ragged.csv": "a,b\n1\n"}.open)
}

func mustParse(t testing.TB, text string) *Mapping {
	t.Helper()
	m, err := parseText(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// with returns the mapping chat with other lines: each replaces the line that begins with the same key, or is added.
func with(lines ...string) string {
	text := chat
	for _, line := range lines {
		k, _, _ := strings.Cut(line, ":")
		before, after, found := strings.Cut("\n"+text, "\n"+k+":")
		if !found {
			text += line + "\n"
			continue
		}
		_, after, _ = strings.Cut(after, "\n")
		for strings.HasPrefix(after, " ") {
			_, after, _ = strings.Cut(after, "\n")
		}
		text = strings.TrimPrefix(before+"\n"+line+"\n"+after, "\n")
	}
	return text
}

// operation returns chat with an operation that replaces the one of the same name, or is added.
func withOperation(name, yaml string) string {
	before, after, found := strings.Cut(chat, "  "+name+":")
	if found {
		_, after, _ = strings.Cut(after, "\n")
		for strings.HasPrefix(after, "    ") {
			_, after, _ = strings.Cut(after, "\n")
		}
		return before + "  " + name + ":\n" + yaml + "\n" + after
	}
	return chat + "  " + name + ":\n" + yaml + "\n"
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chat.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("chat.yaml", with("accounts: people.csv", "headers: {Authorization: \"Bearer {env.SESSBENCH_TEST_TOKEN}\"}"))
	write("people.csv", "user\nada\n")
	if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "SESSBENCH_TEST_TOKEN is not set") {
		t.Errorf("without the variable: %v", err)
	}
	t.Setenv("SESSBENCH_TEST_TOKEN", "abc")
	m, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user, ok := m.Accounts.value(0, "user"); !ok || user != "ada" || m.Accounts.len() != 1 {
		t.Errorf("account %q, %v", user, ok)
	}
	if got := m.Mask("Bearer abc"); got != "Bearer ***" {
		t.Errorf("masked: %q", got)
	}
	if _, err := Load(filepath.Join(dir, "none.yaml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestParse(t *testing.T) {
	m := mustParse(t, chat)
	if m.Name != "my-chatbot" || m.Path != "chat.yaml" || len(m.Bases) != 1 || m.Bases[0].String() != "http://127.0.0.1:8000" ||
		m.Affinity || m.Start != nil || m.Ready != nil || m.Session.from.jq == nil || m.Consistency != "" || m.Volatile {
		t.Errorf("%+v", m)
	}
	if diff := cmp.Diff([][]int{{404, 410}, {409}, {429}}, [][]int{m.NotFound, m.Conflict, m.Throttled}); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	var mapped []string
	for op, o := range m.Operations {
		if o != nil {
			mapped = append(mapped, scenarios.Op(op).String())
		}
	}
	if diff := cmp.Diff([]string{"create", "append", "history", "delete"}, mapped); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// TestKeys has every key of the top level with a value other than the default.
func TestKeys(t *testing.T) {
	m := mustParse(t, strings.TrimPrefix(with("name: x"), "name: x\n"))
	if m.Name != "chat" {
		t.Errorf("without a name: %q, want that of the file", m.Name)
	}
	m = mustParse(t, with(
		"base: [http://127.0.0.1:8001/, 'https://[::1]:8002']",
		"affinity: session",
		"start: uvicorn 'app:app' --port 8000",
		"ready: {request: GET /healthz, status: 302}",
		"session: {id: {cookie: sid}, rotates: true}",
		"headers: {Authorization: \"Bearer {env.TOKEN}\", x-user: '{account.user}'}",
		"accounts: accounts.csv",
		"setup: [POST /reset, {request: GET /token, capture: {token: .token}}]",
		"teardown: 'POST /logout?token={token}'",
		"reset: DELETE /sessions",
		"errors: {not_found: 302, conflict: [409, 412], throttled: []}",
		"consistency: eventual(2s)",
		"volatile: true",
	))
	if len(m.Bases) != 2 || m.Bases[0].Host != "127.0.0.1:8001" || m.Bases[0].Path != "" || m.Bases[1].Scheme != "https" || !m.Affinity {
		t.Errorf("base %v, affinity %v", m.Bases, m.Affinity)
	}
	if diff := cmp.Diff([]string{"uvicorn", "app:app", "--port", "8000"}, m.Start); diff != "" {
		t.Errorf("start (-want +got):\n%s", diff)
	}
	if !m.Ready.succeeded(302) || !m.Ready.succeeded(204) || m.Ready.succeeded(301) || m.Ready.method != "GET" {
		t.Errorf("ready: %+v", m.Ready)
	}
	if m.Session.cookie != "sid" || !m.Session.Rotates || m.Session.from != nil || m.Session.client {
		t.Errorf("session: %+v", m.Session)
	}
	if m.Consistency != "eventual" || m.Bound != 2*time.Second || !m.Volatile {
		t.Errorf("consistency: %q, %v, volatile %v", m.Consistency, m.Bound, m.Volatile)
	}
	if diff := cmp.Diff([][]int{{302}, {409, 412}, {}}, [][]int{m.NotFound, m.Conflict, m.Throttled}); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if len(m.Setup) != 2 || len(m.Teardown) != 1 || len(m.Reset) != 1 || m.Setup[1].captures[0].name != "token" {
		t.Errorf("setup %v, teardown %v, reset %v", m.Setup, m.Teardown, m.Reset)
	}
	secret := []headerField{{"Authorization", `Bearer s3cr"t/`}}
	if diff := cmp.Diff(secret, rendered(t, m.Setup[0], nil).header, cmp.AllowUnexported(headerField{})); diff != "" {
		t.Errorf("headers of setup: a session's account has no value there (-want +got):\n%s", diff)
	}
	q := rendered(t, m.Operations[scenarios.Delete].steps[0], testValues{"account.user": {text: "ada"}, "id": {text: "7"}})
	if diff := cmp.Diff(append(secret, headerField{"X-User", "ada"}), q.header, cmp.AllowUnexported(headerField{})); diff != "" {
		t.Errorf("headers of delete (-want +got):\n%s", diff)
	}
	for _, test := range [][2]string{
		{`Bearer s3cr"t/`, "Bearer ***"}, {`/x?token=s3cr%22t%2F`, "/x?token=***"}, {`{"token":"s3cr\"t/"}`, `{"token":"***"}`}, {"secret", "secret"},
	} {
		if got := m.Mask(test[0]); got != test[1] {
			t.Errorf("masked %q: %q, want %q", test[0], got, test[1])
		}
	}
}

func TestSessionIdentity(t *testing.T) {
	for _, test := range []struct {
		why, yaml, body string
		header          []headerField
		want            value
		err             string
	}{
		{"a jq expression", "session: {id: .a.id}", `{"a": {"id": "x y"}}`, nil, value{text: "x y"}, ""},
		{"a number keeps its digits and its type", "session: {id: .id}", `{"id": 12345678901234567890123}`, nil,
			value{text: "12345678901234567890123", literal: true}, ""},
		{"a header", "session: {id: {header: x-session}}", "", []headerField{{"X-Session", "q"}}, value{text: "q"}, ""},
		{"an expression in the body", "session: {id: {regexp: 'id=(\\d+)'}}", "<a href='?id=42'>", nil, value{text: "42"}, ""},
		{"no id", "session: {id: .id}", `{}`, nil, value{}, "session id: jq: .id returns null: want a string or a number"},
		{"an empty id", "session: {id: .id}", `{"id": ""}`, nil, value{}, "session id: it is empty"},
		{"not JSON", "session: {id: .id}", `<html>`, nil, value{}, "session id: the body is not JSON: invalid character '<'"},
		{"no header", "session: {id: {header: X-Session}}", "", nil, value{}, "session id: the answer has no header X-Session"},
	} {
		m := mustParse(t, with(test.yaml))
		got, err := m.Session.identify(&response{body: []byte(test.body), header: test.header})
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(value{})); diff != "" && test.err == "" {
			t.Errorf("%s (-want +got):\n%s", test.why, diff)
		}
		checkError(t, test.why, err, test.err)
	}
	if m := mustParse(t, with("session: {id: {client: uuid}}")); !m.Session.client || m.Session.from != nil {
		t.Errorf("ids of the client: %+v", m.Session)
	}
}

// checkError fails unless err contains want, or both are empty.
func checkError(t *testing.T, why string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", why, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: error %v, want %q", why, err, want)
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ why, text, want string }{
		{"an empty file", "", "chat.yaml: the file is empty"},
		{"only a comment", "# nothing\n", "chat.yaml"},
		{"not YAML", "a: [", "chat.yaml: yaml: line 1: "},
		{"a list", "- a", "chat.yaml:1: the mapping: want an object with name, base, "},
		{"two documents", chat + "---\n{}", "chat.yaml: want one document"},
		{"no base", with("base: []"), `chat.yaml:2: base: want an address`},
		{"missing keys", "name: x", "chat.yaml:1: the mapping: no base\nchat.yaml:1: the mapping: no session\nchat.yaml:1: the mapping: no operations"},
		{"an unknown key", with("bas: x"), `chat.yaml:16: the mapping: unknown key "bas": want one of name, base, affinity, `},
		{"an unknown operation", withOperation("remove", "    request: GET /"), `chat.yaml:16: operations: unknown key "remove": want one of create, `},
		{"an unknown key of a request", withOperation("create", "    request: POST /\n    jsn: {}"),
			`chat.yaml:8: create: unknown key "jsn": want one of request, query, headers, json, form, body, `},
		{"a part that the operation does not have", withOperation("create", "    request: POST /\n    seq: .seq"),
			`chat.yaml:8: create: unknown key "seq": want one of `},
		{"a key twice", chat + "name: x\n", `chat.yaml:16: duplicate key "name": also in line 1`},
		{"an address without a scheme", with("base: localhost:8000"), `chat.yaml:2: base: "localhost:8000": want http://HOST:PORT`},
		{"an address with a path", with("base: http://localhost/api"), `a path belongs into the requests`},
		{"an address with a password", with("base: http://a:b@localhost"), `want http://HOST:PORT`},
		{"an unknown affinity", with("affinity: sticky"), `chat.yaml:16: "sticky": want none or session`},
		{"a shell", with("start: a | b"), "chat.yaml:16: start: "},
		{"no command", with("start: ''"), "start: want a command"},
		{"an address elsewhere", with("base: [http://127.0.0.1:1, http://192.0.2.1:2]"), `chat.yaml:2: base: "192.0.2.1" is not this machine: allow it with --allow-remote 192.0.2.1`},
		{"a port in the host", with("base: http://127.0.0.{port}", "start: server {port}"), `base: "http://127.0.0.{port}": {port} stands for the port alone`},
		{"workers without a command", with("workers: 2"), "workers: sessbench starts each with a port of its own: want start, and one base with {port}"},
		{"workers on one port", with("workers: 2", "start: server"), "workers: sessbench starts each"},
		{"workers of two addresses", with("workers: 2", "base: ['http://127.0.0.1:{port}', 'http://[::1]:{port}']", "start: server {port}"), "workers: sessbench starts each"},
		{"no workers", with("workers: 0", "base: http://127.0.0.1:{port}", "start: server {port}"), `"0": want a number from 1 to 64`},
		{"certificates without https", with("tls: {ca: ca.pem}"), "tls: no address in base begins with https"},
		{"certificates that are none", with("tls: {ca: accounts.csv}", "base: https://localhost"), "tls: ca: accounts.csv: want certificates in PEM"},
		{"no file of certificates", with("tls: {ca: none.pem}", "base: https://localhost"), "tls: ca: open none.pem: file does not exist"},
		{"tls without a file", with("tls: {}", "base: https://localhost"), "tls: no ca"},
		{"a version of HTTP", with("http2: 2"), `"2": want true or false`},
		{"a port only in base", with("base: http://127.0.0.1:{port}", "start: server"), "start: {port} must be in base and in start"},
		{"a port without a command", with("base: http://127.0.0.1:{port}"), "base: {port} is chosen for a service that sessbench starts"},
		{"two sources of the id", with("session: {id: {cookie: a, header: b}}"), "session.id: want exactly one of jq, header, cookie, regexp, client"},
		{"no source of the id", with("session: {id: {}}"), "session.id: want exactly one of"},
		{"an unknown kind of id", with("session: {id: {client: number}}"), `"number": want uuid`},
		{"rotation without a cookie", with("session: {id: .id, rotates: true}"), "rotates: only with id: {cookie: NAME}"},
		{"a text for a boolean", with("volatile: maybe"), `chat.yaml:16: "maybe": want true or false`},
		{"a bad status", with("errors: {not_found: [404, 4040]}"), `chat.yaml:16: "4040": want a status from 200 to 599`},
		{"a status as a text", with("errors: {conflict: none}"), `"none": want a status`},
		{"a status in two lists", with("errors: {not_found: 409}"), "status 409 is not_found and conflict"},
		{"a success as an error", with("errors: {not_found: 204}"), "status 204 is a success"},
		{"an unknown level", with("consistency: strong"), `"strong": want linearizable, last-writer-wins, read-your-writes or eventual(BOUND)`},
		{"a level without its bound", with("consistency: eventual"), "want linearizable"},
		{"a bad bound", with("consistency: eventual(2)"), "such as eventual(2s)"},
		{"a bad name", with("name: a b"), `name: "a b": want letters`},
		{"no accounts", with("accounts: none.csv"), "chat.yaml:16: accounts: open none.csv: file does not exist"},
		{"accounts without rows", with("accounts: empty.csv"), "empty.csv: want a line with the names of the columns, and one line for each account"},
		{"a column twice", with("accounts: twice.csv"), `column "user": want different names`},
		{"a row with too few columns", with("accounts: ragged.csv"), "wrong number of fields"},

		{"bad jq", withOperation("append", "    request: POST /\n    body: '{role} {content}'\n    seq: '.a['"), `chat.yaml:11: jq: ".a[": `},
		{"an unknown function of jq", with("session: {id: nothing}"), `function not defined: nothing/0`},
		{"bad regexp", with("session: {id: {regexp: '('}}"), "session.id: error parsing regexp"},
		{"a request without a method", withOperation("create", "    request: /sessions"), `create: request "/sessions": want METHOD /PATH`},
		{"a request with a host", withOperation("create", "    request: GET http://a/b"), "want METHOD /PATH"},
		{"a request with a fragment", withOperation("create", "    request: 'GET /a#b'"), "want METHOD /PATH"},
		{"no request", withOperation("create", "    headers: {A: b}"), "chat.yaml:7: create: no request: want METHOD /PATH"},
		{"two bodies", withOperation("create", "    request: POST /\n    json: {}\n    form: {a: b}"), "create: want only one of json, form and body"},
		{"a type without a body", withOperation("create", "    request: POST /\n    content_type: a/b"), "there is no json, form or body"},
		{"a request beside steps", withOperation("create", "    request: POST /\n    steps: [GET /]"), "create: request belongs into one of the steps"},
		{"no steps", withOperation("create", "    steps: []"), "create: want at least one step"},
		{"steps in a step", withOperation("create", "    steps: [{steps: [GET /]}]"), `create: unknown key "steps"`},
		{"steps in setup", with("setup: {steps: [GET /]}"), `setup: unknown key "steps"`},
		{"a header of the connection", with("headers: {content-length: 5}"), "header Content-Length: it belongs to the connection"},
		{"a cookie", with("headers: {Cookie: a=b}"), "cookies belong to the session"},
		{"a bad header", with(`headers: {"a b": c}`), `header "a b": want letters`},
		{"a header twice", with("headers: {x-a: b, X-A: c}"), "header X-A is there twice"},
		{"a header with a line break", with(`headers: {x-a: "b\r\nc: d"}`), "control character"},
		{"headers as a list", with("headers: [a]"), "want names and values"},
		{"a list as a text", with("name: [a]"), "want a text, not a list"},
		{"nothing as a text", with("start:"), "want a text, not nothing"},
		{"a number as a text", with("start: 5"), `write "5" with quotes`},
		{"infinity in JSON", withOperation("create", "    request: POST /\n    json: .inf"), "unsupported value: +Inf"},

		{"an unknown placeholder", withOperation("delete", "    request: DELETE /{idd}"),
			"chat.yaml:16: delete: {idd} has no value here: want one of {id}, {user}, {slot}, {uuid}, {env.NAME}, or {{ for a brace"},
		{"an open placeholder", withOperation("delete", "    request: DELETE /{id"), "want a placeholder such as {id}, or {{ for a brace"},
		{"a placeholder without quotes", withOperation("create", "    request: POST /\n    json: {a: {uuid}}"), `write "{uuid}" with quotes`},
		{"a text without quotes", withOperation("create", "    request: POST /\n    form: {a: {uuid}}"), `write "{uuid}" with quotes`},
		{"an id before there is one", withOperation("create", "    request: PUT /{id}"), "create: {id} has no value here"},
		{"the content of no message", withOperation("delete", "    request: DELETE /{content}"), "delete: {content} has no value here"},
		{"a session in setup", with("setup: GET /{slot}"), "setup: {slot} has no value here: want one of {uuid}, {env.NAME}"},
		{"accounts that are not there", withOperation("delete", "    request: DELETE /{account.user}"), "there are no accounts: want accounts: FILE.csv"},
		{"a column that is not there", with("accounts: accounts.csv", "headers: {A: '{account.name}'}"),
			"headers: {account.name} has no value here: want one of {user}, {slot}, {account.user}, {account.password}, "},
		{"a variable that is not set", with("headers: {A: '{env.NONE}'}"), "chat.yaml:16: headers: {env.NONE}: the environment variable NONE is not set"},
		{"an empty variable", with("headers: {A: '{env.EMPTY}'}"), "the environment variable EMPTY is not set"},
		{"a variable before it is captured", withOperation("create", "    steps: ['GET /{a}', {request: GET /, capture: {a: .a}}]"), "create: {a} has no value here"},
		{"a variable of the last request", with("setup: {request: 'GET /{a}', capture: {a: .a}}"), "setup: {a} has no value here"},
		{"a variable of an operation in setup", withOperation("delete", "    request: DELETE /\n    capture: {a: .a}") + "setup: GET /{a}\n",
			"setup: {a} has no value here"},
		{"a variable of append in create", strings.Replace(withOperation("append", "    request: POST /{role}/{content}\n    capture: {a: .a}"),
			"POST /sessions", "POST /{a}", 1), "create: {a} has no value here"},
		{"a variable of no session", with("ready: {request: GET /, capture: {a: .a}}"), "ready: capture: it belongs neither to a session nor to setup"},
		{"a variable with the name of a placeholder", withOperation("create", "    request: GET /\n    capture: {role: .role}"),
			`capture: "role": want a name of letters, digits and _ that is not a placeholder yet`},
		{"a variable with two sources", withOperation("create", "    request: GET /\n    capture: {a: {jq: .a, header: b}}"),
			"create: capture: a: want exactly one of jq, header, cookie, regexp"},

		{"a message without its role", withOperation("append", "    request: POST /{content}"), "append: no request has {role}: a service without roles can keep it in the text"},
		{"a message without content", withOperation("append", "    request: POST /{role}"), "append: no request has {content}"},
		{"an update without fields", withOperation("update", "    request: POST /"), "update: no request has {fields}"},
		{"a history without messages", withOperation("history", "    request: GET /"), "history: want messages: a jq expression"},
		{"a read of nothing", withOperation("read", "    request: GET /"), "read: want fields or version"},
		{"an ensuring request that does not say what it did", strings.Replace(withOperation("get_or_create", "    request: PUT /{id}"),
			"id: .session_id", "id: {client: uuid}", 1), "get_or_create: want created: {status: 201} or a jq expression"},
		{"an ensuring request with ids of the service", withOperation("get_or_create", "    request: PUT /{id}\n    created: .created"),
			"get_or_create needs session ids that the client chooses"},
		{"no creation", with("operations: {delete: DELETE /}"), "want create (or get_or_create)"},
		{"an anchor in itself", "a: &a [*a]\n" + chat, "unknown key"},
		{"a value in itself", withOperation("create", "    request: POST /\n    json: &a [*a, *a]"), "more than 20000 values"},
		{"two errors", with("volatile: 5", "affinity: 5"), "chat.yaml:16: \"5\": want true or false\nchat.yaml:17: \"5\": want none or session"},
	} {
		_, err := parseText(test.text)
		if err == nil {
			t.Errorf("%s: no error, want %q", test.why, test.want)
			continue
		}
		checkError(t, test.why, err, test.want)
	}
}

func TestWithPort(t *testing.T) {
	m := mustParse(t, with("base: http://127.0.0.1:{port}", "start: server --listen '127.0.0.1:{port}'"))
	if !m.NeedsPort {
		t.Error("no port is needed")
	}
	for _, port := range []int{4711, 4712} {
		got, err := m.withPort(port)
		if err != nil {
			t.Fatal(err)
		}
		want := url.URL{Scheme: "http", Host: map[int]string{4711: "127.0.0.1:4711", 4712: "127.0.0.1:4712"}[port]}
		if got.NeedsPort || *got.Bases[0] != want || got.Start[2] != want.Host || got.Start[0] != "server" {
			t.Errorf("%v: %v, %q", port, got.Bases, got.Start)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(chat)
	f.Add(with("base: [http://127.0.0.1:{port}]", "start: server {port}", "headers: {A: '{env.TOKEN} {account.user} {{'}", "accounts: accounts.csv",
		"session: {id: {cookie: sid}, rotates: true}", "errors: {not_found: 302}", "consistency: eventual(2s)",
		"setup: [{request: GET /, capture: {a: {regexp: '(.)'}}}]"))
	f.Add(withOperation("create", "    steps: [{request: 'GET /?a={uuid}', query: {a: [1, 2.5, true]}, form: {b: '{slot}'}, capture: {c: {header: d}}}]"))
	f.Add("a: &a [*a]\n<<: *a\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseText(text)
		if (m == nil) == (err == nil) {
			t.Errorf("%v, %v", m, err)
		}
		if m == nil {
			return
		}
		v := testValues{"id": {text: "1"}, "role": {text: "\""}, "content": {text: "é\x00"}, "fields": {fields: map[string]string{"a": "b"}}, "user": {text: "1", literal: true}}
		a := response{status: 200, body: []byte(`{"session_id": "a", "seq": 1, "messages": []}`)}
		for _, o := range m.Operations {
			if o == nil {
				continue
			}
			for _, s := range o.steps {
				_ = s.render(v, new(request))
				_ = s.capture(&a, func(string, value) {})
			}
		}
	})
}
