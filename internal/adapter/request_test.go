package adapter

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

var someID = manager.ID{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x42, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}

const someText = "123e4567-e89b-42d3-a456-426614174000"

func TestAppendRequest(t *testing.T) {
	everything := scenarios.Request{
		Kind: scenarios.BoardDriver, ID: someID, Role: "user", Content: "say \"hi\"\n", Fields: map[string]string{"a": "1"},
		Hold: 1500 * time.Microsecond, Idle: time.Second,
	}
	spinning := everything
	spinning.Spin = true
	for _, test := range []struct {
		op   scenarios.Op
		q    scenarios.Request
		want string
	}{
		{scenarios.Create, scenarios.Request{}, `{"op":"create","kind":"chat"}`},
		{scenarios.Create, everything, `{"op":"create","kind":"brainstorm"}`},
		{scenarios.GetOrCreate, everything, `{"op":"get_or_create","id":"` + someText + `"}`},
		{scenarios.Append, everything, `{"op":"add_message","id":"` + someText +
			`","role":"user","content":"say \"hi\"\n","hold_us":1500,"hold_kind":"sleep"}`},
		{scenarios.Append, spinning, `{"op":"add_message","id":"` + someText +
			`","role":"user","content":"say \"hi\"\n","hold_us":1500,"hold_kind":"spin"}`},
		{scenarios.History, everything, `{"op":"history","id":"` + someText + `"}`},
		{scenarios.Validate, everything, `{"op":"get","id":"` + someText + `"}`},
		{scenarios.Touch, everything, `{"op":"update","id":"` + someText + `","fields":{},"hold_us":1500,"hold_kind":"sleep"}`},
		{scenarios.Update, everything, `{"op":"update","id":"` + someText + `","fields":{"a":"1"},"hold_us":1500,"hold_kind":"sleep"}`},
		{scenarios.Read, everything, `{"op":"get","id":"` + someText + `"}`},
		{scenarios.Delete, everything, `{"op":"delete","id":"` + someText + `"}`},
		{scenarios.Sweep, everything, `{"op":"sweep","older_than_us":1000000}`},
	} {
		test.q.Op = test.op
		if got := string(appendRequest(nil, &test.q)); got != test.want+"\n" {
			t.Errorf("%v:\n got %swant %s", test.op, got, test.want)
		}
	}
}

func TestEveryOperationIsInTheProtocol(t *testing.T) {
	for op := range scenarios.NumOps {
		if !inProtocol(op) {
			t.Errorf("%s has a row in package scenarios, and none in the table of the protocol", op)
		}
	}
}

func TestAppendFields(t *testing.T) {
	want := map[string]string{"": "empty", "a": "", "b\"": "\\", "c": "{"}
	var got map[string]string
	if err := json.Unmarshal(appendFields([]byte{}, want), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// FuzzAppendString checks that encoding/json reads what appendString writes, and that it is one line of UTF-8.
func FuzzAppendString(f *testing.F) {
	for _, text := range []string{
		"", "plain", "\x00\x1f\x7f", "\"\\/\b\f\n\r\t", "é€😀", "\u2028\u2029\ufffd", "\xff", "a\xc3", "\xed\xa0\x80", "x\xf0\x9f\x98",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line := appendString([]byte("before"), text)[len("before"):]
		var got string
		if err := json.Unmarshal(line, &got); err != nil || got != text && utf8.ValidString(text) {
			t.Errorf("%q is written as %s, which is %q, %v", text, line, got, err)
		}
		var reference string // encoding/json replaces each byte of invalid UTF-8
		quoted, _ := json.Marshal(text)
		if err := json.Unmarshal(quoted, &reference); err != nil || got != reference {
			t.Errorf("%q: read as %q: want %q, %v", text, got, reference, err)
		}
		if strings.ContainsRune(string(line), '\n') || !utf8.Valid(line) {
			t.Errorf("%q is written as %q: want one line of UTF-8", text, line)
		}
	})
}
