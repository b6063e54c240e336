package adapter

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

func TestUsage(t *testing.T) {
	p := start(t, "parent", Options{})
	first, err := p.Usage()
	if err != nil || first.Memory < 1<<20 {
		t.Fatalf("usage %+v, %v: want a megabyte or more", first, err)
	}
	if n := len(p.group.stats); n != 2 {
		t.Errorf("%d processes in its group: want it and its child", n)
	}
	c, id := connect(t, p), manager.ID(uuid.New())
	do(t, c, scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	var used time.Duration
	for deadline := time.Now().Add(20 * time.Second); used < 50*time.Millisecond; {
		do(t, c, scenarios.Request{Op: scenarios.Append, ID: id, Hold: 50 * time.Millisecond, Spin: true})
		then, err := p.Usage()
		if used = then.CPU - first.CPU; err != nil || time.Now().After(deadline) {
			t.Fatalf("20 s of spinning took %v of processor time, %v", used, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Usage(); err == nil {
		t.Error("usage of an ended program: no error")
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

func BenchmarkUsage(b *testing.B) {
	p := start(b, "parent", Options{})
	for b.Loop() {
		if _, err := p.Usage(); err != nil {
			b.Fatal(err)
		}
	}
}
