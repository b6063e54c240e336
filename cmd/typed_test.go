package cmd

import (
	"strings"
	"testing"
)

func TestTypedHidesSecrets(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--redis-url", "redis://me:hunter2@localhost:6379/1"},
		{"run", "--redis-url=rediss://:hunter2@localhost:6379"},
		{"run", "--redis-url", "redis://u:hunter2@hunter2@localhost:6379"},
		{"run", "--target", "exec:python3 a.py --db redis://u:hunter2@localhost"},
		{"run", "--redis-password", "hunter2"},
		{"run", "--redis-password=hunter2", "-S", "redis"},
		{"run", "--join", "redis://me:hunter2@localhost:6379"},
	} {
		a := &app{args: args}
		if got := a.typed(); strings.Contains(got, "hunter2") || !strings.Contains(got, hidden) {
			t.Errorf("%v: %s", args, got)
		}
	}
	a := &app{args: []string{"run", "-S", "global", "--target", "exec:python3 a.py"}}
	if got, want := a.typed(), "sessbench run -S global --target 'exec:python3 a.py'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
