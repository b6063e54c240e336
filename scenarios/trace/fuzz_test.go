package trace

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

// fuzzParser runs lines through one parser: whatever they hold, cells must lie within reason and nothing may panic.
func fuzzParser(f *testing.F, make func() parser, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		parse, before := make(), bytes.Clone(line)
		var r row
		if parse(line, &r) != nil {
			return
		}
		if !bytes.Equal(line, before) {
			t.Error("the parser changed the line")
		}
		if ops, err := actions(nil, &r, [numRoles]bool{}, len(line)); err == nil && len(ops) == 0 {
			t.Error("a row without an operation")
		}
		new(clock).parse(r[roleTime])
	})
}

func FuzzCLF(f *testing.F) {
	fuzzParser(f, func() parser { return clfParser("sid") },
		`h - - [01/Jul/2024:00:00:01 -0400] "GET / HTTP/1.1" 200 5 "-" "a\"b" "sid=1; x=2"`, `h - - [] "" - -`, `"`)
}

func FuzzJSONL(f *testing.F) {
	fuzzParser(f, func() parser { return jsonlParser([numRoles]string{"a.b", "t", "op", "n", ""}) },
		`{"a":{"b":"x"},"t":1,"n":2}`, `{"a.b":1,"op":"get"}`, `null`, `{"a":`)
}

func FuzzTable(f *testing.F) {
	fuzzParser(f, func() parser {
		t := newTable(',')
		if _, err := t.header([]byte("session,time,op,bytes"), nil); err != nil {
			f.Fatal(err)
		}
		return t.parse
	}, `a,1,get,2`, `"a,""b",1,,2,,`, `"a`, `a"b,1,2,3`)
}

// FuzzRead reads whole files of any format: it ends, and every line is a visit, blank, header or malformed.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"session,x\na,\"\nb\",c\n", "k\n\nl", "{\"sid\":1}\n{", "\x1f\x8b\x08", "a\tip\n1\t2\t\t\n"} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "log")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path, Options{MaxErrors: -1})
		if err != nil {
			return
		}
		defer r.Close()
		visits := int64(0)
		for _, err = r.Next(); err == nil; _, err = r.Next() {
			visits++
		}
		if visits+r.Malformed() > r.Lines() {
			t.Errorf("%d visits and %d malformed of %d lines", visits, r.Malformed(), r.Lines())
		}
	})
}

// FuzzLines cuts a stream that comes a byte at a time: it must give what bytes.Split gives.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\nc"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := newLines(iotest.OneByteReader(bytes.NewReader(text)))
		l.buf = make([]byte, 3) // grows as it must
		want := bytes.Split(text, []byte{'\n'})
		if len(want[len(want)-1]) == 0 {
			want = want[:len(want)-1]
		}
		for i, w := range want {
			got, err := l.next()
			if err != nil || !bytes.Equal(got, bytes.TrimSuffix(w, []byte{'\r'})) || l.number != int64(i+1) {
				t.Fatalf("line %d: %q, %v: want %q", i+1, got, err, w)
			}
		}
		if _, err := l.next(); err != io.EOF {
			t.Fatalf("at the end: %v", err)
		}
	})
}
