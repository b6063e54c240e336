package httptarget

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// forms is a service with a login, a token in each form and a key for all requests, as frameworks for pages have them.
type forms struct {
	mu    sync.Mutex
	users map[string]string // by cookie
	texts map[string][]string
}

func (f *forms) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cookie := func(name string) string {
		if c, err := r.Cookie(name); err == nil {
			return c.Value
		}
		return ""
	}
	sid := cookie("sid")
	known := f.users[sid] != ""
	switch {
	case r.URL.Path == "/key":
		fmt.Fprint(w, `{"key": 4711}`)
	case r.Header.Get("X-Key") != "4711":
		http.Error(w, "no key", http.StatusForbidden)
	case r.URL.Path == "/form":
		csrf := fmt.Sprintf("token+%d", len(f.users))
		http.SetCookie(w, &http.Cookie{Name: "csrf", Value: csrf})
		fmt.Fprintf(w, `<input type="hidden" name="csrf" value="%s">`, csrf)
	case r.Method == "POST" && r.FormValue("csrf") != cookie("csrf"):
		http.Error(w, "forged", http.StatusForbidden)
	case r.URL.Path == "/login":
		if r.FormValue("password") != "1234" && r.FormValue("password") != "5,6" {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		sid = fmt.Sprint("s", len(f.users))
		f.users[sid] = r.FormValue("user")
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: sid, HttpOnly: true})
		http.Redirect(w, r, "/", http.StatusFound)
	case !known:
		http.Redirect(w, r, "/login", http.StatusFound)
	case r.Method == "POST":
		f.texts[sid] = append(f.texts[sid], r.FormValue("text"))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		fmt.Fprintf(w, `{"user": "%s", "texts": ["%s"]}`, f.users[sid], strings.Join(f.texts[sid], `","`))
	}
}

const formsMapping = `
base: %s
accounts: accounts.csv
session: {id: {cookie: sid}}
setup: {request: GET /key, capture: {key: .key}}
operations:
  create:
    steps:
      - request: GET /form
        headers: {X-Key: "{key}"}
        capture: {csrf: {regexp: 'name="csrf" value="([^"]+)"'}}
      - request: POST /login
        headers: {X-Key: "{key}"}
        form: {csrf: "{csrf}", user: "{account.user}", password: "{account.password}"}
        status: 302
  append:
    request: POST /say
    headers: {X-Key: "{key}"}
    form: {csrf: "{csrf}", text: "{role} {content}"}
    status: 303
  history:
    request: GET /
    headers: {X-Key: "{key}"}
    messages: '.user as $user | .texts[] | capture("(?s)^(?<role>[a-z]+) (?<content>.*)$") | .role += "/" + $user'
errors: {not_found: 302}
`

// TestLogin: a key of setup, the token of a form, an account for each session, and cookies.
func TestLogin(t *testing.T) {
	target := serveChatWith(t, formsMapping, &forms{users: map[string]string{}, texts: map[string][]string{}}, Options{},
		map[string]string{"accounts.csv": "user,password\nada,1234\ngrace,\"5,6\"\n"})
	c, err := target.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var e scenarios.Effect
	do := func(q scenarios.Request) error { return c.Do(t.Context(), &q, &e) }
	for i, user := range []string{"ada", "grace"} {
		if err := do(scenarios.Request{Op: scenarios.Create}); err != nil {
			t.Fatal(err)
		}
		id := e.ID
		if err := do(scenarios.Request{Op: scenarios.Append, ID: id, Role: "user", Content: fmt.Sprint("a&b ", i)}); err != nil {
			t.Fatal(err)
		}
		if err := do(scenarios.Request{Op: scenarios.History, ID: id}); err != nil {
			t.Fatal(err)
		}
		if want := (manager.Message{Role: "user/" + user, Content: fmt.Sprint("a&b ", i)}); len(e.Messages) != 1 || e.Messages[0] != want {
			t.Errorf("session %d: %v, want %v", i, e.Messages, want)
		}
	}
	err = do(scenarios.Request{Op: scenarios.Create})
	checkError(t, "a third session and two accounts", err, "{account.user} has no value: there are more sessions than accounts")
}
