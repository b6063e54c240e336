package adapter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/internal/shellwords"
)

// Spec is the address of a target: a command to start, or where a running program listens.
type Spec struct {
	Command []string // command with its arguments; empty for a running program
	Network string   // of a running program: tcp or unix
	Address string   // of a running program: HOST:PORT or a path
}

// forms are the legal forms of a target on the command line.
const forms = "exec:COMMAND, tcp:HOST:PORT or unix:PATH"

// ErrKind says that a text is no target of an adapter program.
var ErrKind = errors.New("unknown kind of target")

// Parse parses a target: exec:COMMAND, split into words like a shell's command line, tcp:HOST:PORT, or unix:PATH.
func Parse(text string) (Spec, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	var s Spec
	var err error
	switch scheme {
	case "exec":
		s.Command, err = shellwords.Split(rest)
		if err == nil && len(s.Command) == 0 {
			err = errors.New("no command")
		}
		if err == nil && s.Command[0] == "" {
			err = errors.New("empty command name")
		}
	case "tcp":
		s, err = tcpAddress(rest)
	case "unix":
		s, err = unixAddress(rest)
	default:
		err = ErrKind
	}
	if err != nil {
		return Spec{}, fmt.Errorf("target %q: %w: want %s", text, err, forms)
	}
	return s, nil
}

// tcpAddress parses HOST:PORT with a port from 1 to 65535.
func tcpAddress(address string) (Spec, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return Spec{}, err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Spec{}, fmt.Errorf("port %q: want a number from 1 to 65535", port)
	}
	if host == "" {
		return Spec{}, errors.New("no host")
	}
	return Spec{Network: "tcp", Address: address}, nil
}

func unixAddress(path string) (Spec, error) {
	if path == "" {
		return Spec{}, errors.New("no path")
	}
	return Spec{Network: "unix", Address: path}, nil
}

// Dial connects to a running program. TCP has no delay, which is Go's default.
func (s Spec) Dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, s.Network, s.Address)
}

// String returns the target in the form that [Parse] reads.
func (s Spec) String() string {
	if len(s.Command) > 0 {
		return "exec:" + shellwords.Join(s.Command)
	}
	return s.Network + ":" + s.Address
}
