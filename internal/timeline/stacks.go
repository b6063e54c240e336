package timeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/goroutine"
)

// Limits of the stacks shown: the innermost frames show what a goroutine waits for, the next few which code waits.
const (
	shownFrames     = 6
	shownGoroutines = 12
)

// addresses are the parts of a trace that differ from one goroutine to the next: arguments and offsets.
var addresses = regexp.MustCompile(`\([^()]*\)$| \+0x[0-9a-f]+$`)

// shortStacks shortens goroutine traces in the form of [runtime.Stack]: without the runtime's frames, arguments and
// addresses, and with one trace for all goroutines at the same place. Other text (a heading) stays as it is.
func shortStacks(stacks string) string {
	var out []string
	same := map[string]int{} // index in out of a trace
	count := map[int]int{}
	left := 0
	for text := range strings.SplitSeq(strings.TrimSpace(stacks), "\n\n") {
		text = strings.TrimRight(text, "\n")
		head, body, _ := strings.Cut(text, "\n")
		if !strings.HasPrefix(head, "goroutine ") {
			out = append(out, text)
			clear(same) // goroutines under another heading differ
			continue
		}
		key := waitsFor(text) + "\n" + shortTrace(body)
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

// waitsFor returns a goroutine's state: " in sync.Mutex.Lock:" for "goroutine 7 [sync.Mutex.Lock, 2 minutes]:".
func waitsFor(text string) string {
	what, _, _ := strings.Cut(goroutine.Parse(text).State, ",")
	if what == "" {
		return ""
	}
	return " in " + what + ":"
}

// shortTrace returns the frames of a trace, one line each instead of the runtime's two.
func shortTrace(body string) string {
	lines := strings.Split(body, "\n")
	var frames []string
	for pair := range slices.Chunk(lines, 2) {
		function := pair[0]
		if strings.HasPrefix(function, "created by ") {
			break
		}
		function = addresses.ReplaceAllString(function, "")
		if isRuntime(function) {
			continue
		}
		if len(frames) == shownFrames {
			frames = append(frames, "    …")
			break
		}
		function = function[strings.LastIndexByte(function, '/')+1:]
		place := ""
		if len(pair) == 2 {
			place = addresses.ReplaceAllString(strings.TrimSpace(pair[1]), "")
			place = "  " + place[strings.LastIndexByte(place, '/')+1:]
		}
		frames = append(frames, "    "+function+place)
	}
	return strings.Join(frames, "\n")
}

// isRuntime reports whether a frame is inside the runtime or the locks, which all waiting goroutines have in common.
func isRuntime(function string) bool {
	return slices.ContainsFunc([]string{"runtime.", "runtime/", "internal/", "sync.runtime_"}, func(prefix string) bool {
		return strings.HasPrefix(function, prefix)
	})
}
