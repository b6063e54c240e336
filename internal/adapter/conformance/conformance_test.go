package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// flawEnv turns the test binary into an adapter with this flaw. Its value starts with "=".
const flawEnv = "CONFORMANCE_TEST_FLAW"

func TestMain(m *testing.M) {
	if flaw, ok := strings.CutPrefix(os.Getenv(flawEnv), "="); ok {
		os.Exit(runAdapter(flaw))
	}
	goleak.VerifyTestMain(m)
}

// adapterProcess returns the command of an adapter with a flaw.
func adapterProcess(t *testing.T, flaw string) adapter.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env, err := exec.LookPath("env")
	if err != nil {
		t.Skip("no env in PATH")
	}
	// Without GORACE the race detector sleeps for 1 s at the end.
	return adapter.Spec{Command: []string{env, "GORACE=atexit_sleep_ms=0", flawEnv + "==" + flaw, self}}
}

// joinedAdapter runs an adapter with a flaw in this process, and returns where it listens.
func joinedAdapter(t *testing.T, flaw string) adapter.Spec {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { newTestAdapter(flaw).serveAll(l, &serving) })
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return adapter.Spec{Network: "tcp", Address: l.Addr().String()}
}

// onlyStarted are the checks that are skipped for a joined adapter.
var onlyStarted = []string{"start-up line", "the end of stdin ends the program"}

func examine(t *testing.T, cfg Config, checks []check) *Report {
	t.Helper()
	r, err := run(t.Context(), cfg, checks)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// passes checks that all checks pass, except for these, which must be skipped.
func passes(t *testing.T, r *Report, skipped ...string) {
	t.Helper()
	for _, c := range r.Checks {
		want := Pass
		if slices.Contains(skipped, c.Name) {
			want = Skip
		}
		if c.Outcome != want {
			t.Errorf("%s: %s: want %s\nsent %s\ngot  %s\nwant %s\nnote %s", c.Name, c.Outcome, want, c.Sent, c.Got, c.Want, c.Note)
		}
	}
}

func TestCorrect(t *testing.T) {
	t.Parallel()
	r := examine(t, Config{Target: adapterProcess(t, "")}, catalogue())
	passes(t, r)
	if len(r.Checks) != len(catalogue()) || !r.Conforms() || r.Name != "test" {
		t.Errorf("conforms: %t, name %q, %d checks", r.Conforms(), r.Name, len(r.Checks))
	}
}

// TestLegalVariants runs all checks against adapters that are unusual but correct.
func TestLegalVariants(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flaw    string
		skipped []string
	}{
		{"escapes everything", nil},
		{"null for absent fields", nil},
		{"a missing id is not_found", nil},
		{"accepts ill-typed requests", nil},
		{"no counters", []string{"seq counts messages, from 1", "version counts changes", "incarnation stays the same until removal",
			"incarnation differs after removal", "history: numbers of messages"}},
	} {
		t.Run(test.flaw, func(t *testing.T) {
			t.Parallel()
			checks := catalogue()
			if test.flaw != "escapes everything" { // the others are not about the size of a line
				checks = slices.DeleteFunc(checks, func(k check) bool { return k.section == "sizes" })
			}
			r := examine(t, Config{Target: joinedAdapter(t, test.flaw)}, checks)
			passes(t, r, append(test.skipped, onlyStarted...)...)
		})
	}
}

// TestOnlyChat runs all checks against an adapter without fields and without get_or_create.
func TestOnlyChat(t *testing.T) {
	t.Parallel()
	r := examine(t, Config{Target: joinedAdapter(t, "only chat")}, catalogue())
	if !r.Conforms() {
		passes(t, r)
	}
	if pass, skip := r.Count(Pass), r.Count(Skip); pass < 24 || skip < 10 {
		t.Errorf("%d checks passed and %d were skipped", pass, skip)
	}
}

// flaws are adapters with one error, and the check that finds it.
var flaws = []struct {
	flaw, check string
	message     string // part of the mismatch
}{
	{"ends at once", "start-up line", "no module named sessions"},
	{"announces another version", "start-up line", "version"},
	{"announces all interfaces", "start-up line", "loopback"},
	{"text before the announcement", "start-up line", "Welcome!"},
	{"hello in another version", "hello", `"sessbench":1`},
	{"hello without ops", "hello", `"ops" as a list`},
	{"hello without a name", "hello", `a printable "name"`},
	{"two lines per answer", "hello", "nothing after it"},
	{"data after the newline", "hello", "nothing after it"},
	{"a list", "hello", "a JSON object"},
	{"reset is not listed", "hello", `"reset" in "ops"`},
	{"lists a missing operation", "operations that hello lists are there", "without an error"},
	{"census is not listed", "operations that hello does not list are unsupported", "unsupported"},
	{"closes at unknown operations", "operations that hello does not list are unsupported", "JSON object"},
	{"does unknown operations", "operations that hello does not list are unsupported", "unsupported"},
	{"sends more later", "one request, one line", "nothing after it"},
	{"treats a read as a line", "a request in pieces", "no answer before the end"},
	{"rejects unknown fields", "unknown fields of a request are ignored", "without an error"},
	{"checks the first bytes", "blanks in a request", "without an error"},
	{"crashes at invalid JSON", "a line that is not JSON", "the program has ended"},
	{"ignores invalid JSON", "a line that is not JSON", "no line within"},
	{"accepts invalid JSON", "a line that is not JSON", "internal"},
	{"sessions per connection", "every connection sees all sessions", "without an error"},
	{"serves few", "a hundred connections", "a closed connection"},
	{"resets many", "a hundred connections", "a closed connection"},
	{"creates the same id", "create returns new ids", "another id"},
	{"creates numbers as ids", "create returns new ids", "36 characters"},
	{"creates ids in upper case", "create returns new ids", "lower case"},
	{"creates ids of version 1", "create returns new ids", "version 4"},
	{"forgets what it creates", "create returns new ids", "without an error"},
	{"always created", "get_or_create creates once", `"created":false`},
	{"no created", "get_or_create creates once", `"created" as true or false`},
	{"absent is internal", "an absent session is not_found", "not_found"},
	{"an unknown error code", "an absent session is not_found", "one of not_found"},
	{"delete of nothing succeeds", "an absent session is not_found", "not_found"},
	{"every operation creates", "an absent session is not_found", "not_found"},
	{"every operation creates", "no other operation creates an absent session", "add_message must not"},
	{"creates and returns not_found", "no other operation creates an absent session", "update must not"},
	{"delete removes nothing", "delete removes", "was deleted"},
	{"messages survive delete", "a session created after delete is empty", `"messages":[]`},
	{"history lags", "history: none, then each message", `"one"`},
	{"messages are null", "history: none, then each message", `"messages" as a list`},
	{"messages without roles", "history: none, then each message", `"messages" as a list`},
	{"get without fields", "update sets the named fields and leaves the others", `"fields" as an object`},
	{"newest first", "history: oldest first", "oldest first"},
	{"sixteen", "history: the newest 15", "oldest first"},
	{"fourteen", "history: the newest 15", "oldest first"},
	{"the oldest stay", "history: the newest 15", "oldest first"},
	{"one role", "history: roles as they were sent", "roles"},
	{"numbers within the history", "history: numbers of messages", `"seq":4`},
	{"numbers here and there", "history: numbers of messages", "or in none"},
	{"one history for all", "messages stay in their session", "for a"},
	{"update replaces", "update sets the named fields and leaves the others", `"topic":"locks"`},
	{"no fields clear all", "update of no fields changes none", `"topic":"locks"`},
	{"one set of fields for all", "fields stay in their session", `"fields":{}`},
	{"seq from 0", "seq counts messages, from 1", `"seq":1, for the first message of a session`},
	{"seq of the store", "seq counts messages, from 1", `"seq":1, for the first message of a session`},
	{"seq is text", "seq counts messages, from 1", "digits only"},
	{"seq is a float", "seq counts messages, from 1", "digits only"},
	{"seq is negative", "seq counts messages, from 1", "digits only"},
	{"delete returns zero counters", "seq counts messages, from 1", `"seq":3`},
	{"version counts updates", "version counts changes", "each add_message and each update"},
	{"no fields are no change", "version counts changes", "each add_message and each update"},
	{"incarnation counts answers", "incarnation stays the same until removal", "as when the session was created"},
	{"incarnations are reused", "incarnation differs after removal", "an incarnation that no earlier"},
	{"sweeps all", "sweep removes sessions that were not used", "to stay"},
	{"sweeps none", "sweep removes sessions that were not used", `"removed":1`},
	{"sweeps one more", "sweep removes sessions that were not used", `"removed":1`},
	{"sweeps and keeps", "sweep removes sessions that were not used", "was swept"},
	{"removed is missing", "sweep removes sessions that were not used", "digits only"},
	{"reads do not count as use", "sweep removes sessions that were not used", "history is a use"},
	{"get_or_create does not count as use", "sweep removes sessions that were not used", "get_or_create is a use"},
	{"counts deleted sessions", "census counts sessions and locks", `"sessions":4`},
	{"keeps locks", "census counts sessions and locks", `"locks" at most 4`},
	{"reset does nothing", "reset removes every session", "everything was reset"},
	{"no work", "add_message works for hold_us", "after the work of"},
	{"microseconds are nanoseconds", "add_message works for hold_us", "after the work of"},
	{"held in nanoseconds", "add_message works for hold_us", "in microseconds"},
	{"update does not work", "update works for hold_us", "after the work of"},
	{"spin is ignored", "add_message spins for hold_us", "after the work of"},
	{"update does not spin", "update spins for hold_us", "after the work of"},
	{"writes before the work", "work is done before the write", "not over"},
	{"no lock during the work", "two messages at once in one session", "both acknowledged messages"},
	{"NUL ends a text", "any text in messages", "U+0000"},
	{"U+2028 ends a line", "any text in messages", "should be U+2028 and is U+000A"},
	{"no character beyond U+FFFF", "any text in messages", "should be U+1F600 and is U+FFFD"},
	{"texts are trimmed", "any text in messages", "character 1 should be U+0020 and is the end"},
	{"line ends are unified", "any text in fields", "U+000D"},
	{"Latin-1", "any text in messages", "valid UTF-8"},
	{"names are trimmed", "any text in fields", "with the name"},
	{"lines of 64 KiB", "a message of 128 KiB", "JSON object"},
	{"lines of 512 KiB", "a message of 128 KiB", "JSON object"},
	{"lines of 4 MiB", "fields of 1 MiB", "JSON object"},
	{"each message nine times", "a history of 15 messages of 128 KiB", "at most 16 MiB"},
	{"ill-typed is not_found", "a field that is missing or of another type", "internal"},
	{"ill-typed ends the connection", "a field that is missing or of another type", "stays open"},
	{"ignores the end of stdin", "the end of stdin ends the program", "stdin"},
	{"waits for its users", "the end of stdin ends the program", "stdin"},
}

// timed are the checks that see what came too early, or whether two users were there at once, only if they are not late themselves. On a
// busy machine they may be.
var timed = []string{"work is done before the write", "a request in pieces", "two messages at once in one session", "add_message works for hold_us",
	"update works for hold_us", "add_message spins for hold_us", "update spins for hold_us"}

// TestFlaws runs each flawed adapter against the check that must find it.
func TestFlaws(t *testing.T) {
	t.Parallel()
	for _, tc := range flaws {
		t.Run(tc.flaw+"/"+tc.check, func(t *testing.T) {
			t.Parallel()
			checks := slices.DeleteFunc(catalogue(), func(k check) bool { return !k.vital && k.name != tc.check })
			target := joinedAdapter
			if slices.Contains(onlyStarted, tc.check) || tc.flaw == "crashes at invalid JSON" {
				target = adapterProcess
			}
			cfg := Config{Target: target(t, tc.flaw)}
			if tc.message == "no line within" {
				cfg.Timeout = time.Second
			}
			if tc.message == "stdin" {
				cfg.Timeout = 2 * time.Second // the least that a program gets after the end of its stdin
			}
			r := examine(t, cfg, checks)
			for range 20 {
				if !slices.Contains(timed, tc.check) || slices.ContainsFunc(r.Checks, func(c Check) bool {
					return c.Name == tc.check && c.Outcome == Fail && strings.Contains(c.Got+"\n"+c.Want, tc.message)
				}) {
					break
				}
				cfg.Target = target(t, tc.flaw)
				r = examine(t, cfg, checks)
			}
			found := false
			for _, c := range r.Checks {
				switch {
				case c.Name == tc.check:
					found = c.Outcome == Fail
					if text := c.Got + "\n" + c.Want; !found || !strings.Contains(text, tc.message) || c.Want == "" {
						t.Errorf("%s: %s\nsent %s\ngot  %s\nwant %s\nnote %s\nwithout %q", c.Name, c.Outcome, c.Sent, c.Got, c.Want, c.Note, tc.message)
					}
				case c.Outcome == Fail && !found:
					t.Errorf("%s: %s (%s %s)", c.Name, c.Outcome, c.Got, c.Want)
				}
			}
			if !found || r.Conforms() {
				t.Error("the flaw was not found")
			}
		})
	}
}

// TestEveryCheckCanFail requires a flaw for every check, except for those that only report.
func TestEveryCheckCanFail(t *testing.T) {
	reporting := []string{"answers without delay", "work in two sessions at once"}
	for _, k := range catalogue() {
		has := slices.ContainsFunc(flaws, func(f struct{ flaw, check, message string }) bool { return f.check == k.name })
		if has == slices.Contains(reporting, k.name) {
			t.Errorf("%s: has a flaw: %t", k.name, has)
		}
	}
}

// After a crash the program is started again for the next check.
func TestRestartAfterCrash(t *testing.T) {
	t.Parallel()
	checks := slices.DeleteFunc(catalogue(), func(k check) bool {
		return !k.vital && k.name != "a line that is not JSON" && k.name != "history: oldest first"
	})
	r := examine(t, Config{Target: adapterProcess(t, "crashes at invalid JSON")}, checks)
	if r.Count(Fail) != 1 || r.Count(Pass) != len(checks)-1 {
		t.Errorf("%+v", r.Checks)
	}
}

// After a few hangs the remaining checks are skipped.
func TestHangs(t *testing.T) {
	t.Parallel()
	hang := check{name: "hang", run: func(p *probe) {
		p.hung = true
		p.fail(&mismatch{got: "nothing", want: "something", hung: true})
	}}
	r := examine(t, Config{Target: joinedAdapter(t, "")}, []check{hang, hang, hang, hang, hang})
	if r.Count(Fail) != maxHangs || r.Count(Skip) != 2 {
		t.Errorf("%+v", r.Checks)
	}
}

// A joined adapter keeps running.
func TestJoined(t *testing.T) {
	t.Parallel()
	p, err := adapter.Launch(t.Context(), adapterProcess(t, "").Command, adapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := examine(t, Config{Target: p.Announced.Spec}, catalogue())
	passes(t, r, onlyStarted...)
	if p.Status() != "" {
		t.Errorf("the adapter has ended: %s", p.Status())
	}
}

func TestNoAdapter(t *testing.T) {
	for _, spec := range []adapter.Spec{
		{Command: []string{filepath.Join(t.TempDir(), "missing")}},
		{Command: []string{"sessbench-no-such-program"}},
		{Network: "unix", Address: filepath.Join(t.TempDir(), "socket")},
	} {
		if r, err := Run(t.Context(), Config{Target: spec}); err == nil {
			t.Errorf("%v: %+v: want an error", spec, r)
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	checks := slices.DeleteFunc(catalogue(), func(k check) bool { return !k.vital && k.name != "a line that is not JSON" })
	hangs := &checks[len(checks)-1]
	garbage := hangs.run
	hangs.run = func(p *probe) {
		time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
		garbage(p)
	}
	_, err := run(ctx, Config{Target: adapterProcess(t, "ignores invalid JSON"), Timeout: time.Hour}, checks)
	if !errors.Is(err, cause) {
		t.Errorf("error %v: want %v", err, cause)
	}
}

const specification = "../../../docs/adapter-protocol.md"

// TestSections checks that the section of each check exists in the specification.
func TestSections(t *testing.T) {
	text, err := os.ReadFile(specification)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' {
			sections[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-")] = true
		}
	}
	for _, k := range catalogue() {
		if !sections[k.section] {
			t.Errorf("%s: no section %s", k.name, k.section)
		}
	}
}

// specificationExample writes the complete adapter of the specification to a file. The test of the documentation's code
// checks that it conforms.
func specificationExample(t *testing.T) (python, path string) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 in PATH")
	}
	text, err := os.ReadFile(specification)
	if err != nil {
		t.Fatal(err)
	}
	_, program, found := strings.Cut(string(text), "```python\n")
	program, _, closed := strings.Cut(program, "```\n")
	if !found || !closed {
		t.Fatal("no program in the specification")
	}
	path = filepath.Join(t.TempDir(), "adapter.py")
	if err := os.WriteFile(path, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	return python, path
}

// TestSpecificationLines checks the requests and answers in the specification.
func TestSpecificationLines(t *testing.T) {
	text, err := os.ReadFile(specification)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if q, ok := strings.CutPrefix(line, "→ "); ok {
			n++
			if !json.Valid([]byte(q)) {
				t.Errorf("not JSON: %s", q)
			}
		}
		if a, ok := strings.CutPrefix(line, "← "); ok {
			n++
			if _, want := parse(a); want != "" {
				t.Errorf("%s: want %s", a, want)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d examples", n)
	}
}

// TestExampleNeverSleepsNegative advances the clock at each reading: a remaining time that is computed from a second
// reading could be negative.
func TestExampleNeverSleepsNegative(t *testing.T) {
	t.Parallel()
	python, path := specificationExample(t)
	const program = `
import sys, time
now = 0.0
def clock():
    global now
    now += 0.0006
    return now
def sleep(seconds):
    assert seconds >= 0, seconds
    slept.append(seconds)
slept, time.monotonic, time.sleep = [], clock, sleep
source = open(sys.argv[1]).read().partition("server = Server(")[0]
names = {}
exec(source, names)
for microseconds in range(0, 5000, 7):
    names["work"]({"hold_us": microseconds})
assert slept
`
	if out, err := exec.CommandContext(t.Context(), python, "-c", program, path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRunRejectsViolations checks that package adapter rejects the same violations, and accepts unusual answers.
func TestRunRejectsViolations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flaw     string
		rejected bool
	}{
		{"announces another version", true}, {"announces all interfaces", true}, {"text before the announcement", true},
		{"hello in another version", true}, {"hello without ops", true}, {"hello without a name", true}, {"reset is not listed", true},
		{"two lines per answer", true}, {"a list", true}, {"Latin-1", true}, {"an unknown error code", true},
		{"creates numbers as ids", true}, {"creates ids in upper case", true}, {"no created", true},
		{"seq is text", true}, {"seq is a float", true}, {"seq is negative", true}, {"removed is missing", true},
		{"messages are null", true}, {"messages without roles", true}, {"get without fields", true},
		{"", false}, {"escapes everything", false}, {"null for absent fields", false}, {"no counters", false},
	} {
		t.Run(test.flaw, func(t *testing.T) {
			t.Parallel()
			target := joinedAdapter
			if strings.Contains(test.flaw, "announce") {
				target = adapterProcess
			}
			err := useAllOps(t, target(t, test.flaw))
			if rejected := err != nil; rejected != test.rejected {
				t.Errorf("%v: want an error: %t", err, test.rejected)
			}
		})
	}
}

// useAllOps sends each operation once, as a run would, and returns the first error.
func useAllOps(t *testing.T, spec adapter.Spec) error {
	t.Helper()
	p, err := adapter.Start(t.Context(), spec, adapter.Options{})
	if err != nil {
		return err
	}
	defer p.Close()
	c, err := p.Connect(t.Context())
	if err != nil {
		return err
	}
	defer c.Close()
	var a scenarios.Effect
	q := scenarios.Request{Op: scenarios.Create}
	if err := c.Do(t.Context(), &q, &a); err != nil {
		return err
	}
	q = scenarios.Request{ID: a.ID, Role: "user", Content: "é", Fields: map[string]string{"a": "é"}, Idle: time.Hour}
	for _, q.Op = range []scenarios.Op{
		scenarios.GetOrCreate, scenarios.History, scenarios.Append, scenarios.History, scenarios.Update, scenarios.Read,
		scenarios.Validate, scenarios.Touch, scenarios.Sweep, scenarios.Delete,
	} {
		if err := c.Do(t.Context(), &q, &a); err != nil {
			return err
		}
	}
	if err := c.Do(t.Context(), &q, &a); !errors.Is(err, manager.ErrNotFound) {
		return fmt.Errorf("a second delete: %w", err)
	}
	_, err = p.Census(t.Context())
	return errors.Join(err, p.Reset(t.Context()))
}
