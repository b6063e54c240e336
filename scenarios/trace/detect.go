package trace

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// detect returns a log's format, from its first lines, none of them blank.
func detect(sample [][]byte, given map[string]string) (string, error) {
	if len(sample) == 0 {
		return "", fmt.Errorf("no lines to tell the format from: want --trace-format %s", strings.Join(Formats()[1:], ", "))
	}
	sample = sample[:min(len(sample), 20)]
	first := sample[0]
	switch {
	case most(sample, isObject):
		return formatJSONL, nil
	case most(sample, isCLF):
		return formatCLF, nil
	}
	tables := []string{formatTSV, formatCSV, formatSemi, formatSpace} // a separator that occurs in the cells of another format comes later
	for _, format := range tables {
		if isHeader(first, separators()[format], given) {
			return format, nil
		}
	}
	if most(sample, isBareKey) {
		return formatKeys, nil
	}
	for _, format := range tables {
		if format == formatSpace && !slices.ContainsFunc(strings.Fields(string(first)), isData) {
			continue // prose
		}
		if most(sample, sameFields(first, separators()[format])) {
			return format, nil
		}
	}
	return "", fmt.Errorf("cannot tell the format from the first lines: want --trace-format %s",
		strings.Join(Formats()[1:], ", "))
}

// most reports whether more than half of the lines are of a kind: a log may begin with a torn line.
func most(sample [][]byte, kind func([]byte) bool) bool {
	n := 0
	for _, line := range sample {
		if kind(line) {
			n++
		}
	}
	return 2*n > len(sample)
}

func isObject(line []byte) bool {
	_, err := parseObject(line)
	return err == nil
}

func isCLF(line []byte) bool {
	var r row
	_, err := parseCommon(line, &r)
	return err == nil
}

// isHeader reports whether the line, cut at comma, names a session column, or has one of the number that is given.
func isHeader(line []byte, comma byte, given map[string]string) bool {
	t := newTable(comma)
	_, err := t.header(line, given)
	return err == nil && (!t.headless || t.columns > 1)
}

// isBareKey reports whether the line is one word.
func isBareKey(line []byte) bool { return !bytes.ContainsAny(bytes.TrimSpace(line), " \t,;{}[]\"") }

// sameFields finds a table whose session column has no well-known name, or that has no header. Opening it then fails with the
// names of its columns, which is more useful than an unknown format.
func sameFields(first []byte, comma byte) func([]byte) bool {
	want := bytes.Count(first, []byte{comma})
	return func(line []byte) bool { return want > 0 && bytes.Count(line, []byte{comma}) >= want }
}
