package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfigurationOfTheWrongKind: whatever a file holds, the error names the file, the key, what is there and what is
// legal, in words and not in Go's types.
func TestConfigurationOfTheWrongKind(t *testing.T) {
	for _, tc := range []struct{ why, file, text, want string }{
		{"a mapping for a value", "c.yaml", "keys: {}", "keys: is a mapping: want a value or a list of values"},
		{"keys below a value", "c.yaml", "keys: {a: 1}", `unknown key "keys.a": keys has no keys below it`},
		{"keys below a command's value", "c.yaml", "run: {users: {a: 1}}", `unknown key "run.users.a": run.users has no keys below it`},
		{"nothing", "c.yaml", "keys:", "keys: is empty: want KEYS"},
		{"nothing for a switch", "c.yaml", "quiet:", "quiet: is empty: want true or false"},
		{"an empty text", "c.yaml", "keys: ''", "keys: is empty: want KEYS"},
		{"an empty list", "c.yaml", "keys: []", "keys: is empty: want KEYS"},
		{"an empty text in a list", "c.yaml", "strategy: [global, '']", "strategy: is empty: want NAMES"},
		{"a list in a list", "c.yaml", "strategy: [[global]]", "strategy: is a list: want NAMES, or a list of such"},
		{"a mapping in a list", "c.yaml", "mix: [{append: 1}]", "mix: is a mapping: want MIX, or a list of such"},
		{"a number for a text", "c.yaml", "run-id: 0x10", "run-id: is the number 16: want NAME, in quotes"},
		{"a number among texts", "c.yaml", "strategy: [global, 5]", "strategy: is the number 5: want NAMES, in quotes"},
		{"a number for a password", "c.yaml", "redis-password: 0123", "redis-password: is no text: want PASSWORD, in quotes"},
		{"a switch for a text", "c.yaml", "keys: true", "keys: is true: want KEYS, in quotes"},
		{"a number for a switch", "c.yaml", "quiet: 5", "quiet 5: want true or false"},
		{"a text for a number", "c.yaml", "users: many", "users many: want a whole number from 1 to 1000000"},
		{"a list for a number", "c.yaml", "users: [1, 2]", "users 1,2: want a whole number"},
		{"a date", "c.yaml", "hold: 2020-01-01", "hold: is a date or a time: want TIME"},
		{"a date in TOML", "c.toml", "hold = 10:00:00", "hold: is a date or a time: want TIME"},
		{"a value for a command", "c.yaml", "run: 5", "run: is the number 5: want settings below it, such as strategy"},
		{"a list for a command", "c.yaml", "run: [users]", "run: is a list: want settings below it"},
		{"a number", "c.yaml", "5", "--config PATH: is the number 5: want KEY: VALUE"},
		{"a list", "c.yaml", "[a, b]", "--config PATH: is a list: want KEY: VALUE"},
		{"a text", "c.yaml", "users", `--config PATH: is the text "users": want KEY: VALUE`},
		{"a list in JSON", "c.json", "[1]", "--config PATH: is a list: want KEY: VALUE"},
		{"a second document", "c.yaml", "users: 2\n---\nusers: 3\n", "--config PATH: has a second document after ---: want one"},
		{"a second value in JSON", "c.json", "{}{}", "--config PATH: "},
		{"a misspelt key", "c.yaml", "sed: 4", `unknown key "sed": did you mean seed? all keys are flags`},
		{"a misspelt key of a command", "c.yaml", "run: {sed: 4}", `unknown key "run.sed": did you mean run.seed?`},
	} {
		path := filepath.Join(t.TempDir(), tc.file)
		if err := os.WriteFile(path, []byte(tc.text), 0o666); err != nil {
			t.Fatal(err)
		}
		args := []string{"run", "-c", path}
		if !strings.HasPrefix(tc.text, "strategy") {
			args = append(args, "-S", "cow")
		}
		code, _, stderr := sessbench(t.Context(), args)
		want := strings.ReplaceAll(tc.want, "PATH", path)
		if code != exitUsage || !strings.Contains(stderr, want) || !strings.Contains(stderr, path) {
			t.Errorf("%s: exit code %d, %s: want %q", tc.why, code, stderr, want)
		}
		for _, leak := range []string{"map[", "interface", "int64", "float64", "!!", "string into"} {
			if strings.Contains(stderr, leak) {
				t.Errorf("%s: %q is for Go programmers: %s", tc.why, leak, stderr)
			}
		}
	}
}

// TestConfigurationOfAnUnusualForm: unusual but correct files are accepted; what is wrong then is the output.
func TestConfigurationOfAnUnusualForm(t *testing.T) {
	for _, tc := range []struct{ why, file, text string }{
		{"nothing", "c.yaml", ""},
		{"a comment", "c.yaml", "# users: 3\n"},
		{"a command without settings", "c.yaml", "run:\n  # users: 3\n"},
		{"a document that is marked", "c.yaml", "---\nseed: 2\n...\n"},
		{"capitals", "c.yaml", "SEED: 4\n"},
		{"a number in quotes", "c.yaml", "seed: '4'\n"},
		{"a list of one", "c.yaml", "seed: [4]\n"},
		{"a mix as a list", "c.yaml", "mix: [append=1, history=2]\n"},
		{"large numbers in JSON", "c.json", `{"seed": 1000000, "no-color": true}`},
		{"an empty object", "c.json", `{}`},
	} {
		path := filepath.Join(t.TempDir(), tc.file)
		if err := os.WriteFile(path, []byte(tc.text), 0o666); err != nil {
			t.Fatal(err)
		}
		args := []string{"run", "-q", "-S", "cow", "-o", "csv=no/such/directory/result.csv", "-c", path}
		if code, _, stderr := sessbench(t.Context(), args); code != exitUsage || !strings.HasPrefix(stderr, "sessbench: --out csv=no/such") {
			t.Errorf("%s: exit code %d, %s", tc.why, code, stderr)
		}
	}
}
