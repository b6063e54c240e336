package manager

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// TestVersion5 uses vectors that others have published.
func TestVersion5(t *testing.T) {
	for _, tt := range []struct {
		source    string
		namespace ID
		name      string
		want      string
	}{
		{"RFC 9562, appendix A.4", uuid.NameSpaceDNS, "www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2"},
		{"the documentation of Python's module uuid", uuid.NameSpaceDNS, "python.org", "886313e1-3b8a-5372-9b90-0c9aee199e5d"},
	} {
		if got := version5(tt.namespace, tt.name).String(); got != tt.want {
			t.Errorf("%s: %s gives %s: want %s", tt.source, tt.name, got, tt.want)
		}
	}
}

// TestIDFromStringIsStable: programs keep these ids. The values were computed with Python's module uuid.
func TestIDFromStringIsStable(t *testing.T) {
	for name, want := range map[string]string{
		"":        "8b11a10a-1779-52f8-ac08-93ebd393e253",
		"alice":   "03a90a63-deae-5398-9d40-dbb17bf4b0e8",
		"Alice":   "12964151-5f15-5aca-8187-70351ce26d2b",
		"user-42": "b487acae-9bc2-5879-8b0e-c4364e4ccc18",
		"日本":      "8301e78d-0f21-5947-9c13-5d8f27f13b89",
	} {
		if got := IDFromString(name).String(); got != want {
			t.Errorf("%q gives %s: want %s", name, got, want)
		}
	}
	url := version5(uuid.NameSpaceURL, "https://github.com/sessbench/sessbench")
	if got := version5(url, "alice"); got != IDFromString("alice") {
		t.Errorf("by the documented namespace %s the id is %s: want %s", url, got, IDFromString("alice"))
	}
}

func TestIDFromStringIsAUUIDOfItsName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		id := IDFromString(a)
		if id.Version() != 5 || id.Variant() != uuid.RFC4122 {
			t.Fatalf("%q gives %s: version %d, variant %s", a, id, id.Version(), id.Variant())
		}
		if same := id == IDFromString(b); same != (a == b) {
			t.Fatalf("%q and %q give the same id: %t", a, b, same)
		}
	})
}

func ExampleIDFromString() {
	fmt.Println(IDFromString("alice"))
	// Output: 03a90a63-deae-5398-9d40-dbb17bf4b0e8
}
