package redislimit

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestOptions(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	for _, test := range []struct {
		opts []Option
		want string // in the error; "" for none
	}{
		{nil, ""},
		{[]Option{WithTimeout(time.Millisecond), WithReplicas(1), WithNamespace("a.B_c-d:e/9"), WithSecret(make([]byte, 16))}, ""},
		{[]Option{WithTimeout(0)}, "WithTimeout(0s): pass a duration between 1ms and 10s"},
		{[]Option{WithTimeout(time.Minute)}, "WithTimeout(1m0s)"},
		{[]Option{WithReplicas(0)}, "WithReplicas(0): pass at least 1"},
		{[]Option{WithReplicas(-5)}, "WithReplicas(-5)"},
		{[]Option{WithNamespace("")}, "it is empty"},
		{[]Option{WithNamespace("{}")}, `WithNamespace("{}")`},
		{[]Option{WithNamespace("a b")}, `use only letters`},
		{[]Option{WithNamespace("ä")}, `use only letters`},
		{[]Option{WithNamespace(strings.Repeat("a", 65))}, "65 bytes; pass at most 64"},
		{[]Option{WithSecret([]byte("hunter2"))}, "7 bytes; pass at least 16"},
		{[]Option{WithSecret(nil)}, "0 bytes"},
		{[]Option{WithLogger(nil)}, "WithLogger(nil)"},
		{[]Option{WithReplicas(0), WithTimeout(0)}, "WithTimeout(0s)"},
	} {
		_, err := New(client, test.opts...)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v, want no error", err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%v, want %q", err, test.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("the error has the secret: %v", err)
		}
	}
	for name, client := range map[string]redis.Scripter{"nil": nil, "a nil client": (*redis.Client)(nil), "a nil cluster": (*redis.ClusterClient)(nil)} {
		if _, err := New(client); err == nil {
			t.Errorf("New(%s) returns no error", name)
		}
	}
}
