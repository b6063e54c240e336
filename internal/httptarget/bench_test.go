package httptarget

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// roleEnv makes this test program a server or a load generator instead: testdata/compare.sh compares it with others.
const roleEnv = "SESSBENCH_TEST_HTTP"

// roles by the value of roleEnv, with the arguments of the command line.
var roles = map[string]func(args []string) error{"noop": serveNoop, "load": load, "chat": serveService}

// serveNoop prints its address, and answers each request with two bytes until stdin ends.
func serveNoop([]string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		l.Close()
	}()
	fmt.Println(l.Addr())
	body := []byte("ok")
	err = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// load has users that send requests to a URL for a time, and prints how many were answered with 200, and in how many seconds.
// Arguments: the transport, the URL, the number of users, the time.
func load(args []string) error {
	if len(args) != 4 {
		return errors.New("want TRANSPORT URL USERS TIME")
	}
	u, err := url.Parse(args[1])
	if err != nil {
		return err
	}
	users, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	var over atomic.Bool
	time.AfterFunc(d, func() { over.Store(true) })
	start := time.Now()
	n, err := drive(context.Background(), args[0], u, users, over.Load)
	fmt.Println(n, time.Since(start).Seconds())
	return err
}

// drive has users that send requests until over returns true, and returns the number of answers.
func drive(ctx context.Context, transport string, base *url.URL, users int, over func() bool) (int64, error) {
	open := newClient
	if transport != transports[0].name {
		open = newHTTPClient
	}
	var answered atomic.Int64
	failures := make([]error, users)
	var working sync.WaitGroup
	for i := range users {
		working.Go(func() {
			c := open(clientOptions{})
			defer c.close()
			q, a := request{method: "GET", base: base, target: []byte("/")}, response{}
			n := int64(0)
			for ; !over(); n++ {
				if failures[i] = c.exchange(ctx, &q, &a); failures[i] == nil && a.status != 200 {
					failures[i] = fmt.Errorf("status %d", a.status)
				}
				if failures[i] != nil {
					break
				}
			}
			answered.Add(n)
		})
	}
	working.Wait()
	return answered.Load(), errors.Join(failures...)
}

// BenchmarkExchange has users that send requests to a server of net/http in another process.
func BenchmarkExchange(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	server := exec.Command(self)
	server.Env = append(os.Environ(), roleEnv+"=noop")
	stdin, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { stdin.Close(); _ = server.Wait() }()
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	base := &url.URL{Scheme: "http", Host: strings.TrimSpace(address)}
	for _, transport := range transports {
		for _, users := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/users=%d", transport.name, users), func(b *testing.B) {
				b.ReportAllocs()
				var left atomic.Int64
				left.Store(int64(b.N))
				n, err := drive(b.Context(), transport.name, base, users, func() bool { return left.Add(-1) < 0 })
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "requests/s")
			})
		}
	}
}
