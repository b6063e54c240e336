package child

import "strings"

// ExitNoAnswer is the exit code of a child that could not read its requests, could not write its answers, or could not stop
// when its stdin ended. It is a number that a store under test is unlikely to exit with.
const ExitNoAnswer = 113

// Complaint returns the last error message that sessbench wrote to a child's stderr, without its prefix.
func Complaint(stderr string) string {
	const prefix = "sessbench: "
	at := LastLine(stderr, prefix)
	if at < 0 {
		return "no error message"
	}
	line, _, _ := strings.Cut(stderr[at+len(prefix):], "\n")
	return line
}

// CrashLine returns the index of the last line of stderr that begins a crash report of the Go runtime, or -1. The last one
// counts: those before it are panics that were recovered from and logged.
func CrashLine(stderr string) int {
	if at := LastLine(stderr, "panic: ", "fatal error: "); at >= 0 {
		return at
	}
	return LastLine(stderr, "SIGQUIT: ", "SIGSEGV: ", "SIGABRT: ", "SIGBUS: ")
}

// LastLine returns the index of the last line of text that begins with one of the prefixes, or -1.
func LastLine(text string, prefixes ...string) int {
	last := -1
	text = "\n" + text
	for _, prefix := range prefixes {
		last = max(last, strings.LastIndex(text, "\n"+prefix))
	}
	return last
}

// Excerpt returns the beginning of a dump of stacks, as much of it as a person may want to read.
func Excerpt(text string) string {
	const most = 16 << 10
	text = strings.TrimSpace(text)
	if len(text) <= most {
		return text
	}
	return text[:strings.LastIndexByte(text[:most], '\n')+1] + "…"
}
