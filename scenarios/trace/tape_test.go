package trace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessbench/sessbench/scenarios"
)

// record is what a cursor gives.
type record struct {
	At   int64
	Step scenarios.TapeOp
}

func (r record) String() string {
	return fmt.Sprintf("%d:%s:%d:%d:%v", r.At, r.Step.Op(), r.Step.Slot(), r.Step.Size(), r.Step.Start())
}

// compile compiles a file and closes everything at the end of the test.
func compile(t rapid.TB, path string, opts Options, users int, dir string) *Tape {
	t.Helper()
	r, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tape, err := compileInto(context.Background(), r, users, dir)
	if err != nil {
		t.Fatal(err)
	}
	return tape
}

func drain(t rapid.TB, c *Cursor) (records []record) {
	t.Helper()
	for at, step, ok := c.Next(); ok; at, step, ok = c.Next() {
		records = append(records, record{at, step})
	}
	if c.Err() != nil {
		t.Fatal(c.Err())
	}
	return records
}

// compileInto compiles r into a new tape in dir.
func compileInto(ctx context.Context, r *Reader, users int, dir string) (*Tape, error) {
	t, err := NewTape(dir)
	if err != nil {
		return nil, err
	}
	if err := t.Compile(ctx, r, users); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func TestCompile(t *testing.T) {
	tape := compile(t, "testdata/dotted.jsonl", Options{Columns: map[string]string{"session": "ctx.session.id"}, MaxErrors: 1}, 1, t.TempDir())
	defer tape.Close()
	var got []string
	for _, r := range drain(t, tape.User(0)) {
		got = append(got, r.String())
	}
	want := []string{
		"0:get_or_create:0:0:true", // the log's own creation makes the session
		"1500000000:append:0:40:true",
		"2000000000:get_or_create:1:0:true",
		"2000000000:history:1:0:false",
		"3000000000:delete:0:0:true",
		"4000000000:get_or_create:0:0:true", // it was deleted
		"4000000000:append:0:5:false",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
	counts := Counts{Lines: 6, Malformed: 1, Visits: 5, Sessions: 2, Updates: 2, MaxSize: 40, Timed: true, Span: 4e9}
	counts.Operations[scenarios.GetOrCreate] = 3
	counts.Operations[scenarios.Append] = 2
	counts.Operations[scenarios.History] = 1
	counts.Operations[scenarios.Delete] = 1
	if d := cmp.Diff(counts, tape.Counts()); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	if c := tape.Counts(); c.Total() != 7 || c.Used() != 5.0/6 {
		t.Errorf("total %d, used %v", c.Total(), c.Used())
	}
}

// Entries above the largest that is sent are cut to it, and counted.
func TestClippedSizes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.csv")
	log := fmt.Sprintf("session,bytes\na,%d\na,%d\nb,2000000\nb,1e400\n", scenarios.MaxSize, scenarios.MaxSize+1)
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	tape := compile(t, path, Options{}, 1, t.TempDir())
	defer tape.Close()
	if c := tape.Counts(); c.Clipped != 3 || c.MaxSize != scenarios.MaxSize {
		t.Errorf("%d sizes were cut, the largest is %d: want 3 and %d", c.Clipped, c.MaxSize, scenarios.MaxSize)
	}
	for _, r := range drain(t, tape.User(0)) {
		if r.Step.Op() == scenarios.Append && r.Step.Size() != scenarios.MaxSize {
			t.Errorf("an entry of %d bytes: want %d", r.Step.Size(), scenarios.MaxSize)
		}
	}
}

// TestUnionOfCursorsIsTheLog compiles random logs for random numbers of users, with chunks so small that several are
// needed, and holds the result against a plain reading of the log.
func TestUnionOfCursorsIsTheLog(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		ops := []string{"append", "history", "delete", "update", "login", ""}
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [4]int {
			return [4]int{rapid.IntRange(0, 99).Draw(t, "time"), rapid.IntRange(0, 12).Draw(t, "session"),
				rapid.IntRange(0, len(ops)-1).Draw(t, "op"), rapid.IntRange(0, 999).Draw(t, "bytes")}
		}), 0, 400).Draw(t, "rows")
		var text strings.Builder
		text.WriteString("t_s,session,op,bytes\n")
		for _, r := range rows {
			fmt.Fprintf(&text, "%d,s%d,%s,%d\n", r[0], r[1], ops[r[2]], r[3])
		}
		path := dir + "/log.csv"
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}

		users := rapid.IntRange(1, 20).Draw(t, "users")
		want := reference(rows, ops)
		tape := compile(t, path, Options{Format: "csv"}, users, dir)
		defer tape.Close()
		for user := range users {
			var mine []record
			for _, r := range want {
				if int(r.Step.Slot())%users == user {
					mine = append(mine, r)
				}
			}
			if d := cmp.Diff(mine, drain(t, tape.User(user))); d != "" {
				t.Fatalf("user %d of %d (-want +got):\n%s", user, users, d)
			}
		}
		checkVisits(t, tape, want)
		if again := compile(t, path, Options{Format: "csv"}, users+1, dir); again.Hash() != tape.Hash() {
			t.Fatalf("hash with %d users %s, with one more %s", users, tape.Hash(), again.Hash())
		} else {
			again.Close()
		}
		if got := tape.Counts(); got.Total() != int64(len(want)) || got.Visits != int64(len(rows)) {
			t.Fatalf("%d operations, %d visits: want %d, %d", got.Total(), got.Visits, len(want), len(rows))
		}
	})
}

// checkVisits checks that the visits of all parts of the sessions are those of the log: whole, in the order of arrival, and those of
// a session in the log's order.
func checkVisits(t rapid.TB, tape *Tape, want []record) {
	t.Helper()
	const parts = 3
	bySlot, n := map[uint32][]record{}, 0
	for _, r := range want {
		bySlot[r.Step.Slot()] = append(bySlot[r.Step.Slot()], r)
	}
	for part := range parts {
		visits, last := tape.Visits(part, parts), int64(0)
		for at, ops, ok := visits.Next(nil); ok; at, ops, ok = visits.Next(ops[:0]) {
			slot := ops[0].Slot()
			if at < last || int(slot)%parts != part || len(ops) > len(bySlot[slot]) || !ops[0].Start() {
				t.Fatalf("part %d: slot %d at %d after %d: %v", part, slot, at, last, ops)
			}
			last = at
			for i, op := range ops {
				if want := bySlot[slot][i]; want != (record{at, op}) || i > 0 && op.Start() {
					t.Fatalf("slot %d: %v at %d, want %v", slot, op, at, want)
				}
			}
			bySlot[slot] = bySlot[slot][len(ops):]
			n += len(ops)
		}
		if visits.Err() != nil {
			t.Fatal(visits.Err())
		}
	}
	if n != len(want) {
		t.Fatalf("%d operations: want %d", n, len(want))
	}
}

// Visits are read in bounded memory, and without allocations, however many users the tape has.
func TestVisitsDoNotAllocate(t *testing.T) {
	var text strings.Builder
	text.WriteString("t_s,session,user_tokens,assistant_tokens\n")
	for i := range 100_000 {
		fmt.Fprintf(&text, "%d,s%d,1,2\n", i, i%100)
	}
	path := filepath.Join(t.TempDir(), "log.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	tape := compile(t, path, Options{}, 4, t.TempDir())
	defer tape.Close()
	visits, ops, n := tape.Visits(0, 1), make([]scenarios.TapeOp, 0, 8), int64(0)
	if allocs := testing.AllocsPerRun(50_000, func() {
		if _, got, ok := visits.Next(ops[:0]); ok {
			n += int64(len(got))
		}
	}); allocs != 0 || n < 3*50_000 {
		t.Errorf("%v allocations per visit, %d operations", allocs, n)
	}
}

// A tape that ends early is an error, not a shorter log.
func TestVisitsOfATruncatedTape(t *testing.T) {
	tape := compile(t, "testdata/dotted.jsonl", Options{Columns: map[string]string{"session": "ctx.session.id"}, MaxErrors: 1}, 1, t.TempDir())
	defer tape.Close()
	if err := tape.file.Truncate(3 * recordSize); err != nil {
		t.Fatal(err)
	}
	visits := tape.Visits(0, 1)
	if _, _, ok := visits.Next(nil); ok || visits.Err() == nil {
		t.Errorf("ok %v, error %v", ok, visits.Err())
	}
}

// reference is the log as steps, worked out the slow and obvious way.
func reference(rows [][4]int, ops []string) (want []record) {
	slots, alive, latest := map[int]uint32{}, map[int]bool{}, 0
	for i, r := range rows {
		if i == 0 {
			latest = r[0]
		}
		latest = max(latest, r[0])
		at := int64(latest-rows[0][0]) * 1e9
		if _, ok := slots[r[1]]; !ok {
			slots[r[1]] = uint32(len(slots))
		}
		slot, name, size := slots[r[1]], ops[r[2]], r[3]
		start := true
		if !alive[r[1]] && name != "login" {
			want = append(want, record{at, scenarios.NewTapeOp(scenarios.GetOrCreate, slot, 0, true)})
			start = false
		}
		op := map[string]scenarios.Op{"append": scenarios.Append, "": scenarios.Append, "history": scenarios.History,
			"delete": scenarios.Delete, "update": scenarios.Append, "login": scenarios.GetOrCreate}[name]
		if op != scenarios.Append {
			size = 0
		}
		want = append(want, record{at, scenarios.NewTapeOp(op, slot, size, start)})
		alive[r[1]] = op != scenarios.Delete
	}
	return want
}

// many is a log whose users need several chunks each, the last of them not full.
func many(t testing.TB) string {
	var text strings.Builder
	text.WriteString("session,bytes\n")
	for i := range 30_000 {
		fmt.Fprintf(&text, "s%d,%d\n", i*i%251, i%1000)
	}
	return write(t, "many.csv", text.String())
}

func TestCursors(t *testing.T) {
	path, dir := many(t), t.TempDir()
	var hashes []string
	for _, users := range []int{1, 7, 70_000} {
		tape := compile(t, path, Options{}, users, dir)
		hashes = append(hashes, tape.Hash())
		var wg sync.WaitGroup
		var mu sync.Mutex // protects total
		total := 0
		for first := range min(users, 4) {
			wg.Go(func() {
				n := 0
				for user := first; user < users; user += 4 {
					n += len(drain(t, tape.User(user)))
				}
				mu.Lock()
				defer mu.Unlock()
				total += n
			})
		}
		wg.Wait()
		if c := tape.Counts(); int64(total) != c.Total() || c.Visits != 30_000 {
			t.Errorf("%d users read %d steps of %d", users, total, c.Total())
		}
		tape.Close()
	}
	if hashes[0] != hashes[1] || hashes[0] != hashes[2] || len(hashes[0]) != 64 {
		t.Errorf("hashes %q: want one", hashes)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	tape := compile(t, many(t), Options{}, 2, t.TempDir())
	defer tape.Close()
	c := tape.User(1)
	if n := testing.AllocsPerRun(10_000, func() { c.Next() }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func TestCursorReportsReadErrors(t *testing.T) {
	tape := compile(t, many(t), Options{}, 1, t.TempDir())
	torn := tape.User(0)
	if _, _, ok := torn.Next(); !ok {
		t.Fatal("no first record")
	}
	if err := tape.file.Truncate(70_000); err != nil {
		t.Fatal(err)
	}
	n := 1
	for _, _, ok := torn.Next(); ok; _, _, ok = torn.Next() {
		n++
	}
	if n != tape.index.Chunk/recordSize || torn.Err() == nil {
		t.Errorf("read %d records of a torn tape, error %v", n, torn.Err())
	}
	tape.Close()
	if c := tape.User(0); c.fill() || !errors.Is(c.Err(), os.ErrClosed) {
		t.Errorf("closed tape: %v", c.Err())
	}
}

func TestCompileStops(t *testing.T) {
	dir := t.TempDir()
	open := func(path string) *Reader {
		r, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := compileInto(ctx, open(many(t)), 3, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := compileInto(t.Context(), open("testdata/torn.csv.gz"), 3, dir); err == nil || !strings.Contains(err.Error(), "torn.csv.gz") {
		t.Errorf("torn log: %v", err)
	}
	if _, err := compileInto(t.Context(), open("testdata/keys.txt"), 0, dir); err == nil {
		t.Error("no users: want an error")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func BenchmarkNext(b *testing.B) {
	tape := compile(b, many(b), Options{}, 1, b.TempDir())
	defer tape.Close()
	b.ReportAllocs()
	c := tape.User(0)
	for b.Loop() {
		if _, _, ok := c.Next(); !ok {
			c.next = 0
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	path, dir := many(b), b.TempDir()
	for b.Loop() {
		compile(b, path, Options{}, 100, dir).Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/30_000, "ns/row")
}
