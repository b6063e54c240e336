package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// tryRecorded runs one short trial that records one session in so many, with room for so many bytes.
func tryRecorded(t *testing.T, s scenarios.Scenario, of Subject, window time.Duration, one, room int) result.Trial {
	t.Helper()
	r := run{Config: Config{Seed: DefaultSeed, Window: window, Record: one}}
	base := r.setup(&s)
	base.room = room
	trial, err := runTrial(t.Context(), of, base)
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

func TestEveryStrategyIsCertifiedInEveryScenario(t *testing.T) {
	for i, s := range scenarios.All() {
		for j, strategy := range strategies.All() {
			if !chosen(i, j) {
				continue
			}
			t.Run(s.Name+"/"+strategy.Name, func(t *testing.T) {
				trial := tryRecorded(t, small(t, s.Name), subject(t, strategy.Name), 15*time.Millisecond, 1, recordRoom)
				got := trial.Audit.Recorded
				if !trial.Audit.OK || got.Sessions == 0 || got.Certified != got.Sessions || got.Unchecked != "" {
					t.Fatalf("audit: %+v, recorded: %+v", trial.Audit, got)
				}
				var counted int64
				for op, o := range trial.Operations {
					if op != "sweep" && op != "validate" { // a validation only reports that the session exists
						counted += o.Count
					}
				}
				if int64(got.Operations) < counted {
					t.Errorf("%d operations recorded of %d", got.Operations, counted)
				}
			})
		}
	}
}

// What only a whole history shows: the audit of what was written, and of what was left at the end, finds nothing wrong.
func TestHistoriesShowViolationsThatTheAuditMisses(t *testing.T) {
	for _, row := range []struct {
		why, scenario, kind string
		how                 func(b *bent)
	}{
		{"a read is served from an old copy", "chatbot", "stale read", func(b *bent) { b.view = old(b, 1) }},
		{"every fifth read is served from an old copy", "hot-session", "stale read", func(b *bent) { b.view = old(b, 5) }},
		{"a read of a board is served from an old copy", "planner", "stale read", func(b *bent) { b.view = old(b, 3) }},
		{"a read of an id that lives again sees its former life", "churn", "read of a deleted session", func(b *bent) { b.view = old(b, 2) }},
		{"a read sees a session without its newest message", "rag", "stale read", func(b *bent) {
			b.view = show(b, func(s *manager.Session) { *s = remade(s, s.Seq-1, manager.Message{}) })
		}},
		{"a read sees a message that was altered", "chatbot", "garbage read", func(b *bent) {
			b.view = show(b, func(s *manager.Session) {
				m := s.History(nil)[3]
				m.Content = m.Content[:len(m.Content)-1] + "!"
				*s = remade(s, s.Seq, m)
			})
		}},
		{"a read sees one message in another's place", "chatbot", "garbage read", func(b *bent) {
			b.view = show(b, func(s *manager.Session) {
				kept := s.History(nil)
				m := kept[3]
				m.Role, m.Content = kept[4].Role, kept[4].Content
				*s = remade(s, s.Seq, m)
			})
		}},
		{"a confirmed session is not found", "churn", "lost session", func(b *bent) {
			b.view = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error {
				return manager.ErrNotFound
			}
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			s := small(t, row.scenario)
			s.Hold = 0
			if row.scenario == "churn" {
				s.Visit = nil
				s.Mix = scenarios.Mix{{Op: scenarios.GetOrCreate, Weight: 4}, {Op: scenarios.Append, Weight: 4}, {Op: scenarios.History, Weight: 4}, {Op: scenarios.Delete, Weight: 1}}
			}
			s.Iterations = 200
			if trial := try(t, s, bend(row.how), 0); !trial.Audit.OK {
				t.Fatalf("the audit sees it: %+v", trial.Audit)
			}
			trial := tryRecorded(t, s, bend(row.how), 0, 1, recordRoom)
			named := func(v result.Violation) bool { return v.Kind == row.kind }
			if trial.Audit.OK || !slices.ContainsFunc(trial.Audit.Violations, named) {
				t.Errorf("want %q, found %+v", row.kind, trial.Audit)
			}
			if got := trial.Audit.Recorded; got.Certified >= got.Sessions || got.Undecided > 0 {
				t.Errorf("recorded: %+v", got)
			}
		})
	}
}

type viewFunc = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error

// show has reads see a copy of the session that change has changed.
func show(b *bent, change func(*manager.Session)) viewFunc {
	return func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
		return b.SessionStore.View(ctx, id, func(ctx context.Context, s *manager.Session) error {
			c := s.Clone()
			change(c)
			return fn(ctx, c)
		})
	}
}

// remade is s as it was at its n-th message, but with m in place of the message of that number.
func remade(s *manager.Session, n uint64, m manager.Message) manager.Session {
	kept := s.History(nil)
	again := manager.Session{Incarnation: s.Incarnation}
	for again.Seq < n {
		next := manager.Message{Role: "user", Content: "dropped long ago"}
		if i := int(again.Seq) + len(kept) - int(s.Seq); i >= 0 {
			next = kept[i]
		}
		if next.Seq == m.Seq {
			next = m
		}
		again.Append(next.Role, next.Content)
	}
	return again
}

// old has every n-th read see the session as the first read saw it.
func old(b *bent, n int) viewFunc {
	var (
		mu    sync.Mutex // protects what follows
		first = map[manager.ID]*manager.Session{}
		reads int
	)
	return func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
		return b.SessionStore.View(ctx, id, func(ctx context.Context, s *manager.Session) error {
			mu.Lock()
			defer mu.Unlock()
			if first[id] == nil {
				first[id] = s.Clone()
			}
			if reads++; reads%n == 0 {
				s = first[id]
			}
			return fn(ctx, s)
		})
	}
}

func TestSampleTakesOneSlotInSoMany(t *testing.T) {
	for _, row := range []struct {
		why             string
		slots, one      int
		atLeast, atMost uint32
	}{
		{"all of them", 100, 1, 100, 100},
		{"one in 64 of many", 1 << 16, 64, 900, 1150},
		{"a single slot is always in", 1, 64, 1, 1},
		{"nor is a sample ever empty", 3, 1 << 20, 1, 1},
	} {
		numbers, n := sample(row.slots, row.one, 7)
		if n < row.atLeast || n > row.atMost {
			t.Errorf("%s: %d slots of %d", row.why, n, row.slots)
		}
		used := slices.DeleteFunc(slices.Clone(numbers), func(number uint32) bool { return number == 0 })
		for i, number := range used {
			if number != uint32(i+1) {
				t.Fatalf("%s: number %d where %d was due", row.why, number, i+1)
			}
		}
		if uint32(len(used)) != n {
			t.Errorf("%s: %d numbers, want %d", row.why, len(used), n)
		}
		if again, _ := sample(row.slots, row.one, 7); !slices.Equal(numbers, again) {
			t.Errorf("%s: the same seed gives another sample", row.why)
		}
	}
	a, _ := sample(1000, 10, 1)
	b, _ := sample(1000, 10, 2)
	if slices.Equal(a, b) {
		t.Error("another seed gives the same sample")
	}
}

// A session whose history had a gap could not be certified: its versions would not be gapless.
func TestSampledHistoriesAreComplete(t *testing.T) {
	for _, name := range []string{"chatbot", "churn", "create-storm", "expiry", "brainstorming"} {
		s := small(t, name)
		s.Iterations = 40
		s.Sessions = 64
		all := tryRecorded(t, s, subject(t, "sharded"), 0, 1, recordRoom).Audit.Recorded
		some := tryRecorded(t, s, subject(t, "sharded"), 0, 4, recordRoom).Audit.Recorded
		if some.Sessions == 0 || some.Sessions >= all.Sessions || some.Certified != some.Sessions {
			t.Errorf("%s: all: %+v, one in four: %+v", name, all, some)
		}
	}
}

func TestHistoriesThatWereCutAreNotChecked(t *testing.T) {
	s := small(t, "chatbot")
	s.Iterations = 50
	trial := tryRecorded(t, s, bend(func(b *bent) { b.view = old(b, 1) }), 0, 1, 1<<17)
	got := trial.Audit.Recorded
	if got.Unchecked == "" || got.Certified != 0 || !trial.Audit.OK || got.Operations*recordWords*8 > 1<<17 {
		t.Errorf("audit: %+v, recorded: %+v", trial.Audit, got)
	}
}

// The outcome of the operation that panicked is not known. The panic is violation enough.
func TestHistoriesAfterAPanicAreNotChecked(t *testing.T) {
	s := small(t, "chatbot")
	s.Iterations = 20
	trial := tryRecorded(t, s, bend(func(b *bent) {
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			var n uint64
			err := b.SessionStore.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
				err := fn(ctx, s)
				n = s.Seq
				return err
			})
			if n == 18 {
				panic("out of its mind")
			}
			return err
		}
	}), 0, 1, recordRoom)
	if got := trial.Audit.Recorded; got.Unchecked == "" || got.Certified != 0 {
		t.Errorf("recorded: %+v", got)
	}
}

// An error that the contract does not know leaves open whether the change was made.
func TestUnexplainedErrorLeavesAHistoryUndecided(t *testing.T) {
	s := small(t, "hot-session")
	s.Iterations = 20
	trial := tryRecorded(t, s, bend(func(b *bent) {
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			var n uint64
			err := b.SessionStore.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
				err := fn(ctx, s)
				n = s.Seq
				return err
			})
			if n == 30 {
				return errors.New("out of sorts")
			}
			return err
		}
	}), 0, 1, recordRoom)
	if got := trial.Audit.Recorded; got.Undecided != 1 || got.Sessions != 1 {
		t.Errorf("recorded: %+v", got)
	}
}

func TestRecordedTrafficIsCertified(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log.csv")
	log := "t_s,session,user_tokens,assistant_tokens\n0,a,1,2\n1,b,3,4\n2,a,5,6\n3,c,7,8\n3,a,1,1\n"
	if err := os.WriteFile(file, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, speed := range []float64{0, 1000} {
		s := scenarios.Recorded()
		s.Users = 2
		r := run{Config: Config{Seed: DefaultSeed, Traffic: compile(t, file, s.Users), Record: 1}}
		if speed > 0 {
			s.FollowLog(speed)
		}
		s.Sessions = int(r.Traffic.Counts().Sessions)
		trial, err := runTrial(t.Context(), subject(t, "sync-map"), r.setup(&s))
		if err != nil {
			t.Fatal(err)
		}
		want := result.Recorded{Sessions: 3, Operations: 3 + 5 + 10 + 3, Certified: 3} // created, read, appended, swept
		if got := trial.Audit.Recorded; *got != want {
			t.Errorf("speed %v: recorded %+v, want %+v", speed, got, want)
		}
	}
}

func TestInterruptionEndsTheHistoryCheck(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := witnessed(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
