// Package httptarget drives HTTP services as targets: a mapping file says which requests an operation becomes, and how its effect is
// read from the answers.
package httptarget

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// request is an HTTP request that is ready to be sent. Its buffers belong to the caller, which reuses them.
type request struct {
	method string
	base   *url.URL      // scheme and host of the worker
	target []byte        // path and query, encoded
	header []headerField // without Host, Content-Length and Connection, which the exchanger adds
	body   []byte
	events bool // server-sent events are expected
}

type headerField struct{ name, value string }

// response is the answer to a request. Its buffers are valid until the next exchange.
type response struct {
	status     int
	header     []headerField // names in canonical form
	body       []byte
	firstEvent time.Duration // from the call to the first server-sent event; 0: none
}

// exchanger is one user's way to a service: one request at a time. Requests are never sent again, redirects are not followed and
// cookies are not kept.
type exchanger interface {
	// exchange sends q and overwrites a with the answer. If the error does not wrap errNotSent, the service may have read the request.
	exchange(ctx context.Context, q *request, a *response) error

	close() error
}

// errNotSent: no byte of the request was written.
var errNotSent = errors.New("not sent")
