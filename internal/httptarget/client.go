package httptarget

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"
)

// clientOptions are the limits of exchanges and how connections are made. Zero values stand for the defaults.
type clientOptions struct {
	timeout   time.Duration // from the call to the last byte of the answer; default 30 s
	maxHeader int           // bytes of a header, interim answers included; default 1 MiB
	maxBody   int           // bytes of a body; default 16 MiB
	http2     bool          // HTTP/2 also without TLS, without asking for HTTP/1.1 first
	tls       *tls.Config   // of https; nil: the certificates that the system trusts
}

func (o clientOptions) withDefaults() clientOptions {
	o.timeout = cmp.Or(o.timeout, 30*time.Second)
	o.maxHeader = cmp.Or(o.maxHeader, 1<<20)
	o.maxBody = cmp.Or(o.maxBody, 16<<20)
	return o
}

// newExchanger returns a user's transport to workers: the one in this package for HTTP/1.1, that of net/http for TLS and HTTP/2.
func newExchanger(workers []*url.URL, o clientOptions) exchanger {
	for _, w := range workers {
		if w.Scheme != "http" || o.http2 {
			return newHTTPClient(o)
		}
	}
	return newClient(o)
}

// client exchanges messages in HTTP/1.1 without TLS, with one connection to each worker, which is opened at the first request.
// In steady state an exchange allocates one string, if the header of the answer differs from that of the last one, and nothing
// otherwise.
//
// The client of valyala/fasthttp was not used: it sends requests again, those with POST among them, if a connection in use before
// is closed without an answer; it rewrites the names of header fields; and with both turned off its errors do not say whether
// something was written.
type client struct {
	clientOptions
	conns []*wireConn // by worker
}

var _ exchanger = (*client)(nil)

// newClient returns a client without a connection. Its requests must have bases with scheme http.
func newClient(o clientOptions) exchanger { return &client{clientOptions: o.withDefaults()} }

// exchange implements [exchanger]. If ctx ends before the answer, the connection is closed.
func (c *client) exchange(ctx context.Context, q *request, a *response) error {
	a.status, a.header, a.body, a.firstEvent = 0, a.header[:0], a.body[:0], 0
	if err := checkRequest(q); err != nil {
		return err
	}
	return c.to(q.base).exchange(ctx, q, a)
}

// to returns the connection to a worker.
func (c *client) to(worker *url.URL) *wireConn {
	for _, k := range c.conns {
		if k.worker == worker || k.worker.Host == worker.Host {
			return k
		}
	}
	k := &wireConn{clientOptions: c.clientOptions, worker: worker, address: worker.Host}
	if worker.Port() == "" {
		k.address = net.JoinHostPort(worker.Hostname(), "80")
	}
	c.conns = append(c.conns, k)
	return k
}

// close implements [exchanger].
func (c *client) close() error {
	for _, k := range c.conns {
		k.hangUp()
	}
	return nil
}
