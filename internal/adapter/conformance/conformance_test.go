package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// actEnv makes the test binary an adapter with this flaw. Its value is one character longer.
const actEnv = "CONFORMANCE_TEST_ACT"

func TestMain(m *testing.M) {
	if flaw, acting := strings.CutPrefix(os.Getenv(actEnv), "="); acting {
		os.Exit(act(flaw))
	}
	goleak.VerifyTestMain(m)
}

// acting is the command for an adapter with a flaw. Under the race detector it does not sleep for a second at its end.
func acting(t *testing.T, flaw string) adapter.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env, err := exec.LookPath("env")
	if err != nil {
		t.Skip("left out: no env in PATH")
	}
	return adapter.Spec{Command: []string{env, "GORACE=atexit_sleep_ms=0", actEnv + "==" + flaw, self}}
}

func examine(t *testing.T, cfg Config, checks []check) *Report {
	t.Helper()
	r, err := run(t.Context(), cfg, checks)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// passes reports the checks that failed, and those that were skipped beyond the ones expected.
func passes(t *testing.T, r *Report, skipped ...string) {
	t.Helper()
	for _, c := range r.Checks {
		want := Pass
		if slices.Contains(skipped, c.Name) {
			want = Skip
		}
		if c.Verdict != want {
			t.Errorf("%s: %s: want %s\nsent %s\ngot  %s\nwant %s\nnote %s", c.Name, c.Verdict, want, c.Sent, c.Got, c.Want, c.Note)
		}
	}
}

func TestCorrect(t *testing.T) {
	t.Parallel()
	steps := 0
	r := examine(t, Config{Target: acting(t, ""), Step: func(Check) { steps++ }}, catalogue())
	passes(t, r)
	if len(r.Checks) != len(catalogue()) || !r.Conforms() || r.Name != "test" || steps != len(r.Checks) {
		t.Errorf("conforms: %t, name %q, %d steps of %d", r.Conforms(), r.Name, steps, len(r.Checks))
	}
}

func TestNothingOptional(t *testing.T) {
	t.Parallel()
	r := examine(t, Config{Target: acting(t, "tells no counters")}, catalogue())
	passes(t, r, "seq counts messages, from 1", "version counts changes", "incarnation stays for a life",
		"incarnation differs from life to life", "history: numbers of messages")
}

// TestUnusual: what is right but seldom passes all checks.
func TestUnusual(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"escapes all it can", "null for what it does not tell", "an absent id is no session", "takes what it gets"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			passes(t, examine(t, Config{Target: acting(t, way)}, catalogue()))
		})
	}
}

// TestOnlyChat: an adapter of a store that knows neither fields nor ids of others is checked for what it knows.
func TestOnlyChat(t *testing.T) {
	t.Parallel()
	r := examine(t, Config{Target: acting(t, "only chat")}, catalogue())
	if !r.Conforms() {
		passes(t, r)
	}
	if pass, skip := r.Count(Pass), r.Count(Skip); pass < 25 || skip < 8 {
		t.Errorf("%d checks passed and %d were skipped", pass, skip)
	}
}

// flaws are adapters that are wrong in one way, and the check that is there to find it.
var flaws = []struct {
	flaw, check string
	says        string // part of what was got or wanted
}{
	{"ends at once", "start-up line", "no module named sessions"},
	{"announces another version", "start-up line", "version"},
	{"announces all interfaces", "start-up line", "loopback"},
	{"greets before it announces", "start-up line", "Welcome!"},
	{"hello in another version", "hello", `"sessbench":1`},
	{"hello without ops", "hello", `"ops" as a list`},
	{"hello without a name", "hello", `"name" as what tables call it`},
	{"two lines an answer", "hello", "nothing behind it"},
	{"lines end late", "hello", "nothing behind it"},
	{"a list", "hello", "a JSON object"},
	{"reset is not listed", "hello", `"reset" in "ops"`},
	{"lists what it has not", "operations that hello lists are there", "no error"},
	{"census is not listed", "operations that hello does not list are unsupported", "unsupported"},
	{"closes at unknown operations", "operations that hello does not list are unsupported", "JSON object"},
	{"does unknown operations", "operations that hello does not list are unsupported", "unsupported"},
	{"says more later", "one request, one line", "nothing behind it"},
	{"a read is a line", "a request in pieces", "nothing before the line's end"},
	{"refuses what it does not know", "unknown fields of a request are ignored", "no error"},
	{"looks at the first bytes", "blanks between the words of a request", "no error"},
	{"crashes at no JSON", "a line that is no JSON", "the program has ended"},
	{"ignores no JSON", "a line that is no JSON", "no line within"},
	{"no JSON is fine", "a line that is no JSON", "internal"},
	{"sessions of a connection", "every connection sees all sessions", "no error"},
	{"serves few", "a hundred connections", "closed"},
	{"mints the same id", "create mints ids", "another id"},
	{"mints numbers", "create mints ids", "36 characters"},
	{"mints in upper case", "create mints ids", "lower case"},
	{"mints version 1", "create mints ids", "version 4"},
	{"forgets what it mints", "create mints ids", "no error"},
	{"always created", "get_or_create creates, and then gets", `"created":false`},
	{"tells no created", "get_or_create creates, and then gets", `"created" as true or false`},
	{"absent is internal", "an absent session is not_found", "not_found"},
	{"an error of its own", "an absent session is not_found", "one of not_found"},
	{"deleting nothing is fine", "an absent session is not_found", "not_found"},
	{"mutations create", "an absent session is not_found", "not_found"},
	{"mutations create", "an absent session is never made by another operation", "add_message must not"},
	{"creates and says not", "an absent session is never made by another operation", "update must not"},
	{"delete removes nothing", "delete removes", "was deleted"},
	{"messages outlive their session", "a new life after delete is empty", `"messages":[]`},
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
	{"delete tells nothing of the end", "seq counts messages, from 1", `"seq":3`},
	{"version counts updates", "version counts changes", "each add_message and each update"},
	{"no fields are no change", "version counts changes", "each add_message and each update"},
	{"incarnation counts answers", "incarnation stays for a life", "as when this life began"},
	{"incarnations are reused", "incarnation differs from life to life", "another incarnation"},
	{"sweeps all", "sweep removes what was not used for so long", "to stay"},
	{"sweeps none", "sweep removes what was not used for so long", `"removed":1`},
	{"sweeps one more", "sweep removes what was not used for so long", `"removed":1`},
	{"sweeps and keeps", "sweep removes what was not used for so long", "was swept"},
	{"removed is missing", "sweep removes what was not used for so long", "digits only"},
	{"reading is no use", "sweep removes what was not used for so long", "history is a use"},
	{"get_or_create is no use", "sweep removes what was not used for so long", "get_or_create is a use"},
	{"counts the dead", "census counts sessions, and no lock too many", `"sessions":4`},
	{"keeps locks", "census counts sessions, and no lock too many", `"locks" at most 4`},
	{"reset does nothing", "reset removes every session", "everything was reset"},
	{"no work", "add_message works for hold_us", "when the work is done"},
	{"microseconds are nanoseconds", "add_message works for hold_us", "when the work is done"},
	{"held in nanoseconds", "add_message works for hold_us", "in microseconds"},
	{"update does not work", "update works for hold_us", "when the work is done"},
	{"spin is not known", "add_message spins for hold_us", "when the work is done"},
	{"update does not spin", "update spins for hold_us", "when the work is done"},
	{"writes before it works", "work is done before the write", "not over yet"},
	{"no lock while it works", "two messages at once in one session", "both messages"},
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
	{"ill-typed ends the connection", "a field that is missing or of another type", "goes on"},
	{"outlives its stdin", "the end of stdin ends the program", "stdin"},
	{"waits for its users", "the end of stdin ends the program", "stdin"},
}

// TestFlaws: each flaw is found by the check that is there for it.
func TestFlaws(t *testing.T) {
	t.Parallel()
	for _, tc := range flaws {
		t.Run(tc.flaw+"/"+tc.check, func(t *testing.T) {
			t.Parallel()
			checks := slices.DeleteFunc(catalogue(), func(k check) bool { return !k.vital && k.name != tc.check })
			r := examine(t, Config{Target: acting(t, tc.flaw), Timeout: 3 * time.Second}, checks)
			found := false
			for _, c := range r.Checks {
				switch {
				case c.Name == tc.check:
					found = c.Verdict == Fail
					if said := c.Got + "\n" + c.Want; !found || !strings.Contains(said, tc.says) || c.Want == "" {
						t.Errorf("%s: %s\nsent %s\ngot  %s\nwant %s\nnote %s\nwithout %q", c.Name, c.Verdict, c.Sent, c.Got, c.Want, c.Note, tc.says)
					}
				case c.Verdict != Pass && !found:
					t.Errorf("%s: %s (%s %s)", c.Name, c.Verdict, c.Got, c.Want)
				}
			}
			if !found || r.Conforms() {
				t.Error("the flaw was not found")
			}
		})
	}
}

// TestEveryCheckCanFail: there is a flaw for every check, but for those that only look.
func TestEveryCheckCanFail(t *testing.T) {
	looking := []string{"answers without delay", "work in two sessions at once"}
	for _, k := range catalogue() {
		has := slices.ContainsFunc(flaws, func(f struct{ flaw, check, says string }) bool { return f.check == k.name })
		if has == slices.Contains(looking, k.name) {
			t.Errorf("%s: has a flaw: %t", k.name, has)
		}
	}
}

// TestFailureDoesNotSpread: after a crash the other checks find the program running again.
func TestFailureDoesNotSpread(t *testing.T) {
	t.Parallel()
	checks := slices.DeleteFunc(catalogue(), func(k check) bool {
		return !k.vital && k.name != "a line that is no JSON" && k.name != "history: oldest first"
	})
	r := examine(t, Config{Target: acting(t, "crashes at no JSON")}, checks)
	if r.Count(Fail) != 1 || r.Count(Pass) != len(checks)-1 {
		t.Errorf("%+v", r.Checks)
	}
}

// TestHangs: an adapter that answers nothing any more costs a few time-outs and not all.
func TestHangs(t *testing.T) {
	t.Parallel()
	hang := check{name: "hang", run: func(p *probe) {
		p.hung = true
		p.fail(&mismatch{got: "nothing", want: "something", hung: true})
	}}
	r := examine(t, Config{Target: acting(t, "")}, []check{hang, hang, hang, hang, hang})
	if r.Count(Fail) != mostHangs || r.Count(Skip) != 2 {
		t.Errorf("%+v", r.Checks)
	}
}

// TestJoined: an adapter that runs already is checked where it is, and goes on.
func TestJoined(t *testing.T) {
	t.Parallel()
	p, err := adapter.Launch(t.Context(), acting(t, "").Command, adapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := examine(t, Config{Target: adapter.Spec{Network: p.Announced.Network, Address: p.Announced.Address}}, catalogue())
	passes(t, r, "start-up line", "the end of stdin ends the program")
	if p.Status() != "" {
		t.Errorf("it has ended: %s", p.Status())
	}
}

func TestNothingToCheck(t *testing.T) {
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
	why := errors.New("enough")
	_, err := Run(ctx, Config{Target: acting(t, "ignores no JSON"), Timeout: time.Hour, Step: func(c Check) {
		if c.Name == "blanks between the words of a request" {
			time.AfterFunc(50*time.Millisecond, func() { cancel(why) }) // within the next check, which hangs
		}
	}})
	if !errors.Is(err, why) {
		t.Errorf("error %v: want %v", err, why)
	}
}

const specification = "../../../docs/adapter-protocol.md"

// TestSections: every check is about a section of the specification, whose headings links are made of.
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

// exampleOfTheSpecification writes the adapter that the specification ends with to a file, and says what runs it. That it
// conforms is tested with the documentation's other code.
func exampleOfTheSpecification(t *testing.T) (python, path string) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("left out: no python3 in PATH")
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

// TestLinesOfTheSpecification: its examples are JSON, and its answers such as any has to be.
func TestLinesOfTheSpecification(t *testing.T) {
	text, err := os.ReadFile(specification)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if q, ok := strings.CutPrefix(line, "→ "); ok {
			n++
			if !json.Valid([]byte(q)) {
				t.Errorf("no JSON: %s", q)
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

// TestExampleNeverSleepsForANegativeTime: the clock goes on between any two readings of it, so that a time left which is
// computed from a second reading can be negative.
func TestExampleNeverSleepsForANegativeTime(t *testing.T) {
	t.Parallel()
	python, path := exampleOfTheSpecification(t)
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

// TestRunRefusesWhatTheKitRefuses: answers that break the protocol are refused in a run, too, and what is unusual is not.
func TestRunRefusesWhatTheKitRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		way     string
		refused bool
	}{
		{"announces another version", true}, {"announces all interfaces", true}, {"greets before it announces", true},
		{"hello in another version", true}, {"hello without ops", true}, {"hello without a name", true}, {"reset is not listed", true},
		{"two lines an answer", true}, {"a list", true}, {"Latin-1", true}, {"an error of its own", true},
		{"mints numbers", true}, {"mints in upper case", true}, {"tells no created", true},
		{"seq is text", true}, {"seq is a float", true}, {"seq is negative", true}, {"removed is missing", true},
		{"messages are null", true}, {"messages without roles", true}, {"get without fields", true},
		{"", false}, {"escapes all it can", false}, {"null for what it does not tell", false}, {"tells no counters", false},
	} {
		t.Run(test.way, func(t *testing.T) {
			t.Parallel()
			err := converse(t, acting(t, test.way))
			if refused := err != nil; refused != test.refused {
				t.Errorf("%v: want an error: %t", err, test.refused)
			}
		})
	}
}

// converse does each operation once, as a run would, and returns the first error that breaks the protocol.
func converse(t *testing.T, spec adapter.Spec) error {
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
