package idempotency_test

import (
	"context"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// BenchmarkGuard measures a call with a full store in memory: the first with its key, and a retry.
func BenchmarkGuard(b *testing.B) {
	for _, again := range []bool{false, true} {
		b.Run(map[bool]string{false: "first", true: "again"}[again], func(b *testing.B) {
			g := guard(b, byIdempotencyKey, idempotency.Memory(idempotency.WithMaxBytes(8<<20)))
			req, resp := dynamicpb.NewMessage(g.request), wrapperspb.String("done")
			field := req.Descriptor().Fields().ByName("request_id")
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i == 0 || !again {
					req.Set(field, protoreflect.ValueOfString(strconv.Itoa(i)))
				}
				if _, err := g.answer(ctx, req, func(context.Context) (proto.Message, error) { return resp, nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
