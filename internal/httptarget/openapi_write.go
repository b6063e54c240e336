package httptarget

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/sessbench/sessbench/scenarios"
)

// yamlText is a mapping file that is being written.
type yamlText struct{ strings.Builder }

func (y *yamlText) line(format string, args ...any) { fmt.Fprintf(y, format+"\n", args...) }

// write returns the mapping file.
func (d *draft) write(doc *openAPI) []byte {
	y := &yamlText{}
	title := cmp.Or(doc.title, "a service")
	y.line("# A draft from the OpenAPI document of %s. Where a line has \"decide:\", the document does not say what is right.",
		oneLine(strings.TrimSpace(title+" "+doc.version)))
	y.line("# Check it with: sessbench target test http:FILE")
	y.line("name: %s", nameFrom(title))
	if d.decided {
		y.line("base: %s", d.base)
	} else {
		y.line("base: %s # decide: where the service listens", d.base)
	}
	y.line("# start: COMMAND --port {port} # decide: the command that starts the service, if sessbench should; then base: http://127.0.0.1:{port}")
	if d.ready != nil {
		y.line("ready: %s", quoteRequest("GET", d.path(d.ready)))
	} else {
		y.line("# ready: GET /PATH # decide: a request that succeeds when the service is ready")
	}
	if doc.secured {
		y.line(`# headers: {Authorization: "Bearer {env.TOKEN}"} # decide: the document asks for credentials`)
	}
	d.writeSession(y)
	y.line("operations:")
	for op := range scenarios.NumOps {
		d.writeOperation(y, op)
	}
	return []byte(y.String())
}

func (d *draft) path(e *endpoint) string { return d.prefix + e.path }

// sessionPath returns the path with {id} for its parameter.
func (d *draft) sessionPath(e *endpoint) string {
	return d.prefix + pathParameter.ReplaceAllLiteralString(e.path, "{id}")
}

// writeSession writes where the id of a session is.
func (d *draft) writeSession(y *yamlText) {
	y.line("session:")
	if d.put != nil {
		y.line("  id: {client: uuid} # decide: if %s %s creates a session under an id that the client chooses", d.put.method, oneLine(d.path(d.put)))
		return
	}
	var parameter []string
	for _, e := range d.requests {
		if e != nil && len(e.params) == 1 {
			parameter = e.params
			break
		}
	}
	if d.create != nil {
		if name, ok := idProperty(d.create.answer, parameter...); ok {
			y.line("  id: %s", quoteProgram(jqMember(name)))
			return
		}
	}
	name := "id"
	if len(parameter) > 0 {
		name = parameter[0]
	}
	y.line("  id: %s # decide: where the id is in the answer to create, or {cookie: NAME}", quoteProgram(jqMember(name)))
}

// writeOperation writes one operation, or a comment where one is missed that most scenarios need.
func (d *draft) writeOperation(y *yamlText, op scenarios.Op) {
	e := d.requests[op]
	switch {
	case op == scenarios.Create && d.put != nil, op == scenarios.GetOrCreate && d.put != nil:
		e = d.put
	case op == scenarios.Create:
		e = d.create
	}
	if e == nil {
		if op == scenarios.Create || op == scenarios.Append || op == scenarios.History || op == scenarios.Delete {
			y.line("  # %v: {request: METHOD /PATH} # decide: no request of the document looks like it", op)
		}
		return
	}
	y.line("  %v:", op)
	y.line("    request: %s", quoteRequest(e.method, d.sessionPath(e)))
	for _, name := range e.query {
		if namesID(name) && op != scenarios.Create {
			y.line(`    query: {%s: "{id}"}`, quoteKey(name))
		} else {
			y.line(`    query: {%s: ""} # decide: the document requires this parameter`, quoteKey(name))
		}
	}
	d.writeBody(y, op, e)
	d.writeAnswer(y, op, e)
}

func (d *draft) writeBody(y *yamlText, op scenarios.Op, e *endpoint) {
	kind := "json"
	if e.form {
		kind = "form"
	}
	switch {
	case op == scenarios.Update:
		y.line(`    %s: "{fields}" # decide: {fields} is an object of texts with the names that the scenario writes`, kind)
		return
	case e.body == nil || len(e.body.properties) == 0 || op == scenarios.GetOrCreate:
		return
	}
	content, _ := property(e.body, contentNames, "string")
	role, _ := property(e.body, roleNames, "string")
	id, _ := idProperty(e.body)
	var members, guessed []string
	for _, name := range slices.Sorted(maps.Keys(e.body.properties)) {
		text := ""
		switch {
		case op == scenarios.Append && name == role:
			text = `"{role}"`
		case op == scenarios.Append && name == content:
			if text = `"{content}"`; role == "" {
				text = `"{role} {content}"`
			}
		case op != scenarios.Create && name == id && len(e.params) == 0:
			text = `"{id}"`
		case slices.Contains(e.body.required, name):
			text = example(plain(e.body.properties[name]))
			guessed = append(guessed, name)
		default:
			continue
		}
		members = append(members, quoteKey(name)+": "+text)
	}
	slices.SortStableFunc(members, func(a, b string) int { // as {role, content}: what sessbench fills first
		return strings.Count(b, `"{role}"`) - strings.Count(a, `"{role}"`)
	})
	comment := ""
	if s := plain(e.body.properties[role]); op == scenarios.Append && s != nil && len(s.enum) > 0 {
		comment = fmt.Sprintf(" # decide: %s must be one of %s; the roles that sessbench sends are user and assistant", role, oneLine(quoteJSON(s.enum)))
	}
	if len(guessed) > 0 {
		comment = " # decide: the value of " + oneLine(strings.Join(guessed, ", "))
	}
	if len(members) > 0 {
		y.line("    %s: {%s}%s", kind, strings.Join(members, ", "), comment)
	}
}

// example returns a value that the schema allows, as far as that is simple.
func example(s *schema) string {
	switch {
	case s == nil:
		return "null"
	case s.value != nil:
		return literalBraces(quoteJSON(s.value))
	case len(s.enum) > 0:
		return literalBraces(quoteJSON(s.enum[0]))
	case s.is("integer"), s.is("number"):
		return "1"
	case s.is("boolean"):
		return "false"
	case s.is("array"):
		return "[]"
	case s.is("object"):
		return "{}"
	case s.format == "uuid":
		return `"{uuid}"`
	}
	return `"x"`
}

// literalBraces doubles the braces inside the strings of a value of JSON, which otherwise would begin placeholders.
func literalBraces(text string) string {
	if text == "" || text[0] != '"' {
		return text
	}
	return strings.ReplaceAll(text, "{", "{{")
}

func (d *draft) writeAnswer(y *yamlText, op scenarios.Op, e *endpoint) {
	switch op {
	case scenarios.GetOrCreate:
		y.line("    created: {status: 201} # decide: how the answer says that this request created the session")
	case scenarios.Append:
		if name, ok := property(e.answer, seqNames, "integer"); ok {
			y.line("    seq: %s", quoteProgram(jqMember(name)))
		} else {
			y.line("    # seq: .seq # decide: the number of the message in its session, from 1, if the answer has it")
		}
	case scenarios.History:
		y.line("    messages: %s", d.messages(e))
	case scenarios.Read:
		y.line("    fields: . # decide: the object with the fields")
	}
}

// messages returns the program for a history.
func (d *draft) messages(e *endpoint) string {
	item, list := messagesIn(e.answer)
	comment := ""
	if item == nil { // undocumented: as the message of append
		item, list = &schema{}, jqMember(e.last())+"[]"
		if from := d.requests[scenarios.Append]; from != nil && from.body != nil {
			item = from.body
		}
		comment = " # decide: the document does not say what the answer contains"
	}
	var members []string
	member := func(name string, names []string, kind string) (from string, ok bool) {
		from, ok = property(item, names, kind)
		switch {
		case ok && from == name:
			members = append(members, name)
		case ok:
			members = append(members, name+": "+jqMember(from))
		}
		return from, ok
	}
	if _, ok := member("seq", seqNames, "integer"); !ok && comment != "" {
		members = append(members, "seq")
	}
	if _, ok := member("role", roleNames, "string"); ok {
		if _, ok = member("content", contentNames, "string"); !ok {
			members = append(members, "content")
		}
		return quoteProgram(list+" | {"+strings.Join(members, ", ")+"}") + comment
	}
	// A service without roles: append has written the role before the text.
	text, ok := property(item, contentNames, "string")
	if !ok {
		text = "content"
	}
	program := list + " | {" + strings.Join(members, ", ") + "} + (" + jqMember(text) + ` | capture("(?s)^(?<role>[a-z]+) (?<content>.*)$"))`
	return quoteProgram(program) + cmp.Or(comment, " # decide: the document has no role; append writes it before the text")
}

// nameFrom makes a name from a title.
func nameFrom(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if name := strings.Trim(b.String(), "-"); name != "" {
		return name
	}
	return "service"
}

// quoteProgram returns a program of jq as YAML: without quotes where it is a simple path.
func quoteProgram(program string) string {
	switch {
	case shapeOf(program) != nil && !strings.ContainsAny(program, " []"):
		return program
	case strings.Contains(program, `"`) && !strings.ContainsFunc(program, func(r rune) bool { return r == '\'' || !unicode.IsPrint(r) }):
		return "'" + program + "'"
	}
	return quoteJSON(program)
}

func quoteKey(name string) string {
	if variableName.MatchString(name) && !slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}, strings.ToLower(name)) {
		return name
	}
	return strings.ReplaceAll(quoteJSON(name), "{", "{{")
}

// oneLine returns a text for a comment.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), " ")
}

var plainRequest = regexp.MustCompile(`^[A-Z]+ /[A-Za-z0-9/{}_.~-]*$`)

// quoteRequest returns METHOD /PATH as YAML.
func quoteRequest(method, path string) string {
	request := method + " " + path
	if plainRequest.MatchString(request) {
		return request
	}
	return quoteJSON(request)
}
