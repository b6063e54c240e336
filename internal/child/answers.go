package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// Answers returns, in a child that was started with [Options].Answers, the file to write answers to. It removes the
// variable and marks the inherited files, so that the processes that the child starts inherit neither. Whatever else is
// written to os.Stdout goes to stderr. Answers succeeds only once in a process.
func Answers(variable string) (*os.File, error) {
	text := os.Getenv(variable)
	os.Unsetenv(variable)
	descriptor, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s %q: want the number of a descriptor", variable, text)
	}
	if descriptor == 1 {
		answers := os.Stdout
		os.Stdout = os.Stderr
		return answers, nil
	}
	for inherited := 3; inherited <= descriptor; inherited++ { // the parent's ExtraFiles come first
		closeOnExec(inherited)
	}
	return os.NewFile(uintptr(descriptor), "answers"), nil
}

// Messages sends the JSON values that a child answers to a channel, and closes it when there are no more. A value that
// cannot be read is the last: unreadable makes a message of the error.
func Messages[M any](from io.Reader, to chan<- M, unreadable func(error) M) {
	defer close(to)
	for values := json.NewDecoder(from); ; {
		var m M
		switch err := values.Decode(&m); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrClosed):
			return
		case err != nil:
			to <- unreadable(err)
			return
		}
		to <- m
	}
}

// Watch reads JSON values from the parent, one with each call of next, until next fails. It is a separate function so that
// a goroutine that waits for the parent can be recognized by its stack: such a goroutine does not count as running.
func Watch(from io.Reader, next func(*json.Decoder) error) error {
	for values := json.NewDecoder(from); ; {
		if err := next(values); err != nil {
			return err
		}
	}
}

// setenv adds a variable to a command's environment.
func setenv(cmd *exec.Cmd, name, value string) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, name+"="+value)
}
