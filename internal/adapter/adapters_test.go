package adapter

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// adapters are the adapters that this test program can be, correct and faulty.
var adapters = map[string]func() error{
	"noop":      func() error { return serveNoop("tcp", "127.0.0.1:0") },
	"noop-unix": serveNoopUnix,
	"memory":    func() error { return serve(variant{}) },
	"in-pieces": func() error { return serve(variant{write: inPieces}) },
	"chatty":    func() error { return serve(variant{write: chatty}) },
	"parent":    serveAsParent,
	"starter":   startAnother,
	"stubborn":  serveOn,
	"crash": func() error {
		var crashing sync.Mutex
		return serve(variant{on: "add_message", instead: func(net.Conn) error { return crash(&crashing) }})
	},
	"crash-after": func() error {
		return serve(variant{write: func(c net.Conn, line []byte) error {
			_, err := c.Write(line)
			if strings.Contains(string(line), `"held_us"`) {
				panic("a thread in the background failed")
			}
			return err
		}})
	},
	"crash-while": crashWhile,
	"hang":        func() error { return serve(variant{on: "add_message", instead: hang}) },
	"hang-up":     func() error { return serve(variant{on: "add_message", instead: hangUp}) },
	"hang-hello":  func() error { return serve(variant{on: "hello", instead: hang}) },
	"garbage":     func() error { return serve(variant{on: "add_message", instead: answer("this is not JSON")}) },
	"not-utf8":    func() error { return serve(variant{on: "add_message", instead: answer("{\"seq\":1,\"x\":\"\xff\"}")}) },
	"huge-line":   func() error { return serve(variant{on: "history", instead: hugeLine}) },
	"two-lines":   func() error { return serve(variant{on: "add_message", instead: answer("{\"seq\":1}\n{\"seq\":2}")}) },
	"internal": func() error {
		return serve(variant{on: "add_message", instead: answer(`{"error":"internal","message":"disk full"}`)})
	},
	"odd-error": func() error { return serve(variant{on: "add_message", instead: answer(`{"error":"oops"}`)}) },
	"odd-hello": func() error { return serve(variant{on: "hello", instead: answer(`{"name":"odd"}`)}) },
	"evil-name": func() error {
		return serve(variant{on: "hello", instead: answer(`{"sessbench":1,"name":"evil\u001b[31m\nrow  \u202e` + strings.Repeat("x", 200) + `","ops":["reset"]}`)})
	},
	"hello-2":     func() error { return serve(variant{on: "hello", instead: answer(`{"sessbench":2,"ops":[]}`)}) },
	"no-census":   func() error { return serve(variant{on: "census", instead: answer(`{"error":"unsupported"}`)}) },
	"odd-census":  func() error { return serve(variant{on: "census", instead: answer(`{"locks":1}`)}) },
	"silent":      func() error { return wait() },
	"no-stdout":   func() error { os.Stdout.Close(); return wait() },
	"dies":        func() error { return errors.New("no module named sessions") },
	"first-line":  func() error { fmt.Println("Listening on port 8080..."); return wait() },
	"version-2":   func() error { fmt.Println(`{"sessbench":2,"listen":"127.0.0.1:1"}`); return wait() },
	"everywhere":  func() error { fmt.Println(`{"sessbench":1,"listen":"0.0.0.0:8080"}`); return wait() },
	"no-listener": func() error { fmt.Println(`{"sessbench":1,"listen":"unix:/nonexistent/s"}`); return wait() },
}

// variant is a deviation from the usual adapter.
type variant struct {
	on      string // operation that instead handles
	instead func(net.Conn) error
	write   func(net.Conn, []byte) error // replaces the write of an answer
}

func inPieces(c net.Conn, line []byte) error {
	for _, piece := range [][]byte{line[:len(line)/2], line[len(line)/2:]} {
		if _, err := c.Write(piece); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// chatty writes more to stdout and stderr than a pipe holds.
func chatty(c net.Conn, line []byte) error {
	for range 1000 {
		fmt.Println("a line on stdout, repeated until the pipe would be full if it was not read")
		fmt.Fprintln(os.Stderr, "a line on stderr, repeated until the pipe would be full if it was not read")
	}
	_, err := c.Write(line)
	return err
}

// crash writes many lines and panics once.
func crash(crashing *sync.Mutex) error {
	crashing.Lock()
	for i := range 1000 {
		fmt.Fprintln(os.Stderr, "working on it", i)
	}
	panic("index out of range")
}

// crashWhile crashes in add_message while two requests of history wait.
func crashWhile() error {
	var waiting sync.WaitGroup
	waiting.Add(2)
	return serve(variant{
		on: "history", instead: func(net.Conn) error { waiting.Done(); select {} },
		write: func(c net.Conn, line []byte) error {
			if strings.Contains(string(line), `"seq":1`) {
				waiting.Wait()
				panic("index out of range")
			}
			_, err := c.Write(line)
			return err
		},
	})
}

func hang(net.Conn) error {
	fmt.Fprintln(os.Stderr, "waiting for a lock")
	return wait()
}

func hangUp(c net.Conn) error { return c.Close() }

func answer(line string) func(net.Conn) error {
	return func(c net.Conn) error {
		_, err := io.WriteString(c, line+"\n")
		return err
	}
}

func hugeLine(c net.Conn) error { return answer(strings.Repeat("x", maxLine))(c) }

// wait waits for the end of stdin.
func wait() error {
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func announce(l net.Listener, name string) {
	listen := l.Addr().String()
	if l.Addr().Network() == "unix" {
		listen = "unix:" + listen
	}
	fmt.Printf("{\"sessbench\":1,\"listen\":%q,\"name\":%q}\n", listen, name)
}

// serve runs an adapter with sessions in memory until its stdin ends.
func serve(v variant) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	announce(l, "memory")
	m := newMemory()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go v.serve(c, m)
		}
	}()
	return wait()
}

func (v variant) serve(c net.Conn, m *memory) {
	defer c.Close()
	lines := bufio.NewReader(c)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var q map[string]any
		if err := json.Unmarshal(line, &q); err != nil {
			panic(err)
		}
		if v.instead != nil && q["op"] == v.on {
			if v.instead(c) != nil {
				return
			}
			continue
		}
		line, err = json.Marshal(m.do(q))
		if err != nil {
			panic(err)
		}
		write := v.write
		if write == nil {
			write = func(c net.Conn, line []byte) error { _, err := c.Write(line); return err }
		}
		if write(c, append(line, '\n')) != nil {
			return
		}
	}
}

func serveNoop(network, address string) error {
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return ServeNoop(context.Background(), l, os.Stdin, os.Stdout)
}

func serveNoopUnix() (err error) {
	dir, err := os.MkdirTemp("", "noop")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return serveNoop("unix", dir+"/s")
}

// serveAsParent starts a process that would outlive it, and prints its id on stderr.
func serveAsParent() error {
	sleeps := exec.Command("sleep", "600")
	if err := sleeps.Start(); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, sleeps.Process.Pid)
	return serve(variant{})
}

// serveOn ignores the end of its stdin.
func serveOn() error {
	fmt.Fprintln(os.Stderr, "ignoring the end of stdin")
	if err := serve(variant{}); err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}

// startAnother is a program that starts an adapter and prints its process id on stdout.
func startAnother() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Setenv(adapterEnv, "stubborn"); err != nil {
		return err
	}
	p, err := Start(context.Background(), Spec{Command: []string{self}}, Options{})
	if err != nil {
		return err
	}
	fmt.Println(p.process.Pid())
	return wait()
}
