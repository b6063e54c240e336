package adapter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

func TestReadAnswer(t *testing.T) {
	all := scenarios.ReportsIncarnation | scenarios.ReportsSeq | scenarios.ReportsVersion
	for _, test := range []struct {
		why  string
		op   scenarios.Op
		line string
		want scenarios.Effect
	}{
		{"an id", scenarios.Create, `{"id":"` + someText + `"}`, scenarios.Effect{ID: someID, Created: true}},
		{"a new session", scenarios.GetOrCreate, `{"created":true,"incarnation":7}`,
			scenarios.Effect{Created: true, Incarnation: 7, Reported: scenarios.ReportsIncarnation}},
		{"an existing session", scenarios.GetOrCreate, `{"created":false}`, scenarios.Effect{}},
		{"a number", scenarios.Append, `{"seq":7}`, scenarios.Effect{Seq: 7, Reported: scenarios.ReportsSeq}},
		{"no optional members", scenarios.Append, `{}`, scenarios.Effect{}},
		{"blanks", scenarios.Append, " { \"seq\" : 7 , \"version\":\t8 } \r", scenarios.Effect{Seq: 7, Version: 8, Reported: scenarios.ReportsSeq | scenarios.ReportsVersion}},
		{"all of it", scenarios.Append, `{"seq":7,"version":8,"incarnation":9,"held_us":1500}`,
			scenarios.Effect{Seq: 7, Version: 8, Incarnation: 9, Held: 1500 * time.Microsecond, Reported: all | scenarios.ReportsHeld}},
		{"zeros are present", scenarios.Delete, `{"seq":0,"version":0,"incarnation":0}`, scenarios.Effect{Reported: all}},
		{"the largest number", scenarios.Append, `{"seq":9007199254740992}`, scenarios.Effect{Seq: 1 << 53, Reported: scenarios.ReportsSeq}},
		{"null is absent", scenarios.Append, `{"seq":null}`, scenarios.Effect{}},
		{"unknown members are ignored", scenarios.Append, `{"seq":7,"id":"x","ok":true,"n":1,"list":[1,{}],"removed":"two"}`,
			scenarios.Effect{Seq: 7, Reported: scenarios.ReportsSeq}},
		{"no messages", scenarios.History, `{"messages":[]}`, scenarios.Effect{}},
		{"messages", scenarios.History, `{"messages":[{"seq":1,"role":"user","content":"a"},{"content":"é","role":"","at":1,"seq":null}],"seq":2}`,
			scenarios.Effect{Messages: []manager.Message{{Seq: 1, Role: "user", Content: "a"}, {Content: "é"}}, Seq: 2, Reported: scenarios.ReportsSeq}},
		{"escapes", scenarios.History, `{"messages":[{"seq":1,"role":"user","content":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}]}`,
			scenarios.Effect{Messages: []manager.Message{{Seq: 1, Role: "user", Content: "\"\\/\b\f\n\r\té😀"}}}},
		{"fields", scenarios.Read, `{"fields":{"a":"1","b":"x\n"},"version":3}`,
			scenarios.Effect{Fields: map[string]string{"a": "1", "b": "x\n"}, Version: 3, Reported: scenarios.ReportsVersion}},
		{"fields of Validate are ignored", scenarios.Validate, `{"fields":{},"version":3}`,
			scenarios.Effect{Version: 3, Reported: scenarios.ReportsVersion}},
		{"a sweep", scenarios.Sweep, `{"removed":4}`, scenarios.Effect{Removed: 4}},
	} {
		var got scenarios.Effect
		f, err := readAnswer([]byte(test.line), test.op, &got)
		if err != nil || f.code != nil {
			t.Errorf("%s: %s: %q, %v", test.why, test.line, f.code, err)
		}
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.why, test.line, diff)
		}
	}
}

func TestReadAnswerRejects(t *testing.T) {
	for _, test := range []struct {
		why     string
		op      scenarios.Op
		line    string
		message string
	}{
		{"nothing", scenarios.Append, ``, "want a JSON object"},
		{"not JSON", scenarios.Append, `ok`, "want a JSON object"},
		{"not an object", scenarios.Append, `[7]`, "want a JSON object"},
		{"null", scenarios.Append, `null`, "want a JSON object"},
		{"half an object", scenarios.Append, `{"seq":7`, "want a JSON object"},
		{"more than an object", scenarios.Append, `{"seq":7}}`, "want a JSON object"},
		{"invalid UTF-8", scenarios.Append, "{\"seq\":7,\"x\":\"\xff\"}", "UTF-8"},
		{"no id", scenarios.Create, `{}`, `want "id"`},
		{"an id that is null", scenarios.Create, `{"id":null}`, `want "id"`},
		{"an id that is a number", scenarios.Create, `{"id":7}`, `"id"`},
		{"an id that is not a UUID", scenarios.Create, `{"id":"session-7"}`, `want a UUID`},
		{"a UUID without hyphens", scenarios.Create, `{"id":"` + strings.ReplaceAll(someText, "-", "") + `"}`, `want a UUID`},
		{"an id in capitals", scenarios.Create, `{"id":"` + strings.ToUpper(someText) + `"}`, `want a UUID in lower case`},
		{"a UUID in braces", scenarios.Create, `{"id":"{` + someText + `}"}`, `want a UUID`},
		{"no created", scenarios.GetOrCreate, `{"incarnation":7}`, `want "created"`},
		{"created as text", scenarios.GetOrCreate, `{"created":"yes"}`, `"created"`},
		{"a number as a string", scenarios.Append, `{"seq":"7"}`, `"seq": "7": want a whole number from 0 to 9007199254740992`},
		{"a negative number", scenarios.Append, `{"seq":-1}`, "want a whole number"},
		{"a fraction", scenarios.Append, `{"seq":1.5}`, "want a whole number"},
		{"a whole number with a point", scenarios.Append, `{"seq":1.0}`, "want a whole number"},
		{"an exponent", scenarios.Append, `{"seq":1e3}`, "want a whole number"},
		{"a number too large", scenarios.Append, `{"seq":9007199254740993}`, "want a whole number"},
		{"a number far too large", scenarios.Append, `{"seq":99999999999999999999999}`, "want a whole number"},
		{"a leading zero", scenarios.Append, `{"seq":07}`, "want a JSON object"},
		{"no messages", scenarios.History, `{}`, `want "messages"`},
		{"messages of the wrong type", scenarios.History, `{"messages":["a"]}`, `"messages"`},
		{"a message's number too large", scenarios.History, `{"messages":[{"seq":9007199254740993}]}`, "want a whole number"},
		{"a message without content", scenarios.History, `{"messages":[{"role":"user"}]}`, `want "role" and "content"`},
		{"a message whose role is null", scenarios.History, `{"messages":[{"role":null,"content":"a"}]}`, `want "role" and "content"`},
		{"no fields", scenarios.Read, `{"version":3}`, `want "fields"`},
		{"no fields for Validate", scenarios.Validate, `{}`, `want "fields"`},
		{"fields that are null", scenarios.Read, `{"fields":null}`, `want "fields"`},
		{"a field that is not a string", scenarios.Read, `{"fields":{"a":1}}`, `"fields"`},
		{"an unknown error", scenarios.Append, `{"error":"oops"}`, `"error" "oops": want not_found, exists, `},
		{"an error that is not a string", scenarios.Append, `{"error":7}`, `"error"`},
		{"a sweep without a count", scenarios.Sweep, `{}`, `want "removed"`},
	} {
		var got scenarios.Effect
		f, err := readAnswer([]byte(test.line), test.op, &got)
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %s: %+v, %q, %v: want an error with %q", test.why, test.line, got, f.code, err, test.message)
		}
	}
}

func TestErrorsInAnswers(t *testing.T) {
	for _, test := range []struct {
		line    string
		op      scenarios.Op
		want    []error
		message string
	}{
		{`{"error":"not_found","message":"no such session"}`, scenarios.Append, []error{manager.ErrNotFound}, ""},
		{`{"message":"no such session","error":"not_found"}`, scenarios.History, []error{manager.ErrNotFound}, ""},
		{`{"error":"exists"}`, scenarios.Create, []error{manager.ErrExists}, ""},
		{`{"error":"closed"}`, scenarios.Append, []error{manager.ErrClosed}, ""},
		{`{"error":"unsupported","message":"no fields here"}`, scenarios.Update, []error{scenarios.ErrUnsupported}, "update: operation not supported: no fields here"},
		{`{"error":"internal","message":"a \"disk\" full"}`, scenarios.Append, []error{manager.ErrIndeterminate, errInternal}, `at add_message: a "disk" full`},
		{`{"error":"internal","message":"a\u001b[2J\nb\u202ec"}`, scenarios.Append, []error{errInternal}, `at add_message: a[2J bc`},
		{`{"error":"internal","message":"` + strings.Repeat("x", 600) + `"}`, scenarios.Append, []error{errInternal}, strings.Repeat("x", 499) + "…"},
		{`{"error":"internal"}`, scenarios.Read, []error{manager.ErrNotApplied, errInternal}, "at get"},
	} {
		var a scenarios.Effect
		f, err := readAnswer([]byte(test.line), test.op, &a)
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		c := &conn{p: &Program{name: "store"}}
		got := c.errorOf(test.op, f)
		for _, want := range test.want {
			if !errors.Is(got, want) || !strings.Contains(got.Error(), test.message) {
				t.Errorf("%s: %v: want %v with %q", test.line, got, want, test.message)
			}
		}
	}
}

// What scanAnswer.
func FuzzScanAnswer(f *testing.F) {
	for _, line := range []string{
		`{}`, `{"seq":7,"version":8,"incarnation":9,"held_us":10}`, `{"id":"` + someText + `"}`, `{"created":true,"created":false}`,
		`{"messages":[{"seq":1,"role":"user","content":"a\n"},{}],"seq":2}`, `{"fields":{"a":"1","a":"2"}}`, `{"removed":0, "x":-1}`,
		`{"error":"not_found","message":"é"}`, `{"seq":00}`, `{"seq":0}x`, `{"messages":[{"seq":1,"seq":2}]}`, `{"x":"y","x":7,"z":tru}`,
		"{\"fields\":{\"\xff\":\"\"}}", `{"messages":[{"content":"a"}],"fields":{"b":"c"}}`, `{"":{}}`, `{"seq":9007199254740993}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for op := range scenarios.NumOps {
			wantAgreement(t, op, line)
		}
	})
}

// wantAgreement fails if scanAnswer and unmarshalAnswer differ, and reports whether scanAnswer was ok.
func wantAgreement(t interface{ Errorf(string, ...any) }, op scenarios.Op, line []byte) bool {
	var quick, slow scenarios.Effect
	gotQuick, errQuick, ok := scanAnswer(line, op, &quick)
	if !ok {
		return false
	}
	gotSlow, errSlow, err := unmarshalAnswer(line, op, &slow)
	if err != nil || gotQuick != gotSlow || string(errQuick.code) != string(errSlow.code) ||
		string(errQuick.message) != string(errSlow.message) {
		t.Errorf("%v %q: parts %b, error %q: unmarshalAnswer %b, %q, %v", op, line, gotQuick, errQuick, gotSlow, errSlow, err)
	}
	if diff := cmp.Diff(slow, quick, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%v %q (-unmarshalAnswer +scanAnswer):\n%s", op, line, diff)
	}
	return true
}

// Random answers, most of them almost legal.
func TestScanAnswerAgrees(t *testing.T) {
	values := []string{
		"0", "7", "9007199254740992", "9007199254740993", "18446744073709551617", "-1", "1.0", "1e3", "00", "true", "false", "null", "tru",
		`""`, `"x"`, `"é"`, `"a\n"`, `"\u00e9"`, `"not_found"`, `"` + someText + `"`, "\"\xff\"", "\"\t\"", "{}", "[]", "[1]", `{"a":"b"}`,
		`{"a":"b","a":"c"}`, `{"a":1}`, `{"a":"b"`, `[{"seq":1,"role":"r","content":"c"},{"seq":2}]`, `[{"seq":1,"seq":2}]`,
		`[{"x":1,"content":"c"}]`, `[{"seq":1},]`, `[{"seq":9007199254740993}]`, `[{}]`, `[null]`,
	}
	keys := []string{
		"seq", "version", "incarnation", "held_us", "created", "id", "messages", "fields", "removed", "error", "message", "x", "Seq", "", "s\\u0065q",
	}
	read := 0
	agrees := func(t *rapid.T) {
		blank := rapid.SampledFrom([]string{"", "", " ", "\t", "\r", "\v"})
		var line strings.Builder
		line.WriteString(blank.Draw(t, "blank") + "{" + blank.Draw(t, "blank"))
		for i := range rapid.IntRange(0, 4).Draw(t, "members") {
			if i > 0 {
				line.WriteString("," + blank.Draw(t, "blank"))
			}
			line.WriteString(`"` + rapid.SampledFrom(keys).Draw(t, "key") + `"` + blank.Draw(t, "blank") + ":")
			line.WriteString(blank.Draw(t, "blank") + rapid.SampledFrom(values).Draw(t, "value"))
		}
		line.WriteString(rapid.SampledFrom([]string{"}", "}", "}", "} ", "}}", ",}", "", "}x"}).Draw(t, "end"))
		for op := range scenarios.NumOps {
			if wantAgreement(t, op, []byte(line.String())) {
				read++
			}
		}
	}
	for try := 0; try == 0 || read == 0 && try < 10; try++ { // with -short rapid draws only 20 lines
		rapid.Check(t, agrees)
	}
	if read == 0 {
		t.Error("scanAnswer was never ok")
	}
}

// The usual answers do not need encoding/json.
func TestScanAnswerIsUsed(t *testing.T) {
	for _, test := range []struct {
		op   scenarios.Op
		line string
	}{
		{scenarios.Create, `{"id": "` + someText + `"}`},
		{scenarios.GetOrCreate, `{"created": true, "incarnation": 1, "seq": 0, "version": 0}`},
		{scenarios.Append, `{"seq":7,"version":7,"incarnation":1,"held_us":3}`},
		{scenarios.History, `{"messages": [{"seq": 1, "role": "user", "content": "#000001 é"}], "incarnation": 1}`},
		{scenarios.Read, `{"fields":{"title":"#000001 "},"version":3}`},
		{scenarios.Delete, `{}`},
		{scenarios.Append, `{"error":"not_found","message":"no such session"}`},
	} {
		var a scenarios.Effect
		if _, _, ok := scanAnswer([]byte(test.line), test.op, &a); !ok {
			t.Errorf("%v: %s is left to encoding/json", test.op, test.line)
		}
	}
}

func TestReadAnswerAllocates(t *testing.T) {
	var messages []string
	for i := range manager.HistoryLimit {
		text, _ := json.Marshal(manager.Message{Seq: uint64(i + 1), Role: "user", Content: fmt.Sprint("message ", i)})
		messages = append(messages, string(text))
	}
	for _, test := range []struct {
		why  string
		op   scenarios.Op
		line string
		want float64
	}{
		{"numbers", scenarios.Append, `{"seq":7,"version":7,"incarnation":1,"held_us":3}`, 0},
		{"an id", scenarios.Create, `{"id":"` + someText + `"}`, 0},
		{"an error", scenarios.Append, `{"error":"not_found","message":"no such session"}`, 0},
		{"a history is one string", scenarios.History, `{"messages":[` + strings.Join(messages, ",") + `]}`, 1},
	} {
		var a scenarios.Effect
		line := []byte(test.line)
		got := testing.AllocsPerRun(100, func() {
			a.Clear()
			if _, err := readAnswer(line, test.op, &a); err != nil {
				t.Fatal(err)
			}
		})
		if got > test.want {
			t.Errorf("%s: %v allocations, want %v", test.why, got, test.want)
		}
	}
}
