package adapter

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// adapterEnv names the adapter that this test program is to be instead of running tests.
const adapterEnv = "SESSBENCH_TEST_ADAPTER"

func TestMain(m *testing.M) {
	if name := os.Getenv(adapterEnv); name != "" {
		os.Exit(runAdapter(name))
	}
	goleak.VerifyTestMain(m)
}

func runAdapter(name string) int {
	run, ok := adapters[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no adapter %q\n", name)
		return 2
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// adapter returns the Spec of this program as one of the adapters.
func adapter(tb testing.TB, name string) Spec {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return Spec{Command: []string{"env", adapterEnv + "=" + name, "GORACE=atexit_sleep_ms=0", self}} // otherwise it sleeps for 1 s at its end
}

// start starts an adapter and closes it at the end of the test.
func start(tb testing.TB, name string, o Options) *Program {
	tb.Helper()
	p, err := Start(context.Background(), adapter(tb, name), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = p.Close() })
	return p
}
