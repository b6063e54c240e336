package measure

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

const (
	panicReport = `panic: the janitor tripped

goroutine 9 gp=0x2cb2c5a62f00 m=7 mp=0x2cb2c5a85808 [running]:
panic({0x1285aa0?, 0x151ce50?})
	/usr/local/go/src/runtime/panic.go:879 +0x16f fp=0x2c sp=0x2c pc=0x48
example.org/stores.(*Mine).sweep(0xc000012345, {0x1, 0x2})
	/home/me/mine.go:42 +0x1b
created by example.org/stores.New in goroutine 6
	/home/me/mine.go:12 +0x3f

goroutine 1 [chan receive]:
main.main()
	/home/me/main.go:7 +0x1
`
	mapReport = `fatal error: concurrent map read and map write

goroutine 35 [running]:
internal/runtime/maps.fatal({0x14a9911?, 0x130b840?})
	/usr/local/go/src/runtime/panic.go:1181 +0x18
runtime.mapaccess1_fast64(...)
	/usr/local/go/src/internal/runtime/maps/runtime_fast64.go:206
example.org/stores.(*Shards[...]).get.func1(...)
	/home/me/shards.go:7
`
)

func TestExplain(t *testing.T) {
	for _, row := range []struct {
		why, report, want string
		killed            bool
	}{
		{"a panic in a goroutine", panicReport, "panic: the janitor tripped, in example.org/stores.(*Mine).sweep (/home/me/mine.go:42)", false},
		{"two goroutines in a map, an inlined frame", mapReport,
			"fatal error: concurrent map read and map write, in example.org/stores.(*Shards[...]).get.func1 (/home/me/shards.go:7)", false},
		{"a report without stacks", "fatal error: all goroutines are asleep", "fatal error: all goroutines are asleep", false},
		{"no memory", "fatal error: runtime: out of memory\n\nruntime stack:\n", "fatal error: runtime: out of memory", true},
		{"none to map", "fatal error: runtime: cannot allocate memory", "fatal error: runtime: cannot allocate memory", true},
		{"no thread", "fatal error: newosproc", "fatal error: newosproc", true},
		{"a request for stacks", strings.Replace(panicReport, "panic: the janitor tripped", "SIGQUIT: quit\nPC=0x48 m=0", 1),
			"SIGQUIT: quit, in example.org/stores.(*Mine).sweep (/home/me/mine.go:42)", true},
		{"a panic with a message about memory", "panic: out of memory", "panic: out of memory", false},
		{"nothing but the runtime", "fatal error: x\n\ngoroutine 1 [running]:\nruntime.x()\n\t/x.go:1 +0x1\ncreated by a.b in goroutine 1\n\t/y.go:1", "fatal error: x", false},
		{"a torn report", "panic: x\n\ngoroutine 1 [running]:\nmain.f()", "panic: x", false},
	} {
		var c crash
		c.explain(nil, strings.TrimSpace(row.report), "")
		if c.why != row.want || c.killed != row.killed || strings.Contains(c.stack, "main.main") {
			t.Errorf("%s: %q, killed %v, stack %q: want %q, killed %v", row.why, c.why, c.killed, c.stack, row.want, row.killed)
		}
	}
}

func TestExplainWithoutAReport(t *testing.T) {
	for _, row := range []struct {
		script, stderr, want string
		killed               bool
	}{
		{"exit 3", "", "exit status 3 without a crash report, as after os.Exit or log.Fatal", false},
		{"exit 0", "", "exit status 0 without a crash report, as after os.Exit or log.Fatal", false},
		{"exit 1", "starting\nno space left\n", "exit status 1 without a crash report, as after os.Exit or log.Fatal; its last line on stderr: no space left", false},
		{"kill -KILL $$", "", "signal: killed, as the system does when memory runs out", true},
		{"kill -TERM $$", "", "signal: terminated", true},
		{"kill -SEGV $$", "", "signal: segmentation fault", false},
	} {
		p := exec.Command("sh", "-c", row.script)
		if err := p.Run(); p.ProcessState == nil {
			t.Skip(err)
		}
		var c crash
		c.explain(p.ProcessState, "", row.stderr)
		if row.killed { // a panic that was logged before is no report
			c = crash{}
			c.explain(p.ProcessState, panicReport, row.stderr)
		}
		if c.why != row.want || c.killed != row.killed {
			t.Errorf("%s: %q, killed %v: want %q", row.script, c.why, c.killed, row.want)
		}
	}
}

// TestCrashFilter: only a crash report is held back.
func TestCrashFilter(t *testing.T) {
	for _, row := range []struct {
		why, write       string
		passed, reported string
		released         string // passed on in the end when the process goes on
	}{
		{"what a store logs", "hello\nworld\n", "hello\nworld\n", "", "hello\nworld\n"},
		{"a crash", "hello\n" + mapReport, "hello\n", mapReport, "hello\n" + mapReport},
		{"a panic that was logged, and a crash", "panic: caught\nstack\n" + mapReport, "panic: caught\nstack\n", mapReport, "panic: caught\nstack\n" + mapReport},
		{"the words within a line", "a panic: caught\n", "a panic: caught\n", "", "a panic: caught\n"},
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			var to bytes.Buffer
			f := &crashFilter{to: &to}
			for rest := row.write; rest != ""; rest = rest[min(size, len(rest)):] {
				_, _ = f.Write([]byte(rest[:min(size, len(rest))]))
			}
			if to.String() != row.passed || f.report() != strings.TrimSpace(row.reported) {
				t.Errorf("%s: passed on %q, report %q: want %q and %q", row.why, &to, f.report(), row.passed, row.reported)
			}
			if f.release(); to.String() != row.released || f.report() != "" {
				t.Errorf("%s: %q in the end, report %q: want %q", row.why, &to, f.report(), row.released)
			}
		}
	}
	for _, row := range []struct{ why, write, before, after, reported string }{
		{"a last line without a newline", "hello\nworld", "hello\n", "hello\nworld", ""},
		{"a crash whose report is torn", "hello\npanic: x", "hello\n", "hello\n", "panic: x"},
		{"a line that is overwritten for ever", strings.Repeat("50%\r", lineSize), strings.Repeat("50%\r", lineSize), strings.Repeat("50%\r", lineSize), ""},
	} {
		var to bytes.Buffer
		f := &crashFilter{to: &to}
		for rest := row.write; rest != ""; rest = rest[min(1<<10, len(rest)):] {
			_, _ = f.Write([]byte(rest[:min(1<<10, len(rest))]))
		}
		before := to.String()
		if f.end(); before != row.before || to.String() != row.after || f.report() != row.reported {
			t.Errorf("%s: passed on %d bytes, then %d, report %q: want %d, %d, %q", row.why,
				len(before), to.Len(), f.report(), len(row.before), len(row.after), row.reported)
		}
	}
	var to bytes.Buffer
	f := &crashFilter{to: &to}
	for range 2 * heldSize / len(panicReport) {
		_, _ = f.Write([]byte(strings.ReplaceAll(panicReport, "panic: ", "goroutine ")))
		if f.held.Len() == 0 {
			_, _ = f.Write([]byte(panicReport))
		}
	}
	if n := len(f.report()); n > heldSize {
		t.Errorf("%d bytes are held back: want %d at most", n, heldSize)
	}
}
