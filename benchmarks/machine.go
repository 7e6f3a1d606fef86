package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	goruntime "runtime"
	"slices"
	"strings"
	"time"
)

// machineText says where and when a run took place.
func machineText(ctx context.Context, pairs int) string {
	return fmt.Sprintf("%s: commit %s, %s, %d cores, %s/%s, %s, load average %s at the start; %d pairs of blocks.",
		time.Now().UTC().Format("2006-01-02 15:04 MST"), commit(ctx), processor(), goruntime.NumCPU(),
		goruntime.GOOS, goruntime.GOARCH, goruntime.Version(), load(), pairs)
}

// commit returns the checkout that is measured.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=8").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// processor returns the name of the processor.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // absent on other systems than Linux
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimLeft(strings.TrimSpace(name), ":\t ")
		}
	}
	return "unknown processor"
}

// load returns the load average of the last minute.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	if first == "" {
		return "unknown"
	}
	return first
}

// measuredModules are those whose versions are of interest.
var measuredModules = []string{
	"connectrpc.com/connect/v2",
	"github.com/cloudwego/kitex",
	"github.com/go-kratos/kratos/v2",
	"github.com/grpc-ecosystem/go-grpc-middleware/v2",
	"github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus",
	"github.com/zeromicro/go-zero",
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
	"go.opentelemetry.io/otel/sdk",
	"google.golang.org/grpc",
	"google.golang.org/protobuf",
}

// versionsText lists the versions that binaries have, which differ if their modules do.
func versionsText(binaries []string) string {
	versions := make(map[string][]string)
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			continue
		}
		for _, dep := range info.Deps {
			if slices.Contains(measuredModules, dep.Path) && !slices.Contains(versions[dep.Path], dep.Version) {
				versions[dep.Path] = append(versions[dep.Path], dep.Version)
			}
		}
	}
	var texts []string
	for _, module := range measuredModules {
		if found := versions[module]; len(found) > 0 {
			texts = append(texts, module+" "+strings.Join(found, " and "))
		}
	}
	return strings.Join(texts, ", ") + "."
}
