package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// action is what the test reads of action.yml.
type action struct {
	Inputs  map[string]struct{ Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Steps []struct {
			ID, Uses, Shell, Run string
			Env, With            map[string]string
		}
	}
}

func readAction(t *testing.T) (a action) {
	t.Helper()
	text, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// job is a job of GitHub Actions that uses the action.
type job struct {
	t       *testing.T
	context map[string]string // of expressions
	env     []string          // what the runner sets
	dir     string            // the checkout
	temp    string
}

// jobOutcome is what the steps of the action leave.
type jobOutcome struct {
	code            int // of the last step
	outputs         map[string]string
	log             string
	summary, report string
}

var expression = regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)

// evaluate replaces the expressions in text. Each is a name, or names of which the first that is not empty counts.
func (j *job) evaluate(text string) string {
	return expression.ReplaceAllStringFunc(text, func(whole string) string {
		for name := range strings.SplitSeq(expression.FindStringSubmatch(whole)[1], " || ") {
			value, known := j.context[name]
			if !known {
				j.t.Errorf("the action uses %s, which it does not have", name)
			}
			if value != "" {
				return value
			}
		}
		return ""
	})
}

// use runs the action's own steps as the runner does, until one fails.
func (j *job) use(a action, inputs map[string]string) (o jobOutcome) {
	j.t.Helper()
	j.temp = j.t.TempDir()
	j.context = maps.Clone(j.context)
	root, err := os.Getwd()
	if err != nil {
		j.t.Fatal(err)
	}
	j.context["github.action_path"], j.context["github.token"] = root, "secret"
	for name, input := range a.Inputs {
		j.context["inputs."+name] = j.evaluate(input.Default)
	}
	for name, value := range inputs {
		if _, known := a.Inputs[name]; !known {
			j.t.Fatalf("no input %s", name)
		}
		j.context["inputs."+name] = value
	}
	summary := filepath.Join(j.temp, "summary")
	o.outputs = map[string]string{}
	for i, step := range a.Runs.Steps {
		if step.Run == "" {
			for _, value := range step.With {
				j.evaluate(value)
			}
			continue
		}
		outputs := filepath.Join(j.temp, fmt.Sprint("output", i))
		if err := os.WriteFile(outputs, nil, 0o666); err != nil {
			j.t.Fatal(err)
		}
		c := exec.Command(step.Shell, "--noprofile", "--norc", "-eo", "pipefail", "-c", j.evaluate(step.Run))
		c.Dir = j.dir
		c.Env = append(os.Environ(), append(j.env, "RUNNER_TEMP="+j.temp, "GITHUB_OUTPUT="+outputs, "GITHUB_STEP_SUMMARY="+summary)...)
		for name, value := range step.Env {
			c.Env = append(c.Env, name+"="+j.evaluate(value))
		}
		out, _ := c.CombinedOutput() // the exit code is compared
		o.log += string(out)
		for line := range strings.Lines(readIfThere(j.t, outputs)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			j.context["steps."+step.ID+".outputs."+name] = value
		}
		if o.code = c.ProcessState.ExitCode(); o.code != 0 {
			break
		}
	}
	for name, output := range a.Outputs {
		o.outputs[name] = j.evaluate(output.Value)
	}
	o.summary, o.report = readIfThere(j.t, summary), readIfThere(j.t, o.outputs["report"])
	return o
}

// readIfThere returns a file's text, and nothing if there is no file.
func readIfThere(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// comments is GitHub's interface for the comments on pull request 7.
type comments struct {
	bodies []string
	status int // of each answer instead of success; 0: none
}

func (c *comments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const base = "/repos/shop/shop/issues/"
	body, _ := io.ReadAll(r.Body)
	var sent struct{ Body string }
	_ = json.Unmarshal(body, &sent)
	number := 0
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		http.Error(w, "no token", http.StatusUnauthorized)
	case c.status != 0:
		http.Error(w, "Resource not accessible by integration", c.status)
	case r.Method == http.MethodGet && r.URL.Path == base+"7/comments":
		type comment struct {
			ID   int    `json:"id"`
			Body string `json:"body"`
		}
		list := []comment{}
		page, each := 0, 0
		_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
		_, _ = fmt.Sscan(r.URL.Query().Get("per_page"), &each)
		for i := (page - 1) * each; i < min(page*each, len(c.bodies)); i++ {
			list = append(list, comment{i, c.bodies[i]})
		}
		_ = json.NewEncoder(w).Encode(list)
	case r.Method == http.MethodPost && r.URL.Path == base+"7/comments":
		c.bodies = append(c.bodies, sent.Body)
	case r.Method == http.MethodPatch:
		if _, err := fmt.Sscanf(r.URL.Path, base+"comments/%d", &number); err != nil || number >= len(c.bodies) {
			http.NotFound(w, r)
			return
		}
		c.bodies[number] = sent.Body
	default:
		http.NotFound(w, r)
	}
}

// TestAction runs the steps of action.yml on a repository with a store of its own, whose last commit changes it.
func TestAction(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	for _, tool := range []string{"bash", "git", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s", tool)
		}
	}
	var api comments
	for i := range 150 { // of others, on two pages
		api.bodies = append(api.bodies, fmt.Sprint("remark ", i))
	}
	server := httptest.NewServer(&api)
	defer server.Close()
	shop := newShop(t)
	j := &job{t: t, dir: shop, env: []string{"GITHUB_REPOSITORY=shop/shop", "GITHUB_API_URL=" + server.URL}, context: map[string]string{
		"github.event.pull_request.base.sha": strings.TrimSpace(output(t, "git", "-C", shop, "rev-parse", "main")), "github.event.before": "", "github.event.pull_request.number": "7",
	}}
	a := readAction(t)
	const counts = "--gate allocs_per_op --pairs 12 -u 4 --sessions 8 -i 500 --warmup 0s" // a verdict that does not depend on the machine's speed
	quick := map[string]string{"package": "bench", "budget": "", "flags": counts}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(quick)
		maps.Copy(all, more)
		return all
	}
	checkout := func(ref string) { must(t, shop, "git", "checkout", "--quiet", ref) }

	for _, test := range []struct {
		why, ref string
		inputs   map[string]string
		verdict  string
		code     int
		summary  string // part of the summary and of the comment
		log      string
	}{
		{"nothing that counts has changed", "comment-only", with(nil), "pass", 0, "PASS", ""},
		{"appends allocate", "slower", with(nil), "fail", 1, "FAIL", "::error::sessbench: fail"},
		{"the same, as advice", "slower", with(map[string]string{"fail-on": "violated"}), "fail", 0, "FAIL", "::warning::sessbench: fail"},
		{"a bound is crossed", "comment-only", with(map[string]string{"thresholds": "errors.rate < 0.1%\nstriped.ops_per_sec > 1000000000\n"}), "fail", 1, "1000000000", "::error"},
		{"it does not build", "broken", with(nil), "could-not-run", 1, "could not run", "undefined: nothing"},
		{"an unknown strategy", "comment-only", with(map[string]string{"strategies": "striped,nosuch"}), "could-not-run", 1, "nosuch", "::error"},
	} {
		t.Run(test.why, func(t *testing.T) {
			checkout(test.ref)
			j.t = t
			o := j.use(a, test.inputs)
			if o.code != test.code || o.outputs["verdict"] != test.verdict {
				t.Errorf("verdict %s, exit code %d, want %s and %d\n%s", o.outputs["verdict"], o.code, test.verdict, test.code, o.log)
			}
			if measured := test.verdict != "could-not-run"; strings.Contains(o.report, "</html>") != measured {
				t.Errorf("a report of %d bytes at %s", len(o.report), o.outputs["report"])
			}
			if !strings.Contains(o.summary, test.summary) || !strings.Contains(o.log, test.log) {
				t.Errorf("want %q in the summary\n%s\nand %q in the log\n%s", test.summary, o.summary, test.log, o.log)
			}
			if n := len(api.bodies); n != 151 {
				t.Fatalf("%d comments, want one more than the 150 of others", n)
			}
			c := api.bodies[150]
			if !strings.HasPrefix(c, "<!-- sessbench: sessbench -->\n") || !strings.Contains(c, test.summary) {
				t.Errorf("the comment is\n%s", c)
			}
			t.Logf("exit code %d, outputs %v\nsummary:\n%s\ncomment:\n%s", o.code, o.outputs, o.summary, c)
		})
	}
	t.Run("no right to comment", func(t *testing.T) {
		checkout("comment-only")
		j.t, api.status = t, http.StatusForbidden
		if o := j.use(a, quick); o.code != 0 || !strings.Contains(o.log, "::warning::sessbench: the comment was not posted") {
			t.Errorf("exit code %d\n%s", o.code, o.log)
		}
	})
	t.Run("a push", func(t *testing.T) {
		before := slices.Clone(api.bodies)
		j.t, api.status = t, 0
		j.context["github.event.pull_request.base.sha"], j.context["github.event.pull_request.number"] = "", ""
		j.context["github.event.before"] = strings.Repeat("0", 40) // a new branch
		if o := j.use(a, quick); o.outputs["verdict"] != "pass" || !slices.Equal(before, api.bodies) {
			t.Errorf("verdict %s\n%s", o.outputs["verdict"], o.log)
		}
	})
}

// newShop is a git repository whose directory bench is a program with a store of its own, on main and on branches that change it.
func newShop(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	bench := filepath.Join(dir, "bench")
	if err := os.CopyFS(bench, os.DirFS("examples/custom-store")); err != nil {
		t.Fatal(err)
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	must(t, bench, "go", "mod", "edit", "-replace", "github.com/sessbench/sessbench="+root)
	git := func(args ...string) {
		t.Helper()
		must(t, dir, "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	}
	git("init", "--quiet", "--initial-branch=main")
	git("add", ".")
	git("commit", "--quiet", "-m", "a store")
	store := filepath.Join(bench, "striped.go")
	was := readIfThere(t, store)
	const update = "Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {\n"
	if strings.Count(was, update) != 1 {
		t.Fatal("the store of examples/custom-store has another Update")
	}
	for branch, text := range map[string]string{
		"comment-only": was + "\n// Nothing else.\n",
		"slower":       strings.Replace(was, update, update+"\tlast = make([]byte, 64)\n", 1) + "\nvar last []byte\n",
		"broken":       strings.Replace(was, update, update+"\tnothing()\n", 1),
	} {
		git("checkout", "--quiet", "-b", branch, "main")
		if err := os.WriteFile(store, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		git("commit", "--quiet", "-a", "-m", branch)
	}
	return dir
}

func must(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}
