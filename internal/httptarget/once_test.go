package httptarget

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// counter is a service that counts requests by their path.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	c.mu.Lock()
	c.seen[r.URL.Path]++
	c.mu.Unlock()
	fmt.Fprintf(w, "%s", r.URL.Path)
}

// fate is what a proxy does with a request.
type fate int

const (
	passed     fate = iota // the service's answer comes back
	cutAfter               // and then the connection is closed
	cutLater               // and a moment later the connection is closed
	resetAfter             // and then the connection is reset
	lost                   // the request does not reach the service, and the connection is closed
	unanswered             // the answer does not come back
	halfAnswer             // half of it does
	numFates
)

// proxy passes requests to a service, and cuts the connections of clients at random. With certificates it speaks TLS to clients.
func proxy(t *testing.T, service string, certificates *tls.Config, seed uint64, fates fate) *rawService {
	return serve(t, func(s *rawService, conn net.Conn, r *bufio.Reader) {
		nc := conn
		if certificates != nil {
			nc = tls.Server(conn, certificates)
			r = bufio.NewReader(nc)
		}
		draw := rand.New(rand.NewPCG(seed, uint64(s.conns.Load())))
		client := http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for {
			q, err := s.read(r)
			if err != nil {
				return
			}
			f := passed
			if draw.IntN(3) == 0 {
				f = fate(draw.IntN(int(fates)))
			}
			if f == lost {
				return
			}
			q.URL, _ = url.Parse(service + q.RequestURI)
			q.RequestURI = ""
			a, err := client.Do(q)
			if err != nil {
				t.Errorf("between proxy and service: %v", err)
				return
			}
			var answer bytes.Buffer
			_ = a.Write(&answer)
			a.Body.Close()
			switch f {
			case unanswered:
				return
			case halfAnswer:
				_, _ = nc.Write(answer.Bytes()[:answer.Len()/2])
				return
			}
			_, _ = nc.Write(answer.Bytes())
			switch f {
			case resetAfter:
				_ = conn.(*net.TCPConn).SetLinger(0)
				return
			case cutLater:
				time.Sleep(time.Duration(draw.IntN(200)) * time.Microsecond)
				return
			case cutAfter:
				return
			}
		}
	})
}

// TestNothingIsSentTwice has users whose connections a proxy cuts. The service has seen each request that was answered once, none
// that was not sent, and none twice.
func TestNothingIsSentTwice(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS() // makes a certificate
	defer server.Close()
	type secured struct {
		name string
		open func(clientOptions) exchanger
		tls  *tls.Config
	}
	trusting := func(o clientOptions) exchanger {
		o.tls = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
		return newHTTPClient(o)
	}
	for _, transport := range []secured{
		{"own", newClient, nil}, {"net/http", newHTTPClient, nil}, {"https", trusting, &tls.Config{Certificates: server.TLS.Certificates}},
	} {
		seeds := uint64(6)
		if testing.Short() || transport.tls != nil { // a handshake takes long
			seeds = 2
		}
		for seed := range seeds {
			for name, fates := range map[string]fate{"between requests": lost, "at any moment": numFates} {
				for _, wrong := range sentWrongly(t, transport.open, transport.tls, seed, fates) {
					t.Errorf("%s, cut %s, seed %d: %s", transport.name, name, seed, wrong)
				}
			}
		}
	}
}

// TestRequestsSentAgainAreFound has net/http as it is.
func TestRequestsSentAgainAreFound(t *testing.T) {
	naive := func(clientOptions) exchanger { return naiveClient{new(http.Transport)} }
	for seed := range uint64(20) {
		if len(sentWrongly(t, naive, nil, seed, numFates)) > 0 {
			return
		}
	}
	t.Error("requests that were sent again are not found")
}

// naiveClient sends GET and HEAD again.
type naiveClient struct{ *http.Transport }

func (c naiveClient) exchange(_ context.Context, q *request, a *response) error {
	r, err := http.NewRequest(q.method, q.base.String()+string(q.target), bytes.NewReader(q.body))
	if err != nil {
		return err
	}
	answer, err := c.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	a.status = answer.StatusCode
	a.body, err = io.ReadAll(answer.Body)
	return err
}

func (c naiveClient) close() error {
	c.CloseIdleConnections()
	return nil
}

// sentWrongly returns what is wrong with the requests of users whose connections a proxy cuts.
func sentWrongly(t *testing.T, open func(clientOptions) exchanger, certificates *tls.Config, seed uint64, fates fate) (wrong []string) {
	const users, each = 6, 60
	sees := &counter{seen: map[string]int{}}
	p := proxy(t, serveHTTP(t, sees), certificates, seed, fates)
	if certificates != nil {
		p.base.Scheme = "https"
	}
	outcomes := make([][each]error, users)
	var working sync.WaitGroup
	for u := range users {
		working.Go(func() {
			c := open(clientOptions{timeout: patience})
			defer c.close()
			for i := range each {
				q := request{method: []string{"GET", "POST", "DELETE", "PUT"}[i%4], base: p.base, target: fmt.Appendf(nil, "/%d/%d", u, i)}
				if i%8 == 1 {
					q.body = []byte("hi")
				}
				var a response
				err := c.exchange(t.Context(), &q, &a)
				if outcomes[u][i] = err; err == nil && (a.status != 200 || string(a.body) != string(q.target)) {
					t.Errorf("%s: status %d, body %q", q.target, a.status, a.body)
				}
			}
		})
	}
	working.Wait()
	sees.mu.Lock()
	defer sees.mu.Unlock()
	answered, failed := 0, 0
	for u := range users {
		for i, err := range outcomes[u] {
			n := sees.seen[fmt.Sprintf("/%d/%d", u, i)]
			if n > 1 || err == nil && n != 1 || errors.Is(err, errNotSent) && n != 0 {
				wrong = append(wrong, fmt.Sprintf("the service saw request %d of user %d %d times; error: %v", i, u, n, err))
			}
			if err == nil {
				answered++
			} else {
				failed++
			}
		}
	}
	if answered < users*each/3 || fates == numFates && failed == 0 {
		t.Errorf("seed %d: %d answered, %d failed: the proxy is not what it should be", seed, answered, failed)
	}
	return wrong
}

// TestCutsBetweenRequests closes or resets idle connections at random: every exchange has an answer, and the service has seen exactly
// as many requests.
func TestCutsBetweenRequests(t *testing.T) {
	const users, each = 4, 50
	seeds := uint64(20)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		s := serve(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
		var mu sync.Mutex
		cuts := 0
		var working sync.WaitGroup
		for u := range users {
			working.Go(func() {
				draw := rand.New(rand.NewPCG(seed, uint64(u)))
				c := newClient(clientOptions{timeout: patience}).(*client)
				defer c.close()
				for i := range each {
					if err := c.exchange(t.Context(), post(s, "hi"), new(response)); err != nil {
						t.Errorf("seed %d: user %d, exchange %d: %v", seed, u, i, err)
					}
					if i+1 == each || draw.IntN(3) > 0 {
						continue
					}
					cutOne(s, c.conns[0].nc.LocalAddr().String(), draw.IntN(2) == 0)
					closesSoon(c)
					mu.Lock()
					cuts++
					mu.Unlock()
				}
			})
		}
		working.Wait()
		if n := s.requests.Load(); n != users*each {
			t.Errorf("seed %d: the service saw %d requests, want %d", seed, n, users*each)
		}
		if n := s.conns.Load(); n != int64(users+cuts) {
			t.Errorf("seed %d: %d connections, want %d", seed, n, users+cuts)
		}
	}
}

// cutOne closes the connection from an address.
func cutOne(s *rawService, from string, reset bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, nc := range s.open {
		if nc.RemoteAddr().String() == from {
			if reset {
				_ = nc.(*net.TCPConn).SetLinger(0)
			}
			nc.Close()
		}
	}
}

// serveHTTP starts a server of net/http on loopback and returns its address.
func serveHTTP(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-done })
	return "http://" + l.Addr().String()
}

// TestExchangeAllocatesNothing has a service whose answers differ in their bodies only.
func TestExchangeAllocatesNothing(t *testing.T) {
	s := serve(t, func(_ *rawService, nc net.Conn, _ *bufio.Reader) {
		buf, answer := make([]byte, 4096), []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\nhi")
		for {
			if _, err := nc.Read(buf); err != nil { // each request arrives whole
				return
			}
			answer[len(answer)-1]++
			_, _ = nc.Write(answer)
		}
	})
	c := newClient(clientOptions{timeout: patience})
	defer c.close()
	q, a, ctx := post(s, "hi"), new(response), t.Context()
	q.header = []headerField{{"Content-Type", "application/json"}}
	got := testing.AllocsPerRun(200, func() {
		if err := c.exchange(ctx, q, a); err != nil || a.status != 200 || len(a.header) != 2 {
			t.Errorf("status %d, header %q, %v", a.status, a.header, err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations per exchange", got)
	}
}
