package httptarget

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// loader reads a mapping file. It goes on after an error, to report all of them.
type loader struct {
	path        string
	allowRemote []string // hosts beside this machine
	env         func(string) (string, bool)
	open        func(string) (io.ReadCloser, error)
	budget      int // of nodes, so that aliases cannot multiply them without end
	errs        []lineError
	m           *Mapping

	common      []headerTemplate // of every request
	uses        []use
	captured    []captured
	badAccounts bool
}

const maxNodes = 20_000

type lineError struct {
	line int
	error
}

func (l *loader) errorf(n *yaml.Node, format string, args ...any) {
	l.errs = append(l.errs, lineError{n.Line, fmt.Errorf(format, args...)})
}

// follow returns the node that an alias stands for. It is not ok once the file has too many nodes.
func (l *loader) follow(n *yaml.Node) (*yaml.Node, bool) {
	if l.budget--; l.budget <= 0 {
		if l.budget == 0 {
			l.errorf(n, "more than %d values: is an anchor part of itself?", maxNodes)
		}
		return n, false
	}
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n, true
}

// key is a key of an object, and what reads its value.
type key struct {
	name string
	read func(n *yaml.Node)
}

// object reads the values of an object in the order of keys. Other keys are errors, as are missing ones that are required.
func (l *loader) object(n *yaml.Node, what string, keys []key, required ...string) (found map[string]*yaml.Node) {
	n, ok := l.follow(n)
	if !ok {
		return nil
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	if n.Kind != yaml.MappingNode {
		l.errorf(n, "%s: want an object with %s", what, alternatives(names, "and"))
		return nil
	}
	found = map[string]*yaml.Node{}
	l.pairs(n, func(name, v *yaml.Node) {
		if !slices.Contains(names, name.Value) {
			l.errorf(name, "%s: unknown key %q: want one of %s", what, name.Value, strings.Join(names, ", "))
			return
		}
		found[name.Value] = v
	})
	for _, name := range required {
		if found[name] == nil {
			l.errorf(n, "%s: no %s", what, name)
		}
	}
	for _, k := range keys {
		if v := found[k.name]; v != nil {
			if v, ok := l.follow(v); ok {
				k.read(v)
			}
		}
	}
	return found
}

// pairs calls do for each key, once, and its value.
func (l *loader) pairs(n *yaml.Node, do func(name, v *yaml.Node)) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, ok := l.follow(n.Content[i])
		switch {
		case !ok:
			return
		case name.Kind != yaml.ScalarNode:
			l.errorf(name, "want a name before the colon")
			continue
		case lines[name.Value] > 0:
			l.errorf(name, "duplicate key %q: also in line %d", name.Value, lines[name.Value])
			continue
		}
		lines[name.Value] = name.Line
		do(name, n.Content[i+1])
	}
}

// list returns the items of a list, or the value itself: a list of one may be written without brackets.
func (l *loader) list(n *yaml.Node) (items []*yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	for _, item := range n.Content {
		if item, ok := l.follow(item); ok {
			items = append(items, item)
		}
	}
	return items
}

// string returns a string, or "" after an error.
func (l *loader) string(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		l.errorf(n, "want a text%s", found(n))
		return ""
	}
	return n.Value
}

// found returns what a node is, for an error.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		if name, ok := unquoted(n); ok {
			return fmt.Sprintf(": write %q with quotes", "{"+name+"}")
		}
		return ", not an object"
	case yaml.SequenceNode:
		return ", not a list"
	}
	if n.Value == "" {
		return ", not nothing"
	}
	return fmt.Sprintf(": write %q with quotes", n.Value)
}

// unquoted returns the name in {name}, which YAML reads as an object with a key that has no value.
func unquoted(n *yaml.Node) (name string, ok bool) {
	if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 && n.Content[0].Kind == yaml.ScalarNode &&
		n.Content[1].Kind == yaml.ScalarNode && n.Content[1].Value == "" && n.Content[1].ShortTag() == "!!null" {
		return n.Content[0].Value, true
	}
	return "", false
}

func (l *loader) bool(n *yaml.Node) bool {
	var b bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
		l.errorf(n, "%q: want true or false", n.Value)
	}
	return b
}

// count returns a number from 1 to most, or 0 after an error.
func (l *loader) count(n *yaml.Node, most int) int {
	number, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || number < 1 || number > most {
		l.errorf(n, "%q: want a number from 1 to %d", n.Value, most)
		return 0
	}
	return number
}

// oneOf returns one of the legal words, or "" after an error.
func (l *loader) oneOf(n *yaml.Node, legal ...string) string {
	if n.Kind == yaml.ScalarNode && slices.Contains(legal, n.Value) {
		return n.Value
	}
	l.errorf(n, "%q: want %s", n.Value, alternatives(legal, "or"))
	return ""
}

// statuses reads a status of HTTP, or a list of them.
func (l *loader) statuses(n *yaml.Node) []int {
	list := []int{} // not nil: an empty list is one
	for _, item := range l.list(n) {
		status, err := strconv.Atoi(item.Value)
		if item.Kind != yaml.ScalarNode || err != nil || status < http.StatusOK || status > 599 {
			l.errorf(item, "%q: want a status from 200 to 599", item.Value)
			continue
		}
		list = append(list, status)
	}
	return list
}

func (l *loader) jq(n *yaml.Node) *expression {
	source := l.string(n)
	if source == "" {
		return nil
	}
	x, err := compileJQ(source)
	if err != nil {
		l.errorf(n, "%w", err)
	}
	return x
}

// alternatives joins words as in "a, b or c".
func alternatives(words []string, last string) string {
	n := len(words)
	if n < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:n-1], ", ") + " " + last + " " + words[n-1]
}
