package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLicenceIn(t *testing.T) {
	const mit = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining\na copy of this software and so on"
	for _, test := range []struct {
		why   string
		files map[string]string
		want  string // "": refused
	}{
		{"MIT", map[string]string{"LICENSE": mit, "main.go": "package main"}, "MIT"},
		{"two", map[string]string{"LICENSE": mit, "LICENSE.apache": "Apache License\n   Version 2.0, January 2004"}, "Apache-2.0, MIT"},
		{"none", map[string]string{"main.go": "package main"}, ""},
		{"copyleft", map[string]string{"COPYING": "GNU GENERAL PUBLIC LICENSE\nVersion 3"}, ""},
		{"copyleft beside another", map[string]string{"LICENSE": mit, "COPYING": "GNU AFFERO GENERAL PUBLIC LICENSE"}, ""},
		{"unknown", map[string]string{"LICENCE": "All rights reserved."}, ""},
	} {
		dir := t.TempDir()
		for name, text := range test.files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		got, _, err := licenceIn(dir)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%s: %q, %v, want %q", test.why, got, err, test.want)
		}
	}
}
