package conformance

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/adapter"
)

func textChecks() []check {
	messages, fields := []string{anyCreate, "add_message", "history"}, []string{anyCreate, "update", "get"}
	return []check{
		{name: "any text in messages", section: "add_message", run: textInMessages, needs: messages},
		{name: "any text in fields", section: "update", run: textInFields, needs: fields},
		{name: "a message of 128 KiB", section: "sizes", run: largeMessage, needs: messages},
		{name: "a history of 15 messages of 128 KiB", section: "sizes", run: largeHistory, needs: messages},
		{name: "fields of 1 MiB", section: "sizes", run: largeFields, needs: fields},
	}
}

// texts returns strings that break encoders, decoders and line readers.
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
		id := c.newSession()
		for _, quote := range []func(string) string{raw, escaped} {
			q := ask("add_message", "id", id, "role", "user")
			q.text = strings.TrimSuffix(q.text, "}") + `,"content":` + quote(text) + "}"
			c.do(q)
			c.wantLast(q, id, text)
		}
	}
}

// wantLast checks that the newest message has the text that was sent with q.
func (c *conn) wantLast(q request, id, text string) {
	a := c.do(onSession("history", id))
	list := a.messages()
	a.want(len(list) > 0, "the message that was added")
	a.sent = q
	diff := difference(*list[len(list)-1].Content, text)
	a.want(diff == "", "the same text from history: %s", diff)
}

func textInFields(p *probe) {
	c := p.connect()
	for _, text := range texts() {
		for _, quote := range []func(string) string{raw, escaped} {
			id := c.newSession()
			q := ask("update", "id", id)
			q.text = strings.TrimSuffix(q.text, "}") + `,"fields":` + object(map[string]string{"name " + text: text}, quote) + "}"
			c.do(q)
			a := c.do(onSession("get", id))
			a.sent = q
			fields := a.strings("fields")
			got, ok := fields["name "+text]
			a.want(ok && len(fields) == 1, "one field with the name %q from get", "name "+text)
			diff := difference(got, text)
			a.want(diff == "", "the same text from get: %s", diff)
		}
	}
}

// difference describes the first difference of two texts, empty if there is none.
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

// largeMessage sends a message of the maximum size, raw and with each character escaped: that line has 800 KB.
func largeMessage(p *probe) {
	c := p.connect()
	role, text := filled("role ", adapter.MaxRole), filled("The quick brown fox, Größe, 大, 😀. ", adapter.MaxContent)
	for _, quote := range []func(string) string{raw, escaped} {
		id := c.newSession()
		q := ask("add_message", "id", id)
		q.text = strings.TrimSuffix(q.text, "}") + `,"role":` + quote(role) + `,"content":` + quote(text) + "}"
		c.do(q)
		c.wantLast(q, id, text)
		c.discard(id)
	}
	c.do(ask("hello")) // the connection is still usable
}

// largeHistory reads a history of the maximum size.
func largeHistory(p *probe) {
	c := p.connect()
	id := c.newSession()
	for i := range kept {
		c.do(addMessage(id, filled(fmt.Sprintf("Message \"%d\". ", i+1), adapter.MaxContent)))
	}
	a := c.do(onSession("history", id))
	list := a.messages()
	a.want(len(list) == kept, "%d messages: got %d", kept, len(list))
	for i, m := range list {
		diff := difference(*m.Content, filled(fmt.Sprintf("Message \"%d\". ", i+1), adapter.MaxContent))
		a.want(diff == "", "message %d unchanged: %s", i+1, diff)
	}
	c.discard(id)
}

// largeFields sends fields of the maximum size, raw and with each character escaped: that line has 6 MB.
func largeFields(p *probe) {
	c := p.connect()
	name, text := "large", filled("The quick brown fox. ", adapter.MaxFields-len("large"))
	for _, quote := range []func(string) string{raw, escaped} {
		id := c.newSession()
		q := ask("update", "id", id)
		q.text = strings.TrimSuffix(q.text, "}") + `,"fields":` + object(map[string]string{name: text}, quote) + "}"
		c.do(q)
		a := c.do(onSession("get", id))
		a.sent = q
		diff := difference(a.strings("fields")[name], text)
		a.want(diff == "", "the same text from get: %s", diff)
		c.discard(id)
	}
	c.do(ask("hello")) // the connection is still usable
}

// discard deletes a large session if the adapter has delete.
func (c *conn) discard(id string) {
	if c.p.x.has("delete") {
		c.do(onSession("delete", id))
	}
}
