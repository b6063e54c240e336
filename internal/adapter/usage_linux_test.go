package adapter

import (
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
	p.process.Input.Close()
	<-p.process.Exited() // however long that takes
	if _, err := p.Usage(); err == nil {
		t.Error("usage of an ended program: no error")
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
