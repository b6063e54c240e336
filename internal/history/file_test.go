package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// a0 is user A's n-th tag, from 1; b0 that of user B, c0 that of user C.
func a0(n uint64) Tag { return NewTag(0, n-1) }
func b0(n uint64) Tag { return NewTag(1, n-1) }
func c0(n uint64) Tag { return NewTag(2, n-1) }

const withVersion = PartIncarnation | PartVersion

// anyHistory draws a history that a file can hold: whatever its sense, its form is that of a recording.
func anyHistory(t *rapid.T) *History {
	h := &History{ID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")), Claimed: rapid.Bool().Draw(t, "claimed")}
	anyTag := rapid.Map(rapid.Uint64(), func(n uint64) Tag { return Tag(n) })
	for i := range rapid.IntRange(1, 20).Draw(t, "operations") {
		op := Op{
			User:    int32(rapid.OneOf(rapid.IntRange(0, 30), rapid.IntRange(0, maxUser)).Draw(t, "user")),
			Kind:    Kind(rapid.IntRange(1, len(kinds)-1).Draw(t, "kind")),
			Outcome: Outcome(rapid.IntRange(1, len(outcomeNames)-1).Draw(t, "outcome")),
			Call:    rapid.Int64Max(Never-1).Draw(t, "call"),
			Return:  Never,
			Parts:   Parts(rapid.IntRange(0, 31).Draw(t, "parts")),
		}
		if op.Outcome != Indeterminate {
			op.Return = rapid.Int64Min(op.Call).Draw(t, "return")
		}
		if length := op.Return - op.Call; op.Kind.Writes() && length > 0 {
			op.Hold = rapid.Int64Range(0, length).Draw(t, "hold")
		}
		begins := op.Kind == GetOrCreate || op.Kind == Create
		if op.Kind.Writes() || begins {
			op.Tag = NewTag(int(op.User), uint64(2*i))
		}
		op.Created = begins && op.Outcome == OK && rapid.Bool().Draw(t, "created")
		if op.Parts&PartIncarnation != 0 {
			op.Incarnation = anyTag.Draw(t, "incarnation")
		}
		if op.Parts&PartVersion != 0 {
			op.Version = rapid.Uint64().Draw(t, "version")
		}
		if op.Parts&PartSeq != 0 {
			op.Seq = rapid.Uint64().Draw(t, "seq")
		}
		if op.Parts&PartMessages != 0 {
			op.Messages = rapid.SliceOfN(anyTag, 0, 17).Draw(t, "messages")
		}
		if op.Parts&PartFields != 0 {
			op.Fields = [2]Tag{anyTag.Draw(t, "field"), anyTag.Draw(t, "field")}
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

func TestHistoryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t)
		var written bytes.Buffer
		if err := h.Write(&written); err != nil {
			t.Fatal(err)
		}
		compact, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{written.String(), string(compact)} {
			back, err := Read(strings.NewReader(form))
			if err != nil {
				t.Fatalf("%v in\n%s", err, form)
			}
			if diff := cmp.Diff(h, back, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("- written, + read:\n%s", diff)
			}
		}
	})
}

func TestTagText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := Tag(rapid.Uint64().Draw(t, "tag"))
		var back Tag
		if err := back.UnmarshalText([]byte(tag.String())); err != nil || back != tag {
			t.Fatalf("%d is %q is %d, %v", tag, tag, back, err)
		}
	})
	for _, bad := range []string{"", "7", "a7", "A", "A07", "A+7", "A-1", "U3.7", "U26", "U26.", "X26.7", "U.7", "A99999999999999", "U99999999.1", "A7 "} {
		tag := Tag(1)
		err := tag.UnmarshalText([]byte(bad))
		if bad == "U26" { // user U's 26th
			if err != nil || tag != NewTag(20, 25) {
				t.Errorf("%q is %d, %v", bad, tag, err)
			}
			continue
		}
		if err == nil || tag != 1 {
			t.Errorf("%q is taken for %v", bad, tag)
		}
	}
}

// lostUpdateFile is the first file that the documentation of the format would show.
func lostUpdateFile(t testing.TB) string {
	var b bytes.Buffer
	if err := lostUpdate().History.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadRejects(t *testing.T) {
	good := lostUpdateFile(t)
	if _, err := Read(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	one := func(op string) string { return `{"schema_version": 1, "operations": [` + op + `]}` }
	for _, tt := range []struct{ what, file, want string }{
		{"nothing at all", "", "empty: want"},
		{"white space", " \n", "empty: want"},
		{"half a file", good[:len(good)/2], "truncated: want"},
		{"all but the last brace", strings.TrimSpace(good)[:len(good)-3], "truncated: want"},
		{"two histories", good + good, "data after the JSON object: want"},
		{"something behind the end", good + "}", "after the JSON object"},
		{"an array", "[]", "a JSON array: want an object"},
		{"no JSON", "user,kind\n", "invalid character"},
		{"null", "null", "no schema_version: want 2"},
		{"no schema", `{"operations": []}`, "no schema_version: want 2"},
		{"a schema from the future, and what else it may hold", `{"schema_version": 3, "new": 1}`, "schema_version 3 is newer than this sessbench: want at most 2"},
		{"a whole report", `{"schema_version": 1, "subject": "global"}`, `unknown field "subject"`},
		{"no operations", `{"schema_version": 1, "operations": []}`, "no operations: want at least one"},
		{"an id that is none", `{"schema_version": 1, "id": "x", "operations": []}`, "UUID"},
		{"a misspelt field", one(`{"user":0,"kind":"view","outcome":"ok","call_ns":1,"retrun_ns":2}`), `unknown field "retrun_ns"`},
		{"a negative user", one(`{"user":-1,"kind":"view","outcome":"ok","call_ns":1}`), "operation 0: user -1: want 0 to 16777215"},
		{"a user that no tag has room for", one(`{"user":16777216,"kind":"view","outcome":"ok","call_ns":1}`), "user 16777216: want 0 to"},
		{"an unknown kind", one(`{"user":0,"kind":"peek","outcome":"ok","call_ns":1}`), `kind "peek": want get_or_create, create, append`},
		{"no kind", one(`{"user":0,"outcome":"ok","call_ns":1}`), `kind "": want`},
		{"an unknown outcome", one(`{"user":0,"kind":"view","outcome":"fine","call_ns":1}`), `outcome "fine": want ok, not_found`},
		{"no call", one(`{"user":0,"kind":"view","outcome":"ok"}`), "no call_ns: want"},
		{"a call that never comes", one(`{"user":0,"kind":"view","outcome":"ok","call_ns":9223372036854775807}`), "call_ns 9223372036854775807: want less"},
		{"a return before the call", one(`{"user":0,"kind":"view","outcome":"ok","call_ns":5,"return_ns":4}`), "return_ns 4 is before call_ns 5: want"},
		{"the end of what has no end", one(`{"user":0,"kind":"append","tag":"A1","outcome":"unknown","call_ns":5,"return_ns":6}`), "outcome unknown: want none"},
		{"work that ends before it begins", one(`{"user":0,"kind":"append","tag":"A1","outcome":"ok","call_ns":1,"return_ns":9,"hold_ns":-1}`), "hold_ns -1 (append): want"},
		{"work that is longer than its operation", one(`{"user":0,"kind":"append","tag":"A1","outcome":"ok","call_ns":1,"return_ns":9,"hold_ns":9}`), "want 0, or for a write at most"},
		{"work in a read", one(`{"user":0,"kind":"view","outcome":"ok","call_ns":1,"return_ns":9,"hold_ns":2}`), "hold_ns 2 (view): want"},
		{"a write without a tag", one(`{"user":1,"kind":"append","outcome":"ok","call_ns":5}`), `append without a tag: want one that no other write has, such as "B1"`},
		{"a creation without a tag", one(`{"user":1,"kind":"create","outcome":"ok","created":true,"call_ns":5}`), "created without a tag: want"},
		{"a read with a tag", one(`{"user":1,"kind":"view","tag":"B1","outcome":"ok","call_ns":5}`), `tag "B1" of a view, which writes nothing: want none`},
		{"a read that created", one(`{"user":1,"kind":"view","created":true,"outcome":"ok","call_ns":5}`), "created by a view"},
		{"a creation that failed and created", one(`{"user":1,"kind":"create","tag":"B1","created":true,"outcome":"refused","call_ns":5}`), "with outcome refused: want"},
		{"a tag that is none", one(`{"user":1,"kind":"append","tag":"B01","outcome":"ok","call_ns":5}`), `tag "B01": want a user's name and a number`},
		{"two writes with one tag", one(`{"user":0,"kind":"append","tag":"A1","outcome":"ok","call_ns":1},{"user":0,"kind":"update","tag":"A1","outcome":"ok","call_ns":2}`),
			`operation 1: tag "A1" is also that of operation 0: want a different tag`},
		{"a nested update's second tag", one(`{"user":0,"kind":"nested","tag":"A1","outcome":"ok","call_ns":1},{"user":0,"kind":"append","tag":"A2","outcome":"ok","call_ns":2}`),
			`operation 1: tag "A2" is also that of operation 0`},
		{"a nested update of the last tag", one(`{"user":0,"kind":"nested","tag":"U16777215.1099511627775","outcome":"ok","call_ns":1}`), "want one below the highest tag"},
		{"one field of two", one(`{"user":0,"kind":"view","outcome":"ok","call_ns":1,"fields":["A1"]}`), "operation 0: 1 fields: want 2"},
		{"a version below 0", one(`{"user":0,"kind":"view","outcome":"ok","call_ns":1,"version":-1}`), "version"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			h, err := Read(strings.NewReader(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) || h != nil {
				t.Errorf("%v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestReadDirectory(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), dir.Name()) {
		t.Errorf("%v, want an error that names the directory", err)
	}
}

type brokenWriter struct{}

var errFull = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errFull }

func TestHistoryWriteError(t *testing.T) {
	if err := lostUpdate().History.Write(brokenWriter{}); !errors.Is(err, errFull) {
		t.Errorf("%v, want %v", err, errFull)
	}
}

// FuzzRead: what is read is a history that can be written and read again, the same.
func FuzzRead(f *testing.F) {
	f.Add([]byte(lostUpdateFile(f)))
	f.Add([]byte(`{"schema_version":1,"operations":[{"user":3,"kind":"history","outcome":"ok","call_ns":1,"messages":[]}]}`))
	f.Add([]byte(`{"schema_version":1,"operations":[{"user":3,"kind":"nested","tag":"D1","outcome":"unknown","call_ns":1,"fields":["–","A1"]}]}`))
	f.Add([]byte(`{"schema_version":1}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := h.Write(&b); err != nil {
			t.Fatal(err)
		}
		back, err := Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, back, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("- read, + read again:\n%s", diff)
		}
		Witness(h) // must not panic
	})
}

// TestReadVersion1: a file of schema version 1, with its name for an incarnation, is the same history.
func TestReadVersion1(t *testing.T) {
	want := lostUpdate().History
	file := strings.NewReplacer(`"schema_version": 2`, `"schema_version": 1`, `"incarnation":`, `"life":`).Replace(lostUpdateFile(t))
	if !strings.Contains(file, `"life":"A1"`) {
		t.Fatalf("no incarnation in\n%s", file)
	}
	got, err := Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("- as version 2, + as version 1:\n%s", diff)
	}
}
