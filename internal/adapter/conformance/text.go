package conformance

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/adapter"
)

func textChecks() []check {
	messages, fields := []string{aSession, "add_message", "history"}, []string{aSession, "update", "get"}
	list := []check{
		{name: "any text in messages", section: "add_message", run: textInMessages, needs: messages},
		{name: "any text in fields", section: "update", run: textInFields, needs: fields},
	}
	return append(list,
		check{name: "a message of 128 KiB", section: sizesSection, run: largeMessage, needs: messages},
		check{name: "a history of 15 messages of 128 KiB", section: sizesSection, run: largeHistory, needs: messages},
		check{name: "fields of 1 MiB", section: sizesSection, run: largeFields, needs: fields},
	)
}

const sizesSection = "sizes"

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

// filled returns text of exactly size bytes of UTF-8.
func filled(pattern string, size int) string {
	text := strings.Repeat(pattern, size/len(pattern)+1)
	text = strings.ToValidUTF8(text[:size], "")
	return text + strings.Repeat(".", size-len(text))
}

// largeMessage sends the largest message that there can be, its role as long as it can be, not only of ASCII and with each
// character escaped: that line has 800 KB.
func largeMessage(p *probe) {
	c := p.connect()
	role, text := filled("role ", adapter.MaxRole), filled("The quick brown fox, Größe, 大, 😀. ", adapter.MaxContent)
	for _, quote := range []func(string) string{raw, escaped} {
		id := c.begin()
		q := ask("add_message", "id", id)
		q.text = strings.TrimSuffix(q.text, "}") + `,"role":` + quote(role) + `,"content":` + quote(text) + "}"
		c.do(q)
		c.last(q, id, text)
		p.tidy(c, id)
	}
	c.do(ask("hello")) // the connection is still good
}

// largeHistory wants the longest history that there can be in an answer.
func largeHistory(p *probe) {
	c := p.connect()
	id := c.begin()
	for i := range kept {
		c.do(say(id, filled(fmt.Sprintf("Message \"%d\". ", i+1), adapter.MaxContent)))
	}
	a := c.do(of("history", id))
	list := a.messages()
	a.want(len(list) == kept, "%d messages: got %d", kept, len(list))
	for i, m := range list {
		differs := difference(*m.Content, filled(fmt.Sprintf("Message \"%d\". ", i+1), adapter.MaxContent))
		a.want(differs == "", "message %d as it was sent: %s", i+1, differs)
	}
	p.tidy(c, id)
}

// largeFields sends as much of fields as a session can have, raw and escaped: that line has 6 MB.
func largeFields(p *probe) {
	c := p.connect()
	name, text := "large", filled("The quick brown fox. ", adapter.MaxFields-len("large"))
	for _, quote := range []func(string) string{raw, escaped} {
		id := c.begin()
		q := ask("update", "id", id)
		q.text = strings.TrimSuffix(q.text, "}") + `,"fields":` + object(map[string]string{name: text}, quote) + "}"
		c.do(q)
		a := c.do(of("get", id))
		a.sent = q
		differs := difference(a.strings("fields")[name], text)
		a.want(differs == "", "by get the text as it was sent: %s", differs)
		p.tidy(c, id)
	}
	c.do(ask("hello")) // the connection is still good
}

// tidy deletes a large session, where that is possible.
func (p *probe) tidy(c *conn, id string) {
	if p.x.has("delete") {
		c.do(of("delete", id))
	}
}
