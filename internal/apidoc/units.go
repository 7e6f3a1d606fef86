package apidoc

import (
	"strconv"
	"strings"
	"time"
)

// duration returns a duration in the units that it is whole in: "2 s", "1 h 30 min", "250 ms".
func duration(d time.Duration) string {
	if d < 0 {
		return "-" + duration(-d)
	}
	var parts []string
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}, {time.Nanosecond, "ns"}} {
		if n := d / unit.size; n > 0 {
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+unit.name)
			d -= n * unit.size
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// size returns a number of bytes: "4,096 bytes (4 KiB)".
func size(n int64) string {
	text := count(n) + " bytes"
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.size && n%unit.size == 0 {
			return text + " (" + strconv.FormatInt(n/unit.size, 10) + " " + unit.name + ")"
		}
	}
	return text
}

// count returns a number with separators.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for at := len(text) - 3; at > start; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// number returns a number that may have a fraction.
func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// plural returns a number and a noun: "1 call", "20 calls".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(int64(n)) + " " + noun + "s"
}
