package child

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A group has the leader and the processes that it has started, until the leader has ended.
func TestGroup(t *testing.T) {
	p, err := Start(exec.Command("sh", "-c", "sleep 60 & wait"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	var g Group
	defer g.Close()
	for deadline := time.Now().Add(20 * time.Second); len(g.stats) != 2; g.Find(p.Pid()) {
		if time.Now().After(deadline) {
			t.Fatalf("%d processes in the group: want the shell and its child", len(g.stats))
		}
	}
	if u, err := g.Usage(); err != nil || u.Memory == 0 {
		t.Errorf("usage %+v, %v: want some memory", u, err)
	}
	p.Kill()
	if _, err := g.Usage(); err == nil {
		t.Error("usage of an ended group: no error")
	}
	if _, err := new(Group).Usage(); err == nil {
		t.Error("usage of no process: no error")
	}
}

func TestParseStat(t *testing.T) {
	text := "7 (a) b (c) S 1 42 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22"
	got, err := parseStat([]byte(text))
	want := stat{group: 42, cpu: (11 + 12 + 13 + 14) * 10 * time.Millisecond, resident: 21 * int64(os.Getpagesize())}
	if err != nil || got != want {
		t.Errorf("%+v, %v: want %+v", got, err, want)
	}
	for _, text := range []string{"", "7 (a) S 1 2", strings.Replace(text, "42", "x", 1)} {
		if got, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
