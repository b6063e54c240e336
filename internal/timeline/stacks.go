package timeline

import (
	"fmt"
	"path"
	"strings"

	"github.com/sessbench/sessbench/internal/goroutine"
)

// Limits of the stacks shown: the innermost frames show what a goroutine waits for, the next few which code waits.
const (
	shownFrames     = 6
	shownGoroutines = 12
)

// shortStacks shortens goroutine traces in the form of [runtime.Stack]: without the runtime's frames, arguments and
// addresses, and with one trace for all goroutines at the same place. Other text (a heading) stays as it is.
func shortStacks(stacks string) string {
	var out []string
	same := map[string]int{} // index in out of a trace
	count := map[int]int{}
	left := 0
	for text := range strings.SplitSeq(strings.TrimSpace(stacks), "\n\n") {
		text = strings.TrimRight(text, "\n")
		if !strings.HasPrefix(text, "goroutine ") {
			out = append(out, text)
			clear(same) // goroutines under another heading differ
			continue
		}
		g := goroutine.Parse(text)
		key := waitsFor(g) + "\n" + shortTrace(g)
		if i, known := same[key]; known {
			count[i]++
			continue
		}
		if len(count) == shownGoroutines {
			left++
			continue
		}
		same[key] = len(out)
		count[len(out)] = 1
		out = append(out, key)
	}
	for i, n := range count {
		if n == 1 {
			out[i] = "one goroutine" + out[i]
		} else {
			out[i] = fmt.Sprintf("%d goroutines%s", n, out[i])
		}
	}
	if left > 0 {
		out = append(out, fmt.Sprintf("… %d more goroutines", left))
	}
	return strings.Join(out, "\n\n")
}

// waitsFor returns a goroutine's state: " in sync.Mutex.Lock:" for "sync.Mutex.Lock, 2 minutes".
func waitsFor(g goroutine.Goroutine) string {
	what, _, _ := strings.Cut(g.State, ",")
	if what == "" {
		return ""
	}
	return " in " + what + ":"
}

// shortTrace returns the frames of a trace outside the runtime and the locks, which all waiting goroutines have in common:
// one line each instead of the runtime's two.
func shortTrace(g goroutine.Goroutine) string {
	var lines []string
	for i, f := range g.Frames("runtime.", "runtime/", "internal/", "sync.runtime_") {
		if i == shownFrames {
			lines = append(lines, "    …")
			break
		}
		lines = append(lines, "    "+path.Base(f.Function)+"  "+path.Base(f.Place))
	}
	return strings.Join(lines, "\n")
}
