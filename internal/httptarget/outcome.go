package httptarget

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sessbench/sessbench/internal/printable"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// errThrottled: the service refused a request because there were too many.
var errThrottled = errors.New("throttled")

// statusError is an answer with a status that the mapping does not expect.
type statusError struct {
	request string // method and path
	status  int
	excerpt string // of the body
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%s was answered with %d %s", e.request, e.status, http.StatusText(e.status))
	if e.excerpt != "" {
		text += ": " + e.excerpt
	}
	return text
}

// unusable is an answer with an expected status whose body has not what the mapping reads from it.
type unusable struct {
	request string
	status  int
	cause   error
	excerpt string
}

func (e *unusable) Error() string {
	return fmt.Sprintf("%s was answered with %d, but %v: %s", e.request, e.status, e.cause, e.excerpt)
}

func (e *unusable) Unwrap() error { return e.cause }

const excerptLength = 200

// excerpt returns the beginning of a body, on one line, printable, and without secrets.
func (m *Mapping) excerpt(body []byte) string {
	longest := 0
	for _, secret := range m.secrets {
		longest = max(longest, len(secret))
	}
	text := m.Mask(string(body[:min(len(body), excerptLength+longest)])) // before it is cut, which could leave a part of a secret
	text = strings.Join(strings.Fields(printable.Text(text[:min(len(text), excerptLength)])), " ")
	if len(body) > excerptLength {
		text += fmt.Sprintf("… (%d bytes)", len(body))
	}
	return text
}

// changes are the operations that may have taken effect although their answer is unknown.
const changes = scenarios.Mints | scenarios.Ensures | scenarios.Mutates | scenarios.Removes | scenarios.RemovesIdle

// withoutEffect returns the error of an operation whose effect is unknown: indeterminate where it changes something, else not applied.
func withoutEffect(op scenarios.Op, err error) error {
	if op.Does(changes) {
		return fmt.Errorf("%w: %w", manager.ErrIndeterminate, err)
	}
	return manager.NotApplied(err)
}
