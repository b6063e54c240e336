package httptarget

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/sessbench/sessbench/scenarios"
)

// Draft returns a mapping file for the service that an OpenAPI document describes (3.0 or 3.1, JSON or YAML). Methods, paths and
// names decide which requests are those of sessions; what the document does not say is marked with "decide:". from is where the
// document was read, nil for a file.
func Draft(document []byte, from *url.URL) ([]byte, error) {
	doc, err := readOpenAPI(document)
	if err != nil {
		return nil, err
	}
	return newDraft(doc, from).write(doc), nil
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

// words are in lower case.
type words []string

// in reports whether the text contains a word. It ignores case.
func (w words) in(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(w, func(word string) bool { return strings.Contains(text, word) })
}

var (
	sessionWords  = words{"session", "conversation", "chat", "thread", "dialog", "room", "board"}
	messagesWords = words{"message", "history", "transcript", "entries", "turns", "log"}
	fieldsWords   = words{"fields", "state", "data", "attributes", "values", "settings", "idea"}
	touchWords    = words{"touch", "heartbeat", "keepalive", "keep-alive", "refresh", "renew"}
	readyWords    = words{"health", "ready"}

	readyNames   = []string{"live", "livez", "liveness", "alive", "alivez", "aliveness", "ping", "status"} // last in a path
	idNames      = []string{"id", "uuid", "sid"}
	idSuffixes   = []string{"", "id", "uuid", "key"} // of a word for a session
	contentNames = []string{"content", "text", "message", "body", "prompt", "input", "query", "question", "msg", "value"}
	roleNames    = []string{"role", "author", "sender", "speaker", "from"}
	seqNames     = []string{"seq", "sequence", "seq_no", "sequence_number", "number"}
)

var pathParameter = regexp.MustCompile(`\{([^{}]+)\}`)

// namesID reports whether a name is that of a session's id.
func namesID(name string) bool {
	name = strings.ToLower(name)
	for _, word := range sessionWords {
		if suffix, ok := strings.CutPrefix(name, word); ok {
			return slices.Contains(idSuffixes, strings.TrimLeft(suffix, "_-"))
		}
	}
	return slices.Contains(idNames, name)
}

func newDraft(doc *openAPI, from *url.URL) *draft {
	d := &draft{all: doc.endpoints}
	d.findBase(doc.server, from)
	d.assign()
	return d
}

// findBase takes the address of the document's first server, or that of the document.
func (d *draft) findBase(address string, from *url.URL) {
	d.base = "http://127.0.0.1:8000"
	server, err := url.Parse(address)
	if err != nil {
		server = &url.URL{}
	}
	if from != nil {
		if server = from.ResolveReference(server); address == "" {
			server.Path = ""
		}
	}
	d.prefix = strings.TrimRight(server.Path, "/")
	if base, err := parseBase(server.Scheme + "://" + server.Host); err == nil {
		d.base, d.decided = base.String(), true
	}
}

// property returns the name of the first property with one of the names and a type. An empty type is any.
func property(s *schema, names []string, kind string) (string, bool) {
	if s == nil {
		return "", false
	}
	for _, name := range names {
		if p := plain(s.properties[name]); p != nil && (kind == "" || p.types == nil || p.is(kind)) {
			return name, true
		}
	}
	return "", false
}

// idProperty returns the name of the property that holds a session's id.
func idProperty(s *schema, preferred ...string) (string, bool) {
	if s == nil {
		return "", false
	}
	if name, ok := property(s, preferred, ""); ok {
		return name, true
	}
	for _, name := range slices.Sorted(maps.Keys(s.properties)) {
		if p := plain(s.properties[name]); p != nil && namesID(name) && !p.is("object") {
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
	about := func(e *endpoint) bool { return sessionWords.in(e.path) }
	q := &d.requests
	d.ready = d.choose(func(e *endpoint) int {
		return points(e.method == "GET" && len(e.params) == 0 && (readyWords.in(e.path) || slices.Contains(readyNames, strings.ToLower(e.last()))))
	})
	q[scenarios.Append] = d.choose(func(e *endpoint) int {
		_, hasContent := property(e.body, contentNames, "string")
		_, hasRole := property(e.body, roleNames, "string")
		if e.method == "GET" || e.method == "DELETE" || !e.ofSession() || !hasContent {
			return 0
		}
		return points(true, e.method == "POST", hasRole, hasRole, messagesWords.in(e.last()), about(e), !e.itself())
	})
	q[scenarios.History] = d.choose(func(e *endpoint) int {
		same := q[scenarios.Append] != nil && q[scenarios.Append].path == e.path
		if e.method != "GET" || len(e.params) != 1 {
			return 0
		}
		list, _ := messagesIn(e.answer)
		if !same && list == nil && !messagesWords.in(e.last()) {
			return 0
		}
		return points(true, same, list != nil, list != nil, messagesWords.in(e.last()), about(e))
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
	if put := self("PUT"); put != nil && (put.body == nil || len(put.body.required) == 0) {
		d.put = put
	}
	q[scenarios.Touch] = d.choose(func(e *endpoint) int {
		return points(e.method != "GET" && len(e.params) == 1 && touchWords.in(e.last()))
	})
	q[scenarios.Update] = d.choose(func(e *endpoint) int {
		if e.method != "PUT" && e.method != "PATCH" || len(e.params) != 1 || e == d.put || e == q[scenarios.Append] || e.body == nil {
			return 0
		}
		return points(about(e), fieldsWords.in(e.last()), e.body.additional != nil)
	})
	if update := q[scenarios.Update]; update != nil {
		q[scenarios.Read] = d.choose(func(e *endpoint) int { return points(e.method == "GET" && e.path == update.path) })
		if q[scenarios.Read] == q[scenarios.Validate] {
			q[scenarios.Validate] = nil
		}
	}
}

// messagesIn returns the schema of a message in an answer that has a list of them, and the program that returns the list.
func messagesIn(s *schema) (message *schema, program string) {
	list := func(s *schema) *schema {
		if !s.is("array") {
			return nil
		}
		item := plain(s.items)
		if _, ok := property(item, contentNames, "string"); ok {
			return item
		}
		return nil
	}
	if item := list(s); item != nil {
		return item, ".[]"
	}
	if s != nil {
		for _, name := range slices.Sorted(maps.Keys(s.properties)) {
			if item := list(plain(s.properties[name])); item != nil {
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
