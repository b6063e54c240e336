package adapter

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Spec says which program is the target: one to start, or one that runs already.
type Spec struct {
	Command []string // to start, with its arguments; empty where it runs already
	Network string   // where it listens, when it runs already: tcp or unix
	Address string   // HOST:PORT or a path
}

// forms are the legal ways to write a Spec.
const forms = "exec:COMMAND, tcp:HOST:PORT or unix:PATH"

// Parse reads a target as the command line has it: exec:COMMAND, cut into words as a POSIX shell would, but by none;
// tcp:HOST:PORT; unix:PATH. Errors name the text and what is legal.
func Parse(text string) (Spec, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	var s Spec
	var err error
	switch scheme {
	case "exec":
		s.Command, err = split(rest)
		if err == nil && len(s.Command) == 0 {
			err = errors.New("no command")
		}
		if err == nil && s.Command[0] == "" {
			err = errors.New("the command's name is empty")
		}
	case "tcp":
		s.Network, s.Address = "tcp", rest
		err = wantHostPort(rest)
	case "unix":
		s.Network, s.Address = "unix", rest
		if rest == "" {
			err = errors.New("no path")
		}
	default:
		err = errors.New("an unknown kind of target")
	}
	if err != nil {
		return Spec{}, fmt.Errorf("target %q: %w: want %s", text, err, forms)
	}
	return s, nil
}

// wantHostPort is an error when address is not HOST:PORT with a port that one can connect to.
func wantHostPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %q: want a number from 1 to 65535", port)
	}
	if host == "" {
		return errors.New("no host")
	}
	return nil
}

// String is the target as [Parse] reads it.
func (s Spec) String() string {
	if len(s.Command) > 0 {
		return "exec:" + join(s.Command)
	}
	return s.Network + ":" + s.Address
}
