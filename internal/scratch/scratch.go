// Package scratch makes temporary directories that do not outlive their process for long: what a process that was killed left
// behind is removed when the next one makes a directory of that kind.
//
// A directory belongs to the process that holds a lock on a file inside. The system releases the lock when the process
// ends, however it ends. A process id in the file would not do: ids are used again, and other containers have their own.
package scratch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Dir is a temporary directory of this process.
type Dir struct {
	dir  string
	lock *os.File // held as long as it is open; nil where files cannot be locked
}

// lockName is the file that its owner holds, contentName the directory beside it that is for use.
const (
	lockName    = "owner.lock"
	contentName = "content"
)

// Tests replace these.
var (
	lock      = tryLock
	removeAll = os.RemoveAll
)

// Make makes a directory below [os.TempDir] whose name begins with prefix, and removes those of that prefix whose process has
// ended. The prefix must be used for nothing else.
func Make(prefix string) (*Dir, error) {
	Sweep(prefix)
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	d := &Dir{dir: dir}
	if d.lock, err = hold(filepath.Join(dir, lockName)); err == nil {
		err = os.Mkdir(d.Path(), 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, d.Remove())
	}
	return d, nil
}

// Path is the directory to use. It is empty at first.
func (d *Dir) Path() string { return filepath.Join(d.dir, contentName) }

// Remove removes the directory and what is in it.
func (d *Dir) Remove() error {
	err := remove(d.dir)
	if d.lock != nil {
		err = errors.Join(err, d.lock.Close())
	}
	return err
}

// remove removes a directory. Its lock file goes last: while there is content, another process can find out that the owner
// has ended, and remove the rest.
func remove(dir string) error {
	if err := removeAll(filepath.Join(dir, contentName)); err != nil {
		return err
	}
	return removeAll(dir)
}

// hold makes a file that this process has locked. It gets its name when it is locked, so that no process finds it unlocked. Where it
// cannot be locked there is no such file, and no process removes the directory of another one.
func hold(name string) (*os.File, error) {
	f, err := os.OpenFile(name+".new", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if locked, _ := lock(f); !locked {
		return nil, errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Sweep removes the directories of processes that have ended, as far as it can. One without a lock file is left alone: it may be
// about to get it.
func Sweep(prefix string) {
	list, _ := os.ReadDir(os.TempDir()) // what cannot be read cannot be removed
	for _, entry := range list {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		dir := filepath.Join(os.TempDir(), entry.Name())
		f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
		if err != nil { // removed since, another user's, or not locked yet
			continue
		}
		if free, _ := lock(f); free { // after an error it counts as locked by another process
			_ = remove(dir) // another process will try again
		}
		f.Close()
	}
}
