package conformance

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/adapter"
)

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

func textInMessages(c *conn) {
	for _, text := range texts() {
		id := c.newSession()
		for _, quote := range quotings {
			c.keepsMessage(id, "user", text, quote)
		}
	}
}

// keepsMessage sends a message and checks that it is the newest one, unchanged.
func (c *conn) keepsMessage(id, role, text string, quote func(string) string) {
	q := ask("add_message", "id", id, "role", jsonText(quote(role)), "content", jsonText(quote(text)))
	c.do(q)
	a := c.do(onSession("history", id))
	list := a.messages()
	a.want(len(list) > 0, "the message that was added")
	a.sent = q
	diff := difference(*list[len(list)-1].Content, text)
	a.want(diff == "", "the same text from history: %s", diff)
}

func textInFields(c *conn) {
	for _, text := range texts() {
		for _, quote := range quotings {
			c.keepsField(c.newSession(), "name "+text, text, quote)
		}
	}
}

// keepsField sets the only field of a session and checks that it is unchanged.
func (c *conn) keepsField(id, name, text string, quote func(string) string) {
	q := ask("update", "id", id, "fields", jsonText(object(map[string]string{name: text}, quote)))
	c.do(q)
	a := c.do(onSession("get", id))
	a.sent = q
	fields := a.strings("fields")
	got, ok := fields[name]
	a.want(ok && len(fields) == 1, "one field with the name %q from get", name)
	diff := difference(got, text)
	a.want(diff == "", "the same text from get: %s", diff)
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
func largeMessage(c *conn) {
	role, text := filled("role ", adapter.MaxRole), filled("The quick brown fox, Größe, 大, 😀. ", adapter.MaxContent)
	for _, quote := range quotings {
		id := c.newSession()
		c.keepsMessage(id, role, text, quote)
		c.discard(id)
	}
	c.do(ask("hello")) // the connection is still usable
}

// largeHistory reads a history of the maximum size.
func largeHistory(c *conn, id string) {
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
func largeFields(c *conn) {
	for _, quote := range quotings {
		id := c.newSession()
		c.keepsField(id, "large", filled("The quick brown fox. ", adapter.MaxFields-len("large")), quote)
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
