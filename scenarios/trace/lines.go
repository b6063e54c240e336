package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxLine is the longest line that is read, in bytes. It bounds the memory for a log without line ends.
const maxLine = 1 << 20

// sampleSize is how much of a log is read to detect its format, in bytes.
const sampleSize = 64 << 10

var (
	errLongLine = fmt.Errorf("line longer than %d bytes", maxLine)

	// errOpenQuote: a quoted field does not end on its line. The following lines may belong to it.
	errOpenQuote = errors.New("quoted field without an end")
)

// lines splits a stream into lines, in a buffer of at most a little over maxLine. buf[lo:hi] is the current line with its end,
// buf[hi:end] is read ahead.
type lines struct {
	src         io.Reader
	buf         []byte
	lo, hi, end int
	number      int64 // of the current line, from 1
	read        int64 // lines that were consumed
	err         error // of src; returned after what was read ahead
}

func newLines(src io.Reader) *lines { return &lines{src: src, buf: make([]byte, sampleSize)} }

// next returns the following line without its end. It is valid until the next call. At the end: io.EOF. A line
// that is too long is skipped and reported as errLongLine. Text before an error of the source other than io.EOF
// is returned only if it is a whole line.
func (l *lines) next() ([]byte, error) {
	l.lo = l.hi
	l.number = l.read + 1
	for scanned := 0; ; {
		if i := bytes.IndexByte(l.buf[l.lo+scanned:l.end], '\n'); i >= 0 {
			l.hi = l.lo + scanned + i + 1
			break
		}
		scanned = l.end - l.lo
		if scanned > maxLine {
			return nil, l.skip()
		}
		if err := l.fill(); err != nil {
			if err != io.EOF || l.lo == l.end {
				return nil, err
			}
			l.hi = l.end
			break
		}
	}
	l.read++
	line := trimEnd(l.buf[l.lo:l.hi])
	if len(line) > maxLine {
		return nil, errLongLine
	}
	return line, nil
}

// unread makes the line that next returned last the next one again.
func (l *lines) unread() {
	l.hi = l.lo
	l.read--
}

// skip drops the rest of a line that is too long.
func (l *lines) skip() error {
	for {
		if i := bytes.IndexByte(l.buf[l.lo:l.end], '\n'); i >= 0 {
			l.hi = l.lo + i + 1
			break
		}
		l.lo, l.hi, l.end = 0, 0, 0
		if err := l.fill(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	l.read++
	return errLongLine
}

// quoted returns the current line with those after it up to where its quotes balance, for a quoted field that holds
// line ends. It does not consume them: take does. The caller checks the record.
func (l *lines) quoted() (record []byte, ok bool) {
	open := oddQuotes(l.buf[l.lo:l.hi])
	for size := l.hi - l.lo; size <= maxLine; {
		i := bytes.IndexByte(l.buf[l.lo+size:l.end], '\n')
		if i < 0 {
			if l.end-l.lo > maxLine {
				return nil, false
			}
			if l.fill() == nil {
				continue
			}
			if l.err != io.EOF || l.lo+size == l.end {
				return nil, false
			}
			i = l.end - l.lo - size - 1
		}
		rest := l.buf[l.lo+size : l.lo+size+i+1]
		size += i + 1
		if oddQuotes(rest) {
			open = !open
		}
		if !open {
			return l.buf[l.lo : l.lo+size], true
		}
	}
	return nil, false
}

func oddQuotes(s []byte) bool { return bytes.Count(s, []byte{'"'})%2 == 1 }

// take consumes a record that quoted returned.
func (l *lines) take(record []byte) {
	l.read += int64(bytes.Count(record[l.hi-l.lo:], []byte{'\n'}))
	if !bytes.HasSuffix(record, []byte{'\n'}) {
		l.read++
	}
	l.hi = l.lo + len(record)
}

// sample returns the whole lines at the start of the stream without consuming them, about sampleSize bytes and at least
// one line, if that is not too long.
func (l *lines) sample() [][]byte {
	for (l.end < sampleSize || l.end < maxLine && bytes.IndexByte(l.buf[l.hi:l.end], '\n') < 0) && l.fill() == nil {
	}
	head := l.buf[l.hi:l.end]
	if i := bytes.LastIndexByte(head, '\n'); l.err != io.EOF && i >= 0 {
		head = head[:i]
	}
	var whole [][]byte
	for line := range bytes.SplitSeq(head, []byte{'\n'}) {
		if line = trimEnd(line); len(bytes.TrimSpace(line)) > 0 {
			whole = append(whole, line)
		}
	}
	return whole
}

// fill reads more behind buf[:end] and makes room first, so positions are kept relative to lo across it.
func (l *lines) fill() error {
	if l.err != nil {
		return l.err
	}
	if l.end == len(l.buf) {
		if l.lo > 0 {
			copy(l.buf, l.buf[l.lo:l.end])
			l.lo, l.hi, l.end = 0, l.hi-l.lo, l.end-l.lo
		} else {
			l.buf = append(l.buf, make([]byte, len(l.buf))...)
		}
	}
	n, err := l.src.Read(l.buf[l.end:])
	l.end += n
	l.err = err
	if n > 0 || err == nil {
		return nil
	}
	return err
}

func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}
