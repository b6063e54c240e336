package cmd

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTargetInitFromURL: the draft has the address of the document's server; redirects to other machines are not followed.
func TestTargetInitFromURL(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/openapi.json":
			fmt.Fprint(w, `{"openapi": "3.0.2", "info": {"title": "Chat", "version": "1"}, "paths": {"/sessions": {"post": {"responses": {}}}}}`)
		case "/away":
			http.Redirect(w, r, "http://sessbench.invalid/openapi.json", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for _, test := range []struct {
		path, want string
		code       int
	}{
		{"/openapi.json", "base: " + server.URL + "\n", 0},
		{"/none", "status 404", 1},
		{"/away", `"sessbench.invalid" is not this machine`, 2},
	} {
		var out, errs strings.Builder
		code := Main(WithArgs("target", "init", "--openapi", server.URL+test.path), WithIO(strings.NewReader(""), &out, &errs))
		if code != test.code || !strings.Contains(out.String()+errs.String(), test.want) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s%s", test.path, code, test.code, test.want, &out, &errs)
		}
	}
}
