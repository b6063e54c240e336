package judge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// said writes a threshold so that all of it shows: strategy|operation|metric op bound, or factor×strategy|operation.
func (t Threshold) said() string {
	text := fmt.Sprintf("%s|%s|%s %s ", t.subject.strategy, t.subject.operation, t.metric.Short(), t.operator)
	if t.relative {
		return text + fmt.Sprintf("%v×%s|%s", t.bound, t.other.strategy, t.other.operation)
	}
	return text + fmt.Sprint(t.bound)
}

func TestParseThreshold(t *testing.T) {
	for _, tt := range []struct{ why, text, want string }{
		{"a metric alone", "ops_per_sec>20000", "||ops_per_sec > 20000"},
		{"a strategy's", "sharded.ops_per_sec>=2e4", "sharded||ops_per_sec >= 20000"},
		{"an operation's", "append.p99<5ms", "|append|p99 < 5e+06"},
		{"an operation's of a strategy", "sharded.append.p99<5ms", "sharded|append|p99 < 5e+06"},
		{"one that a sweep overlapped", "append_during_sweep.max<=1.5s", "|append_during_sweep|max <= 1.5e+09"},
		{"a metric with a dot", "errors.rate<0.5%", "||errors.rate < 0.005"},
		{"behind names", "sharded.append.errors.rate<50%", "sharded|append|errors.rate < 0.5"},
		{"another one with a dot", "cow.fairness.jain > .9", "cow||fairness.jain > 0.9"},
		{"percentiles of percentiles", "p99_99<1h", "||p99_99 < 3.6e+12"},
		{"a label with settings", "actor:per=shard,shards=4.append.p50<1ms", "actor:per=shard,shards=4|append|p50 < 1e+06"},
		{"a label with dots", "acme.v2.history.p50<1ms", "acme.v2|history|p50 < 1e+06"},
		{"a label with dots and no operation", "acme.v2.p50<1ms", "acme.v2||p50 < 1e+06"},
		{"a label with an operator", "a<b.p50<1ms", "a<b||p50 < 1e+06"},
		{"blanks anywhere", "  sharded . append . p99  <  5 ms ", "sharded|append|p99 < 5e+06"},
		{"inside an operator and a metric, too", "errors . rate < = 1 %", "||errors.rate <= 0.01"},
		{"bytes", "bytes_per_op<512", "||bytes_per_op < 512"},
		{"with their unit", "bytes_per_session<512B", "||bytes_per_session < 512"},
		{"and larger ones", "bytes_per_session<1.5KiB", "||bytes_per_session < 1536"},
		{"the largest", "bytes_per_session<2MiB", "||bytes_per_session < 2.097152e+06"},
		{"allocations", "allocs_per_op<=0", "||allocs_per_op <= 0"},
		{"processor time", "cpu_per_op<2us", "||cpu_per_op < 2000"},
		{"the limit", "of_limit>90%", "||of_limit > 0.9"},
		{"no time at all", "p50>0ns", "||p50 > 0"},
		{"a factor is the baseline's same figure", "per-session.ops_per_sec > 10x", "per-session||ops_per_sec > 10×|"},
		{"also of an operation", "append.p99<0.5x", "|append|p99 < 0.5×|append"},
		{"another strategy's same figure", "append.p99<2x global", "|append|p99 < 2×global|append"},
		{"another figure by its whole name", "append.p99<2x global.p99", "|append|p99 < 2×global|"},
		{"another operation's", "cow.append.p99 < 2 x global . history . p99", "cow|append|p99 < 2×global|history"},
		{"the baseline's other operation", "append.p99<2x history", "|append|p99 < 2×|history"},
		{"the same strategy's other operation", "cow.append.p99<2x cow.history.p99", "cow|append|p99 < 2×cow|history"},
		{"a name that begins like the factor ends", "ops_per_sec>10x xsync.ops_per_sec", "||ops_per_sec > 10×xsync|"},
		{"another sign", "errors.rate<=1.5× global", "||errors.rate <= 1.5×global|"},
	} {
		got, err := ParseThreshold(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		if got.said() != tt.want || got.Text != strings.TrimSpace(tt.text) {
			t.Errorf("%s: %q gives %s (%q), want %s", tt.why, tt.text, got.said(), got.Text, tt.want)
		}
	}
}

func TestParseThresholdRefuses(t *testing.T) {
	for _, tt := range []struct{ why, text, want string }{
		{"nothing", "", "no operator: want [[STRATEGY.]OPERATION.]METRIC, one of < <= > >=, and a bound"},
		{"no operator", "p99 5ms", "no operator"},
		{"an operator that is none", "p99=5ms", "no operator"},
		{"an unknown metric", "p97<5ms", `unknown metric "p97": want`},
		{"its legal names are listed", "p97<5ms", "ops_per_sec, p50, p90, p95, p99, p99_9, p99_99, max, mean, errors.rate, allocs_per_op"},
		{"an unknown one behind names", "sharded.append.p97<5ms", `unknown metric "sharded.append.p97"`},
		{"a name that ends in a metric's", "xp99<5ms", `unknown metric "xp99"`},
		{"no name before the dot", ".p99<5ms", `unknown metric ".p99"`},
		{"half a metric", "rate<1%", `unknown metric "rate"`},
		{"no metric", "<5ms", `unknown metric ""`},
		{"no bound", "p99<", `"" is no bound: want a time such as p99<5ms`},
		{"two operators", "p99<>5ms", `">5ms" is no bound`},
		{"a time without a unit", "p99<5", "5 has no unit: want a time such as p99<5ms"},
		{"not even for nothing", "p99<0", "0 has no unit"},
		{"a time in percent", "p99<5%", `5% has the unit "%": want a time`},
		{"a time in something else", "p99<5 parsecs", `has the unit "parsecs"`},
		{"a negative time", "p99<-5ms", `"-5ms" is no bound`},
		{"a share without a unit", "errors.rate<0.1", "0.1 has no unit: want a percentage such as errors.rate<0.1%"},
		{"a share in time", "of_limit>5ms", `has the unit "ms"`},
		{"a rate with a unit", "ops_per_sec>20k", `20k has the unit "k": want a plain number such as ops_per_sec>`},
		{"a count in bytes", "allocs_per_op<5B", `has the unit "B"`},
		{"bytes in time", "bytes_per_op<5ms", `5ms has the unit "ms": want a number of bytes`},
		{"no number", "ops_per_sec>fast", `"fast" is no bound`},
		{"not a number", "ops_per_sec>NaN", `"NaN" is no bound`},
		{"no end", "ops_per_sec<Inf", `"Inf" is no bound`},
		{"too large", "ops_per_sec<1e999", `"1e999" is no bound`},
		{"a negative number", "ops_per_sec>-1", `"-1" is no bound`},
		{"another metric behind the factor", "p99<2x global.p50", "p99 is compared with p50: want the same metric on both sides"},
		{"no factor", "p99<x global", `"x global" is no bound`},
		{"a factor of nothing", "p99<0x global", "want a factor above 0"},
		{"itself", "global.p99<2x global.p99", "compared with itself"},
		{"itself in short", "global.append.p99<2x global", "compared with itself"},
		{"a figure that an operation does not have", "append.ops_per_sec>5", "ops_per_sec is no figure of append alone: want ops_per_sec without an operation, or one of p50, "},
		{"of a strategy", "cow.append.of_limit>5%", "of_limit is no figure of append alone"},
		{"on either side of a factor", "append.ops_per_sec>5x", "ops_per_sec is no figure of append alone"},
		{"on the other", "ops_per_sec>5x global.append.ops_per_sec", "ops_per_sec is no figure of append alone"},
	} {
		got, err := ParseThreshold(tt.text)
		if err == nil {
			t.Errorf("%s: %q gives %s", tt.why, tt.text, got.said())
			continue
		}
		if !strings.HasPrefix(err.Error(), fmt.Sprintf("%q: ", tt.text)) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v: want %q", tt.why, err, tt.want)
		}
	}
}

func mustParse(t *testing.T, text string) Threshold {
	t.Helper()
	threshold, err := ParseThreshold(text)
	if err != nil {
		t.Fatal(err)
	}
	return threshold
}

func TestMetricsAreFoundByName(t *testing.T) {
	for _, m := range metric.All() {
		if found, rest := cutMetric("a.b." + m.Short()); found != m || rest != "a.b" || m.Doc == "" {
			t.Errorf("%+v is found as %v behind %q", m, found, rest)
		}
	}
}

func TestMatchNames(t *testing.T) {
	strategies, operations := []string{"global", "cow", "sharded:shards=4,x=1", "exec: a . b"}, []string{"append", "history"}
	for _, tt := range []struct{ why, text, baseline, want string }{
		{"everybody", "ops_per_sec>1", "", ""},
		{"a strategy", "cow.ops_per_sec>1", "", ""},
		{"a label with settings", "sharded:shards=4,x=1.append.p50<1s", "", ""},
		{"blanks in a label count as little as outside", "exec: a.b.p50<1s", "", ""},
		{"an operation", "append.p50<1s", "", ""},
		{"no such strategy", "locky.p50<1s", "", `no strategy and no operation is called "locky" here: want a strategy of global, cow, sharded:shards=4,x=1, exec: a . b, or an operation of append, history`},
		{"the name of a strategy without its settings", "sharded.p50<1s", "", `is called "sharded" here`},
		{"no such operation", "touch.p50<1s", "", "no operation touch here: want one of append, history"},
		{"no such operation of a strategy", "cow.append_during_sweep.p50<1s", "", "no operation append_during_sweep here"},
		{"a factor of the baseline's", "ops_per_sec>10x", "global", ""},
		{"without a baseline", "ops_per_sec>10x", "", "no baseline strategy here: want 10× STRATEGY of a strategy: global, cow"},
		{"it needs none when it names another", "ops_per_sec>10x cow", "", ""},
		{"an unknown one", "ops_per_sec>10x locky", "global", `is called "locky" here`},
		{"an unknown operation there", "p50<10x cow.touch.p50", "global", "no operation touch here"},
		{"the baseline against itself", "global.ops_per_sec>10x", "global", "compared with itself"},
		{"its operations against each other", "global.append.p50>10x history", "global", ""},
	} {
		checkError(t, tt.why, mustParse(t, tt.text).MatchNames(strategies, operations, tt.baseline), tt.text, tt.want)
	}
	for _, tt := range []struct {
		why, text, want string
		strategies      []string
	}{
		{"a probe is held to nothing unasked", "ops_per_sec>1", "matches none of noop", []string{"noop"}},
		{"but when it is named", "noop.ops_per_sec>1", "", []string{"noop"}},
		{"nobody but the baseline", "ops_per_sec>10x", "matches none of noop, global", []string{"noop", "global"}},
	} {
		checkError(t, tt.why, mustParse(t, tt.text).MatchNames(tt.strategies, operations, "global"), tt.text, tt.want)
	}
}

func checkError(t *testing.T, why string, err error, text, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", why, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), fmt.Sprintf("%q: ", text))):
		t.Errorf("%s: got %v, want %q and %q", why, err, text, want)
	}
}

// withOperations gives every trial of a document one latency for each of these operations.
func withOperations(d *result.Document, names ...string) *result.Document {
	for i := range d.Results {
		for j := range d.Results[i].Trials {
			t := &d.Results[i].Trials[j]
			t.Operations = map[string]result.Operation{}
			for _, name := range names {
				t.Operations[name] = result.Operation{Count: 100, LatencyNs: t.LatencyNs}
			}
		}
	}
	return d
}

func TestMatch(t *testing.T) {
	unfinished := document(build("global", 940, 0), build("cow", 940, 0))
	for _, tt := range []struct {
		why, text, want string
		d               *result.Document
	}{
		{"what is there", "sharded:shards=16.append.p50<1s", "", withOperations(normal(), "append")},
		{"no such strategy", "sharded.p50<1s", "want a strategy of global, per-session, sharded:shards=16", normal()},
		{"no such operation", "touch.p50<1s", "no operation touch here: want one of append, history", withOperations(normal(), "history", "append")},
		{"a baseline", "ops_per_sec>2x", "", normal()},
		{"none", "ops_per_sec>2x", "no baseline strategy", noBaseline()},
		{"nothing at all", "ops_per_sec>2", "no results", &result.Document{}},
		{"what failed may have had any operation", "touch.p50<1s", "", withOperations(failedAudit(), "append")},
		{"so may what never finished", "touch.p50<1s", "", unfinished},
		{"but not another strategy", "locky.p50<1s", "locky", withOperations(failedAudit(), "append")},
	} {
		checkError(t, tt.why, mustParse(t, tt.text).Match(tt.d), tt.text, tt.want)
	}
}
