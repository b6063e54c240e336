package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/verify"
)

// crash is the report on a store that brought its process down after some rounds.
func (t *task) crash(why, stacks string, rounds int) *verify.Report {
	return t.convicted(verify.Crash, verify.ByCrash, why, stacks, rounds)
}

// hang is the report on a store whose process did not come to an end.
func (t *task) hang(said string, rounds int) *verify.Report {
	why := fmt.Sprintf("%v after a budget of %v its process had not come to an end, and was stopped", t.limit()-t.Budget, t.Budget)
	stacks := child.Excerpt(said[max(0, child.LastLine(said, "SIGQUIT: ")):])
	return t.convicted(verify.Hang, verify.ByWatchdog, why, stacks, rounds)
}

func (t *task) convicted(a verify.Anomaly, by verify.Check, why, stacks string, rounds int) *verify.Report {
	round, attempts := rounds, 0
	if t.Until != "" && t.Rounds > 0 {
		round, attempts = rounds%t.Rounds, rounds/t.Rounds+1
	}
	return &verify.Report{
		SchemaVersion: verify.SchemaVersion,
		Subject:       t.Label,
		Params:        t.Params,
		Target:        t.Target,
		Verdict:       verify.Violated,
		Seed:          t.Seed,
		Scheduled:     t.Scheduled,
		Rounds:        rounds + 1,
		Attempts:      attempts,
		Violation:     &verify.Violation{Anomaly: a, Check: by, Why: why, Seed: t.Seed + uint64(round), Stacks: stacks},
	}
}

// crashed is the report on a child that died before it had answered, of what it said last on stderr.
func (t *task) crashed(died error, said string, rounds int) *verify.Report {
	why, stacks := crashReport(said, raceDetector)
	if why == "" {
		why = ending(died)
	}
	return t.crash(why, stacks, rounds)
}

// ending is how a process ended that did not say why.
func ending(died error) string {
	var exit *exec.ExitError
	if !errors.As(died, &exit) {
		return "the process ended before it had answered"
	}
	why := "the process ended before it had answered: " + exit.String()
	if exit.String() == "signal: killed" {
		why += ", as systems do when memory runs out"
	}
	return why
}

const (
	raceBanner = "WARNING: DATA RACE"
	racing     = "the race detector saw two goroutines at the same memory, one of them writing"
)

// crashReport finds in what a Go program said the line that tells why it died, and what it said from there on. Of several
// the last counts: those before it are of panics that somebody recovered from and logged.
func crashReport(said string, detector bool) (why, stacks string) {
	if at := child.CrashLine(said); at >= 0 {
		why, _, _ = strings.Cut(said[at:], "\n")
		return strings.TrimSpace(why), child.Excerpt(said[at:])
	}
	if race := raceIn(said, detector); race != "" {
		return racing, race
	}
	return "", child.Excerpt(said)
}

// raceIn is the race detector's first report in what a program with or without it said, empty where there is none.
func raceIn(said string, detector bool) string {
	if !detector {
		return ""
	}
	if at := strings.Index("\n"+said, "\n"+raceBanner); at >= 0 {
		return child.Excerpt(said[at:])
	}
	return ""
}

// ends keeps the beginning and the end of what is written to it: what a program said before it died, however much
// it had said.
type ends struct{ first, last bytes.Buffer }

const endSize = 256 << 10 // bytes kept of either

func (e *ends) Write(p []byte) (int, error) {
	n := min(len(p), endSize-e.first.Len())
	e.first.Write(p[:n])
	e.last.Write(p[n:])
	if over := e.last.Len() - endSize; over > endSize { // now and then, not at every write
		e.last.Next(over)
	}
	return len(p), nil
}

func (e *ends) String() string { return e.first.String() + e.last.String() }
