package doctor

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/grpcservice/grpcservice/internal/bufproject"
)

type severity int

const (
	isError severity = iota
	isWarning
)

// finding is something that is wrong, and what to do.
type finding struct {
	severity severity
	path     string // "" for a program
	line     int    // 0 for the file as a whole
	text     string
}

func (f finding) String() string {
	at := f.path
	if f.line > 0 {
		at += fmt.Sprintf(":%d", f.line)
	}
	if at != "" {
		at += ": "
	}
	word := "error"
	if f.severity == isWarning {
		word = "warning"
	}
	return at + word + ": " + f.text
}

// patient is a project with what its checks find.
type patient struct {
	bufproject.Project
	program  func(name string, args ...string) (string, error)
	findings []finding
}

func (p *patient) errorf(path string, line int, format string, args ...any) {
	p.findings = append(p.findings, finding{isError, path, line, fmt.Sprintf(format, args...)})
}

func (p *patient) warnf(path string, line int, format string, args ...any) {
	p.findings = append(p.findings, finding{isWarning, path, line, fmt.Sprintf(format, args...)})
}

// checks lists all checks, in the order in which they run.
func checks() []func(*patient) {
	return []func(*patient){
		(*patient).checkFiles,
		(*patient).checkTemplates,
		(*patient).checkPlugins,
		(*patient).checkPairs,
		(*patient).checkTwice,
		(*patient).checkClean,
		(*patient).checkInputs,
		(*patient).checkManaged,
		(*patient).checkPackages,
		(*patient).checkModules,
		(*patient).checkCommands,
		(*patient).checkBuf,
		(*patient).checkGenerated,
	}
}

// examine runs all checks and returns the findings, sorted by file and line.
func (p *patient) examine() []finding {
	for _, check := range checks() {
		check(p)
		if p.misread() {
			break
		}
	}
	slices.SortStableFunc(p.findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.line, b.line))
	})
	return slices.Compact(p.findings)
}
