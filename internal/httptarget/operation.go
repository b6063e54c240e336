package httptarget

import (
	"encoding/json"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sessbench/sessbench/scenarios"
)

// step is one request, compiled, and what its answer is used for.
type step struct {
	source   string // METHOD /PATH as in the file
	method   string
	target   template // path and query
	headers  []headerTemplate
	body     template
	events   bool  // the answer is server-sent events
	success  []int // statuses beside 2xx
	captures []capture
}

type headerTemplate struct {
	name  string // in canonical form
	value template
}

// String returns the request as the file has it, without values.
func (s *step) String() string { return s.source }

// succeeded reports whether the status is a success of this step.
func (s *step) succeeded(status int) bool {
	return status/100 == 2 || slices.Contains(s.success, status)
}

// render fills everything of q but the base. It allocates only for headers with placeholders, {fields}, and larger buffers.
func (s *step) render(v values, q *request) (err error) {
	r := rendering{values: v}
	q.method, q.events = s.method, s.events
	if q.target, err = r.append(q.target[:0], s.target); err != nil {
		return err
	}
	if q.body, err = r.append(q.body[:0], s.body); err != nil {
		return err
	}
	q.header = q.header[:0]
	for i := range s.headers {
		h := &s.headers[i]
		text := ""
		if constant, ok := h.value.constant(); ok {
			text = constant
		} else {
			b, err := r.append(nil, h.value)
			if err != nil {
				return fmt.Errorf("header %s: %w", h.name, err)
			}
			text = string(b)
		}
		q.header = append(q.header, headerField{h.name, text})
	}
	return nil
}

// constant returns the text of a template without placeholders.
func (t template) constant() (string, bool) {
	switch {
	case len(t) == 0:
		return "", true
	case len(t) == 1 && t[0].name == "":
		return t[0].text, true
	}
	return "", false
}

// operations reads what each operation is mapped to.
func (l *loader) operations(n *yaml.Node) {
	var keys []key
	for op := range scenarios.NumOps {
		keys = append(keys, key{op.String(), func(n *yaml.Node) { l.m.Operations[op] = l.operation(n, op) }})
	}
	l.object(n, "operations", keys)
}

// operation reads one request, or several steps, and what the last answer says.
func (l *loader) operation(n *yaml.Node, op scenarios.Op) *operation {
	o, in := &operation{}, scope{name: op.String(), op: op}
	s := l.step(n, in, o)
	if o.steps == nil && s != nil {
		o.steps = []*step{s}
	}
	l.needs(n, o, op)
	return o
}

// needs checks that an operation sends and reads what it is for.
func (l *loader) needs(n *yaml.Node, o *operation, op scenarios.Op) {
	sends := func(name, otherwise string) {
		if len(o.steps) > 0 && !slices.ContainsFunc(o.steps, func(s *step) bool { return s.uses(name) }) {
			l.errorf(n, "%v: no request has {%s}%s", op, name, otherwise)
		}
	}
	switch op {
	case scenarios.GetOrCreate:
		if o.created.jq == nil && o.created.status == nil {
			l.errorf(n, "%v: want created: {status: 201} or a jq expression: did this request create the session?", op)
		}
	case scenarios.Append:
		sends("content", "")
		sends("role", `: a service without roles can keep it in the text, as in "{role} {content}", and messages can separate them`)
	case scenarios.Update:
		sends("fields", "")
	case scenarios.History:
		if o.messages == nil {
			l.errorf(n, "%v: want messages: a jq expression that returns objects with role and content, oldest first", op)
		}
	case scenarios.Read:
		if o.fields == nil && o.version == nil {
			l.errorf(n, "%v: want fields or version: a jq expression", op)
		}
	}
}

// uses reports whether the request has the placeholder.
func (s *step) uses(name string) bool {
	return s.target.uses(name) || s.body.uses(name) ||
		slices.ContainsFunc(s.headers, func(h headerTemplate) bool { return h.value.uses(name) })
}

// extractions are the parts of an effect that an operation may have in its answer.
func (l *loader) extractions(op scenarios.Op, o *operation) (keys []key) {
	jq := func(name string, to **expression, ops ...scenarios.Op) {
		if slices.Contains(ops, op) {
			keys = append(keys, key{name, func(n *yaml.Node) { *to = l.jq(n) }})
		}
	}
	jq("seq", &o.seq, scenarios.Append, scenarios.History, scenarios.Read, scenarios.Delete)
	jq("version", &o.version, scenarios.Append, scenarios.History, scenarios.Touch, scenarios.Update, scenarios.Read, scenarios.Delete)
	jq("messages", &o.messages, scenarios.History)
	jq("fields", &o.fields, scenarios.Read)
	jq("removed", &o.removed, scenarios.Sweep)
	if op == scenarios.GetOrCreate {
		keys = append(keys, key{"created", func(n *yaml.Node) {
			if n.Kind == yaml.ScalarNode {
				o.created.jq = l.jq(n)
				return
			}
			l.object(n, "created", []key{{"status", func(n *yaml.Node) { o.created.status = l.statuses(n) }}}, "status")
		}})
	}
	return keys
}

// steps reads a list of requests.
func (l *loader) steps(n *yaml.Node, in scope) (all []*step) {
	for i, item := range l.list(n) {
		in.step = i
		if s := l.step(item, in, nil); s != nil {
			all = append(all, s)
		}
	}
	return all
}

// step reads a request: an object, or only METHOD PATH. With o, the object may have steps instead, and what the answer says.
func (l *loader) step(n *yaml.Node, in scope, o *operation) *step {
	s := &step{}
	if n.Kind == yaml.ScalarNode {
		l.request(n, s, in)
		return l.complete(s, in)
	}
	var query template
	contentType := ""
	body := func(name, implied string, read func(n *yaml.Node)) key {
		return key{name, func(n *yaml.Node) {
			if contentType != "" {
				l.errorf(n, "%s: want only one of json, form and body", in.name)
			}
			contentType = implied
			read(n)
		}}
	}
	keys := []key{
		{"request", func(n *yaml.Node) { l.request(n, s, in) }},
		{"query", func(n *yaml.Node) { query = l.form(n, in) }},
		{"headers", func(n *yaml.Node) { s.headers = l.headers(n, in) }},
		body("json", "application/json", func(n *yaml.Node) { s.body = l.json(n, nil, in) }),
		body("form", "application/x-www-form-urlencoded", func(n *yaml.Node) { s.body = l.form(n, in) }),
		body("body", "text/plain; charset=utf-8", func(n *yaml.Node) { s.body = l.text(n, nil, inText, verbatim, in) }),
		{"content_type", func(n *yaml.Node) {
			if contentType == "" {
				l.errorf(n, "%s: content_type: there is no json, form or body", in.name)
			}
			contentType = l.string(n)
		}},
		{"events", func(n *yaml.Node) { s.events = l.bool(n) }},
		{"status", func(n *yaml.Node) { s.success = l.statuses(n) }},
		{"capture", func(n *yaml.Node) { s.captures = l.captures(n, in) }},
	}
	requestKeys := len(keys)
	if o != nil && in.op != scenarios.NumOps {
		keys = append(keys, key{"steps", func(n *yaml.Node) { o.steps = l.steps(n, in) }})
		keys = append(keys, l.extractions(in.op, o)...)
	}
	found := l.object(n, in.name, keys)
	if found == nil {
		return nil
	}
	if found["steps"] != nil {
		for _, k := range keys[:requestKeys] {
			if v := found[k.name]; v != nil {
				l.errorf(v, "%s: %s belongs into one of the steps", in.name, k.name)
			}
		}
		if len(o.steps) == 0 {
			l.errorf(n, "%s: want at least one step", in.name)
		}
		return nil
	}
	if found["request"] == nil {
		l.errorf(n, "%s: no request: want METHOD /PATH", in.name)
	}
	if len(query) > 0 {
		mark := "?"
		if slices.ContainsFunc(s.target, func(g segment) bool { return strings.Contains(g.text, "?") }) {
			mark = "&"
		}
		s.target = s.target.add(mark).concat(query)
	}
	if contentType != "" {
		s.setDefault(headerTemplate{"Content-Type", template{{text: contentType}}})
	}
	return l.complete(s, in)
}

// complete adds the headers of every request. Those with a placeholder of a session are not for requests without one.
func (l *loader) complete(s *step, in scope) *step {
	for _, h := range l.common {
		if in.ofSession() || !slices.ContainsFunc(h.value, func(g segment) bool { return g.name != "" && g.name != "uuid" }) {
			s.setDefault(h)
		}
	}
	return s
}

// setDefault adds a header unless the request has it.
func (s *step) setDefault(h headerTemplate) {
	if !slices.ContainsFunc(s.headers, func(has headerTemplate) bool { return has.name == h.name }) {
		s.headers = append(s.headers, h)
	}
}

// concat appends another template.
func (t template) concat(other template) template {
	for _, s := range other {
		t = t.add(s.text)
		if s.name == "" {
			continue
		}
		if n := len(t); n > 0 && t[n-1].name == "" {
			t[n-1].name, t[n-1].place = s.name, s.place
		} else {
			t = append(t, segment{name: s.name, place: s.place})
		}
	}
	return t
}

var requestLine = regexp.MustCompile(`^([A-Z]+) +(/[^#]*)$`)

// request reads METHOD /PATH?QUERY.
func (l *loader) request(n *yaml.Node, s *step, in scope) {
	text := l.string(n)
	match := requestLine.FindStringSubmatch(text)
	if match == nil {
		l.errorf(n, "%s: request %q: want METHOD /PATH, such as POST /sessions/{id}/messages", in.name, text)
		return
	}
	s.source, s.method = text, match[1]
	s.target = l.template(n, s.target, match[2], inURL, escapeTarget, in)
}

// escapeTarget escapes what may not stand in a path or a query, and nothing that separates their parts.
func escapeTarget(text string) string {
	var b []byte
	for i := range len(text) {
		if c := text[i]; unreserved(c) || strings.IndexByte("!$&'()*+,;=:@/?%", c) >= 0 {
			b = append(b, c)
		} else {
			b = appendURL(b, text[i:i+1])
		}
	}
	return string(b)
}

func verbatim(text string) string { return text }

// headers reads names and values.
func (l *loader) headers(n *yaml.Node, in scope) (all []headerTemplate) {
	n, ok := l.follow(n)
	if !ok || !l.isObject(n, in.name+": headers") {
		return nil
	}
	l.pairs(n, func(name, v *yaml.Node) {
		canonical := textproto.CanonicalMIMEHeaderKey(name.Value)
		switch canonical {
		case "Host", "Content-Length", "Connection", "Transfer-Encoding":
			l.errorf(name, "%s: header %s: it belongs to the connection", in.name, canonical)
		case "Cookie":
			l.errorf(name, "%s: header Cookie: cookies belong to the session: those that answers set are sent", in.name)
		}
		if !headerName.MatchString(name.Value) {
			l.errorf(name, "%s: header %q: want letters, digits and -", in.name, name.Value)
		}
		h := headerTemplate{canonical, l.text(v, nil, inHeader, verbatim, in)}
		for _, s := range h.value {
			if strings.ContainsFunc(s.text, control) {
				l.errorf(v, "%s: header %s: its value has a control character", in.name, canonical)
			}
		}
		if slices.ContainsFunc(all, func(has headerTemplate) bool { return has.name == canonical }) {
			l.errorf(name, "%s: header %s is there twice", in.name, canonical)
		}
		all = append(all, h)
	})
	return all
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func (l *loader) isObject(n *yaml.Node, what string) bool {
	if n.Kind != yaml.MappingNode {
		l.errorf(n, "%s: want names and values", what)
		return false
	}
	return true
}

// form reads the pairs of a form or a query. A name with a list occurs several times. "{fields}" is a pair for each field.
func (l *loader) form(n *yaml.Node, in scope) (t template) {
	if name, ok := exact(n.Value); ok && n.Kind == yaml.ScalarNode && name == "fields" {
		return l.template(n, nil, n.Value, inForm, verbatim, in)
	}
	if !l.isObject(n, in.name) {
		return nil
	}
	escape := func(text string) string { return string(appendURL(nil, text)) }
	l.pairs(n, func(name, v *yaml.Node) {
		v, ok := l.follow(v)
		if !ok {
			return
		}
		for _, item := range l.list(v) {
			if len(t) > 0 {
				t = t.add("&")
			}
			t = l.template(name, t, name.Value, inURL, escape, in).add("=")
			t = l.text(item, t, inURL, escape, in)
		}
	})
	return t
}

// text reads a value that is sent as text: a string with placeholders, a number or a boolean.
func (l *loader) text(n *yaml.Node, t template, at place, literal func(string) string, in scope) template {
	n, ok := l.follow(n)
	if !ok {
		return t
	}
	if n.Kind == yaml.ScalarNode {
		if tag := n.ShortTag(); tag == "!!int" || tag == "!!float" || tag == "!!bool" {
			return t.add(literal(n.Value))
		}
	}
	return l.template(n, t, l.string(n), at, literal, in)
}

// template compiles text that stands in n.
func (l *loader) template(n *yaml.Node, t template, text string, at place, literal func(string) string, in scope) template {
	t, err := t.parse(text, at, literal, l.resolver(n, in))
	if err != nil {
		l.errorf(n, "%s: %w", in.name, err)
	}
	return t
}

// exact returns the name if the text is one placeholder and nothing else.
func exact(text string) (name string, ok bool) {
	name, ok = strings.CutPrefix(text, "{")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, "}")
	return name, ok && !strings.ContainsAny(name, "{}")
}

// json compiles a value of YAML to JSON. A string that is one placeholder becomes its value with its type.
func (l *loader) json(n *yaml.Node, t template, in scope) template {
	n, ok := l.follow(n)
	if !ok {
		return t
	}
	inside := func(n *yaml.Node, text string) template {
		t = t.add(`"`)
		return l.template(n, t, text, inString, func(s string) string { return string(appendEscaped(nil, s)) }, in).add(`"`)
	}
	switch n.Kind {
	case yaml.MappingNode:
		if name, ok := unquoted(n); ok {
			l.errorf(n, "%s: json: write %q with quotes", in.name, "{"+name+"}")
			return t
		}
		t = t.add("{")
		first := true
		l.pairs(n, func(name, v *yaml.Node) {
			if !first {
				t = t.add(",")
			}
			first = false
			t = inside(name, name.Value).add(":")
			t = l.json(v, t, in)
		})
		return t.add("}")
	case yaml.SequenceNode:
		t = t.add("[")
		for i, item := range n.Content {
			if i > 0 {
				t = t.add(",")
			}
			t = l.json(item, t, in)
		}
		return t.add("]")
	}
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		return l.constant(n, t, in)
	}
	if name, ok := exact(n.Value); ok {
		t, err := t.insert(name, inJSON, l.resolver(n, in))
		if err != nil {
			l.errorf(n, "%s: %w", in.name, err)
		}
		return t
	}
	return inside(n, n.Value)
}

// constant adds a number, a boolean or null of YAML to JSON.
func (l *loader) constant(n *yaml.Node, t template, in scope) template {
	if json.Valid([]byte(n.Value)) { // as written: the type that Decode chooses may have fewer digits
		return t.add(n.Value)
	}
	var v any
	err := n.Decode(&v)
	if err == nil {
		var text []byte
		if text, err = json.Marshal(v); err == nil {
			return t.add(string(text))
		}
	}
	l.errorf(n, "%s: json: %q: %w", in.name, n.Value, err)
	return t
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// captures reads names and where their values are.
func (l *loader) captures(n *yaml.Node, in scope) (all []capture) {
	if !l.isObject(n, in.name+": capture") {
		return nil
	}
	if in.name == readyScope || in.op == scenarios.Sweep {
		l.errorf(n, "%s: capture: it belongs neither to a session nor to setup", in.name)
	}
	l.pairs(n, func(name, v *yaml.Node) {
		v, ok := l.follow(v)
		if !ok {
			return
		}
		if !variableName.MatchString(name.Value) || slices.Contains(placeholderNames, name.Value) {
			l.errorf(name, "%s: capture: %q: want a name of letters, digits and _ that is not a placeholder yet", in.name, name.Value)
			return
		}
		var from *source
		if v.Kind == yaml.ScalarNode {
			from = &source{jq: l.jq(v)}
		} else {
			from = l.source(v, in.name+": capture: "+name.Value)
		}
		if from != nil {
			all = append(all, capture{name.Value, *from})
			l.captured = append(l.captured, captured{name.Value, in})
		}
	})
	return all
}

// source reads where a value is: {jq: …}, {header: …}, {cookie: …} or {regexp: …}, or one of the other keys. It is nil after an
// error.
func (l *loader) source(n *yaml.Node, what string, others ...key) *source {
	s := &source{}
	keys := append([]key{
		{"jq", func(n *yaml.Node) { s.jq = l.jq(n) }},
		{"header", func(n *yaml.Node) { s.header = textproto.CanonicalMIMEHeaderKey(l.string(n)) }},
		{"cookie", func(n *yaml.Node) { s.cookie = l.string(n) }},
		{"regexp", func(n *yaml.Node) {
			var err error
			if s.pattern, err = regexp.Compile(l.string(n)); err != nil {
				l.errorf(n, "%s: %w", what, err)
			}
		}},
	}, others...)
	before := len(l.errs)
	found := l.object(n, what, keys)
	if len(l.errs) > before {
		return nil
	}
	if len(found) != 1 {
		names := make([]string, len(keys))
		for i, k := range keys {
			names[i] = k.name
		}
		l.errorf(n, "%s: want exactly one of %s", what, strings.Join(names, ", "))
		return nil
	}
	return s
}
