package conformance

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

func textChecks() []check {
	messages, fields := []string{aSession, "add_message", "history"}, []string{aSession, "update", "get"}
	list := []check{
		{name: "any text in messages", section: "add_message", run: textInMessages, needs: messages},
		{name: "any text in fields", section: "update", run: textInFields, needs: fields},
	}
	for _, line := range []struct {
		name string
		size int
	}{{"100 KiB", 100 << 10}, {"1 MiB", 1 << 20}, {"15 MiB", 15 << 20}} {
		list = append(list, check{
			name: "a line of " + line.name, section: linesSection, needs: messages, run: func(p *probe) { long(p, line.size) },
		})
	}
	return list
}

// texts are what breaks encoders, decoders and line readers.
func texts() []string {
	var controls strings.Builder
	for r := range ' ' {
		controls.WriteRune(r)
	}
	return []string{
		"", " ", " both ends ", `"quoted"`, `back\slash`, `\`, `\n`, `\u0041`, "a/b", "one\ntwo\r\nthree\r", "tab\tstop", "NUL\x00inside",
		controls.String() + "\x7f\u0080\u009f", "line\u2028and\u2029paragraph", "é and e\u0301", "漢字", "😀 👩‍👩‍👧 🏳️‍🌈", "\U0010FFFD",
		"\uFEFFmark", "\uFFFD", "</script>&amp;%s{0}", `{"op":"reset"}`, "null", "[]", "0",
	}
}

func textInMessages(p *probe) {
	c := p.connect()
	for _, text := range texts() {
		id := c.begin()
		for _, quote := range []func(string) string{raw, escaped} {
			q := ask("add_message", "id", id, "role", "user")
			q.text = strings.TrimSuffix(q.text, "}") + `,"content":` + quote(text) + "}"
			c.do(q)
			c.last(q, id, text)
		}
	}
}

// last wants the newest message to have this text, which was sent with q.
func (c *conn) last(q request, id, text string) {
	a := c.do(of("history", id))
	list := a.messages()
	a.want(len(list) > 0, "the message that was added")
	a.sent = q
	differs := difference(*list[len(list)-1].Content, text)
	a.want(differs == "", "by history the text as it was sent: %s", differs)
}

func textInFields(p *probe) {
	c := p.connect()
	for _, text := range texts() {
		for _, quote := range []func(string) string{raw, escaped} {
			id := c.begin()
			q := ask("update", "id", id)
			q.text = strings.TrimSuffix(q.text, "}") + `,"fields":` + object(map[string]string{"name " + text: text}, quote) + "}"
			c.do(q)
			a := c.do(of("get", id))
			a.sent = q
			fields := a.strings("fields")
			got, there := fields["name "+text]
			a.want(there && len(fields) == 1, "by get one field with the name %q", "name "+text)
			differs := difference(got, text)
			a.want(differs == "", "by get the text as it was sent: %s", differs)
		}
	}
}

// difference says where two texts differ, empty if they do not.
func difference(got, want string) string {
	if got == want {
		return ""
	}
	n := 0
	for w := want; ; n++ {
		r, size := utf8.DecodeRuneInString(w)
		s, same := utf8.DecodeRuneInString(got)
		if r != s || size != same {
			return fmt.Sprintf("character %d should be %s and is %s", n+1, character(r, size), character(s, same))
		}
		w, got = w[size:], got[same:]
	}
}

func character(r rune, size int) string {
	if size == 0 {
		return "the end"
	}
	return fmt.Sprintf("%U", r)
}

// long sends a message in a line of this size and wants it back. The smaller ones are not only of ASCII.
func long(p *probe, size int) {
	pattern := "The quick brown fox. "
	if size <= 1<<20 {
		pattern = "Größe, 大きさ, 😀. "
	}
	c := p.connect()
	id := c.begin()
	around := len(say(id, "").text) + len("\n")
	text := strings.Repeat(pattern, size/len(pattern)+1)
	text = strings.ToValidUTF8(text[:size-around], "")
	q := say(id, text)
	c.do(q)
	c.last(q, id, text)
	c.do(ask("hello")) // the connection is still good
	if p.x.has("delete") {
		c.do(of("delete", id))
	}
}
