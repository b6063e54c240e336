package flawed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// Two campaigns of many runs, each in a process of its own: whether verify at its default effort finds every flaw, and whether it accuses
// no right store. They take up to an hour, so they run only where the environment says how often: `make kills`, `make no-false-alarms`.
// What has been run is kept in a file per commit, so that an interrupted campaign continues where it was.

// campaign is a list of runs with their results.
type campaign struct {
	base  uint64 // of the seeds, from the commit
	keeps *os.File
	known map[string]outcome

	mu sync.Mutex // protects keeps, known and what the tests collect
}

// outcome is the result of one run.
type outcome struct {
	Run     string          `json:"run"`
	Verdict history.Verdict `json:"verdict"`
	Anomaly history.Anomaly `json:"anomaly,omitempty"`
	Why     string          `json:"why,omitempty"`
	Took    time.Duration   `json:"took"`
}

// spacing is the distance of two seeds, more than the number of rounds of a run.
const spacing = 1000

func (c *campaign) seed(i int) uint64 { return c.base + spacing*uint64(i) }

// newCampaign returns a campaign with a number of repetitions; it skips the test if the variable does not have it.
func newCampaign(t *testing.T, variable string) (*campaign, int) {
	text := os.Getenv(variable)
	if text == "" {
		t.Skipf("%s is not set: see make kills and make no-false-alarms", variable)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	commit := output(t, "git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty")
	c := &campaign{known: map[string]outcome{}}
	if c.base, err = strconv.ParseUint(commit[:8], 16, 64); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(os.TempDir(), fmt.Sprintf("sessbench-%s-%s.jsonl", t.Name(), commit))
	if strings.HasSuffix(commit, "dirty") {
		_ = os.Remove(path) // the next change may be another one
	}
	if c.keeps, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.keeps.Close() })
	for d := json.NewDecoder(c.keeps); ; {
		var o outcome
		if d.Decode(&o) != nil {
			break
		}
		c.known[o.Run] = o
	}
	t.Logf("commit %s, seeds %d, %d, …; %d runs are known, in %s", commit, c.seed(0), c.seed(1), len(c.known), path)
	return c, n
}

func output(t *testing.T, command ...string) string {
	c := exec.Command(command[0], command[1:]...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(string(out))
}

// atOnce is the number of runs at the same time: on most stores users are asleep most of the time. SESSBENCH_AT_ONCE says otherwise.
func atOnce() int {
	if n, err := strconv.Atoi(os.Getenv("SESSBENCH_AT_ONCE")); err == nil {
		return n
	}
	return 3
}

// all performs n runs, several at once, and calls each with the outcomes.
func (c *campaign) all(t *testing.T, n int, name func(int) string, run func(int) (outcome, error), each func(int, outcome)) {
	var running sync.WaitGroup
	places := make(chan struct{}, atOnce())
	for i := range n {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			c.mu.Lock()
			o, known := c.known[name(i)]
			c.mu.Unlock()
			var err error
			if !known {
				o, err = run(i)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if err != nil {
				t.Errorf("%s: %v", name(i), err)
				return
			}
			if o.Run = name(i); !known {
				if err := json.NewEncoder(c.keeps).Encode(o); err != nil {
					t.Error(err)
				}
			}
			each(i, o)
		})
	}
	running.Wait()
}

// verified runs a program and returns the report on its only subject.
func verified(ctx context.Context, program string, args ...string) (*verify.Report, error) {
	c := exec.CommandContext(ctx, program, append([]string{"verify", "-q", "-f", "json"}, args...)...)
	out, err := c.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	var doc struct{ Reports []*verify.Report }
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&doc); err != nil || len(doc.Reports) != 1 {
		return nil, fmt.Errorf("%s: no report (%v, %v)", c, err, exit)
	}
	return doc.Reports[0], nil
}

func outcomeOf(r *verify.Report) outcome {
	o := outcome{Verdict: r.Verdict, Why: r.Why, Took: time.Duration(r.ElapsedNs)}
	if v := r.Violation; v != nil {
		o.Anomaly, o.Why = v.Anomaly, fmt.Sprintf("seed %d: %s", v.Seed, v.Why)
	}
	return o
}

// TestKillMatrix verifies each flaw by random pressure at the default effort with SESSBENCH_KILL_SEEDS seeds; SESSBENCH_FLAWS is a regular
// expression of the flaws. It fails if one is found by fewer than 95 % of the seeds.
func TestKillMatrix(t *testing.T) {
	c, seeds := newCampaign(t, "SESSBENCH_KILL_SEEDS")
	program := filepath.Join(t.TempDir(), "sessbench")
	output(t, "go", "build", "-o", program, "../..")
	only := regexp.MustCompile(os.Getenv("SESSBENCH_FLAWS"))
	flaws := slices.DeleteFunc(flawed.All(), func(f *flawed.Flaw) bool { return !only.MatchString(f.Name) })
	kills := make([]kill, len(flaws))
	start := time.Now()
	c.all(t, len(flaws)*seeds, func(i int) string { return fmt.Sprintf("%s %d", flaws[i/seeds].Name, c.seed(i%seeds)) },
		func(i int) (outcome, error) {
			r, err := verified(t.Context(), program, "--flawed", flaws[i/seeds].Name, "--schedule", "random", "--until", "any",
				"--seed", fmt.Sprint(c.seed(i%seeds)), "--rounds", fmt.Sprint(verify.DefaultRounds), "--budget", verify.DefaultBudget.String())
			if err != nil {
				return outcome{}, err
			}
			o := outcomeOf(r)
			if r.Attempts > 1 { // found by more than the default effort
				o.Verdict = history.Inconclusive
			}
			return o, nil
		}, func(i int, o outcome) {
			if k := &kills[i/seeds]; o.Verdict == history.Violated {
				k.add(&history.Violation{Anomaly: o.Anomaly, Detector: "found"}, o.Took)
			}
		})
	var text strings.Builder
	var below []string
	for i, f := range flaws {
		k := &kills[i]
		n := len(k.times)
		row := fmt.Sprintf("%-26s %3d of %d", f.Name, n, seeds)
		if n > 0 {
			row += fmt.Sprintf("  median %-8v worst %-8v", k.median(), k.worst())
		}
		if fmt.Fprintln(&text, row); 100*n < 95*seeds {
			below = append(below, row)
		}
	}
	t.Logf("%d flaws, %d seeds, %d rounds each, %v:\n%s", len(flaws), seeds, verify.DefaultRounds, time.Since(start).Round(time.Second), &text)
	if len(below) > 0 {
		t.Errorf("found by fewer than 95 %% of the seeds:\n%s", strings.Join(below, "\n"))
	}
}

// peers are right stores on maps and caches of others, in examples/peers.
var peers = []string{"xsync-mutex", "xsync-compute", "otter", "sync-map-mutex", "sharded-rwmutex", "orcaman"}

// TestNoFalseAlarms verifies right stores again and again, with n = SESSBENCH_FULL_RUNS: each strategy n times, and with 40·n rounds in one
// run; each unusual store, and each on a map of others, n/5 times.
func TestNoFalseAlarms(t *testing.T) {
	c, n := newCampaign(t, "SESSBENCH_FULL_RUNS")
	dir := t.TempDir()
	program, others := filepath.Join(dir, "sessbench"), filepath.Join(dir, "peers")
	output(t, "go", "build", "-o", program, "../..")
	output(t, "go", "build", "-C", "../../examples/peers", "-o", others, ".")
	type job struct {
		name string
		run  func() (*verify.Report, error)
	}
	var jobs []job
	add := func(program, store string, runs int, args ...string) {
		for i := range runs {
			args := append([]string{"-S", store, "--seed", fmt.Sprint(c.seed(i))}, args...)
			jobs = append(jobs, job{strings.Join(args, " "), func() (*verify.Report, error) { return verified(t.Context(), program, args...) }})
		}
	}
	for _, s := range strategies.All() {
		add(program, s.Name, n)
		add(program, s.Name, 1, "--rounds", fmt.Sprint(40*n), "--budget", "1h")
	}
	for _, name := range peers {
		add(others, name, max(1, n/5))
	}
	var alone sync.Mutex // verify.Run looks at all goroutines of its process
	for _, s := range flawed.Unusual() {
		for i := range max(1, n/5) {
			jobs = append(jobs, job{fmt.Sprint(s.Name, " --seed ", c.seed(i)), func() (*verify.Report, error) {
				alone.Lock()
				defer alone.Unlock()
				return verify.Run(t.Context(), verify.Config{Seed: c.seed(i), Subject: verify.Subject{Label: s.Name, Guarantees: s.Guarantees,
					Open: func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error) { return s.Open(nil) }}})
			}})
		}
	}
	start, undecided := time.Now(), 0
	c.all(t, len(jobs), func(i int) string { return jobs[i].name }, func(i int) (outcome, error) {
		r, err := jobs[i].run()
		if err != nil {
			return outcome{}, err
		}
		return outcomeOf(r), nil
	}, func(_ int, o outcome) {
		switch o.Verdict {
		case history.Violated:
			t.Errorf("%s: %s: %s", o.Run, o.Anomaly, o.Why)
		case history.Inconclusive:
			undecided++
			t.Logf("%s: inconclusive: %s", o.Run, o.Why)
		}
	})
	t.Logf("%d runs, %d inconclusive, %v", len(jobs), undecided, time.Since(start).Round(time.Second))
}
