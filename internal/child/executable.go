package child

import (
	"os"
	"os/exec"
	"runtime"
)

// Executable returns the path to start this program as a child. On Linux that is the very file that this process runs,
// even if another build has replaced it under its name since: two builds may not understand each other's messages.
func Executable() (string, error) {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); err == nil && runtime.GOOS == "linux" {
		return running, nil
	}
	return os.Executable()
}

// Self returns a command that runs this program again with the same arguments: callers of its main function may read them,
// and the first one can decide what the program is.
func Self() (*exec.Cmd, error) {
	self, err := Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Args = os.Args
	return cmd, nil
}

// NamedExecutable is Executable under the name that this process was started by, where that is the same file: some
// programs decide by their name what they are.
func NamedExecutable() (string, error) {
	exact, err := Executable()
	if err != nil {
		return "", err
	}
	named, err := exec.LookPath(os.Args[0])
	if err != nil {
		return exact, nil
	}
	a, errA := os.Stat(named)
	b, errB := os.Stat(exact)
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		return exact, nil
	}
	return named, nil
}
