package measure

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/goroutine"
)

// crashKind is the violation of a store that crashes the process.
const crashKind = "crashed the process"

// crash describes a child that ended without a request to end.
type crash struct {
	subject  int // of the current or the last task; -1: a task without a subject
	scenario int
	others   []int // the subjects that ran in the process before

	killed bool   // by a signal from outside, or for lack of memory or threads: no evidence against the store
	mute   bool   // it could not write its replies
	why    string // one line
	stack  string // of the goroutine that crashed; empty without a crash report

	retried bool // the subject was measured alone afterwards, without a crash
}

// explain sets why a process ended, from its state, its crash report, if any, and the end of its stderr.
func (c *crash) explain(state *os.ProcessState, report, stderr string) {
	signal, signalled := strings.CutPrefix(state.String(), "signal: ")
	outside := signalled && slices.Contains(outsideSignals, signal)
	c.killed = outside || lacksResources(report, stderr)
	switch {
	case outside: // a report is of a panic that was recovered from
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
		stderr = strings.TrimSpace(stderr)
		if last := strings.TrimSpace(stderr[strings.LastIndexByte(stderr, '\n')+1:]); last != "" {
			c.why += "; its last line on stderr: " + last
		}
	default:
		c.why = state.String()
	}
}

// outsideSignals are the signals that another process or the system sends, and that no error of the program raises.
var outsideSignals = []string{"killed", "terminated", "interrupt", "hangup", "quit"}

// lacksResources reports whether the cause of a crash report is a SIGQUIT, or that the system refused memory or a thread.
func lacksResources(report, stderr string) bool {
	first := firstLine(report)
	switch {
	case strings.HasPrefix(first, "SIGQUIT: "):
		return true
	case strings.HasPrefix(first, "SIGABRT: "): // raised by C code
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

// stackOf cuts a crash report after the first goroutine, which is the one that crashed.
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

// frameOf returns the innermost function of a stack outside the runtime and the packages that call into it, and its position, as
// in "example.org/stores.(*Mine).Update (/home/me/mine.go:42)", or "".
func frameOf(stack string) string {
	for _, g := range goroutine.ParseAll(stack) {
		for _, f := range g.Frames("panic(", "runtime.", "runtime/", "internal/", "sync.", "sync/") {
			return f.Function + " (" + f.Place + ")"
		}
	}
	return ""
}

// crashFilter forwards a process's stderr line by line, and holds back a crash report, of which one line and one stack are
// shown, instead of those of thousands of goroutines. If the process goes on, there was no crash, and what was held back is
// forwarded.
type crashFilter struct {
	to io.Writer

	mu      sync.Mutex // protects what follows
	line    []byte     // incomplete
	held    bytes.Buffer
	holding bool
}

// lineSize is the most that is kept of an incomplete line.
const lineSize = 64 << 10

// heldSize is how much is kept of the beginning of a crash report.
const heldSize = 256 << 10

func (f *crashFilter) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.line = append(f.line, p...)
	for {
		end := bytes.IndexByte(f.line, '\n')
		switch {
		case end >= 0:
		case len(f.line) >= lineSize: // a program may overwrite its line for ever
			end = len(f.line) - 1
		default:
			return len(p), nil
		}
		f.add(f.line[:end+1])
		f.line = f.line[end+1:]
	}
}

// end adds a last line without a newline, once the process has ended.
func (f *crashFilter) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.line) > 0 {
		f.add(f.line)
		f.line = nil
	}
}

func (f *crashFilter) add(line []byte) {
	if child.CrashLine(string(line)) == 0 {
		f.flush() // an earlier panic was recovered from and logged
		f.holding = true
	}
	if f.holding {
		f.held.Write(line[:min(len(line), max(0, heldSize-f.held.Len()))])
		return
	}
	_, _ = f.to.Write(line) // a closed stderr does not end the run
}

func (f *crashFilter) flush() {
	_, _ = f.to.Write(f.held.Bytes())
	f.held.Reset()
	f.holding = false
}

// release forwards what was held back.
func (f *crashFilter) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flush()
}

// report returns what was held back: the crash report of a process that has ended, or "".
func (f *crashFilter) report() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.TrimSpace(f.held.String())
}
