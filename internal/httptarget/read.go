package httptarget

import (
	"fmt"
	"slices"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// read adds to e what the answer to the last step says. An error names the part that is unusable; then e holds the parts before
// it.
func (o *operation) read(a *response, e *scenarios.Effect) (err error) {
	d := document{body: a.body, events: o.steps[len(o.steps)-1].events}
	if o.seq != nil {
		if e.Seq, err = o.seq.integer(&d); err != nil {
			return fmt.Errorf("seq: %w", err)
		}
		e.Reported |= scenarios.ReportsSeq
	}
	if o.version != nil {
		if e.Version, err = o.version.integer(&d); err != nil {
			return fmt.Errorf("version: %w", err)
		}
		e.Reported |= scenarios.ReportsVersion
	}
	if o.created.jq != nil {
		if e.Created, err = o.created.jq.bool(&d); err != nil {
			return fmt.Errorf("created: %w", err)
		}
	}
	if o.created.status != nil {
		e.Created = slices.Contains(o.created.status, a.status)
	}
	if o.messages != nil {
		if e.Messages, err = readMessages(o.messages, &d, e.Messages[:0]); err != nil {
			return fmt.Errorf("messages: %w", err)
		}
	}
	if o.fields != nil {
		if e.Fields, err = readFields(o.fields, &d, e.Fields); err != nil {
			return fmt.Errorf("fields: %w", err)
		}
	}
	if o.removed != nil {
		n, err := o.removed.integer(&d)
		if err != nil {
			return fmt.Errorf("removed: %w", err)
		}
		e.Removed = int(n)
	}
	return nil
}

// readMessages appends the newest messages to dst, which is empty. The program returns the messages, oldest first, or one array
// of them.
func readMessages(x *expression, d *document, dst []manager.Message) ([]manager.Message, error) {
	if x.shape != nil && !d.events {
		if messages, ok := x.shape.messages(d.body, dst); ok {
			return messages, nil
		}
	}
	err := x.each(d, func(v any) error {
		list, isArray := v.([]any)
		if !isArray {
			list = []any{v}
		}
		for _, v := range list {
			m, err := toMessage(v)
			if err != nil {
				return err
			}
			dst = addMessage(dst, m)
		}
		return nil
	})
	return dst, err
}

// addMessage appends a message, and drops the oldest one if the service keeps more than sessbench compares.
func addMessage(dst []manager.Message, m manager.Message) []manager.Message {
	if len(dst) == manager.HistoryLimit {
		dst = dst[:copy(dst, dst[1:])]
	}
	return append(dst, m)
}

func toMessage(v any) (m manager.Message, err error) {
	object, ok := v.(map[string]any)
	if !ok {
		return m, fmt.Errorf("%s is not a message: want an object with role and content", describe(v))
	}
	role, hasRole := object["role"].(string)
	content, hasContent := object["content"].(string)
	if !hasRole || !hasContent {
		return m, fmt.Errorf("the message %s lacks role or content, as strings", describe(v))
	}
	m.Role, m.Content = role, content
	if seq := object["seq"]; seq != nil {
		if m.Seq, ok = toInteger(seq); !ok {
			return m, fmt.Errorf("the message %s has a seq that is not a whole number", describe(v))
		}
	}
	return m, nil
}

// readFields sets dst to the fields, and makes it if it is nil.
func readFields(x *expression, d *document, dst map[string]string) (map[string]string, error) {
	v, err := x.one(d)
	if err != nil {
		return dst, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return dst, fmt.Errorf("%s: want an object", describe(v))
	}
	if dst == nil {
		dst = map[string]string{}
	}
	clear(dst)
	for key, v := range object {
		if v == nil { // not set yet
			continue
		}
		text, ok := v.(string)
		if !ok {
			return dst, fmt.Errorf("%s is %s: want a string", key, describe(v))
		}
		dst[key] = text
	}
	return dst, nil
}
