package scenarios

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every entry of the catalogue must be complete: the command line, the runner and the audit use all of it
// without asking.
func TestCatalogueIsComplete(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	everyScenario(t, func(t *testing.T, s *Scenario) {
		if !name.MatchString(s.Name) {
			t.Errorf("name %q: want words with hyphens", s.Name)
		}
		if !strings.HasSuffix(s.Purpose, ".") || strings.Contains(s.Purpose, "\n") {
			t.Errorf("%q: want one sentence on one line", s.Purpose)
		}
		for _, op := range s.Visit {
			if !slices.Contains(s.Legal, op) {
				t.Errorf("its visits do %v, which is not legal", op)
			}
		}
		for _, w := range s.Mix {
			if !slices.Contains(s.Legal, w.Op) || w.Weight < 1 {
				t.Errorf("its mix has %v=%d", w.Op, w.Weight)
			}
		}
		wantSizes(t, s.Sizes)
		if s.Users < 1 || s.Sessions < 1 || s.Iterations < 0 || s.Prefill < 0 || s.Hold < 0 || s.Think < 0 || s.TTL < 0 {
			t.Errorf("a figure is out of range: %+v", s)
		}
		if again, err := ParseKeys(s.Keys.String()); err != nil || again != s.Keys {
			t.Errorf("keys %+v cannot be said on the command line: %v", s.Keys, err)
		}
	})
}

func wantSizes(t *testing.T, sizes Sizes) {
	t.Helper()
	if len(sizes) < 2 || sizes[0].Share != 0 || sizes[len(sizes)-1].Share != 1 {
		t.Fatalf("sizes %v: want shares from 0 to 1", sizes)
	}
	for i := range sizes[1:] {
		if lo, hi := sizes[i], sizes[i+1]; lo.Share >= hi.Share || lo.Bytes > hi.Bytes || lo.Bytes < 0 || hi.Bytes > MaxSize {
			t.Errorf("sizes go from %v to %v: want them to rise, and none above %d", lo, hi, MaxSize)
		}
	}
}

// What a scenario says of its sessions has to fit together: the audit relies on it.
func TestCatalogueIsConsistent(t *testing.T) {
	everyScenario(t, func(t *testing.T, s *Scenario) {
		for _, rule := range []struct {
			why   string
			broke bool
		}{
			{"who sweeps removes sessions under users' feet, and each makes its own again", s.Sweeps() && !(s.OwnSessions && s.RemovesSessions)},
			{"a day ends by sweeping", s.DayEnd && !s.Sweeps()},
			{"a session that does not exist yet has no messages", s.StartsEmpty && s.Prefill > 0},
			{"whoever makes sessions keeps them to itself", s.Creates() && !s.OwnSessions},
			{"an id is used a second time through the store only", slices.Contains(s.Legal, GetOrCreate) && s.Driver != StoreDriver},
			{"fields are written where there are fields", (len(s.Fields) > 0) != slices.Contains(s.Legal, Update)},
			{"fields are those of a board", (len(s.Fields) > 0) != (s.Driver == BoardDriver)},
			{"a visit that deletes begins by making the session", slices.Contains(s.Visit, Delete) &&
				s.Visit[0] != Create && s.Visit[0] != GetOrCreate},
			{"sweeping is the janitor's", slices.Contains(s.Legal, Sweep)},
		} {
			if rule.broke {
				t.Errorf("%s: %+v", rule.why, s)
			}
		}
		if s.Sweeps() && (s.SweepEvery() <= 0 || s.SweepEvery() > s.TTL) {
			t.Errorf("sweeps every %v with a time-to-live of %v", s.SweepEvery(), s.TTL)
		}
	})
}

func TestScenarioSlots(t *testing.T) {
	for _, test := range []struct {
		why              string
		s                Scenario
		perUser, inTotal int
	}{
		{"shared: all of them for everybody", Scenario{Users: 3, Sessions: 10}, 10, 10},
		{"own: an even share, the rest is left out", Scenario{Users: 3, Sessions: 10, OwnSessions: true}, 3, 9},
		{"own: nobody goes without", Scenario{Users: 10, Sessions: 3, OwnSessions: true}, 1, 10},
	} {
		if got := test.s.SlotsPerUser(); got != test.perUser {
			t.Errorf("%s: %d slots a user, want %d", test.why, got, test.perUser)
		}
		if got := test.s.Slots(); got != test.inTotal {
			t.Errorf("%s: %d slots, want %d", test.why, got, test.inTotal)
		}
	}
}

func TestScenarioOps(t *testing.T) {
	for _, test := range []struct {
		why  string
		s    Scenario
		want []Op
	}{
		{"each once, in the order of the operations", Scenario{Visit: []Op{History, Append, Append}}, []Op{Append, History}},
		{"a mix", Scenario{Mix: Mix{{Touch, 1}, {Validate, 9}}}, []Op{Validate, Touch}},
		{"who finds none of its own makes one", Scenario{Visit: []Op{Append}, OwnSessions: true, StartsEmpty: true}, []Op{Create, Append}},
	} {
		if got := test.s.Ops(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.why, got, test.want)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, s := range All() {
		if found, err := Lookup(s.Name); err != nil || found != s {
			t.Errorf("Lookup(%q) = %v, %v", s.Name, found, err)
		}
	}
	if _, err := Lookup(Default); err != nil {
		t.Errorf("the default is not there: %v", err)
	}
	_, err := Lookup("chat")
	if err == nil {
		t.Fatal("chat was found")
	}
	for _, part := range []string{`"chat"`, "chatbot", "planner"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %s", err, part)
		}
	}
	if _, err := Lookup(Recorded().Name); err == nil {
		t.Error("the scenario of recorded traffic is in the catalogue: it has nothing to draw")
	}
}

func TestAllIsInOrder(t *testing.T) {
	if !slices.IsSortedFunc(All(), func(a, b *Scenario) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("All is not in the order of the names")
	}
}

func TestRegisterRejects(t *testing.T) {
	complete := Scenario{
		Name: "complete", Purpose: "Whether it is.", Visit: []Op{Append}, Legal: []Op{Append}, Users: 1, Sessions: 1, Sizes: Messages,
	}
	for _, test := range []struct {
		why    string
		change func(*Scenario)
		names  string // what the panic must name
	}{
		{"a name that is taken", func(s *Scenario) { s.Name = Default }, Default},
		{"no users", func(s *Scenario) { s.Users = 0 }, "complete"},
		{"no sessions", func(s *Scenario) { s.Sessions = 0 }, "complete"},
		{"no sentence", func(s *Scenario) { s.Purpose = "" }, "complete"},
		{"nothing to do", func(s *Scenario) { s.Visit = nil }, "complete"},
		{"both visits and a mix", func(s *Scenario) { s.Mix = Mix{{Append, 1}} }, "complete"},
	} {
		t.Run(test.why, func(t *testing.T) {
			before := maps.Clone(catalogue)
			defer func() {
				if text, ok := recover().(string); !ok || !strings.Contains(text, test.names) {
					t.Errorf("panic %q: want one that names %q", text, test.names)
				}
				if !maps.Equal(before, catalogue) {
					t.Errorf("the catalogue is now %v", catalogue)
				}
			}()
			s := complete
			test.change(&s)
			register(s)
		})
	}
}
