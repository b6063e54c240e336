package verify

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var goldenID = uuid.MustParse("0b9c1f52-1d9e-4c66-9d5e-2f6f7f1e0a11")

// violation is what the witness has to say against ops; it must have something.
func violation(t testing.TB, ops ...Op) *Violation {
	t.Helper()
	h := &SessionHistory{ID: goldenID, Ops: ops}
	_, found := Witness(h)
	if found == nil {
		t.Fatal("the witness has nothing against this history")
	}
	return &Violation{
		Anomaly: found.Anomaly, Check: ByWitness, Confirmed: true, Why: found.Why, Session: h.ID, Seed: 7,
		Command: "sessbench verify -S per-session --seed 7", History: h, Fault: found.Ops,
	}
}

func began(user int32, call, ret int64, tag Tag) Op {
	return Op{Call: call, Return: ret, User: user, Kind: GetOrCreate, Outcome: OK, Created: true, Tag: tag, Life: tag, Told: toldVersions}
}

func wrote(user int32, call, ret int64, k Kind, tag, life Tag, version uint64) Op {
	return Op{Call: call, Return: ret, User: user, Kind: k, Outcome: OK, Tag: tag, Life: life, Version: version, Told: toldVersions}
}

func removed(user int32, call, ret int64, life Tag, version uint64) Op {
	return Op{Call: call, Return: ret, User: user, Kind: Delete, Outcome: OK, Life: life, Version: version, Told: toldVersions}
}

func read(user int32, call, ret int64, life Tag, version uint64, messages ...Tag) Op {
	return Op{Call: call, Return: ret, User: user, Kind: History, Outcome: OK, Life: life, Version: version,
		Messages: messages, Told: toldVersions | ToldMessages}
}

func viewed(user int32, call, ret int64, life Tag, version uint64, first, second Tag) Op {
	return Op{Call: call, Return: ret, User: user, Kind: View, Outcome: OK, Life: life, Version: version,
		Fields: [2]Tag{first, second}, Told: toldVersions | ToldFields}
}

// lostUpdate: A and B each add a message to the same state.
func lostUpdate() *Violation {
	return violation(new(testing.T),
		began(0, 1000, 2300, a0(1)),
		wrote(0, 3000, 9100, Append, a0(2), a0(1), 1),
		wrote(1, 4200, 12800, Append, b0(1), a0(1), 1),
		read(2, 14000, 15500, a0(1), 1, b0(1)))
}

// longStaleRead: after many good operations C is shown what was there before A's last change.
func longStaleRead(t testing.TB) *Violation {
	ops := []Op{began(0, 0, 900, a0(1))}
	at, version := int64(1000), uint64(0)
	var kept []Tag
	for n := range uint64(120) {
		version++
		tag := a0(n + 2)
		ops = append(ops, wrote(0, at, at+700, Append, tag, a0(1), version))
		if kept = append(kept, tag); len(kept) > keeps {
			kept = kept[1:]
		}
		ops = append(ops, read(1+int32(n%4), at+800, at+1500, a0(1), version, kept...))
		at += 2000
	}
	ops = append(ops, wrote(1, at, at+5000, Append, b0(1), a0(1), version+1))
	ops = append(ops, read(3, at+1000, at+4000, a0(1), version, kept...))
	ops = append(ops, read(2, at+7000, at+8000, a0(1), version, kept...))
	return violation(t, ops...)
}

func orphan(t testing.TB) *Violation {
	return violation(t,
		began(0, 0, 1200, a0(1)),
		wrote(1, 2000, 3100, Append, b0(1), a0(1), 1),
		removed(0, 4000, 6100, a0(1), 1),
		wrote(1, 8000, 9500, Append, b0(2), a0(1), 2),
		Op{Call: 11000, Return: 11900, User: 2, Kind: History, Outcome: NotFound})
}

func doubleCreation(t testing.TB) *Violation {
	return violation(t,
		began(0, 0, 4100, a0(1)),
		began(1, 900, 5200, b0(1)),
		wrote(0, 6000, 7000, Append, a0(2), a0(1), 1),
		wrote(1, 6500, 7900, Update, b0(2), b0(1), 1),
		read(0, 9000, 9900, b0(1), 1))
}

func fractured(t testing.TB) *Violation {
	return violation(t,
		began(0, 0, 1000, a0(1)),
		wrote(0, 2000, 3000, Update, a0(2), a0(1), 1),
		wrote(1, 4000, 9000, Update, b0(1), a0(1), 2),
		viewed(2, 5000, 6000, a0(1), 2, b0(1), a0(2)))
}

func hang() *Violation {
	return &Violation{
		Anomaly: Hang, Check: ByWatchdog, Seed: 3, Why: "nobody got anything done for 2 s",
		Stacks: "Inside a session:\n\n" + trace(18, "sync.Mutex.Lock", "internal/flawed.(*nested).Update(0xc00011, {0x1, 0x2})") + "\n\n" +
			"Waiting:\n\n" + trace(19, "sync.Mutex.Lock, 2 minutes", "strategies.(*store).View(0xc00099)") + "\n\n" +
			trace(20, "sync.Mutex.Lock", "strategies.(*store).View(0xc00011)"),
	}
}

func trace(id int, state, frame string) string {
	return "goroutine " + string(rune('0'+id/10)) + string(rune('0'+id%10)) + " [" + state + "]:\n" +
		"internal/sync.runtime_SemacquireMutex(0xc0002, 0x0, 0x1)\n\t/go/src/runtime/sema.go:95 +0x25\n" +
		"sync.(*Mutex).Lock(...)\n\t/go/src/sync/mutex.go:46\n" +
		"github.com/sessbench/sessbench/" + frame + "\n\t/work/" + strings.Split(frame, ".")[0] + "/store.go:77 +0x1f3\n" +
		"created by testing.(*T).Run in goroutine 1\n\t/go/src/testing/testing.go:1 +0x1"
}

func violations(t testing.TB) map[string]*Violation {
	return map[string]*Violation{
		"lost-update": lostUpdate(), "stale-read": longStaleRead(t), "orphan": orphan(t),
		"double-creation": doubleCreation(t), "fractured-read": fractured(t), "hang": hang(),
		"orphaned-lock": orphanedLock(t),
	}
}

func TestTimelineGolden(t *testing.T) {
	for name, v := range violations(t) {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Timeline(&b, v, 0, false); err != nil {
				t.Fatal(err)
			}
			golden(t, "timeline-"+name+".txt", b.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (- wanted, + written; -update rewrites it):\n%s", file, diff)
	}
}

func TestTimelineKeepsTheWidth(t *testing.T) {
	for name, v := range violations(t) {
		if name == "hang" { // a frame is shown whole
			continue
		}
		for _, columns := range []int{60, 80, 100, 140} {
			var b bytes.Buffer
			if err := Timeline(&b, v, columns, false); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > columns {
					t.Errorf("%s: %d columns where %d were asked for: %s", name, n, columns, line)
				}
			}
		}
	}
}

func TestTimelineColor(t *testing.T) {
	var plainly, colored bytes.Buffer
	v := lostUpdate()
	if err := errors.Join(Timeline(&plainly, v, 0, false), Timeline(&colored, v, 0, true)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plainly.String(), "\x1b") {
		t.Error("color where none was asked for")
	}
	stripped := strings.NewReplacer(string(styleFault), "", string(styleDim), "", "\x1b[0m", "").Replace(colored.String())
	if diff := cmp.Diff(plainly.String(), stripped); diff != "" || !strings.Contains(colored.String(), string(styleFault)) {
		t.Errorf("color changes more than the color:\n%s", diff)
	}
}

func TestTimelineOfWhatIsNotThere(t *testing.T) {
	for what, v := range map[string]*Violation{
		"nothing known":                    {},
		"an empty history":                 {Anomaly: WrongAnswer, History: &SessionHistory{}},
		"a fault outside of its history":   {Anomaly: LostUpdate, History: &SessionHistory{Ops: []Op{began(0, 1, 2, a0(1))}}, Fault: []int{7, -1}},
		"an operation that never ended":    {Anomaly: LostUpdate, History: &SessionHistory{Ops: []Op{{User: 40, Kind: Append, Outcome: Unknown, Return: Never, Tag: c0(1)}}}, Fault: []int{0}},
		"two operations at once by one":    {Anomaly: LostUpdate, History: &SessionHistory{Ops: []Op{began(0, 1, 9, a0(1)), began(0, 2, 8, a0(2))}}},
		"stacks that are no stacks at all": {Anomaly: Hang, Stacks: "x\x1b[2J\n\n\n\ngoroutine \n\n\ngoroutine 1 [\nf("},
	} {
		t.Run(what, func(t *testing.T) {
			var b bytes.Buffer
			if err := Timeline(&b, v, 0, false); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(b.String(), "\x1b\r") {
				t.Errorf("what a store said steers the terminal: %q", b.String())
			}
		})
	}
}

// TestTimelineFolds: what is shown of a long history without operations at fault is its end; of one with them, those.
func TestTimelineFolds(t *testing.T) {
	v := longStaleRead(t)
	var known, unknown bytes.Buffer
	if err := Timeline(&known, v, 0, false); err != nil {
		t.Fatal(err)
	}
	v.Fault = nil
	if err := Timeline(&unknown, v, 0, false); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"with": known.String(), "without": unknown.String()} {
		if n := strings.Count(text, "\n"); n > 50 {
			t.Errorf("%s operations at fault: %d lines", what, n)
		}
		if !strings.Contains(text, "earlier operations, all in order") {
			t.Errorf("%s operations at fault: nothing is folded", what)
		}
	}
}

func TestTimelineWriteError(t *testing.T) {
	if err := Timeline(brokenWriter{}, longStaleRead(t), 0, true); !errors.Is(err, errFull) {
		t.Errorf("%v, want %v", err, errFull)
	}
}

// TestConsequence: every anomaly that a run can name has its words.
func TestConsequence(t *testing.T) {
	for _, a := range []Anomaly{
		LostUpdate, StaleRead, FutureRead, AbortedRead, IntermediateRead, FracturedRead, GarbageRead, ForeignRead,
		DuplicateWrite, WriteReordering, DoubleCreation, DoubleDeletion, DeletedRead, Resurrection, LostSession, AdoptedID,
		UnboundedHistory, Hang, Crash, MutualExclusion, UnexpectedError, RepeatedClosure, LostPanic, LeakedSessions,
		LeakedLocks, LeakedRoutines, Starvation, BrokenPromise,
	} {
		if consequence(&Violation{Anomaly: a}) == "" {
			t.Errorf("no words for %q", a)
		}
	}
	if got := consequence(lostUpdate()); !strings.HasPrefix(got, "What one of A and B wrote is gone") {
		t.Errorf("who lost what? %s", got)
	}
}
