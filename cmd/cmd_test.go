package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// sessbench runs the command line in this process.
func sessbench(ctx context.Context, args []string, opts ...Option) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	a := newApp(append(opts, WithArgs(args...), WithIO(strings.NewReader(""), &stdout, &stderr)))
	code = a.main(ctx)
	return code, stdout.String(), stderr.String()
}

func TestRunLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	code, out, stderr := sessbench(t.Context(), strings.Fields("run -q -S cow,actor -u 4 -r 1 -i 20 --hold 0 -f json"))
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	d, err := result.Read(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"global", "cow", "actor"}; !slices.Equal(d.Config.Strategies, want) || d.Config.Baseline != "global" {
		t.Errorf("strategies %v with baseline %q: want %v with global", d.Config.Strategies, d.Config.Baseline, want)
	}
}

func TestInterruptedBeforeTheFirstTrial(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, out, stderr := sessbench(ctx, strings.Fields("run -q -S cow"))
	if code != exitInterrupted || out != "" || !strings.Contains(stderr, "nothing is written") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, out, stderr)
	}
}

func TestStoresThatCannotBeNamed(t *testing.T) {
	good := lossyStrategy("mine")
	closed := lossyStrategy("closed")
	closed.Open = nil
	for _, tc := range []struct {
		name   string
		stores []strategies.Strategy
		want   string
	}{
		{"a name of the catalogue", []strategies.Strategy{lossyStrategy("global")}, `"global": the name is taken`},
		{"a name of a probe", []strategies.Strategy{lossyStrategy("noop")}, `"noop": the name is taken`},
		{"the same name twice", []strategies.Strategy{good, good}, `"mine": the name is taken`},
		{"a word of the command line", []strategies.Strategy{lossyStrategy("all")}, `"all": the name is taken`},
		{"a name that would be two", []strategies.Strategy{lossyStrategy("a,b")}, "want a name without"},
		{"no name", []strategies.Strategy{lossyStrategy("")}, "want a name without"},
		{"nothing to open", []strategies.Strategy{closed}, "has no Open"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var opts []Option
			for _, s := range tc.stores {
				opts = append(opts, WithStore(s))
			}
			if code, _, stderr := sessbench(t.Context(), []string{"list"}, opts...); code != exitUsage || !strings.Contains(stderr, tc.want) {
				t.Errorf("exit code %d, stderr %q: want %q", code, stderr, tc.want)
			}
		})
	}
}

// TestProbeOfABuild: an added probe can be selected, and "all" does not include it.
func TestProbeOfABuild(t *testing.T) {
	probe := lossyStrategy("probe")
	probe.Harness = true
	a := newApp([]Option{WithStore(probe)})
	if slices.ContainsFunc(a.strategies(), func(s *strategies.Strategy) bool { return s.Name == "probe" }) {
		t.Error(`the probe is in "all"`)
	}
	if !slices.Contains(a.strategyNames(), "probe") {
		t.Error("the probe cannot be named")
	}
}

// defaultShards returns the number of shards of sharded where none is given, which depends on the number of processors.
func defaultShards(t *testing.T) string {
	t.Helper()
	sharded, _ := strategies.Lookup("sharded")
	p, err := sharded.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return p["shards"]
}

func TestSubjects(t *testing.T) {
	for _, tc := range []struct {
		why, strategies, params, baseline, want string
	}{
		{"a selected baseline comes first", "cow,global", "", "global", "global* cow"},
		{"and when not", "cow", "", "global", "global* cow"},
		{"another baseline", "cow,sharded", "", "sharded", "sharded* cow"},
		{"a baseline by its settings", "sharded:shards=2,sharded:shards=4", "", "sharded:shards=4", "sharded:shards=4* sharded:shards=2"},
		{"none", "cow", "", "none", "cow"},
		{"the same twice is one", "cow,cow", "", "none", "cow"},
		{"also under other words", "sharded,sharded:shards=" + defaultShards(t), "", "none", "sharded"},
		{"one strategy at its default and at a setting", "sharded,sharded:shards=4", "", "none", "sharded sharded:shards=4"},
		{"one at a setting needs no longer name", "sharded:shards=4", "", "none", "sharded"},
		{"a strategy's own setting outweighs the common one", "sharded:shards=4,sharded", "shards=4", "none", "sharded"},
		{"a probe", "noop,cow", "", "none", "noop cow"},
	} {
		o := strategyOptions{command: &command{app: newApp(nil)}, Strategies: []string{tc.strategies}, Baseline: tc.baseline}
		if tc.params != "" {
			o.Params = []string{tc.params}
		}
		list, err := o.subjects()
		if err != nil {
			t.Errorf("%s: %v", tc.why, err)
			continue
		}
		var labels []string
		for _, s := range list {
			if s.Baseline {
				s.Label += "*"
			}
			labels = append(labels, s.Label)
		}
		if got := strings.Join(labels, " "); got != tc.want {
			t.Errorf("%s: %s: want %s", tc.why, got, tc.want)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		why, scenario, args string
		check               func(*scenarios.Scenario) bool
	}{
		{"sessions follow the users who own them", "expiry", "-u 7",
			func(s *scenarios.Scenario) bool { return s.Users == 7 && s.Sessions == 700 }},
		{"sessions that are shared do not", "chatbot", "-u 7",
			func(s *scenarios.Scenario) bool { return s.Users == 7 && s.Sessions == 1000 }},
		{"--sessions is not changed", "expiry", "--sessions 70 -u 7", func(s *scenarios.Scenario) bool { return s.Sessions == 70 }},
		{"a time makes counted visits timed", "hundred-users", "-d 1s", func(s *scenarios.Scenario) bool { return s.Iterations == 0 }},
		{"a number of visits counts timed ones", "chatbot", "-i 3", func(s *scenarios.Scenario) bool { return s.Iterations == 3 }},
		{"both hold", "hundred-users", "-i 3 -d 1s", func(s *scenarios.Scenario) bool { return s.Iterations == 3 }},
		{"no work is not the default work", "chatbot", "--hold 0s --think 1s",
			func(s *scenarios.Scenario) bool { return s.Hold == 0 && s.Think == time.Second }},
		{"spinning", "chatbot", "--hold-kind spin", func(s *scenarios.Scenario) bool { return s.Spin }},
		{"a mix stands for the visit", "chatbot", "--mix append=1",
			func(s *scenarios.Scenario) bool { return s.Visit == nil && s.Mix.Weight(scenarios.Append) == 1 }},
		{"keys", "chatbot", "--keys zipf:0.6", func(s *scenarios.Scenario) bool { return s.Keys.Zipf == 0.6 }},
		{"time-to-live", "daily", "--ttl 1s", func(s *scenarios.Scenario) bool { return s.TTL == time.Second }},
		{"several scenarios: only those with expiry have a time-to-live", "all", "--ttl 1s",
			func(s *scenarios.Scenario) bool { return s.TTL == 0 || s.TTL == time.Second }},
	} {
		_, list := settledScenarios(t, tc.args, tc.scenario)
		if len(list) == 0 || slices.ContainsFunc(list, func(s scenarios.Scenario) bool { return !tc.check(&s) }) {
			t.Errorf("%s: %+v", tc.why, list)
		}
	}
}

// settledScenarios returns options with the settings in args, and scenarios with these settings.
func settledScenarios(t *testing.T, args string, names ...string) (*workOptions, []scenarios.Scenario) {
	t.Helper()
	o := &workOptions{command: &command{app: newApp(nil)}, Scenarios: names}
	fs := o.usersFlags()
	o.addWarmupFlag(fs, "100ms", "")
	o.addRecordFlag(fs)
	if err := fs.Parse(strings.Fields(args)); err != nil {
		t.Fatal(err)
	}
	cfg, err := o.config(false)
	if err != nil {
		t.Fatal(err)
	}
	return o, cfg.Scenarios
}

// TestSettingsInDocuments: a document has every setting that was given, and a check adopts them.
func TestSettingsInDocuments(t *testing.T) {
	measured := func(args string) (*workOptions, result.Config) {
		t.Helper()
		o, _ := settledScenarios(t, args, "chatbot", "expiry")
		var c result.Config
		o.record(&c)
		return o, c
	}
	_, c := measured("")
	if want := (result.Config{Settings: map[string]string{"seed": "1", "warmup": "100ms"}, Overrides: map[string]string{}}); !cmp.Equal(c, want) {
		t.Errorf("the defaults: %+v, want %+v", c, want)
	}
	_, c = measured("--ttl 100ms")
	if c.Settings["ttl"] != "" {
		t.Error("a time-to-live that is the scenario's is kept as if results were not comparable")
	}
	const args = "-u 7 --sessions 70 -d 0.5s --hold 0s --hold-kind spin --think 1s --ttl 1s --keys zipf:0.5 --mix history=1,append=1 --seed 3 --warmup 0s --record 1/8"
	_, c = measured(args)
	want := result.Config{
		Settings: map[string]string{"seed": "3", "warmup": "0s", "ttl": "1s", "record": "1/8"},
		Overrides: map[string]string{"users": "7", "sessions": "70", "duration": "500ms", "hold": "0s", "hold-kind": "spin", "think": "1s",
			"keys": "zipf:0.5", "mix": "history=1,append=1"},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	o, _ := measured("")
	if err := o.adopt(&c); err != nil {
		t.Fatal(err)
	}
	var again result.Config
	if _, err := o.config(false); err != nil {
		t.Fatal(err)
	}
	o.record(&again)
	if diff := cmp.Diff(c, again); diff != "" || o.Record != 8 || o.Warmup != 0 || o.Duration != 500*time.Millisecond {
		t.Errorf("record %d, warmup %v, duration %v; -given +adopted:\n%s", o.Record, o.Warmup, o.Duration, diff)
	}
	if err := o.adopt(&result.Config{Overrides: map[string]string{"users": "none"}}); err == nil {
		t.Error("a number of users that is none was adopted")
	}
}

func TestParseSpeed(t *testing.T) {
	for text, want := range map[string]float64{"max": 0, "60x": 60, "0.5x": 0.5, "1000x": 1000} {
		if got, err := parseSpeed(text); err != nil || got != want {
			t.Errorf("%s gives %v, %v: want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "60", "x", "0x", "-1x", "infx", "nanx", "min"} {
		if got, err := parseSpeed(text); err == nil {
			t.Errorf("%q gives %v: want an error", text, got)
		}
	}
}

func TestVerdict(t *testing.T) {
	document := func(interrupted bool, audits ...result.Audit) *result.Document {
		d := &result.Document{Interrupted: interrupted}
		for _, a := range audits {
			d.Results = append(d.Results, result.Result{Strategy: "cow", Scenario: "churn", Trials: []result.Trial{{Audit: a}}})
		}
		return d
	}
	failed := func(audits ...result.Audit) *result.Document {
		d := document(true, audits...)
		d.Failure = "broken pipe"
		return d
	}
	good, skipped := result.Audit{OK: true}, result.Audit{Skipped: true}
	lost := result.Audit{Violations: []result.Violation{{Kind: "lost update"}, {Kind: "lost update"}, {Kind: "torn read"}}}
	full := errors.New("disk full")
	for _, tc := range []struct {
		why     string
		d       *result.Document
		written error
		code    int
		text    string
	}{
		{"all is well", document(false, good, skipped), nil, exitOK, ""},
		{"an output that was not written", document(false, good), full, exitFailed, "disk full"},
		{"a failed audit", document(false, good, lost), nil, exitViolated, "consistency violated by cow (churn): lost update, torn read"},
		{"that is worse than a full disk", document(false, lost), full, exitViolated, "disk full; consistency violated"},
		{"cut short", document(true, good), nil, exitInterrupted, "interrupted"},
		{"failed", failed(good), nil, exitFailed, "broken pipe: only the finished trials are reported"},
		{"failed, with what does not decide", failed(result.Audit{Skipped: true, Undecided: "no progress"}), nil, exitFailed, "no progress; broken pipe"},
		{"failed, and still a violation", failed(good, lost), nil, exitViolated, "broken pipe"},
		{"cut short, and still a violation", document(true, lost), nil, exitInterrupted, "lost update"},
	} {
		err := verdict(tc.d, tc.written)
		if codeOf(err) != tc.code || err != nil && !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: exit code %d, %v: want %d, %q", tc.why, codeOf(err), err, tc.code, tc.text)
		}
	}
}

// TestVerdictOfDoubtfulRows: unreliable measurements and stores without results are inconclusive.
func TestVerdictOfDoubtfulRows(t *testing.T) {
	d := &result.Document{Results: []result.Result{{Strategy: "cow", Scenario: "chatbot"}, {Strategy: "xsync", Scenario: "chatbot"}}}
	d.Results[0].Summary.OfLimit = 1.04
	if err := verdict(d, nil); err != nil {
		t.Errorf("1.04 of the limit is within the error of measuring: %v", err)
	}
	d.Results[1].Summary.OfLimit = 1.2
	want := "error of the harness: xsync (chatbot) stands at 120% of the limit, more than any correct store can reach"
	if err := verdict(d, nil); codeOf(err) != exitInconclusive || err.Error() != want {
		t.Errorf("exit code %d, %v: want %d, %s", codeOf(err), err, exitInconclusive, want)
	}
	d.Results[1].Summary.OfLimit = 0
	d.Results[0].Trials = []result.Trial{{Audit: result.Audit{Skipped: true, Undecided: "no progress"}}}
	if err := verdict(d, nil); codeOf(err) != exitInconclusive || err.Error() != "inconclusive: cow (chatbot), block 1: no progress" {
		t.Errorf("exit code %d, %v: want %d", codeOf(err), err, exitInconclusive)
	}
}

// TestProgress: one line per block, and on a terminal a bar that is erased at the end.
func TestProgress(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	preparing := func(made int, took time.Duration) runner.Step {
		return runner.Step{
			Scenario: "chatbot", Trials: 4, Blocks: 2, Label: "cow",
			Preparing: runner.Preparing{Made: made, Sessions: 1000, Took: took},
		}
	}
	steps := []runner.Step{
		{Scenario: "chatbot", Trials: 4, Label: "the harness's own cost"},
		{Scenario: "chatbot", Trials: 4, Blocks: 2, Label: "cow"},
		preparing(300, 2*time.Second), preparing(625, 4*time.Second+time.Millisecond), preparing(930, 6*time.Second),
		{Scenario: "chatbot", Trials: 4, Blocks: 2, Label: "cow"},
		{Scenario: "chatbot", Done: 2, Trials: 4, Block: 1, Blocks: 2},
		{Scenario: "chatbot", Done: 4, Trials: 4, Block: 2, Blocks: 2},
	}
	var lines bytes.Buffer
	clock := time.Unix(0, 0)
	p := &progress{w: &lines, log: true, start: clock, now: func() time.Time { clock = clock.Add(6 * time.Second); return clock }}
	for _, s := range steps {
		p.trial(s)
	}
	want := `cow (chatbot): preparing: 300 of 1,000 sessions, 2s
cow (chatbot): preparing: 625 of 1,000 sessions, 4s
chatbot: block 1/2 done (2/4 trials, 6s)
chatbot: block 2/2 done (4/4 trials, 12s)
`
	if diff := cmp.Diff(want, lines.String()); diff != "" {
		t.Error(diff)
	}

	var screen bytes.Buffer
	b := &progress{w: &screen, screen: true, now: time.Now}
	b.clear() // nothing was shown yet
	for _, s := range steps[:7] {
		b.trial(s)
	}
	if !strings.Contains(screen.String(), "chatbot: cow, preparing 930/1,000 ") {
		t.Errorf("on the screen: %q", screen.String())
	}
	if _, last, _ := strings.Cut(screen.String(), "930/1,000"); !strings.Contains(last, "chatbot: cow  ") {
		t.Errorf("on the screen when all sessions are there: %q", last)
	}
	if !strings.Contains(screen.String(), "chatbot: cow") || !strings.Contains(screen.String(), "2/4") {
		t.Errorf("on the screen: %q", screen.String())
	}
	b.clear()
	if s := screen.String(); strings.Contains(s, "\n") || strings.TrimSpace(s[strings.LastIndex(strings.TrimRight(s, "\r"), "\r")+1:]) != "" {
		t.Errorf("left on the screen: %q", s)
	}
	if quiet := newProgress(&screen, true); quiet.screen || quiet.log {
		t.Error("--quiet shows progress")
	}
}

func TestListJSON(t *testing.T) {
	code, out, _ := sessbench(t.Context(), []string{"list", "-f", "json"})
	var l reports.Listing
	if err := json.Unmarshal([]byte(out), &l); code != exitOK || err != nil {
		t.Fatalf("exit code %d, %v", code, err)
	}
	if len(l.Strategies) != len(strategies.All()) || len(l.Probes) != 1 || len(l.Scenarios) != len(scenarios.All()) || len(l.Formats) == 0 ||
		len(l.Flawed) != len(flawed.All()) {
		t.Errorf("%+v", l)
	}
	i := slices.IndexFunc(l.Strategies, func(s reports.ListedStrategy) bool { return s.Name == "cow" })
	if g := l.Strategies[i].Guarantees; g.Blocks != string(manager.BlocksWriters) || g.Cancellable != "between tries" || !g.Rollback || g.Fair {
		t.Errorf("cow: %+v", g)
	}
}

func TestRunCompletions(t *testing.T) {
	for _, tc := range []struct{ why, typed, want string }{
		{"a strategy", "-S glob", "global\tone mutex"},
		{"a second one", "-S global,co", "global,cow\t"},
		{"a scenario", "-s hot", "hot-session\t"},
		{"a format", "-f mark", "markdown\t"},
		{"a kind of output", "-o c", "csv=\t"},
		{"the kind of work", "--hold-kind s", "spin"},
	} {
		code, out, _ := sessbench(t.Context(), append([]string{"__complete", "run"}, strings.Fields(tc.typed)...))
		if code != exitOK || !strings.Contains(out, tc.want) {
			t.Errorf("%s: %q gives %q: want %q in it", tc.why, tc.typed, out, tc.want)
		}
	}
}

func TestOneLineOnStderr(t *testing.T) {
	var stderr bytes.Buffer
	newApp([]Option{WithIO(nil, nil, &stderr)}).complain("%v", errors.New("yaml: line 1:\n  torn"))
	if want := "sessbench: yaml: line 1: torn\n"; stderr.String() != want {
		t.Errorf("%q: want %q", stderr.String(), want)
	}
}
