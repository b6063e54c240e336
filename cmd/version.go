package cmd

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/reports/result"
)

// version is set by the linker: -ldflags "-X github.com/sessbench/sessbench/cmd.version=v1.2.3". Empty: the version in the
// build information counts.
var version string

const module = "github.com/sessbench/sessbench"

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the version and commit of this program, the version of Go, and the system it was built for.",
		Example: "  sessbench version",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	_, err := io.WriteString(a.out, versionText())
	return err
}

// versionText is what version and --version print.
func versionText() string {
	tool := thisTool()
	return fmt.Sprintf("sessbench %s\ncommit    %s\ngo        %s\nsystem    %s/%s\n",
		tool.Version, cmp.Or(tool.Commit, "unknown"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// thisTool is the version and, where the build recorded it, the commit. In a build of another main package the recorded
// commit is that of the other module, so there is none.
func thisTool() result.Tool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	tool := result.Tool{Version: version}
	if info.Main.Path != module {
		for _, dep := range info.Deps {
			if dep.Path == module && tool.Version == "" {
				tool.Version = dep.Version
			}
		}
	} else {
		if tool.Version == "" {
			tool.Version = info.Main.Version
		}
		tool.Commit = commit(info.Settings)
	}
	if tool.Version == "" {
		tool.Version = "(devel)"
	}
	return tool
}

// commit is the revision the build was made from, marked where files had been changed.
func commit(settings []debug.BuildSetting) string {
	var revision, mark string
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			mark = "+changes"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + mark
}
