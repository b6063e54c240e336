package mutants

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// source is a file with the given body of a function.
func source(body string) []byte {
	return []byte("package p\n\nimport \"sync.RWMutex\"\n\nfunc (s *store[T]) f() {\n" + body + "\n}\n")
}

func TestOperators(t *testing.T) {
	for _, test := range []struct {
		why, body string
		want      []string // what each mutant is, and its diff
	}{
		{"a lock that is held to the end", "\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\tuse(s)", []string{
			"s.mu.Lock() and its release dropped\n-\ts.mu.Lock()\n-\tdefer s.mu.Unlock()\n+\t\n+\t\n",
			"s.mu.Lock() made an RLock\n-\ts.mu.Lock()\n-\tdefer s.mu.Unlock()\n+\ts.mu.RLock()\n+\tdefer s.mu.RUnlock()\n",
			"defer s.mu.Unlock() not deferred\n-\tdefer s.mu.Unlock()\n+\ts.mu.Unlock()\n",
		}},
		{"a lock around one statement", "\ts.mu.RLock()\n\te := s.m[id]\n\ts.mu.RUnlock()", []string{
			"s.mu.RLock() and its release dropped\n-\ts.mu.RLock()\n-\te := s.m[id]\n-\ts.mu.RUnlock()\n+\t\n+\te := s.m[id]\n+\t\n",
			"s.mu.RLock() after e := s.m[id]\n-\ts.mu.RLock()\n-\te := s.m[id]\n+\te := s.m[id]\n+\ts.mu.RLock()\n",
			"e := s.m[id] after s.mu.RUnlock()\n-\te := s.m[id]\n-\ts.mu.RUnlock()\n+\ts.mu.RUnlock()\n+\te := s.m[id]\n",
			"s.mu.RUnlock() dropped\n-\ts.mu.RUnlock()\n+\t\n",
		}},
		{"a lock that others release", "\te.lock()\n\tmanager.LockGranted(ctx)\n\tuse(e)", []string{
			"e.lock() and its release dropped\n-\te.lock()\n+\t\n",
			"e.lock() after use(e)\n-\te.lock()\n-\tmanager.LockGranted(ctx)\n-\tuse(e)\n+\tuse(e)\n+\tmanager.LockGranted(ctx)\n+\te.lock()\n",
		}},
		{"a dead mark that is checked", "\tif e.dead || !ok(e) {\n\t\treturn\n\t}", []string{
			"e.dead || !ok(e) never\n-\tif e.dead || !ok(e) {\n+\tif (e.dead || !ok(e)) && false {\n",
			"e.dead || !ok(e) always\n-\tif e.dead || !ok(e) {\n+\tif (e.dead || !ok(e)) || true {\n",
			"e.dead || !ok(e) negated\n-\tif e.dead || !ok(e) {\n+\tif !(e.dead || !ok(e)) {\n",
			"e.dead || !ok(e) without !ok(e)\n-\tif e.dead || !ok(e) {\n+\tif e.dead {\n",
			"e.dead || !ok(e) without e.dead\n-\tif e.dead || !ok(e) {\n+\tif !ok(e) {\n",
		}},
		{"the end of a store, which would end everything if it were always", "\tif s.closed.Load() {\n\t\treturn\n\t}", []string{
			"s.closed.Load() never\n-\tif s.closed.Load() {\n+\tif (s.closed.Load()) && false {\n",
		}},
		{"a condition that says nothing of a session", "\tif n > 3 {\n\t\treturn\n\t}", nil},
		{"a dead mark that is set", "\te.dead = true", []string{"e.dead = true dropped\n-\te.dead = true\n+\t\n"}},
		{"a dead mark that is set under a lock", "\te.dead = true\n\te.unlock()", []string{
			"e.dead = true dropped\n-\te.dead = true\n+\t\n",
			"e.dead = true after e.unlock()\n-\te.dead = true\n-\te.unlock()\n+\te.unlock()\n+\te.dead = true\n",
			"e.unlock() dropped\n-\te.unlock()\n+\t\n",
		}},
		{"compare and swap", "\tok := c.state.CompareAndSwap(old, next)", []string{
			"c.state.CompareAndSwap(old, next) as a store\n-\tok := c.state.CompareAndSwap(old, next)\n" +
				"+\tok := func() bool { _ = old; c.state.Store(next); return true }()\n",
			"c.state.CompareAndSwap(old, next) in two steps\n-\tok := c.state.CompareAndSwap(old, next)\n" +
				"+\tok := (c.state.Load() == old && func() bool { c.state.Store(next); return true }())\n",
		}},
		{"an atomic addition", "\tx := n.Add(1)", []string{
			"n.Add(1) in two steps\n-\tx := n.Add(1)\n+\tx := func() int64 { n := n.Load() + 1; n.Store(n); return n }()\n",
		}},
		{"removal of what was found", "\tx.m.CompareAndDelete(id, e)", []string{
			"x.m.CompareAndDelete(id, e) by key\n-\tx.m.CompareAndDelete(id, e)\n+\tx.m.Delete(id)\n",
		}},
		{"insertion if absent", "\t_, taken := x.m.LoadOrStore(id, e)", []string{
			"x.m.LoadOrStore(id, e) in two steps\n-\t_, taken := x.m.LoadOrStore(id, e)\n" +
				"+\t_, taken := x.m.Load(id); if !taken { x.m.Store(id, e) }\n",
		}},
		{"copies", "\ts.copyTo(state, next)\n\treturn s.copyOf(state)", []string{
			"s.copyTo(state, next) as an assignment\n-\ts.copyTo(state, next)\n+\tfunc() { *next = *state }()\n",
			"s.copyOf(state) without a copy\n-\treturn s.copyOf(state)\n+\treturn *state\n",
		}},
		{"two stores", "\ts.low.Store(low)\n\ts.entry.Store(e)", []string{
			"s.low.Store(low) dropped\n-\ts.low.Store(low)\n+\t\n",
			"s.low.Store(low) after s.entry.Store(e)\n-\ts.low.Store(low)\n-\ts.entry.Store(e)\n+\ts.entry.Store(e)\n+\ts.low.Store(low)\n",
			"s.entry.Store(e) dropped\n-\ts.entry.Store(e)\n+\t\n",
		}},
	} {
		t.Run(test.why, func(t *testing.T) {
			source := source(test.body)
			list, err := Of("x.go", source)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range list {
				if m.File != "x.go" || m.Func != "store.f" || !strings.HasPrefix(m.Key(), "x.go store.f: ") {
					t.Errorf("the mutant is of %s in %s", m.Func, m.File)
				}
				got = append(got, m.What+"\n"+m.Diff(source))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestKeysAreUnique tells two equal changes in one function apart.
func TestKeysAreUnique(t *testing.T) {
	list, err := Of("x.go", source("\tif a {\n\t\te.dead = true\n\t} else {\n\t\te.dead = true\n\t}"))
	if err != nil || len(list) != 2 || list[0].Key() == list[1].Key() {
		t.Errorf("%d mutants, error %v", len(list), err)
	}
}

// strategySources are the files that have mutants.
func strategySources(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../strategies/*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if all[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestStrategies generates the mutants of the strategies: each changes its file, and each file has strategies that use it.
func TestStrategies(t *testing.T) {
	for file, source := range strategySources(t) {
		list, err := Of(file, source)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 && len(usedBy[file]) == 0 {
			t.Errorf("%s has %d mutants, and no strategy verifies them", file, len(list))
		}
		for _, m := range list {
			if bytes.Equal(m.Apply(source), source) {
				t.Errorf("%s changes nothing", m.Key())
			}
		}
	}
}

// TestExplained rejects explanations of mutants that do not exist any more.
func TestExplained(t *testing.T) {
	exist := map[string]bool{}
	for file, source := range strategySources(t) {
		list, err := Of(file, source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			exist[m.Key()] = true
		}
	}
	for _, key := range stale(explained(t), exist) {
		t.Errorf("testdata/explained.txt explains a mutant that does not exist: %s", key)
	}
	if got := stale(map[string]Explanation{"gone": {}}, exist); len(got) != 1 {
		t.Errorf("stale explanations: %q, want one", got)
	}
}

// stale returns the keys of explanations for which there is no mutant.
func stale(list map[string]Explanation, exist map[string]bool) (keys []string) {
	for key := range list {
		if !exist[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// explained are the mutants that verify does not convict.
func explained(t *testing.T) map[string]Explanation {
	t.Helper()
	text, err := os.ReadFile("testdata/explained.txt")
	if err != nil {
		t.Fatal(err)
	}
	list, err := Explanations(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestExplanations(t *testing.T) {
	got, err := Explanations("# note\n\nequivalent: a.go f: x dropped\nequivalent: a.go f: y dropped\n\tOne sentence\n\tin two lines.\nunseen: b.go g: z\n\tTwo.\n")
	want := map[string]Explanation{
		"a.go f: x dropped": {true, "One sentence in two lines."}, "a.go f: y dropped": {true, "One sentence in two lines."}, "b.go g: z": {false, "Two."},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	for why, text := range map[string]string{
		"an unknown word": "wrong: a: b\n\tx", "a key twice": "unseen: a\n\tx\nunseen: a\n\ty", "no explanation": "unseen: a\n", "no key": "\tx",
	} {
		if _, err := Explanations(text); err == nil {
			t.Errorf("%s was accepted", why)
		}
	}
}
