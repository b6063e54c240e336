package cmd

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/sessbench/sessbench/internal/child"
)

// crashKind is the violation of a store that crashes the process.
const crashKind = "crashed the process"

// crash is how a measuring process ended without a request to end.
type crash struct {
	subject  int // whose task it was performing, or had performed last; -1: no subject's
	scenario int
	others   []int // the subjects that had run in the process before

	killed bool   // ended by a signal from outside, or for want of memory or threads: no sign of what the store did
	mute   bool   // it could not write its replies
	why    string // in one line
	stack  string // of the goroutine that crashed, where there is a report

	retried bool // the subject was measured alone afterwards, without a crash
}

// explain says why a process ended, by its state, its crash report if it wrote one, and what it wrote to stderr last.
func (c *crash) explain(state *os.ProcessState, report, stderr string) {
	signal, signalled := strings.CutPrefix(state.String(), "signal: ")
	outside := signalled && slices.Contains(outsideSignals, signal)
	c.killed = outside || lacksResources(report, stderr)
	switch {
	case outside: // what looks like a report is a panic that was recovered from
		c.why = state.String()
		if signal == "killed" {
			c.why += ", as the system does when memory runs out"
		}
		return
	case report != "":
		c.why, c.stack = firstLine(report), stackOf(report)
		if where := frameOf(c.stack); where != "" {
			c.why += ", in " + where
		}
		return
	}
	switch code := state.ExitCode(); {
	case code == child.ExitNoAnswer:
		c.mute, c.why = true, child.Complaint(stderr)
	case code >= 0:
		c.why = state.String() + " without a crash report, as after os.Exit or log.Fatal"
		if last := lastOf(stderr); last != "" {
			c.why += "; its last line on stderr: " + last
		}
	default:
		c.why = state.String()
	}
}

// outsideSignals are the signals that another process or the system sends, and no fault of the program raises.
var outsideSignals = []string{"killed", "terminated", "interrupt", "hangup", "quit"}

// lacksResources reports whether a crash report is the answer to a SIGQUIT, or says that the system refused memory or a
// thread.
func lacksResources(report, stderr string) bool {
	first := firstLine(report)
	switch {
	case strings.HasPrefix(first, "SIGQUIT: "):
		return true
	case strings.HasPrefix(first, "SIGABRT: "): // as C code ends the process
		return strings.Contains(stderr, "runtime/cgo: pthread_create failed")
	case strings.HasPrefix(first, "fatal error: "):
		return slices.ContainsFunc([]string{
			"out of memory", "cannot allocate memory", "failed to allocate", "failed to reserve",
			"newosproc", "thread exhaustion",
		}, func(cause string) bool { return strings.Contains(first, cause) })
	}
	return false
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}

func lastOf(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}

// stackOf cuts a crash report after its first goroutine, which is the one that crashed.
func stackOf(report string) string {
	first := strings.Index(report, "\ngoroutine ")
	if first < 0 {
		return child.Excerpt(report)
	}
	if second := strings.Index(report[first+1:], "\n\ngoroutine "); second >= 0 {
		report = report[:first+1+second]
	}
	return child.Excerpt(report)
}

// frameOf is the innermost function of a stack that is not the runtime's, and its place, as in
// "example.org/stores.(*Mine).Update (/home/me/mine.go:42)"; empty where there is none. See runtime/debug.Stack.
func frameOf(stack string) string {
	at := strings.Index(stack, "\ngoroutine ")
	if at < 0 {
		return ""
	}
	lines := strings.Split(stack[at+1:], "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		function, place := lines[i], strings.TrimSpace(lines[i+1])
		if strings.HasPrefix(function, "created by ") {
			return ""
		}
		if runtimes(function) {
			continue
		}
		if end := strings.LastIndexByte(function, '('); end > 0 && strings.HasSuffix(function, ")") {
			function = function[:end]
		}
		place, _, _ = strings.Cut(place, " +0x")
		return function + " (" + place + ")"
	}
	return ""
}

// runtimes reports whether a function is the runtime's, or one of those through which programs get there.
func runtimes(function string) bool {
	for _, prefix := range []string{"panic(", "runtime.", "runtime/", "internal/", "sync.", "sync/"} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}

// crashFilter passes on what a process writes to its stderr, line by line, and holds back a crash report: from it comes one
// line and one stack, and not those of thousands of goroutines. If the process goes on there was no crash, and what was held
// back is passed on after all.
type crashFilter struct {
	to io.Writer

	mu      sync.Mutex // protects what follows
	line    []byte     // of which the end is missing
	held    bytes.Buffer
	holding bool
}

// lineSize is the most of a line that is held back until its end comes.
const lineSize = 64 << 10

// heldSize is as much of a crash report as is kept: the beginning.
const heldSize = 256 << 10

func (f *crashFilter) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.line = append(f.line, p...)
	for {
		end := bytes.IndexByte(f.line, '\n')
		switch {
		case end >= 0:
		case len(f.line) >= lineSize: // as a program writes that overwrites its line
			end = len(f.line) - 1
		default:
			return len(p), nil
		}
		f.take(f.line[:end+1])
		f.line = f.line[end+1:]
	}
}

// end takes a last line that no newline ends, once the process has ended.
func (f *crashFilter) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.line) > 0 {
		f.take(f.line)
		f.line = nil
	}
}

func (f *crashFilter) take(line []byte) {
	if crashBegins(string(line)) {
		f.flush() // a panic before it was recovered from, and logged
		f.holding = true
	}
	if f.holding {
		f.held.Write(line[:min(len(line), max(0, heldSize-f.held.Len()))])
		return
	}
	_, _ = f.to.Write(line) // a stderr that is gone ends no run
}

// crashBegins reports whether a line is the first of what the Go runtime writes when a program crashes.
func crashBegins(line string) bool {
	return child.CrashLine(line) == 0
}

func (f *crashFilter) flush() {
	_, _ = f.to.Write(f.held.Bytes())
	f.held.Reset()
	f.holding = false
}

// release passes on what was held back.
func (f *crashFilter) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flush()
}

// report is what was held back: the crash report of a process that has ended, or "".
func (f *crashFilter) report() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.TrimSpace(f.held.String())
}
