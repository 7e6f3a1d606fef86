package gen

import (
	"fmt"
	"time"
)

// units lists the units of durations, longest first.
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

// duration spells d as a Go expression, such as 2 * time.Second. A negative d stands for an
// explicit zero, which is spelled runtime.None.
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
	return "0" // unreachable: every duration is a multiple of a nanosecond
}
