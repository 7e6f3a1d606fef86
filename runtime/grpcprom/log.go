package grpcprom

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// onceLog logs each problem once, so that a problem of every scrape does not fill the log.
type onceLog struct {
	logger *slog.Logger

	mu   sync.Mutex
	seen map[string]bool
}

// maxProblems is the number of problems that are logged.
const maxProblems = 100

// report logs a problem unless one with its key was logged before.
func (l *onceLog) report(key string, err error) {
	if l.first(key) {
		report.Log(func() {
			l.logger.Error("Prometheus metrics are incomplete; this is logged once", "error", err)
		})
	}
}

func (l *onceLog) first(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[key] || len(l.seen) >= maxProblems {
		return false
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	l.seen[key] = true
	return true
}

// recovered logs the panic of a function of the user. Defer it directly.
func (m *Metrics) recovered(what string) {
	if value := recover(); value != nil {
		m.log.report(what+" panicked", fmt.Errorf("%s panicked: %v", what, value))
	}
}
