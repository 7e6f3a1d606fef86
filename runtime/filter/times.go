package filter

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// timestamp compiles a comparison with a google.protobuf.Timestamp.
func (c *comparison) timestamp() (test, *fault) {
	want, err := time.Parse(time.RFC3339Nano, c.right.Path())
	// Drivers drop the offset of an argument for a column without a time zone, and SQLite compares
	// times as text.
	want = want.UTC()
	if year := want.Year(); err != nil || year < 1 || year > 9999 { // out of range for a Timestamp
		return nil, faultf(c.right.At, "%s does not fit %s, which is a time as in RFC 3339: 2012-04-21T11:30:00Z", brief(c.right), brief(c.left))
	}
	c.note(want)
	return ordered(c.r.Op, want, timeOf, time.Time.Compare), nil
}

// duration compiles a comparison with a google.protobuf.Duration.
func (c *comparison) duration() (test, *fault) {
	want, ok := seconds(c.right.Path())
	if !ok {
		return nil, faultf(c.right.At, "%s does not fit %s, which is a duration in seconds of at most 292 years: 20s, 1.5s", brief(c.right), brief(c.left))
	}
	c.note(want)
	return ordered(c.r.Op, want, durationOf, cmp.Compare[time.Duration]), nil
}

// seconds parses a duration in seconds with at most nine decimals: "1.5s".
func seconds(literal string) (time.Duration, bool) {
	number, found := strings.CutSuffix(literal, "s")
	unsigned := strings.TrimPrefix(number, "-")
	whole, decimals, dotted := strings.Cut(unsigned, ".")
	if !found || len(decimals) > 9 || dotted && decimals == "" {
		return 0, false
	}
	s, err := strconv.ParseUint(whole, 10, 33)
	nanos, err2 := strconv.ParseUint((decimals + "000000000")[:9], 10, 32)
	if err != nil || err2 != nil {
		return 0, false
	}
	d := time.Duration(s)*time.Second + time.Duration(nanos)
	if number != unsigned {
		d = -d
	}
	return d, true
}

// timeOf returns the time in a google.protobuf.Timestamp.
func timeOf(v protoreflect.Value) time.Time {
	seconds, nanos := secondsOf(v)
	return time.Unix(seconds, nanos)
}

// durationOf returns the duration in a google.protobuf.Duration, clamped to the range of
// time.Duration.
func durationOf(v protoreflect.Value) time.Duration {
	const most = int64(1<<63-1)/int64(time.Second) - 1
	seconds, nanos := secondsOf(v)
	switch {
	case seconds > most:
		return 1<<63 - 1
	case seconds < -most:
		return -1 << 63
	}
	return time.Duration(seconds)*time.Second + time.Duration(nanos)
}

func secondsOf(v protoreflect.Value) (seconds, nanos int64) {
	fields := v.Message().Descriptor().Fields()
	return v.Message().Get(fields.ByName("seconds")).Int(), v.Message().Get(fields.ByName("nanos")).Int()
}
