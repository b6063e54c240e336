// Package trace reads recorded traffic and compiles it into tapes, which users replay. Like package scenarios it is not stable.
//
// A [Reader] streams a log, plain or gzip, one row at a time; one row is one visit to a session. [Compile] writes the
// log once into a [Tape], from which every user reads its own sessions' operations in bounded chunks.
// [Measure] describes the log. The memory of all of them is a few words per distinct session.
package trace

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Options sets how a log is read. The zero value detects everything and accepts no malformed line.
type Options struct {
	// Format is one of [Formats]. Empty is auto: detected from the first lines.
	Format string

	// TimeUnit is the unit of times that are numbers, one of [TimeUnits]. Empty is auto: detected from the column's name or
	// the number's size.
	TimeUnit string

	// Columns names the column (csv, tsv) or the field (jsonl, a dotted path reaches into nested objects) for a role,
	// see [ParseColumns]. A role that is not named is searched under its well-known names, and one with an
	// empty name is not used. A table without a header has its columns named by number, from 1. A column whose name ends in "tokens" counts tokens, see [BytesPerToken].
	Columns map[string]string

	// Session is the place of the session in a clf log: empty for the client's address, "cookie:NAME" for a
	// cookie logged in a quoted field of its own, as "%{Cookie}i" does.
	Session string

	// MaxErrors is how many malformed lines are skipped before reading fails. Negative: no limit.
	MaxErrors int
}

// BytesPerToken converts a language model's tokens into bytes: about 4 characters per English token.
const BytesPerToken = 4

const (
	formatAuto  = "auto"
	formatCSV   = "csv"
	formatTSV   = "tsv"
	formatSemi  = "semicolon"
	formatSpace = "space"
	formatCLF   = "clf"
	formatJSONL = "jsonl"
	formatKeys  = "keys"
)

// Formats lists the legal values of Options.Format.
func Formats() []string {
	return []string{formatAuto, formatCSV, formatTSV, formatSemi, formatSpace, formatCLF, formatJSONL, formatKeys}
}

// separators are the column separators of the table formats; for space, any number of blanks.
func separators() map[string]byte {
	return map[string]byte{formatCSV: ',', formatTSV: '\t', formatSemi: ';', formatSpace: ' '}
}

// TimeUnits lists the legal values of Options.TimeUnit.
func TimeUnits() []string { return []string{formatAuto, "s", "ms", "us", "ns"} }

// role is the meaning of a column.
type role int

const (
	roleSession role = iota
	roleTime
	roleOp
	roleBytes
	roleReply // bytes of a second append: the answer
	numRoles
)

var roleNames = [numRoles]string{"session", "time", "op", "bytes", "reply"}

func (r role) String() string { return roleNames[r] }

// wellKnown returns the names under which a role is found by default, the most specific first. A reply is never
// searched by name alone: see bindRoles.
func (r role) wellKnown() []string {
	switch r {
	case roleSession:
		return []string{"session", "session_id", "sessionid", "sid", "conversation_id", "conversation", "conv_id",
			"chat_id", "thread_id", "user_id", "user", "client", "client_ip", "remote_addr", "host", "ip", "key"}
	case roleTime:
		return []string{"t_s", "time", "timestamp", "@timestamp", "ts", "t", "datetime", "created_at", "epoch",
			"t_ms", "ts_ms", "time_ms", "timestamp_ms", "t_us", "ts_us", "time_us", "timestamp_us",
			"t_ns", "ts_ns", "time_ns", "timestamp_ns"}
	case roleOp:
		return []string{"op", "operation", "action"}
	case roleBytes:
		return []string{"bytes", "size", "bytes_sent", "body_bytes_sent", "length", "content_length", userTokens, "tokens"}
	default:
		return nil
	}
}

// A log that counts both is a chatbot's: a row is a request, which reads the history and appends question and answer.
const (
	userTokens      = "user_tokens"
	assistantTokens = "assistant_tokens"
)

// ParseColumns reads "role=column,role=column". Roles: session, time, op, bytes, and reply, the bytes of a second
// append after the first. An empty string is no columns.
func ParseColumns(s string) (map[string]string, error) {
	columns := map[string]string{}
	if strings.TrimSpace(s) == "" {
		return columns, nil
	}
	for pair := range strings.SplitSeq(s, ",") {
		name, column, ok := strings.Cut(pair, "=")
		name, column = strings.TrimSpace(name), strings.TrimSpace(column)
		if !ok {
			return nil, fmt.Errorf("--trace-columns %q: want role=column, with a role of %s", pair, legalRoles())
		}
		if _, twice := columns[name]; twice {
			return nil, fmt.Errorf("--trace-columns %q: role %q is given twice", s, name)
		}
		columns[name] = column
	}
	return columns, checkRoles(columns)
}

func legalRoles() string { return strings.Join(roleNames[:], ", ") }

func checkRoles(columns map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		if !slices.Contains(roleNames[:], name) {
			return fmt.Errorf("--trace-columns: unknown role %q: want one of %s", name, legalRoles())
		}
	}
	return nil
}

// validate rejects invalid options and returns the cookie's name, if the session is in one.
func (o Options) validate() (cookie string, err error) {
	if o.Format != "" && !slices.Contains(Formats(), o.Format) {
		return "", fmt.Errorf("--trace-format %q: want one of %s", o.Format, strings.Join(Formats(), ", "))
	}
	if o.TimeUnit != "" && !slices.Contains(TimeUnits(), o.TimeUnit) {
		return "", fmt.Errorf("--trace-time-unit %q: want one of %s", o.TimeUnit, strings.Join(TimeUnits(), ", "))
	}
	if err := checkRoles(o.Columns); err != nil {
		return "", err
	}
	if o.Session == "" {
		return "", nil
	}
	cookie, ok := strings.CutPrefix(o.Session, "cookie:")
	if !ok || cookie == "" {
		return "", fmt.Errorf("--trace-session %q: want cookie:NAME, or nothing for the client's address", o.Session)
	}
	return cookie, nil
}

// bindRoles finds the name for each role: the one given, else the first well-known one that has finds.
// A role without a name is "". A given name that is absent is an error that lists present.
func bindRoles(given map[string]string, has finder, present []string) (bound [numRoles]string, err error) {
	for r := range numRoles {
		name, ok := given[r.String()]
		if !ok {
			bound[r] = firstKnown(r, has)
			continue
		}
		if name == "" {
			continue
		}
		exact, ok := has(name)
		if !ok {
			return bound, fmt.Errorf("no column %q for %s: want one of %s", name, r, strings.Join(present, ", "))
		}
		bound[r] = exact
	}
	if _, ok := given[roleReply.String()]; !ok && strings.EqualFold(bound[roleBytes], userTokens) {
		bound[roleReply], _ = has(assistantTokens)
	}
	if bound[roleSession] == "" {
		return bound, fmt.Errorf("no column is known to hold the session: name one with --trace-columns session=COLUMN, "+
			"out of %s", strings.Join(present, ", "))
	}
	return bound, nil
}

func firstKnown(r role, has finder) string {
	for _, name := range r.wellKnown() {
		if exact, ok := has(name); ok {
			return exact
		}
	}
	return ""
}

// finder looks a column up and returns its name as it is written.
type finder func(name string) (exact string, ok bool)

// hasIn looks names up in present, whatever their case, an exact match first.
func hasIn(present []string) finder {
	return func(name string) (string, bool) {
		if slices.Contains(present, name) {
			return name, true
		}
		i := slices.IndexFunc(present, func(p string) bool { return strings.EqualFold(p, name) })
		if i < 0 {
			return "", false
		}
		return present[i], true
	}
}
