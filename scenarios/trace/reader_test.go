package trace

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// show writes a visit as "key at op:size op:size".
func show(v Visit) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v", v.Key, v.At)
	for _, a := range v.Ops {
		fmt.Fprintf(&b, " %s:%d", a.Op, a.Size)
	}
	return b.String()
}

// readAll returns the visits of a log, what was malformed, and the error that ended it if that is not io.EOF.
func readAll(t *testing.T, path string, opts Options) (visits, problems []string, err error) {
	t.Helper()
	r, err := Open(path, opts)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		v, err := r.Next()
		if err == nil {
			visits = append(visits, show(v))
			continue
		}
		if _, again := r.Next(); again != err {
			t.Errorf("after %v came %v: want errors to be final", err, again)
		}
		if err == io.EOF {
			err = nil
		}
		return visits, r.Problems(), err
	}
}

// write makes a file of text and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zip(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func TestFormats(t *testing.T) {
	tests := []struct {
		why      string
		file     string
		opts     Options
		visits   []string
		problems []string
	}{
		{"a common log: the client is the session, a clock that goes back is no error", "common.log", Options{MaxErrors: 1},
			[]string{"203.0.113.7 0s append:512", "2001:db8::1 2s append:0", "203.0.113.7 1s append:0"},
			[]string{`testdata/common.log:4: not the Common Log Format: want host ident user [time] "request" status bytes`}},
		{"a cookie is found in its own field, not in the referer", "combined_cookie.log", Options{Session: "cookie:sid", MaxErrors: 1},
			[]string{"alpha 0s append:512", "beta 1s append:20", "alpha 4s append:30"},
			[]string{`testdata/combined_cookie.log:4: no cookie "sid" in a quoted field`}},
		{"dotted paths reach into objects, synonyms name operations, a number may be a session", "dotted.jsonl",
			Options{Columns: map[string]string{"session": "ctx.session.id"}, MaxErrors: 1},
			[]string{"a 0s get_or_create:0", "a 1.5s append:40", "7 2s history:0", "a 3s delete:0", "a 4s append:5"},
			[]string{"testdata/dotted.jsonl:6: not a JSON object: unexpected end of JSON input"}},
		{"quoted fields hold commas, quotes and line ends; Unix time with a fraction is exact", "quoted.csv", Options{},
			[]string{"a,1 0s append:10", "b 750ms append:20", "a,1 500ms append:0"}, nil},
		{"empty surplus fields are fine, anything else out of place is named", "malformed.tsv", Options{MaxErrors: -1},
			[]string{"a 0s append:1", "b 1s append:2", "a 6s append:0"},
			[]string{
				`testdata/malformed.tsv:4: field 4, "x", has no column: the header names 3`,
				`testdata/malformed.tsv:5: 2 fields: want 3 as in the header`,
				`testdata/malformed.tsv:6: time "soon": want seconds, Unix time or RFC 3339`,
				`testdata/malformed.tsv:7: bytes "-3": want a number from 0`,
			}},
		{"bare keys append their own length", "keys.txt", Options{},
			[]string{"7 0s append:1", "3 0s append:1", "7 0s append:1", "12 0s append:2", "7 0s append:1"}, nil},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			visits, problems, err := readAll(t, "testdata/"+test.file, test.opts)
			if err != nil {
				t.Fatalf("%s: %v", test.why, err)
			}
			if d := cmp.Diff(test.visits, visits); d != "" {
				t.Errorf("%s: visits (-want +got):\n%s", test.why, d)
			}
			if d := cmp.Diff(test.problems, problems); d != "" {
				t.Errorf("%s: problems (-want +got):\n%s", test.why, d)
			}
		})
	}
}

func TestRows(t *testing.T) {
	tests := []struct {
		why, text string
		opts      Options
		visits    []string
	}{
		{"a file with both tokens is a chatbot's, at four bytes a token", "t_s,session,user_tokens,assistant_tokens\n5,a,3,10\n", Options{},
			[]string{"a 0s history:0 append:12 append:40"}},
		{"an empty name turns a role off", "t_s,session,user_tokens,assistant_tokens\n5,a,3,10\n",
			Options{Columns: map[string]string{"reply": "", "time": ""}}, []string{"a 0s append:12"}},
		{"a reply column of another name is named", "sid,q,a\nx,3,4\n", Options{Columns: map[string]string{"bytes": "q", "reply": "a"}},
			[]string{"x 0s history:0 append:3 append:4"}},
		{"names are found whatever their case, and conversation before user", "User,Conv_ID,Bytes\nu,c,3\n", Options{}, []string{"c 0s append:3"}},
		{"an op column decides; where it is empty the row appends; an HTTP method is no operation",
			"session,op,method,size\na,validate,GET,7\na,,POST,7\na,Delete,GET,7\na,update,GET,7\n", Options{},
			[]string{"a 0s history:0", "a 0s append:7", "a 0s delete:0", "a 0s append:7"}},
		{"milliseconds since 1970 are detected by their size", "session,ts\na,1720000000000\na,1720000000250\n", Options{},
			[]string{"a 0s append:15", "a 250ms append:15"}},
		{"so are nanoseconds, and none is lost", "session,ts\na,1720000000000000000\na,1720000000000000001\n", Options{},
			[]string{"a 0s append:21", "a 1ns append:21"}},
		{"a column's name settles the unit of small numbers", "session,t_ms\na,10\na,12.5\n", Options{},
			[]string{"a 0s append:4", "a 2.5ms append:6"}},
		{"RFC 3339 with zones", "session,time\na,2024-07-01T02:00:00+02:00\na,2024-07-01T00:00:00.001Z\n", Options{},
			[]string{"a 0s append:27", "a 1ms append:26"}},
		{"Apache's vhost_combined puts the server's name first", `www.example.org:443 10.0.0.7 - - [01/Jul/1995:00:00:01 -0400] "GET / HTTP/1.0" 200 5 "-" "x"` + "\n", Options{},
			[]string{"10.0.0.7 0s append:5"}},
		{"an IPv6 client is no server, whatever the user is called", `::1 - john smith [01/Jul/1995:00:00:01 -0400] "GET / HTTP/1.0" 200 5` + "\n", Options{},
			[]string{"::1 0s append:5"}},
		{"a first line longer than the sample", `{"session":"a","bytes":3,"text":"` + strings.Repeat("x", 3*sampleSize) + `"}` + "\n", Options{},
			[]string{"a 0s append:3"}},
		{"gzip is detected by its first bytes", zip("session\na\n"), Options{}, []string{"a 0s append:1"}},
		{"a byte order mark and no line end at the end", "\xef\xbb\xbfsession,bytes\na,3", Options{}, []string{"a 0s append:3"}},
		{"flat JSON names with dots", `{"session.id":"a","n":{"b.c":3}}`, Options{Columns: map[string]string{"session": "session.id", "bytes": "n.b.c"}},
			[]string{"a 0s append:3"}},
		{"semicolons, with a quoted one", "session;bytes;text\n\"a;1\";3;x\n", Options{}, []string{"a;1 0s append:3"}},
		{"a semicolon's cells may hold commas", "session;t_s;text\na;1;x,y\nb;2;z\n", Options{}, []string{"a 0s append:7", "b 1s append:5"}},
		{"blanks, any number of them", "session   t_s bytes\na     1   3\n  b   2   4 \n", Options{}, []string{"a 0s append:3", "b 1s append:4"}},
		{"no header: columns by number", "a,5,3\nb,7,4\n", Options{Columns: map[string]string{"session": "1", "time": "2", "bytes": "3"}},
			[]string{"a 0s append:3", "b 2s append:4"}},
		{"the same with blanks", "\n5 a\n7 b\n", Options{Columns: map[string]string{"session": "2", "time": "1"}}, []string{"a 0s append:3", "b 2s append:3"}},
		{"a header may have a number for a name", "1,2\na,3\n", Options{Columns: map[string]string{"session": "1", "bytes": "2"}}, []string{"a 0s append:3"}},
		{"a column of a year is no row", "time,session,2020\n1,a,x\n", Options{}, []string{"a 0s append:5"}},
		{"milliseconds from 0, by the option", "session,timestamp\na,0\na,3000\n", Options{TimeUnit: "ms"}, []string{"a 0s append:3", "a 3s append:6"}},
		{"the given unit outweighs the column's name", "session,t_ms\na,0\na,3\n", Options{TimeUnit: "s"}, []string{"a 0s append:3", "a 3s append:3"}},
		{"auto is the column's name", "session,t_ms\na,0\na,3000\n", Options{TimeUnit: "auto"}, []string{"a 0s append:3", "a 3s append:6"}},
		{"Mooncake's timestamps are milliseconds from 0", `{"timestamp": 0, "input_length": 6, "output_length": 5, "hash_ids": [46], "session": "a"}` + "\n" +
			`{"timestamp": 27482, "input_length": 6, "output_length": 5, "hash_ids": [46, 47], "session": "a"}` + "\n",
			Options{Columns: map[string]string{"bytes": "input_length"}}, []string{"a 0s append:6", "a 27.482s append:6"}},
		{"a huge entry", "session,bytes\na,1e400\n", Options{}, []string{"a 0s append:2147483647"}},
	}
	for _, test := range tests {
		visits, problems, err := readAll(t, write(t, "log", test.text), test.opts)
		if d := cmp.Diff(test.visits, visits); err != nil || len(problems) > 0 || d != "" {
			t.Errorf("%s: error %v, problems %q, visits (-want +got):\n%s", test.why, err, problems, d)
		}
	}
}

func TestRejectedLogs(t *testing.T) {
	tests := []struct {
		why, text string
		opts      Options
		want      []string // all in the error
	}{
		{"an unknown format lists the legal ones", "a\n", Options{Format: "xml"}, []string{`--trace-format "xml"`, "auto, csv, tsv, semicolon, space, clf, jsonl, keys"}},
		{"prose has no format", "dear diary, today\nI went out\n", Options{}, []string{"log: cannot tell", "want --trace-format csv, tsv, semicolon, space, clf, jsonl, keys"}},
		{"nor has nothing", "\n\n", Options{}, []string{"no lines", "--trace-format"}},
		{"a table without a session column lists its columns", "a,b\n1,2\n3,4\n", Options{}, []string{"log: ", "--trace-columns session=COLUMN", "a, b"}},
		{"a column that is not there lists those that are", "session,b\n1,2\n", Options{Columns: map[string]string{"time": "c"}}, []string{`no column "c" for time`, "session, b"}},
		{"an access log has no columns to name", `h - - [01/Jul/1995:00:00:01 -0400] "GET / HTTP/1.0" 200 5` + "\n",
			Options{Columns: map[string]string{"session": "x"}}, []string{"--trace-columns", "want csv, tsv, semicolon, space or jsonl"}},
		{"an unknown role lists the legal ones", "session\na\n", Options{Columns: map[string]string{"colour": "c"}}, []string{`unknown role "colour"`, "session, time, op, bytes, reply"}},
		{"a session is a cookie or nothing", "a\n", Options{Session: "header:x"}, []string{`--trace-session "header:x"`, "cookie:NAME"}},
		{"only access logs have cookies", "session\na\n", Options{Session: "cookie:x"}, []string{"is for clf, not for"}},
		{"one malformed line too many names file, line and flag", "session,bytes\na,x\na,1\na,y\n", Options{MaxErrors: 1},
			[]string{`log:4: bytes "y"`, "--trace-max-errors above 1"}},
		{"no malformed line is tolerated unasked", "session,bytes\na,x\n", Options{}, []string{`log:2: bytes "x"`, "--trace-max-errors"}},
		{"an unknown operation lists the legal ones", "session,op\na,dance\n", Options{}, []string{`log:2: unknown operation "dance"`, "append", "logout"}},
		{"a sweep is of no session", "session,op\na,sweep\n", Options{}, []string{`unknown operation "sweep"`}},
		{"a row without a session is malformed", "session,bytes\n,1\n", Options{}, []string{"log:2: names no session"}},
		{"a timed log has times", "session,time\na,1\na,\n", Options{}, []string{"log:3: has no time"}},
		{"times too far apart do not wrap around", "session,t_ns\na,-9000000000000000000\na,9000000000000000000\n", Options{}, []string{"log:3: ", "too far"}},
		{"a first line that is data", "a,5,3\nb,7,4\n", Options{}, []string{"no header: the first line holds data (\"5\")", "--trace-columns session=1,time=2"}},
		{"data that holds a well-known name", "0,user,10\n1,other,11\n", Options{}, []string{"no header: the first line holds data (\"0\")"}},
		{"data between blanks", "a 5 3\nb 7 4\n", Options{}, []string{"no header: the first line holds data"}},
		{"a column's number that is too large", "a,5\nb,7\n", Options{Format: "csv", Columns: map[string]string{"session": "1", "time": "3"}},
			[]string{`no column "3" for time: want one of 1, 2`}},
		{"text that is no JSON, taken for it", "a b\nc d\n", Options{Format: "jsonl"}, []string{`--trace-format jsonl: no line at its beginning is a JSON object, the first is "a b"`}},
		{"an unknown unit lists the legal ones", "a\n", Options{TimeUnit: "h"}, []string{`--trace-time-unit "h": want one of auto, s, ms, us, ns`}},
		{"keys have no times", "a\n", Options{TimeUnit: "ms"}, []string{"--trace-time-unit ms: format keys has no times"}},
		{"a quote that never ends costs its own line", "session,x\na,\"b\nc,d\n", Options{}, []string{"log:2: quoted field without an end"}},
	}
	for _, test := range tests {
		_, _, err := readAll(t, write(t, "log", test.text), test.opts)
		for _, part := range test.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %v: want it to say %q", test.why, err, part)
			}
		}
	}
}

func TestStrayQuoteSkipsOneLine(t *testing.T) {
	text := "session,x\na,\"open\nb,1\nc,2\nd,\"q\"\ne,5\" disk\nf,6\n"
	visits, problems, err := readAll(t, write(t, "log", text), Options{MaxErrors: 2})
	want := []string{"b 0s append:3", "c 0s append:3", "d 0s append:5", "f 0s append:3"}
	if d := cmp.Diff(want, visits); err != nil || d != "" || len(problems) != 2 {
		t.Errorf("error %v, problems %q, visits (-want +got):\n%s", err, problems, d)
	}
}

func TestTruncatedGzip(t *testing.T) {
	_, _, err := readAll(t, "testdata/torn.csv.gz", Options{})
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "testdata/torn.csv.gz: truncated gzip") {
		t.Errorf("error %v: want it to name the file and the truncation", err)
	}
	_, _, err = readAll(t, write(t, "log.gz", zip("session\na\n")[:6]), Options{})
	if err == nil || !strings.Contains(err.Error(), "truncated gzip") {
		t.Errorf("torn in the gzip header: %v", err)
	}
	whole := zip("session\na\n")
	damaged := whole[:len(whole)-8] + "\x00\x00\x00\x00" + whole[len(whole)-4:]
	_, _, err = readAll(t, write(t, "log.gz", damaged), Options{})
	if err == nil || !strings.Contains(err.Error(), "log.gz: damaged gzip") {
		t.Errorf("wrong checksum: %v", err)
	}
}

// TestLongLines reads lines around the limit and far beyond it: only the longer ones are lost, and the buffer stays small.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	text := "session\na\n" + long + "\n" + long + "x\nb\n" + strings.Repeat(long, 5) + "\r\nc\n\"" + strings.Repeat(long, 3) + "\"\nd"
	path := write(t, "log", text)
	r, err := Open(path, Options{Format: "csv", MaxErrors: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var sizes []int
	for {
		v, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, v.Ops[0].Size)
	}
	if d := cmp.Diff([]int{1, maxLine, 1, 1, 1}, sizes); d != "" {
		t.Errorf("sizes (-want +got):\n%s", d)
	}
	want := []string{path + ":4: " + errLongLine.Error(), path + ":6: " + errLongLine.Error(), path + ":8: " + errLongLine.Error()}
	if d := cmp.Diff(want, r.Problems()); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
	if len(r.lines.buf) > 4*maxLine {
		t.Errorf("the buffer grew to %d bytes", len(r.lines.buf))
	}
	if r.Lines() != 9 {
		t.Errorf("%d lines: want 9", r.Lines())
	}
}

// TestOpenQuoteIsBounded: a quote that is never closed must not pull the rest of the log into memory.
func TestOpenQuoteIsBounded(t *testing.T) {
	text := "session,x\na,\"\n" + strings.Repeat("b,1\n", maxLine/2)
	r, err := Open(write(t, "log", text), Options{MaxErrors: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	for _, err = r.Next(); err == nil; _, err = r.Next() {
		n++
	}
	if err != io.EOF || n != maxLine/2 || r.Malformed() != 1 || len(r.lines.buf) > 4*maxLine {
		t.Errorf("%v after %d visits, %d malformed, buffer %d", err, n, r.Malformed(), len(r.lines.buf))
	}
}

func TestParseColumns(t *testing.T) {
	got, err := ParseColumns("time=t_s, session=session,bytes=user_tokens,reply=")
	want := map[string]string{"time": "t_s", "session": "session", "bytes": "user_tokens", "reply": ""}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("error %v (-want +got):\n%s", err, d)
	}
	if got, err := ParseColumns(""); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v, %v", got, err)
	}
	for _, wrong := range []string{"time", "when=t_s", "time=a,time=b"} {
		if _, err := ParseColumns(wrong); err == nil || !strings.Contains(err.Error(), "--trace-columns") {
			t.Errorf("%q: %v: want an error that names the flag", wrong, err)
		}
	}
}

func TestDetect(t *testing.T) {
	files := map[string]string{"common.log": "clf", "combined_cookie.log": "clf", "quoted.csv": "csv", "malformed.tsv": "tsv", "keys.txt": "keys"}
	for file, want := range files {
		r, err := Open("testdata/"+file, Options{})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if r.Format() != want {
			t.Errorf("%s: %s: want %s", file, r.Format(), want)
		}
		r.Close()
	}
}

// Times are assumed to be seconds only where nothing says so.
func TestAssumedSeconds(t *testing.T) {
	for text, want := range map[string]bool{
		"session,t\na,0\na,3000\n": true, "session,t_s\na,0\n": false, "session,t\na,1720000000\n": false,
		"session,t\na,2024-07-01T00:00:00Z\n": false, "session\na\n": false, "session,t\na,1720000000123\n": false,
	} {
		r, err := Open(write(t, "log", text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := Measure(r); err != nil || r.AssumedSeconds() != want {
			t.Errorf("%q: assumed %v, want %v (error %v)", text, r.AssumedSeconds(), want, err)
		}
	}
}
