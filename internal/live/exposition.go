package live

import (
	"encoding/binary"
	"fmt"
	"math"
	"mime"
	"strconv"
	"strings"
)

// family is a metric with its series. The formats that Prometheus reads are written here, because the libraries for them, that of protocol
// buffers above all, would be 1.9 MB of the binary. Tests decode what is written with these libraries.
type family struct {
	name, help string
	kind       kind
	samples    []sample
}

// sample is the value of a series.
type sample struct {
	labels []label // sorted by name
	value  float64
	times  *histogram // instead of a value
}

type label struct{ name, value string }

// kind is a type of metrics.
type kind struct {
	text   string // in the text format
	number uint64 // in protocol buffers: of the type
	field  int    // and of the value
}

var (
	counters   = kind{"counter", 0, 3}
	gauges     = kind{"gauge", 1, 2}
	histograms = kind{"histogram", 4, 7}
)

// The Content-Types of the two formats.
const (
	textFormat     = "text/plain; version=0.0.4; charset=utf-8"
	protobufFormat = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

// encode returns metrics in the format that the Accept header of a scraper prefers.
func encode(families []family, accept string) (text []byte, format string) {
	if !prefersProtobuf(accept) {
		for _, f := range families {
			text = f.appendText(text)
		}
		return text, textFormat
	}
	for _, f := range families {
		message := f.protobuf()
		text = append(binary.AppendUvarint(text, uint64(len(message))), message...)
	}
	return text, protobufFormat
}

// prefersProtobuf reports whether a scraper does not prefer text, as Prometheus does unless it wants native histograms.
func prefersProtobuf(accept string) bool {
	protobuf, text := 0., 0.
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		quality := 1.
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
			quality = q
		}
		switch {
		case media != "application/vnd.google.protobuf":
			text = max(text, quality)
		case params["proto"] == "io.prometheus.client.MetricFamily" && params["encoding"] == "delimited":
			protobuf = max(protobuf, quality)
		}
	}
	return protobuf > 0 && protobuf >= text
}

// escapes are those of labels in the text format.
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// appendText appends the metric in the text format, which has classic buckets only.
func (f *family) appendText(to []byte) []byte {
	to = fmt.Appendf(to, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind.text)
	for _, s := range f.samples {
		line := func(suffix string, value float64, labels ...label) {
			to = append(to, f.name+suffix+"{"...)
			for i, l := range append(s.labels[:len(s.labels):len(s.labels)], labels...) {
				if i > 0 {
					to = append(to, ',')
				}
				to = fmt.Appendf(to, `%s="%s"`, l.name, escapes.Replace(l.value))
			}
			to = fmt.Appendf(to, "} %v\n", value)
		}
		if s.times == nil {
			line("", s.value)
			continue
		}
		for bound, count := range s.times.cumulative {
			line("_bucket", float64(count), label{"le", fmt.Sprint(bound)})
		}
		line("_bucket", float64(s.times.count), label{"le", "+Inf"})
		line("_sum", s.times.sum)
		line("_count", float64(s.times.count))
	}
	return to
}

// message is a protocol buffer: https://protobuf.dev/programming-guides/encoding/. Each method appends a field.
type message []byte

const (
	wireVarint = 0
	wireFixed  = 1
	wireBytes  = 2
)

func (m *message) key(field, wire int) { *m = binary.AppendUvarint(*m, uint64(field<<3|wire)) }

func (m *message) unsigned(field int, x uint64) {
	m.key(field, wireVarint)
	*m = binary.AppendUvarint(*m, x)
}

func (m *message) signed(field int, x int64) {
	m.key(field, wireVarint)
	*m = binary.AppendVarint(*m, x)
}

func (m *message) double(field int, x float64) {
	m.key(field, wireFixed)
	*m = binary.LittleEndian.AppendUint64(*m, math.Float64bits(x))
}

func (m *message) text(field int, x string) {
	m.key(field, wireBytes)
	*m = append(binary.AppendUvarint(*m, uint64(len(x))), x...)
}

func (m *message) message(field int, sub message) { m.text(field, string(sub)) }

// protobuf returns the metric as io.prometheus.client.MetricFamily, with classic and native buckets. The numbers of fields are those of
// metrics.proto in github.com/prometheus/client_model.
func (f *family) protobuf() (all message) {
	all.text(1, f.name)
	all.text(2, f.help)
	all.unsigned(3, f.kind.number)
	for _, s := range f.samples {
		var metric, value message
		for _, l := range s.labels {
			var pair message
			pair.text(1, l.name)
			pair.text(2, l.value)
			metric.message(1, pair)
		}
		if s.times == nil {
			value.double(1, s.value)
		} else {
			value = s.times.protobuf()
		}
		metric.message(f.kind.field, value)
		all.message(4, metric)
	}
	return all
}

// protobuf returns the message Histogram.
func (h *histogram) protobuf() (m message) {
	m.unsigned(1, uint64(h.count))
	m.double(2, h.sum)
	for bound, count := range h.cumulative {
		var bucket message
		bucket.unsigned(1, uint64(count))
		bucket.double(2, bound)
		m.message(3, bucket)
	}
	m.signed(5, nativeSchema)
	m.double(6, zeroThreshold)
	m.unsigned(7, uint64(h.zero))
	// A span is a number of buckets in a row, with the distance from the last one. Counts are differences from that of the bucket before.
	end, before := 0, int64(0)
	for i := 0; i < len(h.native); i++ {
		start := i
		for ; i < len(h.native) && h.native[i] > 0; i++ {
			m.signed(13, h.native[i]-before)
			before = h.native[i]
		}
		if i > start {
			var span message
			span.signed(1, int64(nativeLowest+start-end))
			span.unsigned(2, uint64(i-start))
			m.message(12, span)
			end = nativeLowest + i
		}
	}
	return m
}
