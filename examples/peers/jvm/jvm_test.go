package main

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

var small = cell{"small", scenarios.Mix{{Op: scenarios.History, Weight: 1}, {Op: scenarios.Append, Weight: 1}}, 10, 3}

// TestTape compares the words of a tape and its file with the tape of the scenario.
func TestTape(t *testing.T) {
	chatbot, err := scenarios.Lookup("chatbot")
	if err != nil {
		t.Fatal(err)
	}
	s := *chatbot
	s.Users, s.Sessions = 100, 1000
	want, got := scenarios.Draw(&s, 1), cell{"chatbot", nil, 1000, 100}.draw()
	if len(got.ops) != len(want.Ops) {
		t.Fatalf("%d operations, want %d", len(got.ops), len(want.Ops))
	}
	for i, op := range want.Ops {
		if w := got.ops[i]; slotOf(w) != int(op.Slot()) || sizeOf(w) != op.Size() || isRead(w) != (op.Op() == scenarios.History) {
			t.Fatalf("operation %d: slot %d, %d bytes, read %v; want %v", i, slotOf(w), sizeOf(w), isRead(w), op)
		}
	}
	if !slices.ContainsFunc(got.ops, isRead) || got.starts[1] != want.Start(1, 100) || got.size != want.MaxSize() {
		t.Errorf("no reads, or user 1 starts at %d, or %d is the largest size", got.starts[1], got.size)
	}
	path := filepath.Join(t.TempDir(), "tape")
	if err := got.write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(data[8*i:]) }
	if word(0) != 100 || word(2) != uint64(want.Start(1, 100)) || word(101) != uint64(got.size) || word(102) != got.ops[0] {
		t.Errorf("the file is %x...", data[:824])
	}
}

// TestLoop runs blocks of a strategy and of the probe.
func TestLoop(t *testing.T) {
	for _, name := range []string{"xsync", noop} {
		store, err := openStore(name)
		if err != nil {
			t.Fatal(err)
		}
		l, err := newLoop(store, small, small.draw())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if b, err := l.block(time.Millisecond); err != nil || b.ops == 0 || b.took <= 0 {
				t.Errorf("%s: %v, %v", name, b, err)
			}
		}
		l.close()
	}
}

// lossy loses one update.
type lossy struct {
	manager.SessionStore[manager.Session]
	updates atomic.Int64
}

func (s *lossy) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if s.updates.Add(1) == 10 {
		return fn(ctx, &manager.Session{})
	}
	return s.SessionStore.Update(ctx, id, fn)
}

func TestLoopFindsLostUpdate(t *testing.T) {
	store, err := openStore("xsync")
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLoop(&lossy{SessionStore: store}, small, small.draw())
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for range 100 {
		if _, err := l.block(time.Millisecond); err != nil {
			if !strings.Contains(err.Error(), "appends are in the sessions") {
				t.Error(err)
			}
			return
		}
	}
	t.Error("no block found the lost update")
}

func TestCompare(t *testing.T) {
	of := map[string]rates{
		"java/compute":      {[]float64{10, 20, 10}, []float64{10, 10, 10}},
		"java/synchronized": {[]float64{20, 40, 20}, []float64{10, 10, 10}},
		"xsync":             {[]float64{10, 60, 30}, []float64{20, 20, 20}},
		"sharded":           {[]float64{5, 10, 5}, []float64{5, 5, 5}},
	}
	found := compare(of, []string{"xsync", "sharded"})
	x, s := found[0], found[1]
	if x.java != "java/synchronized" || !slices.Equal(x.ratios, []float64{0.5, 1.5, 1.5}) ||
		x.median != 1.5 || x.cpu != 2 || s.median != 0.25 {
		t.Errorf("%+v", found)
	}
	var b strings.Builder
	writeMeans(&b, []string{"xsync", "sharded"}, append(found, comparison{strategy: "xsync", median: 1 / 1.5, cpu: 2}))
	for _, want := range []string{
		`xsync .* 2 cells, 1 of them below 1: 1\.000, per CPU second 2\.000`, `sharded .* 1 cells, 1 of them below 1: 0\.250`,
	} {
		if !regexp.MustCompile(want).MatchString(b.String()) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if m := median([]float64{4, 1, 3, 2}); math.Abs(m-2.5) > 1e-12 {
		t.Errorf("median %v", m)
	}
}

// TestBrokenJVM: errors name the cell and the subject.
func TestBrokenJVM(t *testing.T) {
	for _, java := range []string{filepath.Join(t.TempDir(), "java"), "sh -c true"} {
		err := run(io.Discard, config{java: java, blocks: 1, strategies: []string{"xsync"}}, "^chatbot, 100 sessions, 2 users$")
		if err == nil || !strings.HasPrefix(err.Error(), "chatbot, 100 sessions, 2 users: java/noop: ") {
			t.Errorf("%s: error %v", java, err)
		}
	}
}

// TestJVM compiles Bench.java and runs a cell.
func TestJVM(t *testing.T) {
	if _, err := exec.LookPath("javac"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SESSBENCH_REQUIRE"), ","), "java") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("javac", "-d", dir, "../../java/Bench.java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := config{
		java: "java -Xmx256m", classes: dir, blocks: 2, block: time.Millisecond, warmUp: time.Millisecond, strategies: []string{"xsync"},
	}
	var b strings.Builder
	if err := run(&b, c, "^chatbot, 100 sessions, 2 users$"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^chatbot, 100 sessions, 2 users$`, `(?m)^  java/compute +\d`, `(?m)^  java/synchronized +\d`, `(?m)^  xsync / java/`,
		`(?m)^geometric mean of xsync .* 1 cells`,
	} {
		if !regexp.MustCompile(want).MatchString(b.String()) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
