package storetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
)

type probe struct{ n int64 }

var counting = Probe[probe]{
	New:       func() probe { return probe{} },
	Increment: func(p *probe) { p.n++ },
	Count:     func(p *probe) int64 { return p.n },
}

func TestRightStoresPass(t *testing.T) {
	for _, g := range []manager.Guarantees{plain, rollbacks, reentrants, cancellables, fairs} {
		t.Run(fmt.Sprintf("%+v", g), func(t *testing.T) {
			Run(t, func(testing.TB) store { return newReference[probe](g) }, g, counting)
		})
	}
	t.Run("optimistic", func(t *testing.T) {
		Run(t, func(testing.TB) store { return newOptimistic[probe]() }, optimisticGuarantees, counting)
	})
}

func TestRightChatPasses(t *testing.T) {
	RunChat(t, func(testing.TB) talks { return newReference[manager.Session](plain) })
}

func TestCasesHaveNamesAndReasons(t *testing.T) {
	seen := map[string]bool{}
	check := func(name, why string) {
		if name == "" || seen[name] || !strings.HasSuffix(why, ".") {
			t.Errorf("case %q (%q): want a unique name and a sentence", name, why)
		}
		seen[name] = true
	}
	for _, c := range cases[probe]() {
		check(c.name, c.why)
	}
	for _, c := range chatCases(nil) {
		check(c.name, c.why)
	}
	found := map[string]bool{}
	for _, b := range brokenStores {
		found[b.in] = true
	}
	for name := range seen {
		if !found[name] {
			t.Errorf("no broken store shows that case %s can fail", name)
		}
	}
}

// childStore names the broken store that this process runs, as a child of TestBrokenStoresFail.
const childStore = "STORETEST_STORE"

// right is the child's store that has to pass everything.
const right = "right"

func TestBrokenStoresFail(t *testing.T) {
	for _, b := range brokenStores {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			out, err := child(t, b.name)
			for try := 1; err == nil && try < 5; try++ { // a race may not occur in each run
				out, err = child(t, b.name)
			}
			if err == nil {
				t.Fatalf("a store that %s passed case %s\n%s", b.name, b.in, out)
			}
			if want := "--- FAIL: TestChild/" + b.in; !strings.Contains(out, want) {
				t.Errorf("output without %q\n%s", want, out)
			}
			if !strings.Contains(out, ": "+b.says) {
				t.Errorf("output without %q\n%s", b.says, out)
			}
		})
	}
	t.Run("the right store passes", func(t *testing.T) {
		t.Parallel()
		if out, err := child(t, right); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// child runs TestChild on the named store in a process of its own: it is meant to fail, and may hang.
func child(t *testing.T, store string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), childStore+"="+store)
	dieWithParent(cmd)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("the child hangs\n%s", out)
	}
	return string(out), err
}

func TestChild(t *testing.T) {
	name := os.Getenv(childStore)
	if name == "" {
		t.Skip("runs as a child of TestBrokenStoresFail")
	}
	if name == right {
		Run(t, func(testing.TB) store { return newReference[probe](plain) }, plain, counting)
		return
	}
	for _, b := range brokenStores {
		if b.name != name {
			continue
		}
		l := limits{patience: defaultLimits.patience, budget: time.Second} // long enough on a loaded machine
		if b.hangs {
			l.patience = 2 * time.Second // it will be used up
		}
		t.Run(b.in, func(t *testing.T) { b.inCase(t, b.in, l) })
		return
	}
	t.Fatalf("no broken store %q", name)
}
