package httptarget

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sessbench/sessbench/scenarios"
)

// placeholderNames are the placeholders that are not captured, besides {account.COLUMN} and {env.NAME}.
var placeholderNames = []string{"id", "role", "content", "fields", "user", "slot", "uuid", "port"}

const (
	accountPrefix = "account."
	envPrefix     = "env."
)

// scope is where a request stands in the file. It decides which placeholders have a value.
type scope struct {
	name string
	op   scenarios.Op // NumOps: not an operation
	step int          // index among the steps
}

const (
	setupScope  = "setup"
	readyScope  = "ready"
	commonScope = "headers" // of every request
)

// ofSession reports whether the request is about one session.
func (s scope) ofSession() bool { return s.op < scenarios.NumOps && s.op != scenarios.Sweep }

// use is a placeholder in a request. It is checked when the whole file has been read.
type use struct {
	at   *yaml.Node
	name string
	in   scope
}

// captured is a variable, and where an answer gives it a value.
type captured struct {
	name string
	in   scope
}

// resolver returns how the placeholders of a request are resolved: the environment now, the others when it is rendered.
func (l *loader) resolver(n *yaml.Node, in scope) resolver {
	return func(name string) (constant string, ok bool, err error) {
		if variable, isEnv := strings.CutPrefix(name, envPrefix); isEnv {
			constant, _ = l.env(variable)
			if constant == "" {
				return "", true, fmt.Errorf("{%s}: the environment variable %s is not set", name, variable)
			}
			l.m.secrets = append(l.m.secrets, constant, string(appendURL(nil, constant)), string(appendEscaped(nil, constant)))
			return constant, true, nil
		}
		l.uses = append(l.uses, use{n, name, in})
		return "", false, nil
	}
}

// checkPlaceholders reports those that have no value where they are used.
func (l *loader) checkPlaceholders() {
	for _, u := range l.uses {
		isAccount := strings.HasPrefix(u.name, accountPrefix)
		if isAccount && l.badAccounts {
			continue
		}
		if isAccount && l.m.Accounts == nil {
			l.errorf(u.at, "%s: {%s}: there are no accounts: want accounts: FILE.csv", u.in.name, u.name)
			continue
		}
		if legal := l.legal(u.in); !slices.Contains(legal, u.name) {
			l.errorf(u.at, "%s: {%s} has no value here: want one of {%s}, {env.NAME}, or {{ for a brace", u.in.name, u.name,
				strings.Join(legal, "}, {"))
		}
	}
}

// legal returns the placeholders that have a value in a request.
func (l *loader) legal(in scope) (names []string) {
	if in.ofSession() && (in.op != scenarios.Create || l.m.Session.client) {
		names = append(names, "id")
	}
	switch in.op {
	case scenarios.Append:
		names = append(names, "role", "content")
	case scenarios.Update:
		names = append(names, "fields")
	}
	if in.ofSession() || in.name == commonScope {
		names = append(names, "user", "slot")
		if l.m.Accounts != nil {
			for _, column := range l.m.Accounts.columns {
				names = append(names, accountPrefix+column)
			}
		}
	}
	names = append(names, "uuid")
	for _, c := range l.captured {
		if c.in.precedes(in) && !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return names
}

// precedes reports whether a variable that is captured in s may have a value in another request. That an operation was executed
// before another one is only certain for the creation of the session.
func (s scope) precedes(other scope) bool {
	creates := func(op scenarios.Op) bool { return op == scenarios.Create || op == scenarios.GetOrCreate }
	switch {
	case s.name == other.name && (creates(s.op) || s.op == scenarios.NumOps):
		return s.step < other.step
	case s.name == setupScope:
		return other.name != commonScope && other.name != readyScope
	}
	return s.ofSession() && other.ofSession() && !creates(other.op)
}
