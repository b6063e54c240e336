package httptarget

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/sessbench/sessbench/internal/printable"
)

// throttled is a request that the service refused because there were too many.
type throttled struct{}

func (throttled) Error() string { return "throttled" }

// Kind is the name in results.
func (throttled) Kind() string { return "throttled" }

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

// Kind is the name in results.
func (e *statusError) Kind() string { return fmt.Sprintf("status_%d", e.status) }

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

// Kind is the name in results.
func (e *unusable) Kind() string { return "unusable_answer" }

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
