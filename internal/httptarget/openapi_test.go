package httptarget

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/sessbench/sessbench/scenarios"
)

// The documents are those of FastAPI 0.92 (fastapi.json is that of examples/http/fastapi, conversations.json is changed to the form of OpenAPI
// 3.1 that FastAPI has from 0.99 on).
func draftOf(t testing.TB, name string, from string) string {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("testdata", "openapi", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var u *url.URL
	if from != "" {
		if u, err = url.Parse(from); err != nil {
			t.Fatal(err)
		}
	}
	draft, err := Draft(document, u)
	if err != nil {
		t.Fatal(err)
	}
	return string(draft)
}

// TestDraftOfFastAPI: two edits make the draft the final mapping.
func TestDraftOfFastAPI(t *testing.T) {
	draft := draftOf(t, "fastapi", "http://127.0.0.1:8000/openapi.json")
	edits := [][2]string{
		{"base: http://127.0.0.1:8000\n# start: COMMAND --port {port} # decide: the command that starts the service, if sessbench should; then base: http://127.0.0.1:{port}\n",
			"base: http://127.0.0.1:{port}\nstart: env SESSIONS=fixed uvicorn app:app --port {port} --log-level warning\n"},
		{"# seq: .seq # decide: the number of the message in its session, from 1, if the answer has it\n", "seq: .seq\n"},
	}
	for _, edit := range edits {
		if strings.Count(draft, edit[0]) != 1 {
			t.Fatalf("the draft lacks %q:\n%s", edit[0], draft)
		}
		draft = strings.Replace(draft, edit[0], edit[1], 1)
	}
	got, err := parseText(draft)
	if err != nil {
		t.Fatalf("%v\n%s", err, draft)
	}
	want, err := Load(filepath.Join("..", "..", "examples", "http", "fastapi", "fixed.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(summary(want), summary(got)); diff != "" {
		t.Errorf("(-final +draft with two edits):\n%s", diff)
	}
}

// summary is what a mapping does, for a comparison.
func summary(m *Mapping) (lines []string) {
	lines = append(lines, strings.Join(m.bases, " "), strings.Join(m.Start, " "), m.Ready.method+" "+m.Ready.target[0].text)
	for op, o := range m.Operations {
		if o == nil {
			continue
		}
		programs := ""
		for _, x := range []*expression{o.seq, o.version, o.messages, o.fields} {
			if x != nil {
				programs += " " + x.source
			}
		}
		q := &request{}
		err := o.steps[0].render(sample, q)
		lines = append(lines, strings.Join([]string{scenarios.Op(op).String(), q.method, string(q.target), string(q.body), programs}, " "))
		if err != nil {
			lines = append(lines, err.Error())
		}
	}
	return lines
}

// TestDraftOfModels: schemas of answers, other names, parameters, credentials and a server with a path.
func TestDraftOfModels(t *testing.T) {
	draft := draftOf(t, "conversations", "http://localhost:9000/api/openapi.json")
	for _, want := range []string{
		"name: conversations-more\nbase: http://localhost:9000\n", "ready: GET /live\n", "# headers: {Authorization: \"Bearer {env.TOKEN}\"} # decide: ",
		"  id: .id\n", "  create:\n    request: POST /api/conversations\n    json: {title: \"x\"} # decide: the value of title\n",
		"    request: POST /api/conversations/{id}/turns\n    json: {author: \"{role}\", text: \"{content}\"} # decide: author must be one of [\"user\",\"bot\"]; ",
		"    seq: .number\n", "    query: {limit: \"\"} # decide: ", "    messages: \".turns[] | {seq: .number, role: .author, content: .text}\"\n",
		"  validate:\n    request: GET /api/conversations/{id}\n", "  touch:\n    request: POST /api/conversations/{id}/keep-alive\n",
		"  update:\n    request: PATCH /api/conversations/{id}/settings\n    json: \"{fields}\" # decide: ", "  read:\n    request: GET /api/conversations/{id}/settings\n",
		"  delete:\n    request: DELETE /api/conversations/{id}\n",
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("no %q in\n%s", want, draft)
		}
	}
	if _, err := parseText(draft); err != nil {
		t.Errorf("%v\n%s", err, draft)
	}
}

// TestDraftWithIDInTheBody: the id of the session is in the body of append, and answers are not documented.
func TestDraftWithIDInTheBody(t *testing.T) {
	draft := draftOf(t, "chatbot", "")
	for _, want := range []string{
		"base: http://127.0.0.1:8000 # decide: where the service listens\n", "# ready: GET /PATH # decide: ", "  id: .session_id # decide: ",
		"    request: POST /session\n", "    request: POST /chat\n    json: {message: \"{role} {content}\", session_id: \"{id}\"}\n",
		"    request: GET /history/{id}\n    messages: '.history[] | {seq} + (.message | capture(\"(?s)^(?<role>[a-z]+) (?<content>.*)$\"))' # decide: ", "    request: DELETE /session/{id}\n",
	} {
		if !strings.Contains(draft, want) {
			t.Errorf("no %q in\n%s", want, draft)
		}
	}
	if _, err := parseText(draft); err != nil {
		t.Errorf("%v\n%s", err, draft)
	}
}

func TestDraftOfUnusualDocuments(t *testing.T) {
	const head = `{"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, `
	for _, test := range []struct{ why, document, from, want string }{
		{"a relative server", head + `"servers": [{"url": "/v1/"}], "paths": {"/sessions": {"post": {"responses": {}}}}}`, "http://localhost:1/docs/openapi.json",
			"base: http://localhost:1\n# start: "},
		{"its path", head + `"servers": [{"url": "/v1/"}], "paths": {"/sessions": {"post": {"responses": {}}}}}`, "http://localhost:1/docs/openapi.json",
			"    request: POST /v1/sessions\n"},
		{"an absolute server in a file", head + `"servers": [{"url": "http://localhost:2/v1"}], "paths": {"/sessions": {"post": {"responses": {}}}}}`, "",
			"base: http://localhost:2\n"},
		{"a server with variables", head + `"servers": [{"url": "https://{region}.example.com"}], "paths": {"/sessions": {"post": {"responses": {}}}}}`, "",
			"base: http://127.0.0.1:8000 # decide: "},
		{"YAML", "openapi: 3.0.0\ninfo: {title: T, version: '1'}\npaths: {/chats: {post: {responses: {}}}}", "", "    request: POST /chats\n"},
		{"a path that YAML would misread", head + `"paths": {"/sessions: #1": {"post": {"responses": {}}}}}`, "", `    request: "POST /sessions: #1"`},
		{"a title with line breaks", `{"openapi": "3.0.0", "info": {"title": "a\nb: c\u2028d", "version": "1"}, "paths": {"/a": {}}}`, "", "document of a b: c d 1."},
		{"a form", head + `"paths": {"/sessions/{id}/messages": {"post": {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema":
			{"type": "object", "properties": {"content": {"type": "string"}}}}}}, "responses": {}}}}}`, "", `    form: {content: "{role} {content}"}`},
		{"required values", head + `"paths": {"/sessions": {"post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object",
			"required": ["a", "b", "c", "d", "e", "f", "g"], "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}, "c": {"type": "array"}, "d": {"type": "object"},
			"e": {"type": "string", "format": "uuid"}, "f": {"default": "{x"}, "g": {"enum": ["y"]}, "h": {}}}}}}, "responses": {}}}}}`, "",
			`    json: {a: 1, b: false, c: [], d: {}, e: "{uuid}", f: "{{x", g: "y"} # decide: the value of a, b, c, d, e, f, g`},
		{"a status without digits", head + `"paths": {"/sessions": {"post": {"responses": {"": {}}}}}}`, "", "    request: POST /sessions\n"},
		{"nothing about sessions", head + `"paths": {"/cats": {"get": {"responses": {}}}}}`, "", "  # create: {request: METHOD /PATH} # decide: no request"},
	} {
		var from *url.URL
		if test.from != "" {
			from, _ = url.Parse(test.from)
		}
		draft, err := Draft([]byte(test.document), from)
		if err != nil {
			t.Errorf("%s: %v", test.why, err)
			continue
		}
		if !strings.Contains(string(draft), test.want) {
			t.Errorf("%s: no %q in\n%s", test.why, test.want, draft)
		}
	}
}

// TestReferences: what a document refers to is read as if it stood there.
func TestReferences(t *testing.T) {
	const document = `
openapi: 3.1.0
info: {title: T, version: '1'}
paths:
  /chats: {$ref: '#/components/pathItems/chats'}
  /chats/{id}/messages:
    post:
      parameters:
        - {$ref: '#/components/parameters/page'}
      requestBody: {$ref: '#/components/requestBodies/message'}
      responses: {}
    get:
      parameters:
        - {$ref: '#/paths/~1chats~1%7Bid%7D~1messages/post/parameters/0'}
      responses: {200: {$ref: '#/components/responses/list'}}
components:
  pathItems: {chats: {post: {responses: {201: {content: {'*/*': {schema: {$ref: '#/components/schemas/chat'}}}}}}}}
  parameters: {page: {name: page, in: query, required: true}}
  requestBodies: {message: {content: {application/json; charset=utf-8: {schema: {$ref: '#/components/schemas/message'}}}}}
  responses: {list: {content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/alias'}}}}}}
  schemas:
    alias: {$ref: '#/components/schemas/message'}
    chat: {properties: {chat_id: {type: string}, $ref: true}}
    message: {type: object, properties: {role: {type: string}, text: {anyOf: [{type: 'null'}, {type: string}]}, replies: {type: array, items: {$ref: '#/components/schemas/message'}}}}
`
	draft, err := Draft([]byte(document), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  id: .chat_id\n", "    request: POST /chats/{id}/messages\n    query: {page: \"\"} # decide: ", `    json: {role: "{role}", text: "{content}"}`,
		"    request: GET /chats/{id}/messages\n    query: {page: \"\"} # decide: ", `    messages: ".[] | {role, content: .text}"`,
	} {
		if !strings.Contains(string(draft), want) {
			t.Errorf("no %q in\n%s", want, draft)
		}
	}
}

func TestBadOpenAPI(t *testing.T) {
	const head = `{"openapi": "3.1.0", `
	post := func(rest string) string { return head + `"paths": {"/a/b": {"post": ` + rest + `}}}` }
	for _, test := range []struct{ why, document, want string }{
		{"no document", "", "no OpenAPI document of version 3"},
		{"another document", `{"swagger": "2.0", "paths": {"/a": {}}}`, "no OpenAPI document of version 3"},
		{"no paths", head + `"paths": {"x-a": {}}}`, "no OpenAPI document of version 3, or one without paths"},
		{"no JSON", "<html>", "OpenAPI: #: want an object, not "},
		{"JSON with an error", head + "\n\t\"paths\": {]", "OpenAPI: line 2: invalid character ']'"},
		{"YAML with an error", "openapi: 3.0.0\npaths: [", "OpenAPI: yaml: line 2: "},
		{"another file", head + `"paths": {"/a": {"$ref": "/etc/passwd"}}}`, `OpenAPI: #/paths/~1a: $ref "/etc/passwd": want a reference into this document`},
		{"a reference to nothing", post(`{"requestBody": {"$ref": "#/components/x"}}`), `OpenAPI: #/paths/~1a~1b/post/requestBody: $ref "#/components/x": not in the document`},
		{"references in a circle", post(`{"requestBody": {"$ref": "#/paths/~1a~1b/put"}}, "put": {"$ref": "#/paths/~1a~1b/post/requestBody"}`), "$ref leads to itself"},
		{"a list as an object", post(`["a"]`), `OpenAPI: #/paths/~1a~1b/post: want an object, not ["a"]`},
		{"an object as a list", post(`{"parameters": {}}`), `OpenAPI: #/paths/~1a~1b/post/parameters: want a list, not {}`},
		{"a number as a text", `{"openapi": 3.1, "paths": {"/a": {}}}`, "OpenAPI: #/openapi: want a text, not 3.1"},
		{"a number as a type", post(`{"requestBody": {"content": {"application/json": {"schema": {"type": 1}}}}}`), "schema/type: want a list, not 1"},
		{"a date as an object", "openapi: 3.0.0\npaths: {/a: {post: 2024-01-01}}", "OpenAPI: #/paths/~1a/post: want an object, not \"2024-01-01T00:00:00Z\""},
	} {
		_, err := Draft([]byte(test.document), nil)
		checkError(t, test.why, err, test.want)
	}
}

// FuzzDraft: a draft is YAML, whatever the names in the document are.
func FuzzDraft(f *testing.F) {
	for _, name := range []string{"fastapi", "chatbot", "conversations"} {
		document, err := os.ReadFile(filepath.Join("testdata", "openapi", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add("session", "content", string(document))
	}
	f.Add("session: #\u2028{", "a\"b\x7f", `{"openapi": "3.1.0", "paths": {"/session": {"post": {}}, "/session/{id}/content": {"post": {"requestBody": {"content": {"application/json":
		{"schema": {"properties": {"content": {"type": "string"}}, "required": ["content"]}}}}}}}}`)
	f.Fuzz(func(t *testing.T, session, content, document string) {
		if len(document) > 1<<16 {
			t.Skip("large")
		}
		document = strings.NewReplacer("session", session, "content", content).Replace(document)
		draft, err := Draft([]byte(document), nil)
		if err != nil {
			return
		}
		var m map[string]any
		if err := yaml.Unmarshal(draft, &m); err != nil {
			t.Errorf("%v in\n%s", err, draft)
		}
		if keys := []string{"name", "base", "ready", "session", "operations"}; err == nil {
			for k := range m {
				if !slices.Contains(keys, k) {
					t.Errorf("key %q in\n%s", k, draft)
				}
			}
		}
	})
}
