package child

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// Answers returns, in a child that was started with [Options].Answers, the file to write answers to. The variable is
// removed, so that processes that the child starts are no such children, and they inherit none of the files that the child
// has inherited. What else is written to stdout goes to stderr.
// Only the first call has an answer.
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
	for inherited := 3; inherited <= descriptor; inherited++ { // the caller's ExtraFiles come first
		keepFromChildren(inherited)
	}
	return os.NewFile(uintptr(descriptor), "answers"), nil
}

// Watch reads JSON values from the parent, one with each call of next, until next fails. It is a function of its own so that
// a goroutine that waits for the parent is known by its stack: it is no sign that anything is being done.
func Watch(from io.Reader, next func(*json.Decoder) error) error {
	for values := json.NewDecoder(from); ; {
		if err := next(values); err != nil {
			return err
		}
	}
}

// setenv adds a variable to what a command's environment is to be.
func setenv(cmd *exec.Cmd, name, value string) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, name+"="+value)
}
