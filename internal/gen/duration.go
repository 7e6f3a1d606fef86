package gen

import (
	"fmt"
	"time"
)

// units are the units of durations, the longest first.
var units = []struct {
	name   string
	length time.Duration
}{
	{"Hour", time.Hour},
	{"Minute", time.Minute},
	{"Second", time.Second},
	{"Millisecond", time.Millisecond},
	{"Microsecond", time.Microsecond},
	{"Nanosecond", time.Nanosecond},
}

// duration spells a duration as Go does in code: 2 * time.Second. What is below zero is one that was set to zero.
func (t *imports) duration(d time.Duration) string {
	if d < 0 {
		return t.of(runtimePackage)("None")
	}
	for _, unit := range units {
		if d%unit.length != 0 {
			continue
		}
		name := t.of(timePackage)(unit.name)
		if d == unit.length {
			return name
		}
		return fmt.Sprintf("%d * %s", d/unit.length, name)
	}
	return "0" // not reached: every duration is so many nanoseconds
}
