package cmd

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Where a setting comes from, the weakest first.
const (
	rankDefault = iota
	rankFile
	rankEnv
	rankFlag
)

// source is where a setting comes from, and how an error calls it there.
type source struct {
	rank int
	name string
}

// sources holds the source of each setting that is not at its default, by its flag's name.
type sources map[string]source

// from is how an error calls the setting: as whoever set it wrote it.
func (s sources) from(flag string) string {
	if src, ok := s[flag]; ok {
		return src.name
	}
	return "--" + flag
}

const configFlag = "config"

// configure gives each flag of c that was not given its value from the environment (SESSBENCH_HOLD_KIND for --hold-kind) or,
// without one there, from the configuration file. Its keys are the flags' names; what is for one command only, or differs
// between commands, stands under the command's name.
func configure(c *cobra.Command) (sources, error) {
	v, fs := viper.New(), c.Flags()
	path, from, err := configPath(fs)
	if err != nil {
		return nil, err
	}
	found := sources{}
	if path != "" {
		found[configFlag] = from
		_ = fs.Lookup(configFlag).Value.Set(path) // a string takes any
		if err := readConfig(v, path, c); err != nil {
			return nil, err
		}
	}
	fs.VisitAll(func(f *pflag.Flag) {
		if err != nil || f.Name == configFlag || f.Name == "help" {
			return
		}
		env := envName(f.Name)
		_ = v.BindEnv(f.Name, env) // errs without a key only
		switch {
		case f.Changed:
			found[f.Name] = source{rankFlag, "--" + f.Name}
		case os.Getenv(env) != "":
			found[f.Name] = source{rankEnv, env}
			err = setFlag(fs, f, v.Get(f.Name), env)
		case v.IsSet(c.Name() + "." + f.Name):
			key := path + ": " + c.Name() + "." + f.Name
			found[f.Name] = source{rankFile, key}
			err = setFlag(fs, f, v.Get(c.Name()+"."+f.Name), key)
		case v.IsSet(f.Name):
			found[f.Name] = source{rankFile, path + ": " + f.Name}
			err = setFlag(fs, f, v.Get(f.Name), path+": "+f.Name)
		}
	})
	return found, err
}

func envName(flag string) string {
	return "SESSBENCH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// configPath returns the file to read: the one named, else one of three in the working directory, empty for none.
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

// readConfig reads the file and refuses what no flag is called. One file serves all commands: what only another one has a
// flag for is left to that one.
func readConfig(v *viper.Viper, path string, c *cobra.Command) error {
	legal := []string{".yaml", ".yml", ".toml", ".json"}
	if !slices.ContainsFunc(legal, func(end string) bool { return strings.HasSuffix(path, end) }) {
		return usagef("--config %s: want a file in %s", quoted(path), strings.Join(legal, ", "))
	}
	v.SetConfigFile(path)
	if err := v.ReadInConfig(); err != nil {
		return usagef("--config %s: %w", quoted(path), err)
	}
	known := configKeys(c.Root())
	unknown := v.AllKeys()
	slices.Sort(unknown)
	for _, key := range unknown {
		if !known[key] {
			return usagef("%s: unknown key %q: want some of %s, or such a key under %s", path, key,
				strings.Join(settings(c), ", "), strings.Join(configured(c.Root()), ": or ")+":")
		}
	}
	return nil
}

// configKeys is what may stand in a configuration file: the settings of every command, also under the command's name.
func configKeys(root *cobra.Command) map[string]bool {
	keys := map[string]bool{}
	for _, c := range root.Commands() {
		if c.Flags().Lookup(configFlag) == nil {
			continue
		}
		for _, name := range settings(c) {
			keys[name], keys[c.Name()+"."+name] = true, true
		}
	}
	return keys
}

// configured is the names of the commands that read the configuration.
func configured(root *cobra.Command) (names []string) {
	for _, c := range root.Commands() {
		if c.Flags().Lookup(configFlag) != nil {
			names = append(names, c.Name())
		}
	}
	return names
}

// settings is the flags of a command that a configuration file can set.
func settings(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != configFlag && f.Name != "help" {
			names = append(names, f.Name)
		}
	})
	return names
}

// setFlag sets a flag from a value of the environment or the file; where names the place. Lists may be lists or text
// with commas.
func setFlag(fs *pflag.FlagSet, f *pflag.Flag, from any, where string) error {
	var texts []string
	switch from := from.(type) {
	case string:
		if texts = strings.Split(from, ","); f.Name == targetFlag { // a command may have commas
			texts = []string{from}
		}
	case []any:
		for _, one := range from {
			texts = append(texts, plain(one))
		}
	case map[string]any:
		return usagef("%s: holds keys of its own: want a value or a list", where)
	default:
		texts = []string{plain(from)}
	}
	if _, list := f.Value.(pflag.SliceValue); !list {
		texts = []string{strings.Join(texts, ",")}
	}
	for _, text := range texts {
		if err := f.Value.Set(text); err != nil {
			return valueError(where+" "+quoted(text), f, err)
		}
	}
	return nil
}

// plain is a value of a file as it would be typed. JSON's numbers come as floats, whose default form is 1e+06.
func plain(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
