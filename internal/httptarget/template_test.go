package httptarget

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessbench/sessbench/scenarios"
)

type testValues map[string]value

func (v testValues) value(name string) (value, bool) {
	text, ok := v[name]
	return text, ok
}

func rendered(t testing.TB, s *step, v testValues) *request {
	t.Helper()
	q := &request{target: []byte("old"), body: []byte("old"), header: []headerField{{"Old", "old"}}}
	if err := s.render(v, q); err != nil {
		t.Fatal(err)
	}
	return q
}

// sample has every placeholder, with what needs an encoding.
var sample = testValues{
	"id": {text: "a/b c"}, "role": {text: "user"}, "content": {text: "50% \"é\"\n&"}, "user": {text: "3", literal: true}, "slot": {text: "41", literal: true},
	"fields": {fields: map[string]string{"b": "2\"", "a": "1"}}, "account.user": {text: "ada"}, "csrf": {text: "t&t"},
}

func TestRender(t *testing.T) {
	type want struct{ target, contentType, body string }
	for _, test := range []struct {
		why, op, yaml string
		want          want
	}{
		{"a path segment", "append", "request: POST /s/{id}/m/{content}", want{"/s/a%2Fb%20c/m/50%25%20%22%C3%A9%22%0A%26", "", ""}},
		{"a query in the request", "append", "request: 'POST /s?id={id}&c={content}'", want{"/s?id=a%2Fb%20c&c=50%25%20%22%C3%A9%22%0A%26", "", ""}},
		{"a query", "append", "request: POST /s\nquery: {i d: '{id}', c: 'x{content}', n: [1, 2.5, true]}",
			want{"/s?i%20d=a%2Fb%20c&c=x50%25%20%22%C3%A9%22%0A%26&n=1&n=2.5&n=true", "", ""}},
		{"a query behind one in the request", "append", "request: POST /s?a=b\nquery: {c: '{content}'}", want{"/s?a=b&c=50%25%20%22%C3%A9%22%0A%26", "", ""}},
		{"a path with what must be escaped", "append", "request: 'POST /é {{a%20/{content}'",
			want{"/%C3%A9%20%7Ba%20/50%25%20%22%C3%A9%22%0A%26", "", ""}},
		{"JSON", "append", `request: POST /
json: {role: "{role}", content: "{content}", n: 1, f: 1.50, h: 0x10, t: true, z: null, "a b": [x, "{{{id}}", {}], e: {}}`,
			want{"/", "application/json", `{"role":"user","content":"50% \"é\"\u000A&","n":1,"f":1.50,"h":16,"t":true,"z":null,` +
				`"a b":["x","{a/b c}",{}],"e":{}}`}},
		{"values with their types in JSON", "append", `request: POST /
json: {user: "{user}", slot: "number {slot}", "k{slot}": "{content}", csrf: "{id}"}`,
			want{"/", "application/json", `{"user":3,"slot":"number 41","k41":"50% \"é\"\u000A&","csrf":"a/b c"}`}},
		{"JSON that is not an object", "append", "request: POST /\njson: ['{content}']", want{"/", "application/json", `["50% \"é\"\u000A&"]`}},
		{"JSON with another type", "append", "request: POST /\njson: ['{content}']\ncontent_type: application/vnd.api+json",
			want{"/", "application/vnd.api+json", `["50% \"é\"\u000A&"]`}},
		{"JSON with a header for its type", "append", "request: POST /\njson: ['{content}']\nheaders: {content-type: a/b}",
			want{"/", "a/b", `["50% \"é\"\u000A&"]`}},
		{"text in JSON that only looks like a number", "append", "request: POST /\njson: ['{content}', '5', 2001-01-01, \"true\"]",
			want{"/", "application/json", `["50% \"é\"\u000A&","5","2001-01-01","true"]`}},
		{"all digits of a number", "append", "request: POST /\njson: ['{content}', 12345678901234567890123, 0.1000, 1_000]",
			want{"/", "application/json", `["50% \"é\"\u000A&",12345678901234567890123,0.1000,1000]`}},
		{"a form", "append", "request: POST /\nform: {content: '{content}', 'a&b': c d, u: '{user}'}",
			want{"/", "application/x-www-form-urlencoded", "content=50%25%20%22%C3%A9%22%0A%26&a%26b=c%20d&u=3"}},
		{"a body", "append", "request: POST /\nbody: '<{{{content}>'", want{"/", "text/plain; charset=utf-8", "<{50% \"é\"\n&>"}},
		{"a body with its type", "append", "request: POST /\nbody: '{content}'\ncontent_type: text/xml", want{"/", "text/xml", "50% \"é\"\n&"}},
		{"a shared value", "append", "request: POST /\njson: {a: &x ['{content}'], b: *x}",
			want{"/", "application/json", `{"a":["50% \"é\"\u000A&"],"b":["50% \"é\"\u000A&"]}`}},
		{"fields as an object", "update", "request: PUT /{id}\njson: {fields: '{fields}', text: 'x{fields}'}",
			want{"/a%2Fb%20c", "application/json", `{"fields":{"a":"1","b":"2\""},"text":"x{\"a\":\"1\",\"b\":\"2\\\"\"}"}`}},
		{"fields as the whole body", "update", "request: PATCH /\njson: '{fields}'", want{"/", "application/json", `{"a":"1","b":"2\""}`}},
		{"fields as a form", "update", "request: POST /\nform: '{fields}'", want{"/", "application/x-www-form-urlencoded", "a=1&b=2%22"}},
		{"fields in a form, as JSON", "update", "request: POST /\nform: {f: '{fields}'}",
			want{"/", "application/x-www-form-urlencoded", "f=%7B%22a%22%3A%221%22%2C%22b%22%3A%222%5C%22%22%7D"}},
		{"a secret, an account and a variable", "delete", "request: 'DELETE /{account.user}?t={env.TOKEN}&c={csrf}'\njson: {t: '{env.TOKEN}', u: 'x{env.TOKEN}'}",
			want{"/ada?t=s3cr%22t%2F&c=t%26t", "application/json", `{"t":"s3cr\"t/","u":"xs3cr\"t/"}`}},
	} {
		yaml := "    " + strings.ReplaceAll(test.yaml, "\n", "\n    ")
		if test.op == "append" && !strings.Contains(test.yaml, "{role}") {
			yaml = strings.Replace(yaml, "POST /", "POST /{role}/", 1)
			test.want.target = strings.Replace(test.want.target, "/", "/user/", 1)
		}
		text := withOperation(test.op, yaml) + "accounts: accounts.csv\nsetup: {request: GET /, capture: {csrf: .csrf}}\n"
		m, err := parseText(text)
		if err != nil {
			t.Errorf("%s: %v", test.why, err)
			continue
		}
		op, _ := scenarios.ParseOp(test.op)
		q := rendered(t, m.Operations[op].steps[0], sample)
		contentType, _ := headerValue(q.header, "Content-Type")
		if diff := cmp.Diff(test.want, want{string(q.target), contentType, string(q.body)}, cmp.AllowUnexported(want{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.why, diff)
		}
		if strings.HasPrefix(string(q.body), "{") && !json.Valid(q.body) {
			t.Errorf("%s: not JSON: %s", test.why, q.body)
		}
	}
}

func TestRenderUUID(t *testing.T) {
	s := mustParse(t, withOperation("delete", "    request: DELETE /{uuid}\n    json: ['{uuid}', 'x{uuid}']\n    headers: {Idempotency-Key: '{uuid}'}")).
		Operations[scenarios.Delete].steps[0]
	q := rendered(t, s, nil)
	id := string(q.target[1:])
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) ||
		string(q.body) != `["`+id+`","x`+id+`"]` || q.header[0].value != id {
		t.Errorf("%s %s %v: want one UUID", q.target, q.body, q.header)
	}
	if again := rendered(t, s, nil); string(again.target) == "/"+id {
		t.Error("the same UUID in the next request")
	}
}

func TestRenderErrors(t *testing.T) {
	m := mustParse(t, withOperation("append", "    request: POST /{id}/{role}\n    headers: {X-Text: '{content}'}"))
	for _, test := range []struct {
		why  string
		v    testValues
		want string
	}{
		{"a value that is not there", testValues{"content": {}, "role": {}}, "{id} has no value: it was not captured for this session"},
		{"a line break in a header", testValues{"id": {text: "1"}, "role": {}, "content": {text: "a\nX-Other: b"}},
			`header X-Text: {content}: a header cannot hold the character '\n'`},
	} {
		checkError(t, test.why, m.Operations[scenarios.Append].steps[0].render(test.v, new(request)), test.want)
	}
	m2 := mustParse(t, with("accounts: accounts.csv", "headers: {A: '{account.user}'}"))
	checkError(t, "more sessions than accounts", m2.Operations[scenarios.Delete].steps[0].render(testValues{"id": {}}, new(request)),
		"header A: {account.user} has no value: there are more sessions than accounts")
	if err := m.Operations[scenarios.Append].steps[0].render(testValues{"id": {}, "role": {}, "content": {text: "é\t "}}, new(request)); err != nil {
		t.Errorf("a header with letters beyond ASCII: %v", err)
	}
}

// TestRenderRoundTrip: whatever the values are, a server reads them as they were.
func TestRenderRoundTrip(t *testing.T) {
	parse := func(yaml string) *step {
		return mustParse(t, withOperation("append", yaml)).Operations[scenarios.Append].steps[0]
	}
	asJSON := parse("    request: POST /x{id}/y\n    json: {role: '{role}', content: 'a{content}b'}")
	asForm := parse("    request: POST /\n    query: {role: '{role}'}\n    form: {content: 'a{content}b'}")
	rapid.Check(t, func(rt *rapid.T) {
		id, role, content := rapid.String().Draw(rt, "id"), rapid.String().Draw(rt, "role"), rapid.String().Draw(rt, "content")
		v := testValues{"id": {text: id}, "role": {text: role}, "content": {text: content}}
		q := rendered(t, asJSON, v)
		var object struct{ Role, Content string }
		if err := json.Unmarshal(q.body, &object); err != nil || object.Role != role || object.Content != "a"+content+"b" {
			rt.Errorf("%s: %+v, %v", q.body, object, err)
		}
		u, err := url.ParseRequestURI(string(q.target))
		if err != nil || u.Path != "/x"+id+"/y" {
			rt.Errorf("%s: %v, %v", q.target, u, err)
		}
		q = rendered(t, asForm, v)
		u, err = url.ParseRequestURI(string(q.target))
		form, formErr := url.ParseQuery(string(q.body))
		if err != nil || formErr != nil || u.Query().Get("role") != role || form.Get("content") != "a"+content+"b" {
			rt.Errorf("%s %s: %v, %v", q.target, q.body, err, formErr)
		}
	})
}

func BenchmarkRenderAppend(b *testing.B) {
	s := mustParse(b, chat).Operations[scenarios.Append].steps[0]
	v := &fixed{id: "0123456789", role: "user", content: strings.Repeat("x", 100)}
	q := &request{}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.render(v, q); err != nil {
			b.Fatal(err)
		}
	}
}

type fixed struct{ id, role, content string }

func (f *fixed) value(name string) (value, bool) {
	switch name {
	case "id":
		return value{text: f.id}, true
	case "role":
		return value{text: f.role}, true
	case "content":
		return value{text: f.content}, true
	}
	return value{}, false
}

func TestRenderDoesNotAllocate(t *testing.T) {
	s := mustParse(t, with("headers: {X-A: b}")).Operations[scenarios.Append].steps[0]
	v, q := &fixed{id: "0123456789", role: "user", content: strings.Repeat("x", 100)}, &request{}
	if n := testing.AllocsPerRun(100, func() { _ = s.render(v, q) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
