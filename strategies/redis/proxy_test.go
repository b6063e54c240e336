package redis_test

import (
	"bufio"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/redistest"
)

// Fate is what happens to a command that goes through a [Proxy].
type Fate uint8

// The fates.
const (
	Delivered   Fate = iota // executed and answered
	AnswerLost              // executed; the connection ends in place of the answer
	AnswerHeld              // executed; there is no answer, and the connection stays open until the client closes it
	RequestLost             // the connection ends before the command is sent to the server
	fates
)

// Judge decides on a command's fate; words[0] is its name as the client wrote it. It is called from many goroutines.
type Judge func(words []string) Fate

// EveryNth gives each n-th of the commands with one of these names this fate. Names are in lower case.
func EveryNth(n int64, fate Fate, names ...string) Judge {
	var seen atomic.Int64
	return func(words []string) Fate {
		if slices.Contains(names, strings.ToLower(words[0])) && seen.Add(1)%n == 0 {
			return fate
		}
		return Delivered
	}
}

// Proxy forwards commands from clients to a server, one at a time on each connection, and a judge decides the fate of each.
// Its methods may be called from any number of goroutines.
type Proxy struct {
	backend  string
	listener net.Listener
	judge    Judge
	counts   [fates]atomic.Int64
	inside   sync.WaitGroup // the goroutines of the proxy

	mu     sync.Mutex // protects conns and closed
	conns  map[net.Conn]struct{}
	closed bool
}

// NewProxy puts a proxy before the server at this address. It ends with t.
func NewProxy(t testing.TB, backend string, judge Judge) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{backend: backend, listener: l, judge: judge, conns: map[net.Conn]struct{}{}}
	p.inside.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where the proxy listens, HOST:PORT.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL is the proxy's address as clients take it.
func (p *Proxy) URL() string { return "redis://" + p.Addr() }

// Count is the number of commands with this fate so far. The server has answered them, except lost requests.
func (p *Proxy) Count(f Fate) int64 { return p.counts[f].Load() }

// AwaitIdle returns when no client is connected and the server has answered every command. A client's Close does not wait
// for answers that it has abandoned.
func (p *Proxy) AwaitIdle(t testing.TB) {
	t.Helper()
	for late := time.Now().Add(patience); p.connected() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%d connections are still there after %v", p.connected(), patience)
		}
	}
}

func (p *Proxy) connected() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.listener.Close()
	p.inside.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // it was closed
		}
		if p.own(client) {
			p.inside.Go(func() { p.serve(client) })
		}
	}
}

// own registers a connection, which ends with the proxy. If the proxy has ended, own closes it and reports false.
func (p *Proxy) own(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) disown(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	c.Close()
}

// serve forwards a client's commands to the server and the answers back, until a connection or a fate ends it.
func (p *Proxy) serve(client net.Conn) {
	defer p.disown(client)
	server, err := net.Dial("tcp", p.backend)
	if err != nil || !p.own(server) {
		return
	}
	defer p.disown(server)
	commands, answers := frames{r: bufio.NewReader(client)}, frames{r: bufio.NewReader(server)}
	for {
		words, err := commands.next()
		if err != nil || len(words) == 0 {
			return
		}
		fate := p.judge(words)
		if fate == RequestLost {
			p.counts[fate].Add(1)
			return
		}
		if _, err := server.Write(commands.raw); err != nil {
			return
		}
		if err := answers.answer(client); err != nil {
			return
		}
		p.counts[fate].Add(1)
		switch fate {
		case AnswerLost:
			return
		case AnswerHeld:
			_, _ = io.Copy(io.Discard, commands.r) // until the client gives up, whatever the error
			return
		}
		if _, err := client.Write(answers.raw); err != nil {
			return
		}
	}
}

// frames reads Redis's protocol, versions 2 and 3
// (https://redis.io/docs/latest/develop/reference/protocol-spec/).
type frames struct {
	r     *bufio.Reader
	raw   []byte   // the last frame as it came
	words []string // the strings in it
}

// next reads a whole command or answer, and returns the strings in it.
func (f *frames) next() ([]string, error) {
	f.raw, f.words = f.raw[:0], f.words[:0]
	err := f.read()
	return f.words, err
}

// answer reads the answer to a command, and forwards push messages that come before it.
func (f *frames) answer(client io.Writer) error {
	for {
		if _, err := f.next(); err != nil || f.raw[0] != '>' {
			return err
		}
		if _, err := client.Write(f.raw); err != nil {
			return err
		}
	}
}

// read adds a frame to what was read.
func (f *frames) read() error {
	line, err := f.r.ReadBytes('\n')
	f.raw = append(f.raw, line...)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(line[1:]))) // -1 is the null of version 2; what is no number has no parts
	switch line[0] {
	case '$', '=', '!':
		return f.text(n)
	case '*', '~', '>':
	case '%':
		n *= 2
	case '|':
		n = 2*n + 1 // attributes come before what they are about
	default:
		n = 0
	}
	for range n {
		if err := f.read(); err != nil {
			return err
		}
	}
	return nil
}

// text reads a string of n bytes, and the line's end behind it.
func (f *frames) text(n int) error {
	if n < 0 {
		return nil
	}
	at := len(f.raw)
	f.raw = append(f.raw, make([]byte, n+2)...)
	if _, err := io.ReadFull(f.r, f.raw[at:]); err != nil {
		return err
	}
	f.words = append(f.words, string(f.raw[at:at+n]))
	return nil
}

// clusterBehindProxies returns a cluster of three nodes, and the proxies with this judge through which clients reach them.
func clusterBehindProxies(t testing.TB, judge Judge) (c *redistest.Cluster, proxies []*Proxy) {
	t.Helper()
	c = redistest.StartClusterBehind(t, 3, func(node *redistest.Server) string {
		p := NewProxy(t, node.Addr(), judge)
		proxies = append(proxies, p)
		return p.Addr()
	})
	return c, proxies
}
