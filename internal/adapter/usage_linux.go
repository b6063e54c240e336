package adapter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/sessbench/sessbench/scenarios"
)

// group is the processes of a process group by their open /proc/PID/stat, the leader's first. That is one system call for each
// when the clock runs, and no other process can take the place of one that has ended.
type group struct{ stats []*os.File }

// recount looks who is in the group.
func (g *group) recount(leader int) {
	g.close()
	g.add(leader, leader)
	entries, _ := os.ReadDir("/proc") // then there is the leader
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != leader {
			g.add(pid, leader)
		}
	}
}

// add adds a process if it is there and in the leader's group.
func (g *group) add(pid, leader int) {
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

// usage is what the group has spent. The error is that its leader is gone.
func (g *group) usage() (u scenarios.TargetUsage, err error) {
	if len(g.stats) == 0 {
		return u, os.ErrProcessDone
	}
	for i, f := range g.stats {
		s, err := readStat(f)
		if err != nil && i == 0 {
			return u, err
		}
		u.CPU += s.cpu // of one that is gone, it is with whoever waited for it
		u.Memory += s.resident
	}
	return u, nil
}

func (g *group) close() {
	for _, f := range g.stats {
		f.Close()
	}
	g.stats = nil
}

// stat is what /proc/PID/stat tells of a process, proc_pid_stat(5).
type stat struct {
	group    int
	cpu      time.Duration // its own, and that of its children which it has waited for
	resident int64         // bytes
}

func readStat(f *os.File) (stat, error) {
	var room [1 << 10]byte // some 350 bytes are used
	n, err := f.ReadAt(room[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return stat{}, err
	}
	return parseStat(room[:n])
}

// parseStat reads the fields behind the command, which is in parentheses and may hold any byte.
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
