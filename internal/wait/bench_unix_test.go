//go:build unix

package wait

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkWait measures requested against actual waits of many goroutines: median and 99th percentile in
// microseconds, processor time per wait, and the median round trip over loopback meanwhile.
func BenchmarkWait(b *testing.B) {
	for _, d := range []time.Duration{10 * time.Microsecond, 50 * time.Microsecond, 200 * time.Microsecond, time.Millisecond, 100 * time.Millisecond} {
		for _, users := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("d=%v/users=%d", d, users), func(b *testing.B) {
				for b.Loop() {
					benchmarkWait(b, d, users)
				}
			})
		}
	}
}

func benchmarkWait(b *testing.B, d time.Duration, users int) {
	c, err := Start()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Stop()
	length := max(300*time.Millisecond, 5*d)
	took := make([][]time.Duration, users)
	before := processorTime()
	var wg sync.WaitGroup
	start := time.Now()
	for u := range users {
		wg.Go(func() {
			w := c.NewWaiter()
			for time.Since(start) < length {
				from := time.Now()
				w.Wait(d)
				took[u] = append(took[u], time.Since(from))
			}
		})
	}
	trips := roundTrips(b, length)
	wg.Wait()
	cpu := processorTime() - before
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2])/1e3, "µs-p50")
	b.ReportMetric(float64(all[len(all)*99/100])/1e3, "µs-p99")
	b.ReportMetric(float64(cpu)/float64(len(all))/1e3, "cpu-µs/wait")
	b.ReportMetric(float64(cpu)/float64(time.Since(start)), "cores")
	b.ReportMetric(float64(trips[len(trips)/2])/1e3, "µs-trip-p50")
	b.ReportMetric(float64(trips[len(trips)*99/100])/1e3, "µs-trip-p99")
	b.ReportMetric(0, "ns/op")
}

// roundTrips measures round trips over loopback, some 1 ms apart, for a time.
func roundTrips(b *testing.B, length time.Duration) (all []time.Duration) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var buf [1]byte
		for {
			if _, err := conn.Read(buf[:]); err != nil {
				return
			}
			if _, err := conn.Write(buf[:]); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	var buf [1]byte
	for start := time.Now(); time.Since(start) < length; time.Sleep(time.Millisecond) {
		from := time.Now()
		if _, err := conn.Write(buf[:]); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Read(buf[:]); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(from))
	}
	slices.Sort(all)
	return all
}

func processorTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
