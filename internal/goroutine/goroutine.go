// Package goroutine reads the states of the process's goroutines from the runtime's stack traces, and tells a hang from slow
// progress.
package goroutine

import (
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// A Goroutine is one goroutine as the runtime prints it.
type Goroutine struct {
	ID      string
	State   string // such as "chan receive, 2 minutes"
	Text    string // the whole trace
	Creator string // ID of the goroutine that started it
}

// All returns every goroutine of the process, the caller's first. It stops the world.
func All() []Goroutine {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return ParseAll(string(buf[:n]))
		}
	}
}

// ParseAll reads the traces of goroutines with empty lines between them. Other paragraphs are skipped.
func ParseAll(dump string) (list []Goroutine) {
	for text := range strings.SplitSeq(strings.TrimSpace(dump), "\n\n") {
		if strings.HasPrefix(text, "goroutine ") {
			list = append(list, Parse(text))
		}
	}
	return list
}

// Parse reads "goroutine 18 [chan receive, 2 minutes]:", the stack, and "created by F in goroutine 7" with its place. In a
// crash report addresses stand before the state: "goroutine 18 gp=0xc000 m=nil [chan receive]:".
func Parse(text string) Goroutine {
	head, _, _ := strings.Cut(text, "\n")
	_, rest, _ := strings.Cut(head, " ")
	id, rest, _ := strings.Cut(rest, " ")
	_, state, _ := strings.Cut(rest, "[")
	g := Goroutine{ID: id, State: strings.TrimRight(state, "]:"), Text: text}
	if i := strings.LastIndex(text, "\ncreated by "); i >= 0 {
		by, _, _ := strings.Cut(text[i+1:], "\n")
		_, g.Creator, _ = strings.Cut(by, " in goroutine ")
	}
	return g
}

// Waits reports whether g waits for another goroutine or for a timer, which a trace does not tell apart.
func (g *Goroutine) Waits() bool {
	return g.in("chan ", "select", "sync.", "semacquire")
}

// Works reports whether g runs, is ready to run or sleeps. Otherwise it waits, for another goroutine or for the system.
func (g *Goroutine) Works() bool { return g.in("running", "runnable", "sleep") }

func (g *Goroutine) in(states ...string) bool { return begins(g.State, states) }

func begins(text string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(text, prefix) })
}

// Calls reports whether function is on g's stack. Its name is as in a trace: "sync.(*Mutex).Lock".
func (g *Goroutine) Calls(function string) bool { return strings.Contains(g.Text, function+"(") }

// Frame is a call on a goroutine's stack.
type Frame struct {
	Function string // without its arguments
	Place    string // FILE:LINE
}

// arguments are those of a function in a trace.
var arguments = regexp.MustCompile(`\([^()]*\)$`)

// Frames returns the calls on g's stack, the innermost first, without those of functions that begin with one of the prefixes.
func (g *Goroutine) Frames(without ...string) (frames []Frame) {
	_, body, _ := strings.Cut(g.Text, "\n")
	for pair := range slices.Chunk(strings.Split(body, "\n"), 2) {
		if strings.HasPrefix(pair[0], "created by ") {
			break
		}
		if len(pair) == 2 && !begins(pair[0], without) {
			place, _, _ := strings.Cut(strings.TrimSpace(pair[1]), " +0x") // the offset; in a crash report more addresses follow
			frames = append(frames, Frame{arguments.ReplaceAllString(pair[0], ""), place})
		}
	}
	return frames
}

// Name returns the name of a function as traces have it.
func Name(function any) string { return runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Name() }
