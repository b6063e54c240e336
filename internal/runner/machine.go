package runner

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// ThisMachine describes the machine, as far as the system reports it.
func ThisMachine() result.Machine {
	return result.Machine{
		CPU:        cpuModel(),
		Cores:      runtime.NumCPU(),
		GOMAXPROCS: runtime.GOMAXPROCS(0),
		CgroupCPUs: cgroupCPUs(),
		OS:         runtime.GOOS + "/" + runtime.GOARCH,
		Kernel:     firstLine("/proc/sys/kernel/osrelease"),
		Go:         runtime.Version(),
		Load1:      load1(),
	}
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cgroupCPUs is the processor quota of the control group (version 2), 0 where there is none.
func cgroupCPUs() float64 {
	quota, period, _ := strings.Cut(firstLine("/sys/fs/cgroup/cpu.max"), " ")
	q, qerr := strconv.ParseFloat(quota, 64)
	p, perr := strconv.ParseFloat(period, 64)
	if qerr != nil || perr != nil || p <= 0 {
		return 0
	}
	return q / p
}

func load1() float64 {
	first, _, _ := strings.Cut(firstLine("/proc/loadavg"), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}

// processors is how many processors the trials of a setup may keep busy: c of the limit.
func (r *run) processors(base setup) float64 {
	m := r.doc.Machine
	if base.processors > 0 {
		m.GOMAXPROCS = base.processors
	}
	return processors(m)
}

// processors is how many processors the run may keep busy.
func processors(m result.Machine) float64 {
	c := float64(min(m.GOMAXPROCS, m.Cores))
	if m.CgroupCPUs > 0 {
		c = min(c, m.CgroupCPUs)
	}
	return c
}
