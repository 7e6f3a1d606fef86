package policy

import (
	"log/slog"
	"math"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// kind defines how options encode a value of T, and which values are valid.
type kind[T any] struct {
	// decode returns the value of a set field.
	decode func(v protoreflect.Value) T
	// encode returns the field's encoding of a value; ok is false if the field stays unset. list
	// returns an empty list of the field if it is repeated.
	encode func(value T, list func() protoreflect.List) (v protoreflect.Value, ok bool)
	// check reports mistakes in a set field; nil if none are possible.
	check func(f *faults, path string, v protoreflect.Value)
}

// limit is a duration for which "0s" means [None]: no limit instead of the default.
var limit = kind[time.Duration]{
	decode: func(v protoreflect.Value) time.Duration { return durationOf(v.String()) },
	encode: func(d time.Duration, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfString(max(0, d).String()), d != 0
	},
	check: func(f *faults, path string, v protoreflect.Value) { f.duration(path, v.String()) },
}

// wait is a duration for which "0s" means 0, like an unset one.
var wait = kind[time.Duration]{
	decode: func(v protoreflect.Value) time.Duration { return max(0, durationOf(v.String())) },
	encode: func(d time.Duration, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfString(max(0, d).String()), d != 0
	},
	check: limit.check,
}

// delay is a wait that must be set, even if to "0s".
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

// durationOf parses a duration: 0 means unset, and None a zero.
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

// number is a 32-bit number; check validates it.
func number(check func(f *faults, path string, n int64)) kind[int] {
	return kind[int]{
		decode: func(v protoreflect.Value) int { return int(v.Int()) },
		encode: func(n int, _ func() protoreflect.List) (protoreflect.Value, bool) {
			return protoreflect.ValueOfInt32(int32(max(math.MinInt32, min(n, math.MaxInt32)))), true
		},
		check: func(f *faults, path string, v protoreflect.Value) { check(f, path, v.Int()) },
	}
}

// count is a number of at least 1; 0 means unset.
func count() kind[int] {
	k := number((*faults).atLeastOne)
	always := k.encode
	k.encode = func(n int, list func() protoreflect.List) (protoreflect.Value, bool) {
		v, _ := always(n, list)
		return v, n != 0
	}
	return k
}

// size is a number of bytes: below 0 means no limit, which options encode as 0.
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

// most is a maximum number; 0 means that there is none.
func most() kind[int] {
	k := count()
	k.check = number((*faults).notNegative).check
	return k
}

// byteCount is a number of bytes of at least 1; 0 means unset.
var byteCount = kind[int64]{
	decode: func(v protoreflect.Value) int64 { return v.Int() },
	encode: size.encode,
	check:  func(f *faults, path string, v protoreflect.Value) { f.atLeastOne(path, v.Int()) },
}

// factor is a 64-bit number; check validates it.
func factor(check func(f *faults, path string, x float64)) kind[float64] {
	return kind[float64]{
		decode: func(v protoreflect.Value) float64 { return v.Float() },
		encode: func(x float64, _ func() protoreflect.List) (protoreflect.Value, bool) {
			return protoreflect.ValueOfFloat64(x), true
		},
		check: func(f *faults, path string, v protoreflect.Value) { check(f, path, v.Float()) },
	}
}

// sample is a fraction from 0 to 1: 0 means all, and below 0 none.
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

var flag = kind[bool]{
	decode: func(v protoreflect.Value) bool { return v.Bool() },
	encode: func(b bool, _ func() protoreflect.List) (protoreflect.Value, bool) {
		return protoreflect.ValueOfBool(b), true
	},
}

// inverse is a flag whose option has the opposite meaning.
var inverse = kind[bool]{
	decode: func(v protoreflect.Value) bool { return !v.Bool() },
	encode: func(b bool, list func() protoreflect.List) (protoreflect.Value, bool) {
		return flag.encode(!b, list)
	},
}

// text is a string, which may be set to ""; check validates it.
func text(check func(f *faults, path, text string)) kind[string] {
	return kind[string]{
		decode: func(v protoreflect.Value) string { return v.String() },
		encode: func(text string, _ func() protoreflect.List) (protoreflect.Value, bool) {
			return protoreflect.ValueOfString(text), true
		},
		check: func(f *faults, path string, v protoreflect.Value) { check(f, path, v.String()) },
	}
}

// texts is a list of strings; check validates each.
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

// choice is an enum value that corresponds to one of the options' enum. A test checks the
// correspondence for every enum.
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
	slows = map[Slow]grpcservicev1.Room_Slow{
		DisconnectSlow: grpcservicev1.Room_SLOW_DISCONNECT, DropOldest: grpcservicev1.Room_SLOW_DROP_OLDEST,
		DropNewest: grpcservicev1.Room_SLOW_DROP_NEWEST, BlockOnSlow: grpcservicev1.Room_SLOW_BLOCK,
	}
	balancers = map[BalancingPolicy]grpcservicev1.Balancing_Policy{
		PickFirst:    grpcservicev1.Balancing_POLICY_PICK_FIRST,
		RoundRobin:   grpcservicev1.Balancing_POLICY_ROUND_ROBIN,
		LeastRequest: grpcservicev1.Balancing_POLICY_LEAST_REQUEST,
	}
)
