package endpointslice

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// FuzzEvents reads events of a watch as an API server may send them, and merges them. Whatever they
// are, the number of endpoints is right, and each address is one that can be dialed.
func FuzzEvents(f *testing.F) {
	f.Add(`{"type":"ADDED","object":{"kind":"EndpointSlice","metadata":{"name":"a","resourceVersion":"2"},` +
		`"addressType":"IPv4","ports":[{"name":"grpc","port":9000}],"endpoints":[{"addresses":["10.0.0.1"],` +
		`"conditions":{"ready":true,"serving":null},"targetRef":{"uid":"x"},"zone":"z"}]}}` + "\n" +
		`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"3"}}}` + "\n" +
		`{"type":"DELETED","object":{"metadata":{"name":"a"}}}`)
	f.Add(`{"type":"ADDED","object":{"metadata":{"name":"b"},"addressType":"IPv6","endpoints":[{"addresses":["::1"]}]}}`)
	f.Add(`{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","details":{"retryAfterSeconds":-1}}}`)
	f.Add(`{"type":"MODIFIED","object":{"metadata":{"name":"a"},"endpoints":[null,{"conditions":null}]}}{`)
	f.Add(`<html>`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range []port{{name: "grpc"}, {number: 9000}} {
			checkEvents(t, text, p)
		}
	})
}

func checkEvents(t *testing.T, text string, p port) {
	events := newEventReader(strings.NewReader(text), 1<<10)
	all := newMerged(p)
	for {
		event, err := events.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			if message := err.Error(); strings.ContainsAny(message, "\r\n") || len(message) > 1<<10 {
				t.Errorf("an error of several lines, or a long one: %q", message)
			}
			return
		}
		switch event.Type {
		case eventDeleted:
			all.remove(event.Object.Metadata.Name)
		case eventAdded, eventModified:
			if err := all.put(event.Object.endpointSlice); err != nil {
				return
			}
		case eventError:
			status := new(api).statusError(event.Object.apiStatus)
			if status.retryAfter < 0 || status.retryAfter > maxRetryAfter {
				t.Errorf("a wait of %v", status.retryAfter)
			}
		}
		checkMerged(t, all)
	}
}

func checkMerged(t *testing.T, all *merged) {
	size := 0
	for _, s := range all.slices {
		size += s.size
	}
	if size != all.size || size > maxEndpoints {
		t.Errorf("%d endpoints, but counted as %d", size, all.size)
	}
	endpoints := all.endpoints("books.shop.svc")
	seen := map[string]bool{}
	for _, e := range endpoints {
		for _, a := range e.Addresses {
			if seen[a.Addr] || strings.HasSuffix(a.Addr, ":0") || a.ServerName == "" {
				t.Errorf("the address %q of %v", a.Addr, endpoints)
			}
			seen[a.Addr] = true
		}
	}
	if reason := all.reason(); len(endpoints) == 0 && strings.ContainsAny(reason, "\r\n") {
		t.Errorf("a reason of several lines: %q", reason)
	}
}
