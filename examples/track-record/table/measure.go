package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/examples/track-record/cases"
)

// Exit codes of sessbench.
const (
	fine         = 0
	inconclusive = 3
	violated     = 5
)

// budget is the time within which verify has to find a bug with one seed.
const budget = "60s"

// seeds are the first seeds of the searches. A search increases its seed by one per round, which makes less than a thousand rounds
// per second, so that no two of them have a round in common.
var seeds = []int{1, 1_000_001, 2_000_001, 3_000_001, 4_000_001}

// programs are the builds of sessbench.
type programs struct {
	root string // of the repository, in which all commands run
	path map[cases.Program]string
}

func build(ctx context.Context, dir string) (*programs, error) {
	module, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, err
	}
	here := filepath.Dir(strings.TrimSpace(string(module)))
	p := &programs{root: filepath.Join(here, "../.."), path: map[cases.Program]string{}}
	for program, source := range map[cases.Program]string{cases.TrackRecord: here, cases.Sessbench: p.root} {
		p.path[program] = filepath.Join(dir, string(program))
		c := exec.CommandContext(ctx, "go", "build", "-o", p.path[program], ".")
		c.Dir, c.Stderr = source, os.Stderr
		if err := c.Run(); err != nil {
			return nil, fmt.Errorf("go build in %s: %w", source, err)
		}
	}
	return p, nil
}

// row is what was measured of a case.
type row struct {
	cases.Case
	found   []string        // distinct anomalies, in the order in which they were found
	times   []time.Duration // to each violation, from the start of the process to its end; fewer than seeds where some found none
	stopped int             // searches that ended because the store made no progress, which is no violation
	control verdict
	audit   verdict // of the run
}

// noProgress is verify's reason where the store waits or loops for ever, as far as can be seen.
const noProgress = "no progress"

// verdict is of a command that may find a violation.
type verdict string

const (
	yes  verdict = "yes"
	no   verdict = "no"
	none verdict = "–" // there is no such command
)

func (p *programs) measure(ctx context.Context, c cases.Case) (row, error) {
	r := row{Case: c, control: none, audit: none}
	for _, need := range c.Needs {
		if _, err := exec.LookPath(need); err != nil {
			return r, err
		}
	}
	for _, seed := range seeds {
		anomaly, reason, took, err := p.search(ctx, c, seed)
		if err != nil {
			return r, err
		}
		if anomaly == "" {
			if reason == noProgress {
				r.stopped++
			}
			continue
		}
		if !slices.Contains(c.Expect, anomaly) {
			return r, fmt.Errorf("seed %d: %s: want one of %q", seed, anomaly, c.Expect)
		}
		if !slices.Contains(r.found, anomaly) {
			r.found = append(r.found, anomaly)
		}
		r.times = append(r.times, took)
	}
	slices.Sort(r.times)
	var err error
	if len(c.Control) > 0 {
		if r.control, err = p.judge(ctx, c, append([]string{"verify"}, c.Control...)); err != nil {
			return r, err
		}
		if r.control == yes {
			return r, fmt.Errorf("the control, %s, is violated, too", c.ControlIs)
		}
	}
	if len(c.Run) > 0 {
		r.audit, err = p.judge(ctx, c, append([]string{"run"}, c.Run...))
	}
	return r, err
}

// search returns the anomaly that verify finds with a seed, or why it finds none, and the time that it takes.
func (p *programs) search(ctx context.Context, c cases.Case, seed int) (anomaly, reason string, took time.Duration, err error) {
	args := slices.Concat([]string{"verify"}, c.Search(), []string{"--seed", strconv.Itoa(seed), "--budget", budget, "-q", "-f", "json"})
	began := time.Now()
	out, code, err := p.output(ctx, c, args)
	took = time.Since(began)
	if err != nil {
		return "", "", 0, err
	}
	type violation struct {
		Anomaly string `json:"anomaly"`
	}
	var document struct {
		Reports []struct {
			Reason    string      `json:"reason"`
			Violation violation   `json:"violation"`
			Others    []violation `json:"others"` // less serious ones, among which may be that of --until
		} `json:"reports"`
	}
	if err := json.Unmarshal(out, &document); err != nil {
		return "", "", 0, err
	}
	if code != violated && code != inconclusive || len(document.Reports) != 1 {
		return "", "", 0, fmt.Errorf("%s: exit code %d, %d reports", strings.Join(args, " "), code, len(document.Reports))
	}
	report := document.Reports[0]
	if code == inconclusive {
		return "", report.Reason, took, nil
	}
	for _, v := range report.Others {
		if !slices.Contains(c.Expect, report.Violation.Anomaly) {
			report.Violation = v
		}
	}
	return report.Violation.Anomaly, "", took, nil
}

// judge reports whether a command finds a violation.
func (p *programs) judge(ctx context.Context, c cases.Case, args []string) (verdict, error) {
	_, code, err := p.output(ctx, c, append(args, "-q"))
	switch {
	case err != nil:
		return none, err
	case code == fine:
		return no, nil
	case code == violated:
		return yes, nil
	}
	return none, fmt.Errorf("%s: exit code %d", strings.Join(args, " "), code)
}

// output runs a command of the case's program in the root of the repository.
func (p *programs) output(ctx context.Context, c cases.Case, args []string) (out []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, p.path[c.Program], args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends the programs that it has started
	cmd.Dir = p.root
	out, err = cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) && ctx.Err() == nil {
		if exit.ExitCode() == 1 || exit.ExitCode() == 2 {
			return nil, 0, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
		}
		return out, exit.ExitCode(), nil
	}
	return out, 0, err
}
