package child

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// Group measures what the processes of a process group use. It holds an open /proc/PID/stat for each of them, the leader's first: reading
// one takes a single system call, and cannot return the data of another process with a reused id. The zero value has no processes.
type Group struct{ stats []*os.File }

// Find finds the processes of the group.
func (g *Group) Find(leader int) {
	g.Close()
	g.add(leader, leader)
	entries, _ := os.ReadDir("/proc") // on an error the leader remains
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != leader {
			g.add(pid, leader)
		}
	}
}

// add adds a process if it exists and is in the leader's group.
func (g *Group) add(pid, leader int) {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return
	}
	if s, err := readStat(f); err != nil || s.group != leader {
		f.Close()
		return
	}
	g.stats = append(g.stats, f)
}

// Usage returns the sums over the group, or an error if its leader has ended. Shared memory counts in each process.
func (g *Group) Usage() (u Usage, err error) {
	if len(g.stats) == 0 {
		return u, os.ErrProcessDone
	}
	for i, f := range g.stats {
		s, err := readStat(f)
		if err != nil && i == 0 {
			return u, err
		}
		u.CPU += s.cpu // that of an ended process is in its parent
		u.Memory += s.resident
	}
	return u, nil
}

// Close forgets the processes.
func (g *Group) Close() {
	for _, f := range g.stats {
		f.Close()
	}
	g.stats = nil
}

// stat is the part of /proc/PID/stat that is used, see proc_pid_stat(5).
type stat struct {
	group    int
	cpu      time.Duration // of the process and of the children that it has waited for
	resident int64         // bytes
}

func readStat(f *os.File) (stat, error) {
	var buf [1 << 10]byte // about 350 bytes are used
	n, err := f.ReadAt(buf[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return stat{}, err
	}
	return parseStat(buf[:n])
}

// parseStat parses the fields after the command, which is in parentheses and may contain any byte.
func parseStat(text []byte) (s stat, err error) {
	const (
		state                        = 3 // field numbers of proc_pid_stat(5)
		group                        = 5
		utime, stime, cutime, cstime = 14, 15, 16, 17
		rss                          = 24                    // pages
		tick                         = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
	)
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= rss-state {
		return stat{}, fmt.Errorf("/proc/PID/stat has %d fields: want %d", len(fields), rss-state+1)
	}
	number := func(field int) int64 {
		n, bad := strconv.ParseInt(string(fields[field-state]), 10, 64)
		err = errors.Join(err, bad)
		return n
	}
	s.group = int(number(group))
	s.cpu = time.Duration(number(utime)+number(stime)+number(cutime)+number(cstime)) * tick
	s.resident = number(rss) * int64(os.Getpagesize())
	return s, err
}
