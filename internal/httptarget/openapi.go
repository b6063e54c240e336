package httptarget

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/sessbench/sessbench/scenarios"
)

// Draft returns a mapping file for the service that an OpenAPI document describes (3.0 or 3.1, JSON or YAML). Methods, paths and
// names decide which requests are those of sessions; what the document does not say is marked with "decide:". from is where the
// document was read, nil for a file.
func Draft(document []byte, from *url.URL) ([]byte, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document) // which does not follow references to other documents
	if err != nil {
		return nil, fmt.Errorf("OpenAPI: %w", err)
	}
	if doc.OpenAPI == "" || doc.Paths.Len() == 0 {
		return nil, fmt.Errorf("no OpenAPI document of version 3, or one without paths")
	}
	return newDraft(doc, from).write(doc), nil
}

// endpoint is a method of a path.
type endpoint struct {
	method, path string
	params       []string // in the path
	query        []string // required
	body         *openapi3.Schema
	form         bool             // the body is a form
	answer       *openapi3.Schema // of success; nil: undocumented
	status       string           // of success
}

// draft is what was guessed. An endpoint is nil if there is none.
type draft struct {
	all      []*endpoint
	base     string
	prefix   string // of every path
	decided  bool   // base is known
	create   *endpoint
	put      *endpoint // creates a session under the id of the client
	ready    *endpoint
	requests [scenarios.NumOps]*endpoint
}

var (
	sessionWords  = regexp.MustCompile(`(?i)session|conversation|chat|thread|dialog|room|board`)
	readyWords    = regexp.MustCompile(`(?i)health|ready|/(?:a?live(?:z|ness)?|ping)$|/status$`)
	messagesWords = regexp.MustCompile(`(?i)messages?|history|transcript|entries|turns|log`)
	fieldsWords   = regexp.MustCompile(`(?i)fields|state|data|attributes|values|settings|ideas?`)
	touchWords    = regexp.MustCompile(`(?i)touch|heartbeat|keep-?alive|refresh|renew`)
	idWords       = regexp.MustCompile(`(?i)^(session|conversation|chat|thread|dialog|room|board)[_-]?(id|uuid|key)?$|^(id|uuid|sid)$`)
	pathParameter = regexp.MustCompile(`\{([^{}]+)\}`)

	contentNames = []string{"content", "text", "message", "body", "prompt", "input", "query", "question", "msg", "value"}
	roleNames    = []string{"role", "author", "sender", "speaker", "from"}
	seqNames     = []string{"seq", "sequence", "seq_no", "sequence_number", "number"}
)

func newDraft(doc *openapi3.T, from *url.URL) *draft {
	d := &draft{}
	d.findBase(doc, from)
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Value(path)
		if item == nil {
			continue
		}
		operations := item.Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			d.all = append(d.all, newEndpoint(method, path, item, operations[method]))
		}
	}
	d.assign()
	return d
}

// findBase takes the address of the document's first server, or that of the document.
func (d *draft) findBase(doc *openapi3.T, from *url.URL) {
	d.base = "http://127.0.0.1:8000"
	server := &url.URL{}
	if len(doc.Servers) > 0 {
		if u, err := url.Parse(doc.Servers[0].URL); err == nil {
			server = u
		}
	}
	if from != nil {
		server = from.ResolveReference(server)
		if len(doc.Servers) == 0 {
			server.Path = ""
		}
	}
	d.prefix = strings.TrimRight(server.Path, "/")
	if base, err := parseBase(server.Scheme + "://" + server.Host); err == nil {
		d.base, d.decided = base.String(), true
	}
}

func newEndpoint(method, path string, item *openapi3.PathItem, op *openapi3.Operation) *endpoint {
	e := &endpoint{method: method, path: path}
	for _, match := range pathParameter.FindAllStringSubmatch(path, -1) {
		e.params = append(e.params, match[1])
	}
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		if p != nil && p.Value != nil && p.Value.In == "query" && p.Value.Required {
			e.query = append(e.query, p.Value.Name)
		}
	}
	if op.RequestBody != nil && op.RequestBody.Value != nil {
		content := op.RequestBody.Value.Content
		if e.body = schemaOf(content, "application/json"); e.body == nil {
			e.body = cmp.Or(schemaOf(content, "application/x-www-form-urlencoded"), schemaOf(content, "multipart/form-data"))
			e.form = e.body != nil
		}
	}
	responses := op.Responses.Map()
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		if answer := responses[status]; strings.HasPrefix(status, "2") && answer != nil && answer.Value != nil {
			e.status, e.answer = status, schemaOf(answer.Value.Content, "application/json")
			break
		}
	}
	return e
}

// schemaOf returns the schema of a media type. It is nil if it says nothing.
func schemaOf(content openapi3.Content, mime string) *openapi3.Schema {
	media := content.Get(mime)
	if media == nil {
		return nil
	}
	if s := plain(media.Schema); s != nil && (s.Type != nil || s.Properties != nil) {
		return s
	}
	return nil
}

// plain returns the schema behind references and optional values: the only one of allOf, or the one beside null of anyOf.
func plain(ref *openapi3.SchemaRef) *openapi3.Schema {
	if ref == nil || ref.Value == nil {
		return nil
	}
	s := ref.Value
	if s.Type != nil || s.Properties != nil {
		return s
	}
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, one := range list {
			if one != nil && one.Value != nil && !one.Value.Type.Is(openapi3.TypeNull) {
				return one.Value
			}
		}
	}
	return s
}

// property returns the name of the first property with one of the names and a type. An empty type is any.
func property(s *openapi3.Schema, names []string, kind string) (string, bool) {
	if s == nil {
		return "", false
	}
	for _, name := range names {
		if p := plain(s.Properties[name]); p != nil && (kind == "" || p.Type == nil || p.Type.Includes(kind)) {
			return name, true
		}
	}
	return "", false
}

// idProperty returns the name of the property that holds a session's id.
func idProperty(s *openapi3.Schema, preferred ...string) (string, bool) {
	if s == nil {
		return "", false
	}
	if name, ok := property(s, preferred, ""); ok {
		return name, true
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if p := plain(s.Properties[name]); p != nil && idWords.MatchString(name) && !p.Type.Includes(openapi3.TypeObject) {
			return name, true
		}
	}
	return "", false
}

// last returns the last segment of the path that is not a parameter.
func (e *endpoint) last() string {
	segments := strings.Split(e.path, "/")
	for _, s := range slices.Backward(segments) {
		if s != "" && s[0] != '{' {
			return s
		}
	}
	return ""
}

// ofSession reports whether the request names one session, in its path or in its body.
func (e *endpoint) ofSession() bool {
	_, inBody := idProperty(e.body)
	return len(e.params) == 1 || len(e.params) == 0 && inBody
}

// itself reports whether the path ends with the session's id.
func (e *endpoint) itself() bool { return len(e.params) == 1 && strings.HasSuffix(e.path, "}") }

// choose returns the endpoint with the highest score above 0, the first one of several.
func (d *draft) choose(score func(e *endpoint) int) (best *endpoint) {
	most := 0
	for _, e := range d.all {
		if n := score(e); n > most {
			best, most = e, n
		}
	}
	return best
}

func points(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// assign guesses which request is which operation.
func (d *draft) assign() {
	about := func(e *endpoint) bool { return sessionWords.MatchString(e.path) }
	q := &d.requests
	d.ready = d.choose(func(e *endpoint) int {
		return points(e.method == "GET" && len(e.params) == 0 && readyWords.MatchString(e.path))
	})
	q[scenarios.Append] = d.choose(func(e *endpoint) int {
		_, hasContent := property(e.body, contentNames, openapi3.TypeString)
		_, hasRole := property(e.body, roleNames, openapi3.TypeString)
		if e.method == "GET" || e.method == "DELETE" || !e.ofSession() || !hasContent {
			return 0
		}
		return points(true, e.method == "POST", hasRole, hasRole, messagesWords.MatchString(e.last()), about(e), !e.itself())
	})
	q[scenarios.History] = d.choose(func(e *endpoint) int {
		same := q[scenarios.Append] != nil && q[scenarios.Append].path == e.path
		if e.method != "GET" || len(e.params) != 1 {
			return 0
		}
		list, _ := messagesIn(e.answer)
		if !same && list == nil && !messagesWords.MatchString(e.last()) {
			return 0
		}
		return points(true, same, list != nil, list != nil, messagesWords.MatchString(e.last()), about(e))
	})
	d.create = d.choose(func(e *endpoint) int {
		if e.method != "POST" || len(e.params) > 0 || e == q[scenarios.Append] {
			return 0
		}
		_, answersID := idProperty(e.answer)
		parent := slices.ContainsFunc(d.all, func(other *endpoint) bool { return other.itself() && strings.HasPrefix(other.path, e.path+"/{") })
		if !parent && !answersID && !about(e) {
			return 0
		}
		return points(true, parent, answersID, about(e), about(e))
	})
	collection := ""
	if d.create != nil {
		collection = d.create.path
	}
	self := func(method string) *endpoint {
		return d.choose(func(e *endpoint) int {
			if e.method != method || !e.itself() || e == q[scenarios.Append] || e == q[scenarios.History] {
				return 0
			}
			return points(about(e) || collection == "", strings.HasPrefix(e.path, collection+"/{"))
		})
	}
	q[scenarios.Delete], q[scenarios.Validate] = self("DELETE"), self("GET")
	if put := self("PUT"); put != nil && (put.body == nil || len(put.body.Required) == 0) {
		d.put = put
	}
	q[scenarios.Touch] = d.choose(func(e *endpoint) int {
		return points(e.method != "GET" && len(e.params) == 1 && touchWords.MatchString(e.last()))
	})
	q[scenarios.Update] = d.choose(func(e *endpoint) int {
		if e.method != "PUT" && e.method != "PATCH" || len(e.params) != 1 || e == d.put || e == q[scenarios.Append] || e.body == nil {
			return 0
		}
		return points(about(e), fieldsWords.MatchString(e.last()), e.body.AdditionalProperties.Schema != nil)
	})
	if update := q[scenarios.Update]; update != nil {
		q[scenarios.Read] = d.choose(func(e *endpoint) int { return points(e.method == "GET" && e.path == update.path) })
		if q[scenarios.Read] == q[scenarios.Validate] {
			q[scenarios.Validate] = nil
		}
	}
}

// messagesIn returns the schema of a message in an answer that has a list of them, and the program that returns the list.
func messagesIn(s *openapi3.Schema) (message *openapi3.Schema, program string) {
	list := func(s *openapi3.Schema) *openapi3.Schema {
		if s == nil || !s.Type.Includes(openapi3.TypeArray) {
			return nil
		}
		item := plain(s.Items)
		if _, ok := property(item, contentNames, openapi3.TypeString); ok {
			return item
		}
		return nil
	}
	if item := list(s); item != nil {
		return item, ".[]"
	}
	if s != nil {
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if item := list(plain(s.Properties[name])); item != nil {
				return item, jqMember(name) + "[]"
			}
		}
	}
	return nil, ""
}

func jqMember(name string) string {
	if variableName.MatchString(name) {
		return "." + name
	}
	return "." + quoteJSON(name)
}

// quoteJSON returns a value as JSON that is also YAML.
func quoteJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return `""`
	}
	var b strings.Builder
	for _, r := range string(text) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else if r < 0x10000 {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
