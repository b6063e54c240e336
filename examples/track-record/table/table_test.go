package main

import (
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/examples/track-record/cases"
)

func TestReplace(t *testing.T) {
	got, err := replace("a\n"+start+"old\n"+end+"b\n", "new\n")
	if want := "a\n" + start + "new\n" + end + "b\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for _, page := range []string{"a\n", start + "old\n", "old\n" + end} {
		if _, err := replace(page, "new\n"); err == nil {
			t.Errorf("%q: want an error", page)
		}
	}
}

func TestRender(t *testing.T) {
	c := cases.Case{
		Name: "x-1", Project: "a/x", Version: "v1", Issue: "https://x/1", Mechanism: "It forgets.", Code: cases.Unchanged,
		Program: cases.Sessbench, Verify: cases.Args{"--target", "exec:a b"}, ControlIs: "no fix", NoRun: "it has no window",
	}
	got := render([]row{
		{Case: c, control: none, audit: none},
		{Case: c, found: []string{"lost session"}, times: []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, control: no, audit: yes},
		{Case: c, found: []string{"hang"}, times: []time.Duration{time.Second}, stopped: 2, control: none, audit: none},
	})
	for _, want := range []string{
		"| [x-1](../examples/track-record/cases/x-1.yaml) | [a/x](https://x/1) v1: It forgets. | unchanged | " +
			"`go run . verify --target 'exec:a b' --until any` | not found | 0 of 5 | – | no fix | – it has no window |\n",
		"| lost session | 3 of 5 | 2.0 (1.0–4.0) | no violation: no fix | yes |\n",
		"| hang | 1 of 5, and no progress in 2 | 1.0 (1.0–1.0) |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %s", got, want)
		}
	}
}
