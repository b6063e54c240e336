package trace

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// keptProblems is the number of malformed lines that a Reader describes. It counts all of them.
const keptProblems = 100

// Visit is one row of a log: the operations of one request on one session.
type Visit struct {
	Key   []byte        // name of the session in the log, never empty; valid until the next call of Next
	At    time.Duration // since the first row; less than that of the row before if the log's clock went backwards
	Timed bool          // the log has times; otherwise At is 0
	Ops   []Action      // at least one; valid until the next call of Next
}

// Reader streams the visits of a log, in at most a few MiB whatever the log's size. It is for one goroutine.
type Reader struct {
	name   string
	format string
	opts   Options
	file   *os.File
	lines  *lines
	parse  parser
	clock  clock
	tokens [numRoles]bool // the role's column counts tokens

	row     row
	ops     []Action
	visits  int64
	timed   bool
	first   int64 // the first row's time on the clock's scale
	lost    int64
	reasons []string
	err     error // returned by Next from now on
}

// Open opens the log at path, plain or gzip (detected by its first bytes), and detects its format and columns.
// The caller closes the Reader. Errors name the file and, where one is at fault, the flag.
func Open(path string, opts Options) (*Reader, error) {
	cookie, err := opts.validate()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{name: path, opts: opts, file: file}
	if err := r.start(cookie); err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

// start sets up decompression, format and parser.
func (r *Reader) start(cookie string) error {
	src, err := plain(r.file)
	if err != nil {
		return r.wrap(err)
	}
	r.lines = newLines(src)
	sample := r.lines.sample()
	if err := r.lines.err; err != nil && err != io.EOF && len(sample) == 0 {
		return r.wrap(err)
	}
	r.format = r.opts.Format
	if r.format == "" || r.format == formatAuto {
		if r.format, err = detect(sample, r.opts.Columns); err != nil {
			return r.wrap(err)
		}
	}
	if cookie != "" && r.format != formatCLF {
		return r.wrap(fmt.Errorf("--trace-session cookie:%s is for clf, not for %s: "+
			"name a column with --trace-columns session=COLUMN", cookie, r.format))
	}
	return r.choose(cookie, sample)
}

// choose sets up the format's parser and clock.
func (r *Reader) choose(cookie string, sample [][]byte) error {
	var bound [numRoles]string
	var err error
	if len(r.opts.Columns) > 0 && (r.format == formatCLF || r.format == formatKeys) {
		return r.wrap(fmt.Errorf("--trace-columns: format %s has no columns to name: want csv, tsv, semicolon, space or jsonl", r.format))
	}
	if unit := r.opts.TimeUnit; unit != "" && unit != formatAuto && (r.format == formatCLF || r.format == formatKeys) {
		return r.wrap(fmt.Errorf("--trace-time-unit %s: format %s has no times that are numbers: want csv, tsv, semicolon, space or jsonl",
			unit, r.format))
	}
	switch r.format {
	case formatCLF:
		r.parse, r.clock, r.timed = clfParser(cookie), clock{layout: clfTime}, true
		return nil
	case formatKeys:
		r.parse = parseKey
		return nil
	case formatJSONL:
		if len(sample) > 0 && !slices.ContainsFunc(sample, isObject) {
			return r.wrap(fmt.Errorf("--trace-format jsonl: no line at its beginning is a JSON object, the first is %q", clip(sample[0])))
		}
		bound, err = bindFields(sample, r.opts.Columns)
		r.parse = jsonlParser(bound)
	default:
		t := newTable(separators()[r.format])
		bound, err = r.header(t)
		r.parse = t.parse
	}
	if err != nil {
		return r.wrap(err)
	}
	r.clock, r.timed = newClock(bound[roleTime], r.opts.TimeUnit), bound[roleTime] != ""
	if r.clock.unit == 0 && isMooncake(r.format, sample) {
		r.clock.unit = int64(time.Millisecond)
	}
	for role, name := range bound {
		r.tokens[role] = strings.HasSuffix(strings.ToLower(name), "tokens")
	}
	return nil
}

// header passes the first line that is not blank to a table.
func (r *Reader) header(t *table) (bound [numRoles]string, err error) {
	for {
		line, err := r.lines.next()
		if err == io.EOF {
			return bound, errors.New("empty: want a header that names the columns")
		}
		if err != nil {
			return bound, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			bound, err = t.header(line, r.opts.Columns)
			if t.headless {
				r.lines.unread()
			}
			return bound, err
		}
	}
}

// isMooncake reports whether a log is one of the traces of Mooncake (Qin et al., "Mooncake: Trading More Storage for Less
// Computation", FAST 2025), or made of one. Their timestamps are milliseconds from 0, which their size does not show.
func isMooncake(format string, sample [][]byte) bool {
	return format == formatJSONL && slices.ContainsFunc(sample, func(line []byte) bool {
		object, _ := parseObject(line)
		return object["hash_ids"] != nil && object["timestamp"] != nil
	})
}

// plain returns the text of a file that may be gzip and may begin with a byte order mark.
func plain(file io.Reader) (io.Reader, error) {
	text := bufio.NewReaderSize(file, 64<<10)
	if magic, _ := text.Peek(2); string(magic) == "\x1f\x8b" {
		unzip, err := gzip.NewReader(text)
		if err != nil {
			return nil, gzipError(err)
		}
		text = bufio.NewReaderSize(unzip, 64<<10)
	}
	const byteOrderMark = "\xef\xbb\xbf"
	if mark, _ := text.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		text.Discard(len(byteOrderMark))
	}
	return text, nil
}

// gzipError describes the error of a damaged gzip file.
func gzipError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("truncated gzip: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("damaged gzip: %w", err)
	}
	return err
}

// Next returns the next visit. Blank lines are skipped, and so are malformed ones until there are more than
// Options.MaxErrors. At the end: io.EOF. Any error is final.
func (r *Reader) Next() (Visit, error) {
	for r.err == nil {
		line, err := r.lines.next()
		switch {
		case err == nil && len(bytes.TrimSpace(line)) == 0:
			continue
		case err == nil:
			var v Visit
			number := r.lines.number
			if v, err = r.visit(line); err == nil {
				return v, nil
			}
			r.err = r.reject(number, err)
		case errors.Is(err, errLongLine):
			r.err = r.reject(r.lines.number, err)
		case err == io.EOF:
			r.err = err
		default:
			r.err = r.wrap(err)
		}
	}
	return Visit{}, r.err
}

// visit reads one line, and further lines to which a quoted field extends.
func (r *Reader) visit(line []byte) (Visit, error) {
	err := r.parse(line, &r.row)
	if errors.Is(err, errOpenQuote) {
		if record, ok := r.lines.quoted(); ok && r.parse(trimEnd(record), &r.row) == nil {
			r.lines.take(record)
			line, err = trimEnd(record), nil
		}
	}
	if err != nil {
		return Visit{}, err
	}
	if !filled(r.row[roleSession]) {
		return Visit{}, errors.New("names no session")
	}
	if r.ops, err = actions(r.ops[:0], &r.row, r.tokens, len(line)); err != nil {
		return Visit{}, err
	}
	at, err := r.at()
	if err != nil {
		return Visit{}, err
	}
	r.visits++
	return Visit{Key: r.row[roleSession], At: at, Timed: r.timed, Ops: r.ops}, nil
}

// at is the row's time since the first row.
func (r *Reader) at() (time.Duration, error) {
	cell := r.row[roleTime]
	if !r.timed {
		return 0, nil
	}
	if !filled(cell) {
		return 0, errors.New("has no time")
	}
	stamp, err := r.clock.parse(cell)
	if err != nil {
		return 0, err
	}
	if r.visits == 0 {
		r.first = stamp
	}
	at := stamp - r.first
	if (at < 0) != (stamp < r.first) {
		return 0, fmt.Errorf("time %q: too far from the first row's", clip(cell))
	}
	return time.Duration(at), nil
}

// reject counts a malformed line and returns an error once there are too many.
func (r *Reader) reject(number int64, cause error) error {
	problem := fmt.Sprintf("%s:%d: %v", r.name, number, cause)
	r.lost++
	if len(r.reasons) < keptProblems {
		r.reasons = append(r.reasons, problem)
	}
	if r.opts.MaxErrors < 0 || r.lost <= int64(r.opts.MaxErrors) {
		return nil
	}
	return fmt.Errorf("%s (malformed line %d: raise --trace-max-errors above %d to skip more)",
		problem, r.lost, r.opts.MaxErrors)
}

func (r *Reader) wrap(err error) error { return fmt.Errorf("%s: %w", r.name, gzipError(err)) }

// Name returns the path that was opened.
func (r *Reader) Name() string { return r.name }

// Format returns the format of the log: one of [Formats], but not auto.
func (r *Reader) Format() string { return r.format }

// AssumedSeconds reports whether times were numbers of unknown unit, small ones in a column without a unit in its name. They are
// taken as seconds.
func (r *Reader) AssumedSeconds() bool { return r.clock.assumed }

// Lines returns the number of lines read so far, including header, blank and malformed ones.
func (r *Reader) Lines() int64 { return r.lines.read }

// Malformed returns the number of lines skipped so far.
func (r *Reader) Malformed() int64 { return r.lost }

// Problems describes the first 100 malformed lines, each as "file:line: problem".
func (r *Reader) Problems() []string { return r.reasons }

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }
