// Package registry is a small service registry over HTTP, with a resolver for clients of grpc.
package registry

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Registry knows the addresses of the servers of one service.
type Registry struct {
	// Addr is where it serves.
	Addr string

	web *http.Server

	mu      sync.Mutex
	list    list
	changed chan struct{} // closed and replaced when the list changes
}

// list is a response of the registry.
type list struct {
	Version   int      `json:"version"`
	Addresses []string `json:"addresses"`
}

// Start serves a registry on a free port.
func Start() (*Registry, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Registry{Addr: lis.Addr().String(), changed: make(chan struct{})}
	r.web = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go r.web.Serve(lis) // until Stop
	return r, nil
}

// Stop stops serving, and ends the requests that wait.
func (r *Registry) Stop() { _ = r.web.Close() }

// Add adds the address of a server.
func (r *Registry) Add(addr string) {
	r.change(func(addrs []string) []string { return append(addrs, addr) })
}

// Remove removes the address of a server.
func (r *Registry) Remove(addr string) {
	r.change(func(addrs []string) []string {
		return slices.DeleteFunc(addrs, func(other string) bool { return other == addr })
	})
}

func (r *Registry) change(f func([]string) []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = list{r.list.Version + 1, f(slices.Clone(r.list.Addresses))}
	close(r.changed)
	r.changed = make(chan struct{})
}

// ServeHTTP responds with the list when it is newer than the version in the query.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	version, err := strconv.Atoi(req.URL.Query().Get("version"))
	if err != nil {
		http.Error(w, "version is not a number", http.StatusBadRequest)
		return
	}
	for {
		r.mu.Lock()
		newest, changed := r.list, r.changed
		r.mu.Unlock()
		if newest.Version > version {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(newest) // fails if the client is gone
			return
		}
		select {
		case <-changed:
		case <-req.Context().Done():
			return
		}
	}
}
