package adapter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	"github.com/sessbench/sessbench/internal/printable"
)

// version is the version of the protocol.
const version = 1

// announcement is the form of a program's first line on stdout, for error messages.
const announcement = `{"sessbench":1,"listen":"127.0.0.1:PORT","name":"NAME"} (or "listen":"unix:PATH")`

// Announced is the content of a program's first line on stdout.
type Announced struct {
	Spec        // where it listens
	Name string // may be empty
}

// readAnnounced parses an announcement. Another version is rejected before the rest is looked at.
func readAnnounced(line string) (Announced, error) {
	var a struct {
		Version *int64 `json:"sessbench"`
		Listen  string `json:"listen"`
		Name    string `json:"name"`
	}
	line = strings.TrimSpace(line)
	if err := json.Unmarshal([]byte(line), &a); err != nil || a.Version == nil {
		return Announced{}, fmt.Errorf("first line on stdout is %s: want %s", excerpt([]byte(line)), announcement)
	}
	if err := checkVersion(*a.Version); err != nil {
		return Announced{}, err
	}
	spec, err := parseListen(a.Listen)
	if err != nil {
		return Announced{}, fmt.Errorf(`announced "listen":%q: %w: want 127.0.0.1:PORT or unix:PATH`, a.Listen, err)
	}
	return Announced{spec, printable.Name(a.Name)}, nil
}

func checkVersion(got int64) error {
	if got != version {
		return fmt.Errorf("version %d of the protocol: want %d", got, version)
	}
	return nil
}

// parseListen parses the address of a started program. It must be a loopback address: other machines must not reach it.
func parseListen(listen string) (s Spec, err error) {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		return unixAddress(path)
	}
	if s, err = tcpAddress(listen); err != nil {
		return s, err
	}
	host, _, _ := net.SplitHostPort(listen) // checked above
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return s, errors.New("not a loopback address")
	}
	return s, nil
}

// excerpt returns the beginning of a line, quoted, with unprintable characters escaped, for error messages.
func excerpt(line []byte) string {
	const most = 200
	shown := string(line[:min(len(line), most)])
	quoted := strconv.Quote(shown)
	if strconv.CanBackquote(shown) && !strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }) {
		quoted = "`" + shown + "`"
	}
	if len(line) > most {
		quoted += fmt.Sprintf("… (%d bytes)", len(line))
	}
	return quoted
}
