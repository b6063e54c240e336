package httptarget

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// openAPI is what a draft needs of an OpenAPI document.
type openAPI struct {
	title, version string
	server         string // address of the first one; may be relative, or empty
	secured        bool   // asks for credentials
	endpoints      []*endpoint
}

// endpoint is a method of a path.
type endpoint struct {
	method, path string
	params       []string // in the path
	query        []string // required
	body         *schema
	form         bool    // the body is a form
	answer       *schema // of success; nil: undocumented
	status       string  // of success
}

// schema is what a draft needs of a schema. References are resolved, so that a schema may contain itself.
type schema struct {
	types      []string // none: any
	properties map[string]*schema
	required   []string
	items      *schema
	additional *schema   // of properties that are not listed
	variants   []*schema // allOf, anyOf, oneOf
	enum       []any
	value      any // default, or else the example
	format     string
}

func (s *schema) is(kind string) bool { return s != nil && slices.Contains(s.types, kind) }

// saysNothing reports whether the type is neither stated nor follows from properties.
func (s *schema) saysNothing() bool { return s.types == nil && s.properties == nil }

// openAPIReader reads a document. It keeps the first error; what is wrong is read as if it were missing.
type openAPIReader struct {
	root    any
	schemas map[string]*schema // by place
	err     error
}

// node is a value of the document: as encoding/json decodes it, nil if it is missing.
type node struct {
	r     *openAPIReader
	place string // as a reference: #/paths/~1sessions
	value any
}

// readOpenAPI reads a document of version 3 in JSON or YAML. Like all tools for such documents it resolves references, but only those
// into the document: others would read files and addresses that the user has not named.
func readOpenAPI(document []byte) (*openAPI, error) {
	root, err := decodeDocument(document)
	if err != nil {
		return nil, fmt.Errorf("OpenAPI: %w", err)
	}
	r := &openAPIReader{root: root, schemas: map[string]*schema{}}
	top := node{r, "#", root}
	doc := &openAPI{
		title:     top.get("info").get("title").text(),
		version:   top.get("info").get("version").text(),
		secured:   len(top.get("components").get("securitySchemes").names()) > 0,
		endpoints: readEndpoints(top.get("paths")),
	}
	if servers := top.get("servers").list(); len(servers) > 0 {
		doc.server = servers[0].get("url").text()
	}
	version, paths := top.get("openapi").text(), top.get("paths").names()
	switch {
	case r.err != nil:
		return nil, fmt.Errorf("OpenAPI: %w", r.err)
	case version == "" || len(paths) == 0:
		return nil, errors.New("no OpenAPI document of version 3, or one without paths")
	}
	return doc, nil
}

// decodeDocument decodes JSON or YAML. The parser of YAML rejects some JSON, such as tabs and surrogate pairs.
func decodeDocument(document []byte) (v any, err error) {
	errJSON := json.Unmarshal(document, &v)
	if errJSON == nil {
		return v, nil
	}
	if err = yaml.Unmarshal(document, &v); err == nil {
		return withTextKeys(v), nil
	}
	var syntax *json.SyntaxError
	if bytes.HasPrefix(bytes.TrimSpace(document), []byte("{")) && errors.As(errJSON, &syntax) {
		err = fmt.Errorf("line %d: %w", 1+bytes.Count(document[:syntax.Offset], []byte("\n")), syntax)
	}
	return nil, err
}

// withTextKeys changes keys such as the statuses of YAML to text, as in JSON.
func withTextKeys(v any) any {
	switch v := v.(type) {
	case map[any]any:
		object := map[string]any{}
		for key, member := range v {
			object[fmt.Sprint(key)] = withTextKeys(member)
		}
		return object
	case map[string]any:
		for key, member := range v {
			v[key] = withTextKeys(member)
		}
	case []any:
		for i, item := range v {
			v[i] = withTextKeys(item)
		}
	}
	return v
}

func (n node) fail(format string, args ...any) {
	if n.r.err == nil {
		n.r.err = fmt.Errorf("%s: %w", n.place, fmt.Errorf(format, args...))
	}
}

// want rejects a value of another type.
func (n node) want(what string) {
	if n.value != nil {
		n.fail("want %s, not %s", what, clip(quoteJSON(n.value)))
	}
}

var (
	pointerEscapes   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")
)

// object returns the members of an object, and the object's place. Instead of an object that is a reference, those of its target.
func (n node) object() (map[string]any, string) {
	for range 100 {
		object, ok := n.value.(map[string]any)
		if !ok {
			n.want("an object")
			return nil, n.place
		}
		ref, ok := object["$ref"].(string)
		if !ok {
			return object, n.place
		}
		if n, ok = n.target(ref); !ok {
			return nil, n.place
		}
	}
	n.fail("$ref leads to itself")
	return nil, n.place
}

// target returns the value that a reference in n points to.
func (n node) target(ref string) (node, bool) {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok {
		n.fail("$ref %q: want a reference into this document: #/...", ref)
		return n, false
	}
	to := node{n.r, "#", n.r.root}
	for i, segment := range strings.Split(pointer, "/") {
		if i == 0 {
			continue // before the first slash
		}
		if decoded, err := url.PathUnescape(segment); err == nil {
			segment = decoded
		}
		to = to.step(pointerUnescapes.Replace(segment))
	}
	if to.value == nil {
		n.fail("$ref %q: not in the document", ref)
	}
	return to, to.value != nil
}

// step returns a member of an object or an item of a list. It resolves no references.
func (n node) step(key string) node {
	next := node{n.r, n.place + "/" + pointerEscapes.Replace(key), nil}
	switch v := n.value.(type) {
	case map[string]any:
		next.value = v[key]
	case []any:
		if i, err := strconv.Atoi(key); err == nil && 0 <= i && i < len(v) {
			next.value = v[i]
		}
	}
	return next
}

// get returns a member of an object.
func (n node) get(key string) node {
	object, place := n.object()
	return node{n.r, place, object}.step(key)
}

// names returns the sorted names of an object's members, without those of extensions.
func (n node) names() []string {
	object, _ := n.object()
	names := slices.Sorted(maps.Keys(object))
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "x-") })
}

func (n node) list() []node {
	values, ok := n.value.([]any)
	if !ok {
		n.want("a list")
	}
	items := make([]node, len(values))
	for i := range values {
		items[i] = n.step(strconv.Itoa(i))
	}
	return items
}

func (n node) text() string {
	text, ok := n.value.(string)
	if !ok {
		n.want("a text")
	}
	return text
}

// texts returns the texts of a list, or the only one.
func (n node) texts() (all []string) {
	if text, ok := n.value.(string); ok {
		return []string{text}
	}
	for _, item := range n.list() {
		all = append(all, item.text())
	}
	return all
}

// readEndpoints returns the methods of all paths, sorted by path and method.
func readEndpoints(paths node) (all []*endpoint) {
	for _, path := range paths.names() {
		item := paths.get(path)
		for _, method := range []string{"delete", "get", "head", "options", "patch", "post", "put", "trace"} {
			if op := item.get(method); op.value != nil {
				all = append(all, newEndpoint(strings.ToUpper(method), path, item, op))
			}
		}
	}
	return all
}

func newEndpoint(method, path string, item, op node) *endpoint {
	e := &endpoint{method: method, path: path}
	for _, match := range pathParameter.FindAllStringSubmatch(path, -1) {
		e.params = append(e.params, match[1])
	}
	for _, p := range append(item.get("parameters").list(), op.get("parameters").list()...) {
		if p.get("in").text() == "query" && p.get("required").value == true {
			e.query = append(e.query, p.get("name").text())
		}
	}
	content := op.get("requestBody").get("content")
	if e.body = contentSchema(content, "application/json"); e.body == nil {
		if e.body = contentSchema(content, "application/x-www-form-urlencoded"); e.body == nil {
			e.body = contentSchema(content, "multipart/form-data")
		}
		e.form = e.body != nil
	}
	responses := op.get("responses")
	for _, status := range responses.names() {
		if strings.HasPrefix(status, "2") {
			e.status, e.answer = status, contentSchema(responses.get(status).get("content"), "application/json")
			break
		}
	}
	return e
}

// contentSchema returns the schema of a media type. It is nil if it says nothing.
func contentSchema(content node, mime string) *schema {
	kind, _, _ := strings.Cut(mime, "/")
	for _, want := range []string{mime, kind + "/*", "*/*"} {
		for _, name := range content.names() {
			if media, _, _ := strings.Cut(name, ";"); !strings.EqualFold(strings.TrimSpace(media), want) {
				continue
			}
			if s := plain(readSchema(content.get(name).get("schema"))); s != nil && !s.saysNothing() {
				return s
			}
			return nil
		}
	}
	return nil
}

// readSchema returns a schema, nil where there is none or only true or false.
func readSchema(n node) *schema {
	if _, ok := n.value.(bool); ok || n.value == nil {
		return nil
	}
	object, place := n.object()
	if s := n.r.schemas[place]; s != nil || object == nil {
		return s
	}
	s := &schema{}
	n.r.schemas[place] = s // before its parts, which may refer to it
	n = node{n.r, place, object}
	s.types, s.required, s.format = n.get("type").texts(), n.get("required").texts(), n.get("format").text()
	s.items, s.additional = readSchema(n.get("items")), readSchema(n.get("additionalProperties"))
	properties, _ := n.get("properties").object()
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if s.properties == nil {
			s.properties = map[string]*schema{}
		}
		s.properties[name] = readSchema(n.get("properties").get(name))
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		for _, one := range n.get(key).list() {
			s.variants = append(s.variants, readSchema(one))
		}
	}
	for _, v := range n.get("enum").list() {
		s.enum = append(s.enum, v.value)
	}
	if s.value = n.get("default").value; s.value == nil {
		s.value = n.get("example").value
	}
	return s
}

// plain returns the schema behind optional values: the first one of allOf, or the one beside null of anyOf.
func plain(s *schema) *schema {
	if s == nil || !s.saysNothing() {
		return s
	}
	for _, one := range s.variants {
		if one != nil && !slices.Equal(one.types, []string{"null"}) {
			return one
		}
	}
	return s
}
