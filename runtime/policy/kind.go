package policy

import (
	"log/slog"
	"math"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// kind is how options spell a value of T, and what it may be.
type kind[T any] struct {
	// decode returns the value of a field that is set.
	decode func(v protoreflect.Value) T
	// encode returns how the field spells a value; ok is false where it stays unset. list is an
	// empty list of the field where that is one.
	encode func(value T, list func() protoreflect.List) (v protoreflect.Value, ok bool)
	// check reports what is wrong with a field that is set; nil where nothing can be.
	check func(f *faults, path string, v protoreflect.Value)
}

// limit is a duration of which "0s" is [None]: no limit, rather than the default one.
var limit = kind[time.Duration]{
	decode: func(v protoreflect.Value) time.Duration { return durationOf(v.String()) },
	encode: func(d time.Duration, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfString(max(0, d).String()), d != 0
	},
	check: func(f *faults, path string, v protoreflect.Value) { f.duration(path, v.String()) },
}

// wait is a duration of which "0s" is 0, as where it is not set.
var wait = kind[time.Duration]{
	decode: func(v protoreflect.Value) time.Duration { return max(0, durationOf(v.String())) },
	encode: func(d time.Duration, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfString(max(0, d).String()), d != 0
	},
	check: limit.check,
}

// delay is a wait that has to be set, to "0s" too.
var delay = kind[time.Duration]{
	decode: wait.decode,
	encode: func(d time.Duration, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfString(d.String()), true
	},
	check: limit.check,
}

// positive is a duration above 0.
var positive = kind[time.Duration]{
	decode: limit.decode, encode: limit.encode, check: (*faults).positive,
}

// lease is the lease of an operation.
var lease = kind[time.Duration]{decode: limit.decode, encode: limit.encode, check: (*faults).lease}

// durationOf returns a duration: 0 is not set, and None is set to zero.
func durationOf(text string) time.Duration {
	if text == "" {
		return 0
	}
	d, _ := time.ParseDuration(text) // checked
	if d == 0 {
		return None
	}
	return d
}

// number is a number of 32 bits; check is what it may be.
func number(check func(f *faults, path string, n int64)) kind[int] {
	return kind[int]{
		decode: func(v protoreflect.Value) int { return int(v.Int()) },
		encode: func(n int, _ func() protoreflect.List) (protoreflect.Value, bool) {
			return protoreflect.ValueOfInt32(int32(max(math.MinInt32, min(n, math.MaxInt32)))), true
		},
		check: func(f *faults, path string, v protoreflect.Value) { check(f, path, v.Int()) },
	}
}

// count is a number that is at least 1; 0 is not set.
func count() kind[int] {
	k := number((*faults).atLeastOne)
	always := k.encode
	k.encode = func(n int, list func() protoreflect.List) (protoreflect.Value, bool) {
		v, _ := always(n, list)
		return v, n != 0
	}
	return k
}

// size is a number of bytes: below 0 is no limit, which options spell 0.
var size = kind[int64]{
	decode: func(v protoreflect.Value) int64 {
		if v.Int() == 0 {
			return -1
		}
		return v.Int()
	},
	encode: func(n int64, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfInt64(max(0, n)), n != 0
	},
	check: func(f *faults, path string, v protoreflect.Value) { f.notNegative(path, v.Int()) },
}

// factor is a number of 64 bits; check is what it may be.
func factor(check func(f *faults, path string, x float64)) kind[float64] {
	return kind[float64]{
		decode: func(v protoreflect.Value) float64 { return v.Float() },
		encode: func(x float64, _ func() protoreflect.List) (protoreflect.Value, bool) {
			return protoreflect.ValueOfFloat64(x), true
		},
		check: func(f *faults, path string, v protoreflect.Value) { check(f, path, v.Float()) },
	}
}

// sample is a part from 0 to 1: all is 0, and none is below 0.
var sample = kind[float64]{
	decode: func(v protoreflect.Value) float64 {
		switch x := v.Float(); x {
		case 0:
			return -1
		case 1:
			return 0
		default:
			return x
		}
	},
	encode: func(x float64, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfFloat64(max(0, x)), x != 0
	},
	check: func(f *faults, path string, v protoreflect.Value) {
		if s := v.Float(); !(s >= 0 && s <= 1) {
			f.add(path, "%v is out of range; want 0 to 1", s)
		}
	},
}

// flag is true or false.
var flag = kind[bool]{
	decode: func(v protoreflect.Value) bool { return v.Bool() },
	encode: func(b bool, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfBool(b), true
	},
}

// inverse is a flag that options spell the other way round.
var inverse = kind[bool]{
	decode: func(v protoreflect.Value) bool { return !v.Bool() },
	encode: func(b bool, list func() protoreflect.List) (protoreflect.Value, bool) {
		return flag.encode(!b, list)
	},
}

// texts is a list of strings; check is what each may be.
func texts(check func(f *faults, path, text string)) kind[[]string] {
	return kind[[]string]{
		decode: func(v protoreflect.Value) (list []string) {
			for i := range v.List().Len() {
				list = append(list, v.List().Get(i).String())
			}
			return list
		},
		encode: func(texts []string, list func() protoreflect.List) (protoreflect.Value, bool) {
			made := list()
			for _, text := range texts {
				made.Append(protoreflect.ValueOfString(text))
			}
			return protoreflect.ValueOfList(made), len(texts) > 0
		},
		check: func(f *faults, path string, v protoreflect.Value) {
			for i := range v.List().Len() {
				check(f, element(path, i), v.List().Get(i).String())
			}
		},
	}
}

// choice is one of the values of an enum: each is one of those of the options. Which these are is
// checked of every enum.
func choice[T comparable, E interface {
	~int32
	Number() protoreflect.EnumNumber
}](values map[T]E) kind[T] {
	return kind[T]{
		decode: func(v protoreflect.Value) (value T) {
			for value, said := range values {
				if said.Number() == v.Enum() {
					return value
				}
			}
			return value
		},
		encode: func(value T, _ func() protoreflect.List) (protoreflect.Value, bool) {
			said, found := values[value]
			return protoreflect.ValueOfEnum(said.Number()), found
		},
	}
}

// The enums of policies, by their values in options.
var (
	keys = map[Key]grpcservicev1.Rate_Key{
		ByMethod: grpcservicev1.Rate_KEY_METHOD, ByPrincipal: grpcservicev1.Rate_KEY_PRINCIPAL,
		ByPeer: grpcservicev1.Rate_KEY_PEER,
	}
	levels = map[slog.Level]grpcservicev1.Log_Level{
		slog.LevelDebug: grpcservicev1.Log_LEVEL_DEBUG, slog.LevelInfo: grpcservicev1.Log_LEVEL_INFO,
		slog.LevelWarn: grpcservicev1.Log_LEVEL_WARN, slog.LevelError: grpcservicev1.Log_LEVEL_ERROR,
	}
	conflicts = map[OnConflict]grpcservicev1.Operation_OnConflict{
		AbortOnConflict:   grpcservicev1.Operation_ON_CONFLICT_ABORT,
		QueueOnConflict:   grpcservicev1.Operation_ON_CONFLICT_QUEUE,
		PreemptOnConflict: grpcservicev1.Operation_ON_CONFLICT_PREEMPT,
	}
)
