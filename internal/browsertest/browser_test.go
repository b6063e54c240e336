package browsertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// requireEnv is the environment variable that lists what fails tests if it is missing, as in package redistest.
const requireEnv = "SESSBENCH_REQUIRE"

// patience ends a test that hangs.
const patience = 2 * time.Minute

// executable finds Chromium.
func executable() (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no browser in PATH: looked for " + strings.Join(names, ", "))
}

// start starts a browser that ends with the test, and returns the context in which tabs are opened. Without one the test is skipped, or
// fails if [requireEnv] has "browser".
func start(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	path, err := executable()
	switch required := os.Getenv(requireEnv); {
	case err != nil && slices.Contains(strings.Split(required, ","), "browser"):
		t.Fatalf("%v, but %s=%q", err, requireEnv, required)
	case err != nil:
		t.Skip(err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), // among them: no background networking
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU, chromedp.WindowSize(1280, 800),
		chromedp.NoSandbox, // which root cannot use. The pages are ours
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), // nothing but loopback, whatever a page asks for
	)
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...) // the kernel kills it with this process
	ctx, _ := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits for its end
			t.Errorf("the browser ends: %v", err)
		}
		end()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// action is what a test does with a tab.
type action = chromedp.Action[chromedp.Void]

// command is a command of the protocol whose result is not used.
func command[P, R any](of cdp.Command[P, R], params P) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, of, params)
		return err
	})
}

// tab is a tab of the browser, and what happened in its page.
type tab struct {
	*testing.T
	ctx context.Context
	dir string

	mu         sync.Mutex
	address    string
	requests   []string // other than for the page itself
	complaints []string // errors and warnings of the console, exceptions, violations of the policy, dialogs
}

// open opens an empty tab after the actions. It is closed at the end of the test.
func open(t *testing.T, browser context.Context, before ...action) *tab {
	t.Helper()
	p := &tab{T: t, dir: t.TempDir()}
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	t.Cleanup(stop)
	p.ctx = ctx
	p.run(command(network.Enable, network.EnableParams{}), command(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}))
	p.run(before...)
	return p
}

// load shows a page in the tab, for the test t.
func (p *tab) load(t *testing.T, html string) *tab {
	t.Helper()
	file := filepath.Join(p.dir, "page.html")
	if err := os.WriteFile(file, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	return p.visit(t, (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String())
}

// visit shows the page of an address in the tab, for the test t.
func (p *tab) visit(t *testing.T, address string) *tab {
	t.Helper()
	p.mu.Lock()
	p.T, p.address, p.requests, p.complaints = t, address, nil, nil
	p.mu.Unlock()
	p.run(chromedp.MouseEvent(chromedp.MouseMoved, 1, 1), chromedp.Navigate(address))
	return p
}

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	complain := func(format string, args ...any) { p.complaints = append(p.complaints, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Request.URL != p.address && e.Request.URL != "about:srcdoc" { // of a document in the page
			p.requests = append(p.requests, e.Request.URL)
		}
	case *runtime.EventConsoleAPICalled:
		complain("console.%s", e.Type)
	case *runtime.EventExceptionThrown:
		complain("exception: %+v", *e.ExceptionDetails)
	case *log.EventEntryAdded:
		complain("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
	case *page.EventJavascriptDialogOpening:
		complain("dialog: %s", e.Message)
		go func() {
			_ = chromedp.Do(p.ctx, command(page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true}))
		}()
	}
}

// seen returns the requests and the complaints of the page so far.
func (p *tab) seen() (requests, complaints []string) {
	eval[int](p, `() => new Promise(done => setTimeout(() => setTimeout(() => done(1), 20), 20))`) // what happened before has been reported
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests), slices.Clone(p.complaints)
}

func (p *tab) run(actions ...action) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// callOf is a call of a function with arguments.
func callOf(t *testing.T, function string, args ...any) string {
	t.Helper()
	list := make([]string, len(args))
	for i, arg := range args {
		text, err := json.Marshal(arg)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = string(text)
	}
	return "(" + function + ")(" + strings.Join(list, ", ") + ")"
}

// eval calls a function in the page and returns its result.
func eval[R any](p *tab, function string, args ...any) R {
	p.Helper()
	call := callOf(p.T, function, args...)
	r, err := chromedp.Run(p.ctx, chromedp.Evaluate[R](call, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%v in %s", err, call)
	}
	return r
}
