package report_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

func TestPanic(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	func() {
		defer func() {
			stack := report.Panic(t.Context(), logger, recover(), slog.String("method", "m"))
			if !strings.Contains(string(stack), "panics(") {
				t.Errorf("the stack is that of another function:\n%s", stack)
			}
		}()
		panics()
	}()
	if got := out.String(); !strings.Contains(got, "level=ERROR msg=panic method=m panic=oops stack=") {
		t.Errorf("the record is %s", got)
	}
}

func panics() { panic("oops") }

// panickingHandler is a log that panics.
type panickingHandler struct{ slog.Handler }

func (panickingHandler) Handle(context.Context, slog.Record) error { panic("log") }

func TestPanicOfTheLog(t *testing.T) {
	logger := slog.New(panickingHandler{slog.NewTextHandler(&bytes.Buffer{}, nil)})
	report.Panic(t.Context(), logger, "oops") // must return
}
