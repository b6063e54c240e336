package cmd

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"

	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/setting"
)

// The sources of a setting, the weakest first.
const (
	rankDefault = iota
	rankFile
	rankEnv
	rankFlag
)

// source is where a setting comes from.
type source struct {
	rank int
	name string // of the setting in this source, for errors: --hold, SESSBENCH_HOLD
}

// sources holds the source of each setting that is not at its default, by its flag's name.
type sources map[string]source

// given reports whether the setting is not at its default.
func (s sources) given(flag string) bool { return s[flag].rank != rankDefault }

// from is the setting's name in errors, as it is written in its source.
func (s sources) from(flag string) string {
	if src, ok := s[flag]; ok {
		return src.name
	}
	return "--" + flag
}

const configFlag = "config"

// configure sets each flag of c that is not on the command line from the environment (SESSBENCH_HOLD_KIND for --hold-kind) or
// else from the configuration file. The file's keys are the flags' names. A key below a command's name is for that command
// only, and takes precedence.
func (cmd *command) configure(c *cobra.Command) error {
	v, fs := viper.New(), c.Flags()
	cmd.flags, cmd.sources = fs, sources{}
	found, inFile := cmd.sources, map[string]bool{}
	warnOfUnknownVariables(c.ErrOrStderr(), c.Root(), os.Environ())
	path, from, err := configPath(fs)
	if err != nil {
		return err
	}
	if path != "" {
		found[configFlag] = from
		_ = fs.Lookup(configFlag).Value.Set(path) // a string accepts any text
		if err := readConfig(v, path, c); err != nil {
			return err
		}
		for _, key := range v.AllKeys() {
			inFile[key] = true
		}
	}
	set := func(f *pflag.Flag, to any, from source) {
		found[f.Name] = from
		err = setFlag(f, to, from.name)
	}
	fs.VisitAll(func(f *pflag.Flag) {
		env, own := envName(f.Name), c.Name()+"."+f.Name
		switch {
		case err != nil || f.Name == configFlag || f.Name == "help":
		case f.Changed:
			found[f.Name] = source{rankFlag, "--" + f.Name}
		case os.Getenv(env) != "":
			set(f, os.Getenv(env), source{rankEnv, env})
		case inFile[own]:
			set(f, v.Get(own), source{rankFile, path + ": " + own})
		case inFile[f.Name]:
			set(f, v.Get(f.Name), source{rankFile, path + ": " + f.Name})
		}
	})
	return err
}

func envName(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// configPath returns the file to read: the one named, else the one of three names in the working directory; empty for none.
func configPath(fs *pflag.FlagSet) (path string, from source, err error) {
	if path, _ := fs.GetString(configFlag); path != "" {
		return path, source{rankFlag, "--" + configFlag}, nil
	}
	if path := os.Getenv(envName(configFlag)); path != "" {
		return path, source{rankEnv, envName(configFlag)}, nil
	}
	var there []string
	for _, path := range []string{"sessbench.yaml", "sessbench.toml", "sessbench.json"} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			there = append(there, path)
		}
	}
	if len(there) > 1 {
		return "", source{}, usagef("%s are both here: want --config with one of them", strings.Join(there, " and "))
	}
	return strings.Join(there, ""), source{rankFile, "the configuration file"}, nil
}

// readConfig reads the file and rejects keys that are not the name of a flag. One file serves all commands: keys of other
// commands are ignored.
func readConfig(v *viper.Viper, path string, c *cobra.Command) error {
	legal := []string{".yaml", ".yml", ".toml", ".json"}
	if !slices.ContainsFunc(legal, func(end string) bool { return strings.HasSuffix(path, end) }) {
		return usagef("--config %s: want a file in %s", quoted(path), strings.Join(legal, ", "))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return usagef("--config %s: %w", quoted(path), outfile.WithoutCall(err))
	}
	format := strings.TrimPrefix(filepath.Ext(path), ".")
	if err := oneMapping(format, text); err != nil {
		return usagef("--config %s: %w", quoted(path), err)
	}
	v.SetConfigType(format)
	if err := v.ReadConfig(bytes.NewReader(text)); err != nil {
		return usagef("--config %s: %w", quoted(path), err)
	}
	known, commands := configKeys(c.Root())
	keys := v.AllKeys()
	slices.Sort(keys)
	for _, key := range keys {
		switch value := v.Get(key); {
		case known[key]:
		case slices.Contains(commands, key) && value == nil: // a section without a setting
		case slices.Contains(commands, key):
			return usagef("%s: %s: is %s: want settings below it, such as %s", path, key, setting.KindOf(value), strings.Join(settings(c), ", "))
		default:
			return unknownKey(path, key, known, commands, c)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(known)) { // an empty mapping is no key of viper's
		if value, isMapping := v.Get(key).(map[string]any); isMapping {
			return usagef("%s: %s: is %s: want a value or a list of values", path, key, setting.KindOf(value))
		}
	}
	return nil
}

// unknownKey is the error for a key that is not the name of a flag.
func unknownKey(path, key string, known map[string]bool, commands []string, c *cobra.Command) error {
	if parent := key[:max(0, strings.LastIndex(key, "."))]; known[parent] {
		return usagef("%s: unknown key %q: %s has no keys below it: want a value or a list of values", path, key, parent)
	}
	if question := didYouMean(key, slices.Sorted(maps.Keys(known))); question != "" {
		return usagef("%s: unknown key %q: %sall keys are flags: %s --help", path, key, question, c.CommandPath())
	}
	return usagef("%s: unknown key %q: want some of %s, or such a key under %s", path, key,
		strings.Join(settings(c), ", "), strings.Join(commands, ": or ")+":")
}

// oneMapping rejects a file that is not a mapping, and several documents, of which the parser would read the first. Other than YAML
// and JSON, which is YAML, TOML has neither.
func oneMapping(format string, text []byte) error {
	documents := yaml.NewDecoder(bytes.NewReader(text))
	var first, second any
	if format == "toml" || documents.Decode(&first) != nil {
		return nil // the parser reports a syntax error; or the file is empty
	}
	switch first.(type) {
	case map[string]any, map[any]any, nil:
	default:
		return fmt.Errorf("is %s: want KEY: VALUE", setting.KindOf(first))
	}
	if err := documents.Decode(&second); !errors.Is(err, io.EOF) {
		return errors.New("has a second document after ---: want one")
	}
	return nil
}

// configKeys returns the set of legal keys, which are the settings of every command, also below the command's name, and the names
// of the commands that read the configuration.
func configKeys(root *cobra.Command) (keys map[string]bool, commands []string) {
	keys = map[string]bool{}
	for _, c := range root.Commands() {
		if c.Flags().Lookup(configFlag) == nil {
			continue
		}
		commands = append(commands, c.Name())
		for _, name := range settings(c) {
			keys[name], keys[c.Name()+"."+name] = true, true
		}
	}
	return keys, commands
}

// settings lists the flags of a command that a configuration file can set.
func settings(c *cobra.Command) []string {
	return slices.DeleteFunc(flagNames(c.Flags()), func(name string) bool { return name == configFlag || name == "help" })
}

// setFlag sets a flag from a value of the environment or the file; where names its source. Lists may be lists or text with
// commas.
func setFlag(f *pflag.Flag, from any, where string) error {
	values, isList := from.([]any)
	switch text, isText := from.(string); {
	case isList:
	case isText && f.Name != targetFlag: // where a command may have commas
		for one := range strings.SplitSeq(text, ",") {
			values = append(values, one)
		}
	default:
		values = []any{from}
	}
	var texts []string
	placeholder, _ := pflag.UnquoteUsage(f)
	anyText := slices.Contains([]string{"string", "stringArray", "stringSlice"}, f.Value.Type())
	for _, value := range values {
		text, err := setting.Plain(value, cmp.Or(placeholder, "true or false"), anyText)
		if err != nil {
			kind := setting.KindOf(value)
			if isSecret("--" + f.Name) {
				kind = "no text"
			}
			return usagef("%s: is %s: %w", where, kind, err)
		}
		texts = append(texts, text)
	}
	if _, list := f.Value.(pflag.SliceValue); !list {
		texts = []string{strings.Join(texts, ",")}
	}
	if len(texts) == 0 || slices.Contains(texts, "") {
		return emptyError(where, f)
	}
	for _, text := range texts {
		if err := f.Value.Set(text); err != nil {
			return valueError(where+" "+quoted(text), f, err)
		}
	}
	return nil
}
