package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/cmd"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
)

// TestStriped holds the store to the contract and to what it declares, with a probe of a type of our own.
func TestStriped(t *testing.T) {
	for _, stripes := range []int{1, 32} {
		storetest.Run(t,
			func(testing.TB) manager.SessionStore[int64] { return newStriped[int64](stripes) },
			guarantees,
			storetest.Probe[int64]{
				New:       func() int64 { return 0 },
				Increment: func(n *int64) { *n++ },
				Count:     func(n *int64) int64 { return *n },
			})
	}
}

// TestStripedIsLinearizable runs what `sessbench verify` runs. Two stripes make operations on different sessions meet.
func TestStripedIsLinearizable(t *testing.T) {
	storetest.Linearizable(t,
		func(testing.TB) manager.SessionStore[manager.Session] { return newStriped[manager.Session](2) },
		storetest.Options{Guarantees: guarantees})
}

// TestBuild runs this build's command line: the store is listed, takes its parameter, and passes the audit.
func TestBuild(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := cmd.Main(cmd.WithStore(stripedStrategy()), cmd.WithIO(nil, &stdout, &stderr),
		cmd.WithArgs("run", "-S", "striped:stripes=4", "-s", "churn", "-u", "4", "-i", "100", "-r", "1", "--hold", "0"))
	if code != 0 || !strings.Contains(stdout.String(), "striped") {
		t.Errorf("exit code %d\n%s%s", code, &stdout, &stderr)
	}
}
