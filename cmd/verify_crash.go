package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os/exec"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/verify"
)

// crash is the report on a store that brought its process down after some rounds.
func (t *task) crash(why, stacks string, rounds int) *verify.Report {
	return t.convicted(verify.Crash, verify.ByCrash, why, stacks, rounds)
}

// hang is the report on a store whose process did not come to an end.
func (t *task) hang(said string, rounds int) *verify.Report {
	why := fmt.Sprintf("%v after a budget of %v its process had not come to an end, and was stopped", t.limit()-t.Budget, t.Budget)
	stacks := beginning(said[max(0, lastLine(said, "SIGQUIT: ")):])
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
	at := lastLine(said, "panic: ", "fatal error: ")
	if at < 0 {
		at = lastLine(said, "SIGQUIT: ", "SIGSEGV: ", "SIGABRT: ", "SIGBUS: ")
	}
	if at >= 0 {
		why, _, _ = strings.Cut(said[at:], "\n")
		return strings.TrimSpace(why), beginning(said[at:])
	}
	if race := raceIn(said, detector); race != "" {
		return racing, race
	}
	return "", beginning(said)
}

// raceIn is the race detector's first report in what a program with or without it said, empty where there is none.
func raceIn(said string, detector bool) string {
	if !detector {
		return ""
	}
	for at, line := range linesOf(said) {
		if strings.HasPrefix(line, raceBanner) {
			return beginning(said[at:])
		}
	}
	return ""
}

// lastLine is where the last line is that begins like one of these, -1 where none does.
func lastLine(text string, begins ...string) int {
	last := -1
	for at, line := range linesOf(text) {
		if slices.ContainsFunc(begins, func(begin string) bool { return strings.HasPrefix(line, begin) }) {
			last = at
		}
	}
	return last
}

// linesOf goes through the lines of a text, each with where it begins.
func linesOf(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		at := 0
		for line := range strings.Lines(text) {
			if !yield(at, line) {
				return
			}
			at += len(line)
		}
	}
}

// beginning is as much of a text as a person may want to read of stacks.
func beginning(text string) string {
	const most = 16 << 10
	text = strings.TrimSpace(text)
	if len(text) <= most {
		return text
	}
	return text[:strings.LastIndexByte(text[:most], '\n')+1] + "…"
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
