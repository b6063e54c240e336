package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/sessbench/sessbench/scenarios/verify"
)

// crash is the report on a store that brought its process down after some rounds.
func (t *task) crash(why, stacks string, rounds int) *verify.Report {
	return t.convicted(verify.Crash, verify.ByCrash, why, stacks, rounds)
}

// hang is the report on a store whose process did not come to an end.
func (t *task) hang(said string, rounds int) *verify.Report {
	why := fmt.Sprintf("%v after a budget of %v its process had not come to an end, and was stopped", t.limit()-t.Budget, t.Budget)
	_, stacks := obituary(said)
	return t.convicted(verify.Hang, verify.ByWatchdog, why, stacks, rounds)
}

func (t *task) convicted(a verify.Anomaly, by verify.Check, why, stacks string, rounds int) *verify.Report {
	return &verify.Report{
		SchemaVersion: verify.SchemaVersion,
		Subject:       t.Label,
		Params:        t.Params,
		Verdict:       verify.Violated,
		Seed:          t.Seed,
		Scheduled:     t.Scheduled,
		Rounds:        rounds + 1,
		Violation:     &verify.Violation{Anomaly: a, Check: by, Why: why, Seed: t.Seed + uint64(rounds), Stacks: stacks},
	}
}

// crashed is the report on a child that died before it had answered, of what it said last on stderr.
func (t *task) crashed(died error, said string, rounds int) *verify.Report {
	why, stacks := obituary(said)
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

// obituary finds in what a Go program said the line that tells why it died, and what it said from there on.
func obituary(said string) (why, stacks string) {
	at := 0
	for line := range strings.Lines(said) {
		text := strings.TrimSpace(line)
		for _, begin := range []string{"fatal error: ", "panic: ", "SIGQUIT: ", "SIGSEGV: ", "SIGABRT: ", "SIGBUS: ", raceBanner} {
			if strings.HasPrefix(text, begin) {
				if why = text; begin == raceBanner {
					why = racing
				}
				return why, beginning(said[at:])
			}
		}
		at += len(line)
	}
	return "", beginning(said)
}

// raceIn is the race detector's first report in what a program said.
func raceIn(said string) string {
	if at := strings.Index(said, raceBanner); at >= 0 {
		return beginning(said[at:])
	}
	return ""
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
