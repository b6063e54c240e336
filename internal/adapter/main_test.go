package adapter

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// adapterEnv asks this test program to be an adapter in place of a test, and says which.
const adapterEnv = "SESSBENCH_TEST_ADAPTER"

func TestMain(m *testing.M) {
	if name := os.Getenv(adapterEnv); name != "" {
		os.Exit(beAdapter(name))
	}
	goleak.VerifyTestMain(m)
}

func beAdapter(name string) int {
	be, ok := adapters[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no adapter %q\n", name)
		return 2
	}
	if err := be(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// adapter is a Spec of this program as one of the adapters.
func adapter(tb testing.TB, name string) Spec {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return Spec{Command: []string{"env", adapterEnv + "=" + name, "GORACE=atexit_sleep_ms=0", self}} // or it sleeps for a second at its end
}

// start starts an adapter, to be closed with the test.
func start(tb testing.TB, name string, o Options) *Program {
	tb.Helper()
	p, err := Start(context.Background(), adapter(tb, name), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = p.Close() })
	return p
}
