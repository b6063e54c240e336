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

// version is that of the protocol.
const version = 1

// announcement is what a program says first, for errors.
const announcement = `{"sessbench":1,"listen":"127.0.0.1:PORT","name":"NAME"} (or "listen":"unix:PATH")`

// Announced is what a program says of itself in its first line on stdout.
type Announced struct {
	Network string // tcp or unix
	Address string // where on it
	Name    string // may be empty
}

// readAnnounced reads an announcement. One that begins with another version is refused whatever else it says.
func readAnnounced(line string) (Announced, error) {
	var a struct {
		Version *int64 `json:"sessbench"`
		Listen  string `json:"listen"`
		Name    string `json:"name"`
	}
	line = strings.TrimSpace(line)
	if err := json.Unmarshal([]byte(line), &a); err != nil || a.Version == nil {
		return Announced{}, fmt.Errorf("its first line on stdout is %s: want %s", excerpt([]byte(line)), announcement)
	}
	if err := wantVersion(*a.Version); err != nil {
		return Announced{}, err
	}
	network, address, err := whereListens(a.Listen)
	if err != nil {
		return Announced{}, fmt.Errorf("it announced that it listens on %q: %w: want 127.0.0.1:PORT or unix:PATH", a.Listen, err)
	}
	return Announced{Network: network, Address: address, Name: printable.Name(a.Name)}, nil
}

func wantVersion(got int64) error {
	if got != version {
		return fmt.Errorf("it speaks version %d of the protocol: want %d", got, version)
	}
	return nil
}

// whereListens reads where a program that we started listens: on this machine, where nobody else can reach it.
func whereListens(listen string) (network, address string, err error) {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		if path == "" {
			return "", "", errors.New("no path")
		}
		return "unix", path, nil
	}
	if err := wantHostPort(listen); err != nil {
		return "", "", err
	}
	host, _, _ := net.SplitHostPort(listen) // it has been looked at
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return "", "", errors.New("that is not a loopback address")
	}
	return "tcp", listen, nil
}

// excerpt is the beginning of a line, quoted, for errors. What is not printable is escaped.
func excerpt(line []byte) string {
	const most = 200
	shown := string(line[:min(len(line), most)])
	quoted := strconv.Quote(shown)
	if plain := !strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }); plain && strconv.CanBackquote(shown) {
		quoted = "`" + shown + "`"
	}
	if len(line) > most {
		quoted += fmt.Sprintf("… (%d bytes)", len(line))
	}
	return quoted
}
