package trace

import (
	"bytes"
	"fmt"
	"strings"
)

// detect tells a log's format from its first lines, none of them blank.
func detect(sample [][]byte, given map[string]string) (string, error) {
	if len(sample) == 0 {
		return "", fmt.Errorf("no lines to tell the format from: want --trace-format %s", strings.Join(Formats()[1:], ", "))
	}
	sample = sample[:min(len(sample), 20)]
	switch first := sample[0]; {
	case most(sample, isObject):
		return formatJSONL, nil
	case most(sample, isCLF):
		return formatCLF, nil
	case isHeader(first, '\t', given):
		return formatTSV, nil
	case isHeader(first, ',', given):
		return formatCSV, nil
	case most(sample, isBareKey):
		return formatKeys, nil
	case most(sample, sameFields(first, '\t')):
		return formatTSV, nil
	case most(sample, sameFields(first, ',')):
		return formatCSV, nil
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

// isHeader reports whether the line, cut at comma, names a session column.
func isHeader(line []byte, comma byte, given map[string]string) bool {
	_, err := newTable(comma).header(line, given)
	return err == nil
}

// isBareKey reports whether the line is one word.
func isBareKey(line []byte) bool { return !bytes.ContainsAny(bytes.TrimSpace(line), " \t,;{}[]\"") }

// sameFields finds a table whose session column has no well-known name. Opening it then fails and names its columns,
// which helps more than to say that the format is unknown.
func sameFields(first []byte, comma byte) func([]byte) bool {
	want := bytes.Count(first, []byte{comma})
	return func(line []byte) bool { return want > 0 && bytes.Count(line, []byte{comma}) >= want }
}
