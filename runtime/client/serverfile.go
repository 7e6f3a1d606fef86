package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/reload"
)

const (
	// fileScheme is the scheme of targets whose servers are in a file: "file:///etc/servers".
	fileScheme = "file"
	// fileInterval is how often such a file is read, whether it was usable or not.
	fileInterval = 500 * time.Millisecond
)

var errFile = errors.New(`write the absolute path of a file after two slashes: "file:///etc/servers"`)

// pathOf returns the path of the file that a target names.
func pathOf(target *url.URL) (string, error) {
	if target.Host != "" || target.RawQuery != "" || target.Fragment != "" ||
		!filepath.IsAbs(target.Path) || strings.HasSuffix(target.Path, "/") {
		return "", errFile
	}
	return target.Path, nil
}

// serverFile has the servers of a file, for all resolvers of a connection.
type serverFile struct {
	mu    sync.Mutex
	value *reload.Value[[]resolver.Endpoint] // nil until the file was usable

	unfinished [sha256.Size]byte // of the content that parse did not accept yet
}

// watch is the [WatchFunc] of targets that are files. It returns when the file cannot be used, with
// the reason.
func (f *serverFile) watch(ctx context.Context, target *url.URL, update func([]resolver.Endpoint)) error {
	path, err := pathOf(target)
	if err != nil {
		return err
	}
	value, err := f.open(path)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(fileInterval)
	defer ticker.Stop()
	for {
		if err := value.Check(); err == nil {
			servers, _ := value.Latest()
			update(servers)
		} else if !errors.Is(err, errUnfinished) {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// open reads the file for the first time, unless it has been usable before.
func (f *serverFile) open(path string) (_ *reload.Value[[]resolver.Endpoint], err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.value == nil {
		first := true
		f.value, err = reload.Open(func(contents [][]byte) ([]resolver.Endpoint, error) {
			if !first && f.grows(contents[0]) {
				return nil, errUnfinished
			}
			first = false
			return parseServers(path, string(contents[0]))
		}, nil, path)
	}
	return f.value, err
}

// errUnfinished is the error of a file whose last line has no end.
var errUnfinished = errors.New("the last line may be incomplete")

// grows reports whether a process may still be writing a file: its last line has no end, and the
// content is not that of the previous call. Whoever writes a file in place may be between the
// digits of a port.
func (f *serverFile) grows(content []byte) bool {
	sum := sha256.Sum256(content)
	known := sum == f.unfinished
	f.unfinished = sum
	return !known && len(content) > 0 && content[len(content)-1] != '\n'
}

// parseServers returns the servers of a file, one per line.
func parseServers(path, content string) (servers []resolver.Endpoint, err error) {
	lines := make(map[string]int) // of addresses: their indexes in servers
	for number, line := range strings.Split(content, "\n") {
		server, ok, err := parseServer(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number+1, err)
		}
		if !ok {
			continue
		}
		address := server.Addresses[0].Addr
		if first, ok := lines[address]; ok && !server.Attributes.Equal(servers[first].Attributes) {
			return nil, fmt.Errorf("%s:%d: %q is listed above with another zone or weight; "+
				"delete one of the lines", path, number+1, address)
		}
		lines[address] = len(servers)
		servers = append(servers, server)
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf(`%s: the file has no addresses; write one "host:port" per line`, path)
	}
	return servers, nil
}

// parseServer returns the server of a line; false if the line is empty or a comment.
func parseServer(line string) (server resolver.Endpoint, ok bool, err error) {
	fields := strings.Fields(line)
	for i, field := range fields {
		if field[0] == '#' {
			fields = fields[:i]
			break
		}
	}
	if len(fields) == 0 {
		return server, false, nil
	}
	if server, err = serverAt(fields[0]); err != nil {
		return server, false, err
	}
	seen := make(map[string]bool)
	for _, field := range fields[1:] {
		key, value, _ := strings.Cut(field, "=")
		if seen[key] {
			return server, false, fmt.Errorf("%s is set twice", key)
		}
		seen[key] = true
		if server, err = withAttribute(server, key, value); err != nil {
			return server, false, fmt.Errorf("%q: %w", field, err)
		}
	}
	return server, true, nil
}

// withAttribute sets what a line of a file states about its server.
func withAttribute(server resolver.Endpoint, key, value string) (resolver.Endpoint, error) {
	switch {
	case key == "zone" && value != "":
		return endpoint.WithZone(server, value), nil
	case key == "weight":
		weight, err := strconv.ParseUint(value, 10, 32)
		if err != nil || weight == 0 {
			return server, errors.New("a weight is a number from 1 to 4294967295")
		}
		return endpoint.WithWeight(server, uint32(weight)), nil
	}
	return server, errors.New("after the address, write zone=NAME or weight=NUMBER")
}
