package httptarget

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/shellwords"
	"github.com/sessbench/sessbench/scenarios"
)

// Mapping is a mapping file: how the operations on sessions become requests to a service, and what its answers say. It is
// immutable, and safe for concurrent use.
type Mapping struct {
	Path string // as given to [Load]; "" if the mapping was not read from a file
	Name string

	Bases     []*url.URL // scheme and host of each worker; see [Mapping.withPort]
	Affinity  bool       // a session stays with the worker that created it; otherwise requests go to the workers in turn
	Start     []string   // words of the command that starts the service; empty: sessbench does not start it
	Workers   int        // processes that Start starts, each with a port of its own; 0: one for all Bases
	NeedsPort bool       // Start and Bases have {port}
	HTTP2     bool       // and no other version; otherwise that is negotiated over https, and 1.1 over http
	TLS       *tls.Config
	Ready     *step // polled until it succeeds; nil: a connection is enough

	Session    sessionIdentity
	Operations [scenarios.NumOps]*operation // nil: not mapped

	NotFound, Conflict, Throttled []int // statuses

	Consistency history.Level // the declared level; "": undeclared
	Bound       time.Duration // of the level eventual
	Volatile    bool          // the service may lose all sessions when it restarts

	Setup, Teardown, Reset []*step
	Accounts               *accounts // nil: none

	bases   []string // with {port}
	secrets []string // as they occur in requests, longest first
}

// sessionIdentity is how the service names a session.
type sessionIdentity struct {
	from    *source // in the answer to create; nil: by cookie or client
	cookie  string  // name of the cookie that holds the id
	client  bool    // the ids are those of sessbench, UUIDs; the service creates what it is asked for
	Rotates bool    // the service may change the value of the cookie
}

// operation is the requests of an operation, and what the answer to the last one says.
type operation struct {
	steps []*step

	seq, version, messages, fields, removed *expression // nil: not in the answer

	created struct { // neither: not in the answer
		jq     *expression
		status []int
	}
}

// accounts are the rows of a CSV file: one for each session, by its number.
type accounts struct {
	columns []string
	rows    [][]string
}

func (a *accounts) len() int { return len(a.rows) }

// value returns the value of a column for the session with this number, from 0.
func (a *accounts) value(slot int, column string) (string, bool) {
	i := slices.Index(a.columns, column)
	if i < 0 || slot < 0 || slot >= len(a.rows) {
		return "", false
	}
	return a.rows[slot][i], true
}

// withPort returns a copy in which {port} has a value.
func (m *Mapping) withPort(port int) (*Mapping, error) {
	with := *m
	with.NeedsPort, with.Bases, with.Start = false, nil, slices.Clone(m.Start)
	number := fmt.Sprint(port)
	for i := range with.Start {
		with.Start[i] = strings.ReplaceAll(with.Start[i], portPlaceholder, number)
	}
	for _, base := range m.bases {
		u, err := parseBase(strings.ReplaceAll(base, portPlaceholder, number))
		if err != nil {
			return nil, fmt.Errorf("%s: base: %w", m.Path, err)
		}
		with.Bases = append(with.Bases, u)
	}
	return &with, nil
}

const portPlaceholder = "{port}"

// Mask replaces the values of {env.NAME} in a text for people.
func (m *Mapping) Mask(text string) string {
	for _, secret := range m.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.User != nil {
		return nil, fmt.Errorf("%q: want http://HOST:PORT or https://HOST:PORT; a path belongs into the requests", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// Load reads a mapping file. Errors name the file and the line. Requests may go to this machine and to the hosts of allowRemote; a mapping
// of a service elsewhere is an error.
func Load(path string, allowRemote []string) (*Mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, text, allowRemote, os.LookupEnv, func(name string) (io.ReadCloser, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return os.Open(name)
	})
}

// parse reads the text of a mapping file.
func parse(path string, text []byte, allowRemote []string, env func(string) (string, bool), open func(string) (io.ReadCloser, error)) (*Mapping, error) {
	l := &loader{path: path, allowRemote: allowRemote, env: env, open: open, budget: maxNodes, m: &Mapping{
		Path: path, NotFound: []int{http.StatusNotFound, http.StatusGone},
		Conflict: []int{http.StatusConflict}, Throttled: []int{http.StatusTooManyRequests},
	}}
	if path != "" {
		base := filepath.Base(path)
		l.m.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if err == io.EOF {
			err = errors.New("the file is empty")
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := decoder.Decode(new(yaml.Node)); err != io.EOF {
		return nil, fmt.Errorf("%s: want one document", path)
	}
	if len(document.Content) == 1 {
		l.mapping(document.Content[0])
	}
	if len(l.errs) == 0 {
		return l.m, nil
	}
	slices.SortStableFunc(l.errs, func(a, b lineError) int { return cmp.Compare(a.line, b.line) })
	all := make([]error, len(l.errs))
	for i, err := range l.errs {
		all[i] = fmt.Errorf("%s:%d: %w", path, err.line, err.error)
	}
	return nil, errors.Join(all...)
}

// mapping reads the whole file.
func (l *loader) mapping(n *yaml.Node) {
	m := l.m
	l.object(n, "the mapping", []key{
		{"name", func(n *yaml.Node) { m.Name = l.string(n) }},
		{"base", l.base},
		{"affinity", func(n *yaml.Node) { m.Affinity = l.oneOf(n, "none", "session") == "session" }},
		{"start", l.start},
		{"workers", func(n *yaml.Node) { m.Workers = l.count(n, maxWorkers) }},
		{"http2", func(n *yaml.Node) { m.HTTP2 = l.bool(n) }},
		{"tls", l.tls},
		{"accounts", l.accounts},
		{"headers", func(n *yaml.Node) { l.common = l.headers(n, scope{name: commonScope, op: scenarios.NumOps}) }},
		{"session", l.session},
		{"ready", func(n *yaml.Node) { m.Ready = l.step(n, scope{name: readyScope, op: scenarios.NumOps}, &operation{}) }},
		{"setup", func(n *yaml.Node) { m.Setup = l.steps(n, scope{name: setupScope, op: scenarios.NumOps}) }},
		{"operations", l.operations},
		{"reset", func(n *yaml.Node) { m.Reset = l.steps(n, scope{name: "reset", op: scenarios.NumOps}) }},
		{"teardown", func(n *yaml.Node) { m.Teardown = l.steps(n, scope{name: "teardown", op: scenarios.NumOps}) }},
		{"errors", l.errorStatuses},
		{"consistency", l.consistency},
		{"volatile", func(n *yaml.Node) { m.Volatile = l.bool(n) }},
	}, "base", "session", "operations")
	l.together(n)
	l.checkPlaceholders()
	slices.SortFunc(m.secrets, func(a, b string) int { return len(b) - len(a) })
	m.secrets = slices.Compact(m.secrets)
}

// together checks what depends on several keys.
func (l *loader) together(n *yaml.Node) {
	m := l.m
	if !legalName.MatchString(m.Name) {
		l.errorf(n, "name: %q: want letters, digits, and . _ - between them", m.Name)
	}
	if m.NeedsPort && m.Start == nil {
		l.errorf(n, "base: {port} is chosen for a service that sessbench starts: want start")
	}
	if m.TLS != nil && !slices.ContainsFunc(m.Bases, func(u *url.URL) bool { return u.Scheme == "https" }) {
		l.errorf(n, "tls: no address in base begins with https")
	}
	if m.Workers > 0 && (!m.NeedsPort || len(m.bases) != 1) {
		l.errorf(n, "workers: sessbench starts each with a port of its own: want start, and one base with {port}")
	}
	create, ensure := m.Operations[scenarios.Create], m.Operations[scenarios.GetOrCreate]
	if create == nil && ensure == nil {
		l.errorf(n, "operations: want create (or get_or_create): there are no sessions without it")
	}
	if ensure != nil && !m.Session.client {
		l.errorf(n, "operations: get_or_create needs session ids that the client chooses: want session: {id: {client: uuid}}")
	}
}

// maxWorkers limits the processes of a service that are started here.
const maxWorkers = 64

var legalName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (l *loader) base(n *yaml.Node) {
	for _, item := range l.list(n) {
		text := l.string(item)
		concrete := strings.ReplaceAll(text, portPlaceholder, "1")
		l.m.NeedsPort = l.m.NeedsPort || concrete != text
		u, err := parseBase(concrete)
		if err == nil {
			err = CheckHost(u.Hostname(), l.allowRemote)
		}
		if err == nil && concrete != text && u.Port() != "1" {
			err = fmt.Errorf("%q: {port} stands for the port alone", text)
		}
		if err != nil {
			l.errorf(item, "base: %w", err)
			continue
		}
		l.m.bases = append(l.m.bases, text)
		l.m.Bases = append(l.m.Bases, u)
	}
	if len(l.m.bases) == 0 {
		l.errorf(n, "base: want an address or a list of addresses")
	}
}

// tls reads how the certificate of the service is verified.
func (l *loader) tls(n *yaml.Node) {
	l.m.TLS = &tls.Config{}
	l.object(n, "tls", []key{{"ca", func(n *yaml.Node) {
		name := l.string(n)
		if name == "" {
			return
		}
		pool, err := l.readCertificates(name)
		if err != nil {
			l.errorf(n, "tls: ca: %w", err)
			return
		}
		l.m.TLS.RootCAs = pool
	}}}, "ca")
}

func (l *loader) readCertificates(name string) (*x509.CertPool, error) {
	file, err := l.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	const most = 16 << 20
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: want certificates in PEM", name)
	}
	return pool, nil
}

func (l *loader) start(n *yaml.Node) {
	words, err := shellwords.Split(l.string(n))
	if err == nil && len(words) == 0 {
		err = errors.New("want a command")
	}
	if err != nil {
		l.errorf(n, "start: %w", err)
	}
	l.m.Start = words
	inStart := slices.ContainsFunc(words, func(word string) bool { return strings.Contains(word, portPlaceholder) })
	if inStart != l.m.NeedsPort {
		l.errorf(n, "start: {port} must be in base and in start, or in neither")
	}
}

func (l *loader) session(n *yaml.Node) {
	s := &l.m.Session
	l.object(n, "session", []key{
		{"id", func(n *yaml.Node) {
			if n.Kind == yaml.ScalarNode {
				s.from = &source{jq: l.jq(n)}
				return
			}
			from := l.source(n, "session.id", key{"client", func(n *yaml.Node) { s.client = l.oneOf(n, "uuid") != "" }})
			if from == nil {
				return
			}
			if from.cookie != "" {
				s.cookie = from.cookie
			} else if !s.client {
				s.from = from
			}
		}},
		{"rotates", func(n *yaml.Node) {
			if s.Rotates = l.bool(n); s.Rotates && s.cookie == "" {
				l.errorf(n, "session: rotates: only with id: {cookie: NAME}")
			}
		}},
	}, "id")
}

func (l *loader) errorStatuses(n *yaml.Node) {
	m := l.m
	seen := map[int]string{}
	var keys []key
	for _, row := range []struct {
		name string
		to   *[]int
	}{{"not_found", &m.NotFound}, {"conflict", &m.Conflict}, {"throttled", &m.Throttled}} {
		keys = append(keys, key{row.name, func(n *yaml.Node) { *row.to = l.statuses(n) }})
	}
	l.object(n, "errors", keys)
	for _, list := range []struct {
		name     string
		statuses []int
	}{{"not_found", m.NotFound}, {"conflict", m.Conflict}, {"throttled", m.Throttled}} {
		for _, status := range list.statuses {
			if other, twice := seen[status]; twice {
				l.errorf(n, "errors: status %d is %s and %s", status, other, list.name)
			}
			if status/100 == 2 {
				l.errorf(n, "errors: status %d is a success", status)
			}
			seen[status] = list.name
		}
	}
}

func (l *loader) consistency(n *yaml.Node) {
	var err error
	if l.m.Consistency, l.m.Bound, err = history.ParseLevel(l.string(n)); err != nil {
		l.errorf(n, "%w", err)
	}
}

// accounts reads the CSV file.
func (l *loader) accounts(n *yaml.Node) {
	name := l.string(n)
	if name == "" {
		return
	}
	a, err := l.readAccounts(name)
	if err != nil {
		l.errorf(n, "accounts: %w", err)
		a = nil
	}
	l.m.Accounts, l.badAccounts = a, err != nil
}

func (l *loader) readAccounts(name string) (*accounts, error) {
	file, err := l.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("%s: want a line with the names of the columns, and one line for each account", name)
	}
	for i, column := range rows[0] {
		if !variableName.MatchString(column) || slices.Contains(rows[0][:i], column) {
			return nil, fmt.Errorf("%s: column %q: want different names of letters, digits and _", name, column)
		}
	}
	return &accounts{rows[0], rows[1:]}, nil
}
