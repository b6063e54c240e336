package adapter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		want Spec
	}{
		{"exec:python3 'my server.py' --lock global", Spec{Command: []string{"python3", "my server.py", "--lock", "global"}}},
		{"exec: a ", Spec{Command: []string{"a"}}},
		{"tcp:127.0.0.1:7000", Spec{Network: "tcp", Address: "127.0.0.1:7000"}},
		{"tcp:[::1]:7000", Spec{Network: "tcp", Address: "[::1]:7000"}},
		{"tcp:store.example:7000", Spec{Network: "tcp", Address: "store.example:7000"}},
		{"unix:/tmp/a b", Spec{Network: "unix", Address: "/tmp/a b"}},
	} {
		got, err := Parse(test.text)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
		if again, err := Parse(got.String()); err != nil || !cmp.Equal(got, again) {
			t.Errorf("%q is written as %q, which is parsed as %v, %v", test.text, got, again, err)
		}
	}
}

func TestParseRejects(t *testing.T) {
	for _, test := range []struct{ why, text, message string }{
		{"empty", "", "unknown kind"},
		{"a command alone", "python3 server.py", "unknown kind"},
		{"another scheme", "http://localhost:80", "unknown kind"},
		{"no command", "exec: ", "no command"},
		{"a command without a name", "exec:'' a", "empty"},
		{"shell syntax", "exec:a | b", "no shell"},
		{"no port", "tcp:localhost", "missing port"},
		{"no host", "tcp::80", "no host"},
		{"a port by name", "tcp:localhost:http", `port "http"`},
		{"port 0", "tcp:localhost:0", `port "0"`},
		{"a port too high", "tcp:localhost:65536", `port "65536"`},
		{"no path", "unix:", "no path"},
	} {
		_, err := Parse(test.text)
		if err == nil {
			t.Errorf("%s: %q: no error", test.why, test.text)
			continue
		}
		for _, part := range []string{test.message, forms, "target "} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q: %v: want it to contain %q", test.why, test.text, err, part)
			}
		}
	}
}

func TestAnnouncement(t *testing.T) {
	for _, test := range []struct {
		line, where, name string
	}{
		{`{"sessbench":1,"listen":"127.0.0.1:80","name":"x"}`, "tcp:127.0.0.1:80", "x"},
		{`{"listen": "localhost:80", "sessbench": 1, "pid": 7}` + "\r\n", "tcp:localhost:80", ""},
		{`{"sessbench":1,"listen":"127.8.8.8:80"}`, "tcp:127.8.8.8:80", ""},
		{`{"sessbench":1,"listen":"[::1]:80"}`, "tcp:[::1]:80", ""},
		{`{"sessbench":1,"listen":"unix:/tmp/s"}`, "unix:/tmp/s", ""},
	} {
		if got, err := readAnnounced(test.line); err != nil || got.Spec.String() != test.where || got.Name != test.name {
			t.Errorf("%s: %v, %v: want %s with the name %q", test.line, got, err, test.where, test.name)
		}
	}
	for _, test := range []struct{ why, line, message string }{
		{"not JSON", "Listening on 80", "`Listening on 80`"},
		{"nothing", "", "first line"},
		{"no version", `{"listen":"127.0.0.1:80"}`, "first line"},
		{"a version that is not a number", `{"sessbench":"1","listen":"127.0.0.1:80"}`, "first line"},
		{"another version", `{"sessbench":2}`, "version 2 of the protocol: want 1"},
		{"no address", `{"sessbench":1}`, `"listen":""`},
		{"all interfaces", `{"sessbench":1,"listen":"0.0.0.0:80"}`, "not a loopback address"},
		{"all interfaces by a port alone", `{"sessbench":1,"listen":":80"}`, "no host"},
		{"on another machine", `{"sessbench":1,"listen":"store.example:80"}`, "not a loopback address"},
		{"no path", `{"sessbench":1,"listen":"unix:"}`, "no path"},
		{"a very long line", strings.Repeat("x", 10_000), "(10000 bytes)"},
	} {
		if got, err := readAnnounced(test.line); err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v, %v: want an error with %q", test.why, got, err, test.message)
		}
	}
}
