package child

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// Answers returns, in a child that was started with [Options].Answers, the file to write answers to. The variable is
// removed, so that processes that the child starts are no such children, and what else is written to stdout goes to stderr.
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
	keepFromChildren(descriptor)
	return os.NewFile(uintptr(descriptor), "answers"), nil
}

// setenv adds a variable to what a command's environment is to be.
func setenv(cmd *exec.Cmd, name, value string) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, name+"="+value)
}
