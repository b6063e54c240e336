package main

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
)

// A man page is the help of a command as it is, each heading as that of a section: the help has the groups of flags and its examples,
// which a page made from single flags would lack. (The generator of cobra also loses the text between < and > in p99<5ms.)

// heading is a line of help after which an indented section begins, such as "Usage:".
var heading = regexp.MustCompile(`^[A-Z][^:]*:$`)

// command is a line of the section of subcommands.
var command = regexp.MustCompile(`^  ([a-z]+) +(.*)`)

// commandsHeading is the heading of the section of subcommands.
const commandsHeading = "Commands ("

// manPages returns the page of each command by its file name. output returns what the program prints with some arguments.
func manPages(output func(args ...string) (string, error)) (map[string]string, error) {
	return pagesOf(output, nil, "benchmark and verify session stores")
}

func pagesOf(output func(args ...string) (string, error), words []string, purpose string) (map[string]string, error) {
	help, err := output(append(words, "--help")...)
	if err != nil {
		return nil, err
	}
	name := strings.Join(append([]string{"sessbench"}, words...), "-")
	pages := map[string]string{}
	of := subcommands(help)
	for sub, short := range of {
		further, err := pagesOf(output, append(words[:len(words):len(words)], sub), short)
		if err != nil {
			return nil, err
		}
		maps.Copy(pages, further)
	}
	pages[name+".1"] = page(name, purpose, help)
	return pages, nil
}

// subcommands returns the purpose of each command that a help lists.
func subcommands(help string) map[string]string {
	list := map[string]string{}
	inside := false
	last := ""
	for line := range strings.Lines(help) {
		line = strings.TrimRight(line, "\n")
		found := command.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(line, commandsHeading):
			inside = true
		case !inside, line == "":
			inside = false
		case found != nil && found[1] != "help":
			last = found[1]
			list[last] = found[2]
		case found == nil && last != "":
			list[last] += " " + strings.TrimSpace(line)
		}
	}
	return list
}

// page returns a help as the source of a man page.
func page(name, purpose, help string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" sessbench \"User Commands\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(name), name, roff(purpose))
	section(&b, "DESCRIPTION")
	for line := range strings.Lines(strings.TrimRight(help, "\n")) {
		line = strings.TrimRight(line, "\n")
		if heading.MatchString(line) {
			b.WriteString(".fi\n")
			section(&b, roff(strings.ToUpper(strings.TrimSuffix(line, ":"))))
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	b.WriteString(".fi\n")
	return b.String()
}

// section begins a section whose lines are not filled.
func section(b *strings.Builder, title string) { fmt.Fprintf(b, ".SH \"%s\"\n.nf\n", title) }

// escapes are the characters that roff would change.
var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "^", `\(ha`, "~", `\(ti`)

func roff(line string) string {
	line = escapes.Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}
