// Package kubernetes decodes the manifest of the documentation with Kubernetes's own types.
package kubernetes

import (
	"os"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

// manifest returns the Job in docs/distributed.md.
func manifest(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/distributed.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("no manifest")
	}
	return text
}

func TestJob(t *testing.T) {
	var job batch.Job
	if err := yaml.UnmarshalStrict([]byte(manifest(t)), &job); err != nil {
		t.Fatal(err)
	}
	spec := job.Spec
	if job.Kind != "Job" || job.APIVersion != "batch/v1" || *spec.CompletionMode != batch.IndexedCompletion || *spec.Completions != *spec.Parallelism {
		t.Errorf("a %s of %s, mode %s, %d of %d at once", job.Kind, job.APIVersion, *spec.CompletionMode, *spec.Parallelism, *spec.Completions)
	}
	if c := spec.Template.Spec.Containers[0]; !c.Resources.Limits.Cpu().Equal(*c.Resources.Requests.Cpu()) {
		t.Errorf("limits %v, requests %v: want whole processors", c.Resources.Limits, c.Resources.Requests)
	}
}

// TestJobIsDecodedStrictly misspells a field and gives one a value of another type.
func TestJobIsDecodedStrictly(t *testing.T) {
	for _, change := range [][2]string{{"completionMode:", "completionmode_:"}, {"backoffLimit: 0", "backoffLimit: none"}} {
		wrong := strings.Replace(manifest(t), change[0], change[1], 1)
		if err := yaml.UnmarshalStrict([]byte(wrong), new(batch.Job)); err == nil {
			t.Errorf("%s is accepted", change[1])
		}
	}
}
