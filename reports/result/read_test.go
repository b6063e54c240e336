package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() *Document {
	p50 := int64(1_070_000)
	return &Document{
		SchemaVersion: SchemaVersion,
		ID:            "5f0c9a52-7d0e-4f35-9f0f-6a1d0d8d7a10",
		Created:       time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Tool:          Tool{Version: "v1.0.0"},
		Config:        Config{Strategies: []string{"global"}, Scenarios: []string{"chatbot"}, Runs: 6, Settings: map[string]string{"seed": "1"}},
		Results: []Result{{
			Strategy: "global", Scenario: "chatbot", Baseline: true, Workload: Workload{Users: 100, Sessions: 1000},
			Trials: []Trial{{Ops: 400, ElapsedNs: 4e8, OpsPerSec: 1000, LatencyNs: Latency{P50: &p50, Max: 2e6}, Audit: Audit{OK: true}}},
		}},
	}
}

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	want := sample()
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadSkipsWhatItDoesNotKnow(t *testing.T) {
	if _, err := Read(strings.NewReader(`{"schema_version":1,"colour":"blue"}`)); err != nil {
		t.Error(err)
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct{ why, in, reason string }{
		{"an empty file", "", "empty"},
		{"a file of blanks", " \n\t", "empty"},
		{"a document cut short", `{"schema_version":1,"id":"5f`, "cut short after 28 bytes"},
		{"a document cut between fields", `{"schema_version":1,`, "cut short"},
		{"a table instead of JSON", "strategy  ops/s\nglobal  12\n", "not JSON at byte 1"},
		{"two documents in one file", `{"schema_version":1}{"schema_version":1}`, "not JSON at byte 21"},
		{"another tool's JSON", `{"benchmarks":[]}`, "no schema_version"},
		{"a list", `[1,2]`, "a JSON array: want an object"},
		{"null", `null`, "no schema_version"},
		{"a version that never was", `{"schema_version":0}`, "schema_version 0: want 1 to 4"},
		{"a later version, whatever its fields have become", `{"schema_version":5,"results":{"a":1}}`, "schema_version 5 is later than 4"},
		{"a field of the wrong type", `{"schema_version":1,"results":[{"trials":[{"ops":"many"}]}]}`, "results.trials.ops is a string: want a whole number"},
		{"text for a switch", `{"schema_version":1,"interrupted":"yes"}`, "interrupted is a string: want true or false"},
		{"a fraction for a count", `{"schema_version":1,"results":[{"users":1.5}]}`, "results.users is a number 1.5: want a whole number"},
		{"text for a figure", `{"schema_version":1,"machine":{"load1":"low"}}`, "machine.load1 is a string: want a number"},
		{"a number for a text", `{"schema_version":1,"machine":{"cpu":5}}`, "machine.cpu is a number: want a string"},
		{"an object for a list", `{"schema_version":1,"results":{}}`, "results is an object: want an array"},
		{"a list for an object", `{"schema_version":1,"config":[]}`, "config is an array: want an object"},
		{"text for what may be missing", `{"schema_version":1,"traffic":"x"}`, "traffic is a string: want an object"},
	}
	for _, tt := range tests {
		d, err := Read(strings.NewReader(tt.in))
		if err == nil || d != nil {
			t.Errorf("%s: was read", tt.why)
			continue
		}
		if !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: the reason is %q, want one with %q", tt.why, err, tt.reason)
		}
	}
}

func TestReadRefusesEveryTornPrefix(t *testing.T) {
	data, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := Read(strings.NewReader(string(data[:n]))); err == nil {
			t.Errorf("the first %d of %d bytes were read as a document", n, len(data))
		}
	}
}

func TestReadReturnsTheReadersError(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, err := Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v, want it to wrap the reader's", err)
	}
}

// A file that is too large is refused by its size, and anything else once it turns out to be too long.
func TestReadRefusesWhatIsTooLarge(t *testing.T) {
	var text bytes.Buffer
	if err := EncodeJSON(&text, &Document{SchemaVersion: SchemaVersion}); err != nil {
		t.Fatal(err)
	}
	size := int64(text.Len())
	if _, err := read(bytes.NewReader(text.Bytes()), size); err != nil {
		t.Errorf("a document of just the limit: %v", err)
	}
	if _, err := read(bytes.NewReader(text.Bytes()), size-1); err == nil || !strings.Contains(err.Error(), "too large: more than ") {
		t.Errorf("a byte beyond the limit: %v", err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "large.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 30); err != nil { // a hole, which takes no room
		t.Fatal(err)
	}
	if _, err := Read(f); err == nil || err.Error() != "result document: too large: 1.00 GiB: want 512 MiB at most" {
		t.Errorf("a file of 1 GiB: %v", err)
	}
	if at, _ := f.Seek(0, io.SeekCurrent); at != 0 {
		t.Errorf("%d bytes of it were read", at)
	}
}

// TestReadVersion1 reads a document of schema version 1 with all fields that have other names since, and writes it in the
// present version.
func TestReadVersion1(t *testing.T) {
	const old = `{"schema_version": 1, "part": {"run_id": "r", "index": 1, "of": 3},
		"participants": [{"name": "a", "index": 0, "of": 3}, {"name": "b", "index": 1, "of": 3, "lost": true, "why": "no heartbeat"}],
		"results": [{"strategy": "global", "remark": "embedded", "trials": [
			{"order": 0, "dropped": 0, "gc_pause_ns": 7, "goroutines_max": 104, "audit": {"ok": true}},
			{"order": 1, "updates": 0.5, "busiest": 0.25, "waiting": {"count": 9, "alarms": 3, "polled_ns": 4},
			 "fairness": {"jain": 1, "least": 10, "most": 20}, "audit": {"ok": false, "more": 7}}]}]}`
	d, err := Read(strings.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	want := &Document{
		SchemaVersion: SchemaVersion, Part: &Part{RunID: "r", Index: 1, Count: 3},
		Config:       Config{Settings: map[string]string{"seed": "0", "warmup": "0s"}},
		Participants: []Participant{{Name: "a", Count: 3}, {Name: "b", Index: 1, Count: 3, Missing: true, Reason: "no heartbeat"}},
		Results: []Result{{Strategy: "global", Note: "embedded", Trials: []Trial{
			{Totals: map[string]float64{"gc_pause_ns": 7, "goroutines_max": 104}, Audit: Audit{OK: true}},
			{
				Order: 1, Locks: Locks{UpdateFraction: 0.5, BusiestFraction: 0.25}, Waiting: &Waiting{Count: 9, Wakeups: 3, PolledNs: 4},
				Fairness: Fairness{Jain: 1, MinOps: 10, MaxOps: 20}, Audit: Audit{Omitted: 7},
			},
		}}},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	checkPresentForm(t, d)
}

// TestReadVersion2 reads the settings of documents of schema version 2, which were fields of their own.
func TestReadVersion2(t *testing.T) {
	for _, tt := range []struct {
		why, config string
		want        Config
	}{
		{"all of them", `{"runs": 3, "users": 7, "sessions": 70, "duration_ns": 1000000, "warmup_ns": 2000000, "iterations": 4, "hold_ns": 0,
			"hold_kind": "spin", "think_ns": 3000, "ttl_ns": 5000000000, "keys": "zipf:0.5", "mix": "append=1", "seed": 9, "record": 64}`, Config{
			Runs:      3,
			Settings:  map[string]string{"seed": "9", "warmup": "2ms", "ttl": "5s", "record": "1/64"},
			Overrides: map[string]string{"users": "7", "sessions": "70", "duration": "1ms", "iterations": "4", "hold": "0s", "hold-kind": "spin", "think": "3µs", "keys": "zipf:0.5", "mix": "append=1"},
		}},
		{"a replay, which has no warm-up", `{"warmup_ns": 100000000, "seed": 1, "trace_speed": "max"}`,
			Config{Settings: map[string]string{"seed": "1", "trace-speed": "max"}}},
		{"the defaults", `{"warmup_ns": 100000000, "seed": 1}`, Config{Settings: map[string]string{"seed": "1", "warmup": "100ms"}}},
		{"everything recorded", `{"record": 1}`, Config{Settings: map[string]string{"seed": "0", "warmup": "0s", "record": "all"}}},
	} {
		d, err := Read(strings.NewReader(`{"schema_version": 2, "results": [], "config": ` + tt.config + `}`))
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		if diff := cmp.Diff(tt.want, d.Config); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.why, diff)
		}
	}
}

// TestReadVersion3 reads a trial of schema version 3, whose usage and locks were in no groups, and writes it in the present version.
func TestReadVersion3(t *testing.T) {
	const old = `{"schema_version": 3, "config": {"settings": {"seed": "9"}, "overrides": {"hold": "5ms"}}, "results": [{"strategy": "global", "trials": [
		{"order": 1, "ops": 7, "allocs_per_op": 1, "bytes_per_op": 2, "bytes_per_session": 3, "cpu_ns_per_op": 4, "wait_cpu_ns_per_op": 5,
		 "target_cpu_ns_per_op": 6, "target_memory_bytes": 7, "hold_ns": 8, "wait_ns": 9, "think_ns": 10,
		 "hold_times_ns": {"max": 11, "mean": 12, "count": 13}, "think_times_ns": {"max": 14, "mean": 15, "count": 16},
		 "held_ns_per_op": 17, "busiest_held_ns_per_op": 18, "update_fraction": 0.5, "busiest_fraction": 0.25, "mutex_wait_ns": 19,
		 "totals": {"gc_pause_ns": 20}, "audit": {"ok": true}}]}]}`
	d, err := Read(strings.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	mutexWait := int64(19)
	want := &Document{
		SchemaVersion: SchemaVersion,
		Config:        Config{Settings: map[string]string{"seed": "9"}, Overrides: map[string]string{"hold": "5ms"}},
		Results: []Result{{Strategy: "global", Trials: []Trial{{
			Order: 1, Ops: 7, BytesPerSession: 3, ThinkNs: 10, ThinkTimes: &Latency{Max: 14, Mean: 15, Count: 16}, MutexWaitNs: &mutexWait,
			Usage: Usage{AllocsPerOp: 1, BytesPerOp: 2, CPUNsPerOp: 4, WaitCPUNsPerOp: 5, TargetCPUNs: 6, TargetMemory: 7},
			Locks: Locks{UpdateFraction: 0.5, BusiestFraction: 0.25, HoldNs: 8, WaitNs: 9,
				HoldTimes: &Latency{Max: 11, Mean: 12, Count: 13}, HeldNsPerOp: 17, BusiestHeld: 18},
			Totals: map[string]float64{"gc_pause_ns": 20}, Audit: Audit{OK: true},
		}}}},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	checkPresentForm(t, d)
}

// checkPresentForm checks that a document of an earlier version is the same after it was written in the present form.
func checkPresentForm(t *testing.T, d *Document) {
	t.Helper()
	present, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Read(bytes.NewReader(present)); err != nil || !cmp.Equal(d, again) {
		t.Errorf("the present form is read as %+v, %v", again, err)
	}
}
