package httptarget

import (
	"bytes"
	"net/textproto"
	"strconv"
	"strings"
)

// The format of HTTP/1.1 messages (RFC 9112). What net/http accepts in answers is accepted, but for lengths and names that
// recipients read differently: those are how one answer becomes two.

// checkRequest returns an error if q cannot be sent as one request.
func checkRequest(q *request) error {
	refuse := func(what, value string) error {
		return &failure{problem: problemInvalid, detail: what + " " + strconv.Quote(value), notSent: true}
	}
	if !isToken(q.method) {
		return refuse("method", q.method)
	}
	if len(q.target) == 0 || q.target[0] != '/' {
		return refuse("path without a leading slash", string(q.target))
	}
	for _, c := range q.target {
		if c <= ' ' || c >= 0x7f {
			return refuse("path with a character that is not encoded", string(q.target))
		}
	}
	for i := range q.header {
		h := &q.header[i]
		if !isToken(h.name) || isName(h.name, "Content-Length") || isName(h.name, "Transfer-Encoding") {
			return refuse("header", h.name)
		}
		if !isValue(h.value) {
			return refuse("header "+h.name+" with a line break or another control character", h.value)
		}
	}
	return nil
}

// appendRequest appends the request to dst as one message. The names of header fields are written as they are.
func appendRequest(dst []byte, q *request) []byte {
	dst = append(dst, q.method...)
	dst = append(dst, ' ')
	dst = append(dst, q.target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, hostOf(q)...)
	for i := range q.header {
		if h := &q.header[i]; !isName(h.name, "Host") {
			dst = append(dst, "\r\n"...)
			dst = append(dst, h.name...)
			dst = append(dst, ": "...)
			dst = append(dst, h.value...)
		}
	}
	if len(q.body) > 0 || usuallyHasBody(q.method) {
		dst = append(dst, "\r\nContent-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(q.body)), 10)
	}
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, q.body...)
}

// hostOf returns the host of q: that of its header if it has one, else that of the worker.
func hostOf(q *request) string {
	for i := range q.header {
		if h := &q.header[i]; isName(h.name, "Host") {
			return h.value
		}
	}
	return q.base.Host
}

// usuallyHasBody reports whether servers expect a length from requests with this method.
func usuallyHasBody(method string) bool {
	return method == "POST" || method == "PUT" || method == "PATCH"
}

// head is what precedes the body of an answer.
type head struct {
	status  int
	header  []headerField
	length  int64 // of the body, as declared; -1: not declared
	chunked bool
	ends    bool // the connection ends after the answer
	events  bool // the body is a stream of server-sent events
}

// hasBody reports whether a body follows in the answer to a request with this method.
func (h *head) hasBody(method string) bool {
	return method != "HEAD" && h.status >= 200 && h.status != 204 && h.status != 304
}

// parse reads the status line and the header from text, which ends before the empty line. It keeps parts of text.
func (h *head) parse(text string) error {
	*h = head{header: h.header[:0], length: -1}
	line, rest := cutLine(text)
	version, status, _ := strings.Cut(line, " ")
	if version != "HTTP/1.1" && version != "HTTP/1.0" {
		return notHTTP("it begins with %s", beginning(line))
	}
	digits, _, _ := strings.Cut(status, " ")
	n, ok := decimal(digits)
	if !ok || len(digits) != 3 || n < 100 {
		return notHTTP("status line %s", beginning(line))
	}
	h.status = int(n)
	if err := h.parseFields(rest); err != nil {
		return err
	}
	return h.parseFraming(version == "HTTP/1.0")
}

// parseFields reads the lines of a header.
func (h *head) parseFields(text string) error {
	for text != "" {
		var line string
		line, text = cutLine(text)
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") { // continues the previous line (obs-fold)
			if len(h.header) == 0 {
				return notHTTP("header line %s", beginning(line))
			}
			last := &h.header[len(h.header)-1]
			if last.value = strings.Trim(last.value+" "+strings.Trim(line, " \t"), " \t"); !isValue(last.value) {
				return notHTTP("header line %s", beginning(line))
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if value = strings.Trim(value, " \t"); !ok || !isToken(name) || !isValue(value) {
			return notHTTP("header line %s", beginning(line))
		}
		h.header = append(h.header, headerField{textproto.CanonicalMIMEHeaderKey(name), value})
	}
	return nil
}

// parseFraming reads from the header how the body ends, and whether the connection does.
func (h *head) parseFraming(old bool) error {
	h.ends = old
	codings := 0
	for _, f := range h.header {
		switch f.name {
		case "Content-Length":
			n, ok := decimal(f.value)
			if !ok || f.value[0] == '0' && len(f.value) > 1 {
				return notHTTP("Content-Length %s", beginning(f.value))
			}
			if h.length >= 0 && h.length != n {
				return notHTTP("Content-Length %d and %d", h.length, n)
			}
			h.length = n
		case "Transfer-Encoding":
			if codings++; codings > 1 || old || !strings.EqualFold(f.value, "chunked") {
				return notHTTP("Transfer-Encoding %s", beginning(f.value))
			}
			h.chunked = true
		case "Connection":
			for token := range strings.SplitSeq(f.value, ",") {
				switch token = strings.Trim(token, " \t"); {
				case strings.EqualFold(token, "close"):
					h.ends = true
				case strings.EqualFold(token, "keep-alive") && old:
					h.ends = false
				}
			}
		case "Content-Type":
			media, _, _ := strings.Cut(f.value, ";")
			h.events = isEventStream(media)
		}
	}
	if h.chunked && h.length >= 0 { // chunked precedes, but recipients may differ on where the next answer begins
		h.length, h.ends = -1, true
	}
	return nil
}

// parseChunkSize reads the line before a chunk, which includes its line break.
func parseChunkSize(line []byte) (int64, error) {
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	digits, _, _ := bytes.Cut(bytes.TrimRight(text, " \t"), []byte(";"))
	n, err := strconv.ParseUint(string(digits), 16, 63)
	if !ok || err != nil || bytes.IndexByte(text, '\r') >= 0 || digits[0] == '+' || bytes.IndexByte(digits, '_') >= 0 {
		return 0, notHTTP("chunk size %s", beginning(string(line)))
	}
	return int64(n), nil
}

// decimal reads a number of at most 18 digits.
func decimal(text string) (n int64, ok bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(text[i]-'0')
	}
	return n, 0 < len(text) && len(text) <= 18
}

// cutLine cuts text after its first line, whose break is a line feed or, with a carriage return before it, both.
func cutLine(text string) (line, rest string) {
	line, rest, _ = strings.Cut(text, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// isName reports whether a header field has a name, whose case does not matter.
func isName(name, want string) bool { return len(name) == len(want) && strings.EqualFold(name, want) }

// isToken reports whether text may be a method or the name of a header field.
func isToken(text string) bool {
	for i := range len(text) {
		if c := text[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-') &&
			strings.IndexByte("!#$%&'*+.^_`|~", c) < 0 {
			return false
		}
	}
	return text != ""
}

// isValue reports whether text may be the value of a header field.
func isValue(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// beginning quotes the beginning of what a service sent.
func beginning(text string) string {
	const most = 60
	if len(text) > most {
		return strconv.Quote(text[:most]) + "…"
	}
	return strconv.Quote(text)
}
