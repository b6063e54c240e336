package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

// liveRun is a run with --live in this process.
type liveRun struct {
	t      *testing.T
	url    string
	lines  <-chan string // of stderr
	end    context.CancelFunc
	code   <-chan int
	stdout *bytes.Buffer
	client *http.Client
}

var pageLine = regexp.MustCompile(`^sessbench: live page: (http://127\.0\.0\.1:\d+/)$`)

// startLive begins a run, and returns when its page is there.
func startLive(t *testing.T, args string) *liveRun {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	r, w := io.Pipe()
	lines, code := make(chan string, 1000), make(chan int, 1)
	run := &liveRun{t: t, lines: lines, end: end, code: code, stdout: &bytes.Buffer{}, client: &http.Client{Transport: &http.Transport{}}}
	go func() {
		defer close(lines)
		for all := bufio.NewScanner(r); all.Scan(); {
			lines <- all.Text()
		}
	}()
	go func() {
		a := newApp([]Option{WithArgs(strings.Fields("run --live 127.0.0.1:0 " + args)...), WithIO(strings.NewReader(""), run.stdout, w)})
		code <- a.main(ctx)
		w.Close()
	}()
	t.Cleanup(func() {
		end()
		run.client.CloseIdleConnections()
	})
	run.url = pageLine.FindStringSubmatch(run.awaitLine(pageLine))[1]
	return run
}

// awaitLine returns the first line of stderr that matches.
func (r *liveRun) awaitLine(pattern *regexp.Regexp) string {
	r.t.Helper()
	var seen []string
	for line := range r.lines {
		if pattern.MatchString(line) {
			return line
		}
		seen = append(seen, line)
	}
	r.t.Fatalf("no line of stderr matches %v: %q", pattern, seen)
	return ""
}

// get requests a path.
func (r *liveRun) get(path string) (*http.Response, string) {
	r.t.Helper()
	resp, err := r.client.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(body)
}

// liveState is what an event holds, as far as it is tested.
type liveState struct {
	Scenario string
	Done     int
	Ended    bool
	Rows     []struct {
		Strategy  string
		OpsPerSec float64 `json:"ops_per_sec"`
		Offered   float64
		Running   bool
		Cells     []string
	}
}

// await returns the first event that has what is wanted.
func (r *liveRun) await(wanted func(liveState) bool) liveState {
	r.t.Helper()
	resp, err := r.client.Get(r.url + "events")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	last := ""
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var s liveState
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			r.t.Fatal(err)
		}
		if last = data; wanted(s) {
			return s
		}
	}
	r.t.Fatalf("the last event: %s", last)
	return liveState{}
}

var servedLine = regexp.MustCompile(`the run has ended with exit code (\d+); its report is at http://127\.0\.0\.1:\d+/ until Ctrl-C$`)

// A run is followed while it goes on, and its report is served until the first signal; then the exit code is that of the run, here of a
// threshold that was crossed.
func TestLivePage(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	file := filepath.Join(t.TempDir(), "result.json")
	r := startLive(t, "-s chatbot,churn -S sharded --baseline-strategy none -u 4 --hold 0 -r 1 -d 2500ms --threshold sharded.ops_per_sec>1000000000 -f json -o json="+file)
	if resp, _ := r.get("result.json"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a result before the first trial: %s", resp.Status)
	}
	s := r.await(func(s liveState) bool { return len(s.Rows) == 1 && s.Rows[0].OpsPerSec > 0 })
	if s.Scenario != "chatbot" || s.Rows[0].Strategy != "sharded" || !s.Rows[0].Running {
		t.Errorf("%+v", s)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	resp, text := r.get("metrics")
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	for name, least := range map[string]float64{"sessbench_operations_total": 1, "sessbench_users": 4} {
		f := all[name]
		if f == nil || f.Metric[0].GetCounter().GetValue()+f.Metric[0].GetGauge().GetValue() < least {
			t.Errorf("%s is %v: want at least %v", name, f, least)
		}
	}
	if h := all["sessbench_response_time_seconds"]; h == nil || h.Metric[0].GetHistogram().GetSampleCount() == 0 {
		t.Errorf("response times of a running trial: %v", h)
	}

	r.await(func(s liveState) bool { return s.Done >= 1 })
	if resp, text := r.get("result.json"); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	} else if d, err := result.Read(strings.NewReader(text)); err != nil || d.Results[0].Strategy != "sharded" || d.Config.Command == "" {
		t.Errorf("%+v, error %v", d, err)
	}
	if resp, page := r.get(""); resp.StatusCode != http.StatusOK || !strings.Contains(page, `id="state"`) {
		t.Errorf("%s, %s", resp.Status, page)
	}

	r.await(func(s liveState) bool { return s.Ended })
	if line := r.awaitLine(regexp.MustCompile("ops_per_sec")); !strings.Contains(line, "sharded") {
		t.Errorf("what was found is not written before the signal: %q", line)
	}
	if line := r.awaitLine(servedLine); !strings.Contains(line, "exit code 99;") {
		t.Error(line)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	}
	if resp, text := r.get("result.json"); resp.StatusCode != http.StatusOK || text != string(written) || r.stdout.String() != text {
		t.Errorf("%s: the result that is served, %d bytes, is not the one that was written, %d bytes", resp.Status, len(text), len(written))
	}
	if _, page := r.get(""); !strings.Contains(page, "<figure") && !strings.Contains(page, "<table") || strings.Contains(page, `id="state"`) {
		t.Errorf("no report: %.300s", page)
	}
	select {
	case code := <-r.code:
		t.Fatalf("ended with %d before the signal", code)
	default:
	}
	r.end()
	if code := <-r.code; code != exitThreshold {
		t.Errorf("exit code %d: want that of the run, %d", code, exitThreshold)
	}
}

// The signal that ends serving does not turn an error of the run into an interruption.
func TestLiveKeepsTheExitCode(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r := startLive(t, "-S cow --baseline-strategy none -u 4 -r 1 -i 20 --hold 0 -o csv="+filepath.Join(dir, "a.csv"))
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	r.awaitLine(regexp.MustCompile(`^sessbench: .*gone`))
	r.awaitLine(servedLine)
	if s := r.await(func(liveState) bool { return true }); !s.Ended {
		t.Errorf("%+v", s)
	}
	r.end()
	if code := <-r.code; code != exitFailed {
		t.Errorf("exit code %d: want %d", code, exitFailed)
	}
	for line := range r.lines {
		t.Errorf("written after the signal: %q", line)
	}
}

// A signal during the run ends it and the page.
func TestLiveIsInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := startLive(t, "-q -S cow --baseline-strategy none -u 4 --hold 0 -r 1000 -d 20ms")
	r.await(func(s liveState) bool { return s.Done >= 2 })
	if resp, text := r.get("result.json"); resp.StatusCode != http.StatusOK || !strings.Contains(text, `"interrupted": true`) {
		t.Errorf("%s, %s", resp.Status, text)
	}
	r.end()
	if code := <-r.code; code != exitInterrupted {
		t.Errorf("exit code %d: want %d", code, exitInterrupted)
	}
	if _, err := r.client.Get(r.url); err == nil {
		t.Error("the page is still there")
	}
}

// Searches, open loops, counted visits and logs have a page, too.
func TestLiveOfEveryKindOfRun(t *testing.T) {
	for why, tc := range map[string]struct {
		args    string
		offered bool
	}{
		"a rate":          {"-r 1 -d 300ms --rate 500/s", true},
		"stages of rate":  {"-r 1 --stage 200ms:500/s", true},
		"stages of users": {"-r 1 --stage 200ms:8", false},
		"counted visits":  {"-r 2 -i 20", false},
		"a log":           {"-r 1 --trace ../examples/sample.csv --trace-speed max", false},
		"a search":        {"--find-rate p50<1s --budget 2s", true},
	} {
		t.Run(why, func(t *testing.T) {
			args := "-q -S cow --baseline-strategy none --hold 0 "
			if strings.Contains(tc.args, "--trace") {
				args = "-q -S cow --baseline-strategy none "
			}
			r := startLive(t, args+tc.args)
			r.await(func(s liveState) bool {
				return len(s.Rows) == 1 && s.Rows[0].Cells[1] != "–" && (s.Rows[0].Offered > 0) == tc.offered
			})
			r.await(func(s liveState) bool { return s.Ended })
			if resp, text := r.get("result.json"); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", resp.Status, text)
			}
			r.end()
			<-r.code
		})
	}
}

// A port that is in use is found before anything is measured.
func TestLivePortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, out, stderr := sessbench(t.Context(), []string{"run", "--live", l.Addr().String()})
	want := fmt.Sprintf("sessbench: --live %v: address already in use: want another port, or 0 for any free one\n", l.Addr())
	if code != exitUsage || out != "" || stderr != want {
		t.Errorf("exit code %d, stdout %q, stderr %q: want %q", code, out, stderr, want)
	}
}

// The page of a run whose trials are performed by a child process has the response times of running trials.
func TestLiveTimesOfAChild(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var counts []int64
	_, err := measured(t, t.Context(), "cow", func(cfg *runner.Config) {
		cfg.Scenarios[0].Iterations, cfg.Window, cfg.Runs, cfg.LiveTimes = 0, 2500*time.Millisecond, 1, true
		cfg.Live = func(s runner.Snapshot) {
			n := int64(0)
			s.EachTime(func(ns, of int64) { n += of })
			if n == 0 || s.Ops < n/2 || s.Ops > 2*n { // operations that ended after the window have times only
				t.Errorf("%d operations, %d times", s.Ops, n)
			}
			counts = append(counts, n)
		}
	})
	if err != nil || len(counts) < 2 {
		t.Fatalf("%d snapshots, error %v", len(counts), err)
	}
	for i := 1; i < len(counts); i++ {
		if counts[i] < counts[i-1] {
			t.Errorf("times in the trial so far: %v", counts)
		}
	}
}
