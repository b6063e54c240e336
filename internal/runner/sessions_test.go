package runner

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/manager"
)

// The callback gets how many sessions there are, and the zero value when all are there; of a fast store, nothing.
func TestLongPreparationIsReported(t *testing.T) {
	s := small(t, "chatbot")
	s.Sessions, s.Prefill, s.Iterations, s.Think = 100, 15, 1, 0
	s.Hold = 0                        // in a bubble no goroutine can sleep while others wait for a mutex
	const each = 7 * time.Millisecond // 19.05 sessions in two seconds, 10.5 s for all
	far := bend(func(b *bent) {
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			time.Sleep(each)
			return b.SessionStore.Update(ctx, id, fn)
		}
	})
	quiet := Step{Scenario: "chatbot", Trials: 1, Blocks: 1, Label: "bent"}
	long := func(made int, took time.Duration) Step {
		step := quiet
		step.Preparing = Preparing{made, 100, took}
		return step
	}
	end := Step{Scenario: "chatbot", Done: 1, Trials: 1, Block: 1, Blocks: 1}
	for _, row := range []struct {
		why  string
		of   Subject
		want []Step
	}{
		{"an answer takes a while", far, []Step{
			quiet, long(19, 2*time.Second), long(38, 4*time.Second), long(57, 6*time.Second), long(76, 8*time.Second),
			long(95, 10*time.Second), quiet, end,
		}},
		{"an answer takes no time", bend(func(*bent) {}), []Step{quiet, end}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var reportEffect []Step
			r := run{trials: 1, Config: Config{Subjects: []Subject{row.of}, Runs: 1, Seed: DefaultSeed, Progress: func(s Step) { reportEffect = append(reportEffect, s) }}}
			base := r.setup(&s)
			if err := r.blocks(t.Context(), base, []*entrant{r.entrant(0, base)}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, reportEffect); diff != "" {
				t.Errorf("%s: %s", row.why, diff)
			}
		})
	}
}

// A server far away takes longer to prepare than any store here that does not hang.
func TestSlowServerDoesNotHang(t *testing.T) {
	s := small(t, "chatbot")
	s.Sessions, s.Prefill, s.Iterations, s.Think, s.Hold = 100, 15, 1, 0, 0
	subject := bend(func(b *bent) {
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			time.Sleep(DefaultPatience / 80)
			return b.SessionStore.Update(ctx, id, fn)
		}
	})
	far := *subject.Strategy
	far.Remote = true
	subject.Strategy = &far
	synctest.Test(t, func(t *testing.T) {
		r := run{trials: 1, Config: Config{Runs: 1, Seed: DefaultSeed}}
		created := time.Now()
		trial, err := runTrial(t.Context(), subject, r.setup(&s))
		if err != nil || !trial.Audit.OK {
			t.Errorf("audit %+v, %v", trial.Audit, err)
		}
		if took := time.Since(created); took <= DefaultPatience+2*time.Second {
			t.Errorf("it took %v: want what would be too long here", took)
		}
	})
}

// The order in which sessions are made, and which of them are recorded, does not depend on the order in which the tape needs them, which
// would have the sessions lie in a store's memory as the tape needs them.
func TestSessionsAreNotMadeInOrderOfUse(t *testing.T) {
	for _, name := range []string{"chatbot", "hundred-users"} {
		s := small(t, name)
		s.Prefill = 0
		r := run{Config: Config{Seed: DefaultSeed, Record: 4}}
		tr, err := prepare(t.Context(), subject(t, "sharded"), r.setup(&s))
		if err != nil {
			t.Fatal(err)
		}
		tables := []slots{tr.sessions}
		if s.OwnSessions {
			tables = nil
			for _, u := range tr.users.active {
				tables = append(tables, u.slots)
			}
		}
		created, moved := tr.users.preloaders[0].ledger.Created, 0
		sampled, _ := sample(s.Slots(), 4, DefaultSeed)
		for i, c := range created {
			per := s.SlotsPerUser()
			table, slot := &tables[i/per], tr.setup.tape.SlotOf(i%per)
			if slot != i%per {
				moved++
			}
			if table.ids[slot] != c.ID {
				t.Errorf("%s: session %d is not in slot %d", name, i, slot)
			}
			if recorded := table.number(uint32(slot)) != 0; recorded != (sampled[i] != 0) {
				t.Errorf("%s: session %d: recorded %v", name, i, recorded)
			}
		}
		if len(created) != s.Slots() || moved == 0 {
			t.Errorf("%s: %d sessions in %d slots, %d of them elsewhere", name, len(created), s.Slots(), moved)
		}
		if err := tr.close(); err != nil {
			t.Error(err)
		}
		tr.cleanUp()
	}
}

// A user's ledger has a place for each slot on the tape, unless that is too much for so many users.
func TestLedgersHaveRoom(t *testing.T) {
	for _, row := range []struct {
		why             string
		users, sessions int
		direct          bool
	}{
		{"few sessions", 100, 100, true},
		{"more sessions than are on the tape", 2, 1_000_000, true},
		{"too many users for so many sessions", 1000, 100_000, false},
	} {
		s := small(t, "chatbot")
		s.Users, s.Sessions = row.users, row.sessions
		r := run{Config: Config{Seed: DefaultSeed}}
		tr := &trial{setup: r.setup(&s)}
		touched := tr.setup.tape.Touched
		l := tr.newLedger(row.users - 1)
		if want := map[bool]int{true: touched}[row.direct]; len(l.Direct) != want {
			t.Errorf("%s: %d places for %d slots on the tape, want %d", row.why, len(l.Direct), touched, want)
		}
		if bytes := s.Users * audit.TallySize * (len(l.Direct) + len(l.Table)); bytes > directRoom+s.Users<<10 {
			t.Errorf("%s: %d bytes in all ledgers", row.why, bytes)
		}
	}
}
