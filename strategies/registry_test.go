package strategies

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAllInOrderWithoutProbes(t *testing.T) {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	// Whatever is new follows those in order, by name.
	if diff := cmp.Diff(order, names[:len(order)]); diff != "" {
		t.Errorf("All, by name (-want +got):\n%s", diff)
	}
	if later := names[len(order):]; !slices.IsSorted(later) || slices.Contains(names, "noop") {
		t.Errorf("after those in order: %v", later)
	}
}

func TestLookup(t *testing.T) {
	for name, known := range map[string]bool{"global": true, "noop": true, "Global": false, "": false} {
		s, ok := Lookup(name)
		if ok != known || ok && s.Name != name {
			t.Errorf("Lookup(%q) = %v, %v: want known %v", name, s, ok, known)
		}
	}
}

// Every entry of the catalogue must be complete: the command line and the tests use all of it without asking.
func TestCatalogueIsComplete(t *testing.T) {
	for name, s := range catalogue {
		t.Run(name, func(t *testing.T) {
			if s.Name != name || s.Description == "" || strings.Contains(s.Description, "\n") {
				t.Errorf("name %q, how %q: want a name and one line", s.Name, s.Description)
			}
			if !s.Harness && s.Guarantees.Blocks == "" {
				t.Error("does not say whom a busy session blocks")
			}
			for _, p := range s.Params {
				if p.Name == "" || p.Doc == "" || p.Legal == "" {
					t.Errorf("parameter %+v: want a name, a sentence and its legal values", p)
				}
				if p.Check != nil && p.Check(p.Default) != nil {
					t.Errorf("parameter %s: its default %q is not legal", p.Name, p.Default)
				}
			}
			p, err := s.Resolve(nil)
			if err != nil {
				t.Fatal(err)
			}
			sessions, err := s.Open(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := sessions.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	sharded, _ := Lookup("sharded")
	global, _ := Lookup("global")
	tests := []struct {
		why   string
		s     *Strategy
		given map[string]string
		want  Values
		err   []string // what the message must name; nil for none
	}{
		{"what is not given takes its default", sharded, nil, Values{"shards": strconv.Itoa(defaultShards())}, nil},
		{"what is given is taken", sharded, map[string]string{"shards": "7"}, Values{"shards": "7"}, nil},
		{"no parameters, nothing given", global, nil, Values{}, nil},
		{"an unknown name lists the known ones", sharded, map[string]string{"shard": "7"}, nil,
			[]string{"sharded", `"shard"`, "shards"}},
		{"an unknown name where there are none", global, map[string]string{"shards": "7"}, nil,
			[]string{"global", `"shards"`, "none"}},
		{"zero shards", sharded, map[string]string{"shards": "0"}, nil, []string{"shards", `"0"`, "1 to 1048576"}},
		{"too many shards", sharded, map[string]string{"shards": "1048577"}, nil, []string{"shards", "1 to 1048576"}},
		{"not a number", sharded, map[string]string{"shards": "many"}, nil, []string{`"many"`, "1 to 1048576"}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			got, err := test.s.Resolve(test.given)
			if (err != nil) != (test.err != nil) {
				t.Fatalf("error %v: want one: %v", err, test.err != nil)
			}
			for _, part := range test.err {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not name %q", err, part)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRegisterRejectsDuplicates(t *testing.T) {
	names := func() []string {
		var n []string
		for _, s := range All() {
			n = append(n, s.Name)
		}
		return n
	}
	before := names()
	defer func() {
		if recover() == nil {
			t.Error("a second global was registered")
		}
		if !slices.Equal(before, names()) {
			t.Errorf("catalogue is now %v: want %v", names(), before)
		}
	}()
	register(Strategy{Name: "global"})
}
