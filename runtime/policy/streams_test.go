package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Methods that have a pattern of streams.
var (
	searches   = streamWith("search", false, true)
	subscribes = streamWith("subscription", false, true)
	uploads    = streamWith("upload", true, false)
	collects   = streamWith("bulk", true, false)
	converses  = streamWith("handshake", true, true)
	chats      = streamWith("room", true, true)
)

func streamWith(pattern string, client, server bool) Method {
	m := methodWith(pattern)
	m.ClientStreams, m.ServerStreams = client, server
	return m
}

func TestLimitsOfStreams(t *testing.T) {
	search := Search{PackItems: 100, PackBytes: 64 << 10, PackWait: 20 * time.Millisecond}
	for name, test := range map[string]struct {
		method        Method
		defaults, own string
		want          Policy
	}{
		"search":            {searches, "", "", Policy{Search: search}},
		"search of a limit": {searches, `search {max_limit: 5}`, `search {pack_wait: "0s"}`, Policy{Search: Search{5, 100, 64 << 10, None}}},
		"search without":    {searches, `search {max_limit: 5}`, `search {max_limit: 0}`, Policy{Search: search}},
		"subscription":      {subscribes, "", "", Policy{Subscription: Subscription{30 * time.Second, 1000}}},
		"no heartbeats":     {subscribes, "", `subscription {heartbeat: "0s"}`, Policy{Subscription: Subscription{None, 1000}}},
		"upload":            {uploads, "", "", Policy{Upload: Upload{1 << 30, 4 << 30, 1000}}},
		"a larger file":     {uploads, "", `upload {max_file_bytes: 5000000000}`, Policy{Upload: Upload{5000000000, 5000000000, 1000}}},
		"a smaller total":   {uploads, "", `upload {max_total_bytes: 5}`, Policy{Upload: Upload{5, 5, 1000}}},
		"any file":          {uploads, "", `upload {max_file_bytes: 0}`, Policy{Upload: Upload{-1, 4 << 30, 1000}}},
		"any total":         {uploads, "", `upload {max_total_bytes: 0}`, Policy{Upload: Upload{1 << 30, -1, 1000}}},
		"bulk":              {collects, `bulk {max_items: 9}`, `bulk {max_failures: 1}`, Policy{Bulk: Bulk{8, 9, 1}}},
		"handshake":         {converses, "", "", Policy{Handshake: Handshake{10 * time.Second}}},
		"handshake for long": {converses, `handshake {timeout: "0s"}`, "",
			Policy{Handshake: Handshake{None}}},
		"room": {chats, "", "", Policy{Room: Room{Queue: 64, QueueBytes: 1 << 20}}},
		"room that drops": {chats, "", `room {slow: SLOW_DROP_OLDEST queue: 1 queue_bytes: 2}`,
			Policy{Room: Room{1, 2, DropOldest}}},
		"of another kind": {watch, `bulk {max_items: 9} room {queue: 5}`, "", Policy{Idempotency: NoSideEffects}},
	} {
		got, faults := Of(test.method, parse(t, test.defaults), parse(t, test.own))
		if diff := cmp.Diff(test.want, got); diff != "" || len(faults) > 0 {
			t.Errorf("%s: %v (-want +got):\n%s", name, faults, diff)
		}
		again := test.method.Policy(optionsOf(got))
		if diff := cmp.Diff(got.Room, again.Room); diff != "" {
			t.Errorf("%s: what options say of it is another (-want +got):\n%s", name, diff)
		}
		again.Idempotency = got.Idempotency
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%s: options cannot express it (-want +got):\n%s", name, diff)
		}
	}
}

func TestWrongLimitsOfStreams(t *testing.T) {
	for _, test := range []struct {
		method  Method
		options string
		want    string
	}{
		{searches, `search {max_limit: -1}`, `search.max_limit: -1 is negative; set 0 for no limit`},
		{searches, `search {pack_items: 0}`, `search.pack_items: 0 is out of range; want 1 or more`},
		{searches, `search {pack_bytes: 0}`, `search.pack_bytes: 0 is out of range; want 1 or more`},
		{searches, `search {pack_wait: "-1s"}`, `search.pack_wait: -1s is negative; want a duration of 0 or more`},
		{searches, `search {limit: "a b"}`, `search.limit: "a b" is not a name; write it as in "page.token"`},
		{searches, `search {off: true limit: "n"}`, `search.off: it disables the pattern that search.limit configures; remove one of them`},
		{subscribes, `subscription {heartbeat: "30"}`, `subscription.heartbeat: "30" is not a duration; write it as in "250ms", "2s" or "1m30s"`},
		{subscribes, `subscription {max_lines: 0}`, `subscription.max_lines: 0 is out of range; want 1 or more`},
		{uploads, `upload {data: ""}`, `upload.data: "" is not a name; write it as in "page.token"`},
		{uploads, `upload {max_file_bytes: -1}`, `upload.max_file_bytes: -1 is negative; set 0 for no limit`},
		{uploads, `upload {max_total_bytes: -1}`, `upload.max_total_bytes: -1 is negative; set 0 for no limit`},
		{uploads, `upload {max_file_bytes: 9 max_total_bytes: 5}`, `upload.max_file_bytes: 9 is above upload.max_total_bytes, which is 5; lower one or raise the other`},
		{uploads, `upload {max_files: 0}`, `upload.max_files: 0 is out of range; want 1 or more`},
		{collects, `bulk {concurrency: 0}`, `bulk.concurrency: 0 is out of range; want 1 or more`},
		{collects, `bulk {max_items: -1}`, `bulk.max_items: -1 is negative; set 0 for no limit`},
		{collects, `bulk {max_failures: 0}`, `bulk.max_failures: 0 is out of range; want 1 or more`},
		{converses, `handshake {timeout: "1"}`, `handshake.timeout: "1" is not a duration; write it as in "250ms", "2s" or "1m30s"`},
		{chats, `room {queue: 0}`, `room.queue: 0 is out of range; want 1 or more`},
		{chats, `room {queue_bytes: -5}`, `room.queue_bytes: -5 is out of range; want 1 or more`},
		{chats, `room {slow: 9}`, `room.slow: 9 is not a value of grpcservice.v1.Room.Slow`},
		{chats, `search {max_limit: 5}`, `search: it is for methods that only stream responses; remove it`},
		{writes, `upload {max_files: 5}`, `upload: it is for methods that only stream requests; remove it`},
		{searches, `room {queue: 5}`, `room: it is for methods that stream both requests and responses; remove it`},
	} {
		_, faults := Of(test.method, nil, parse(t, test.options))
		if len(faults) != 1 || faults[0].Error() != test.want {
			t.Errorf("%s: faults %v, want %s", test.options, faults, test.want)
		}
	}
}

func TestOverrideOfStreams(t *testing.T) {
	for options, test := range map[string]struct {
		method Method
		want   Policy
	}{
		`search {max_limit: 10}`:              {searches, Policy{Search: Search{10, 100, 64 << 10, 20 * time.Millisecond}}},
		`subscription {heartbeat: "1s"}`:      {subscribes, Policy{Subscription: Subscription{time.Second, 1000}}},
		`upload {max_total_bytes: 100}`:       {uploads, Policy{Upload: Upload{100, 100, 1000}}},
		`upload {max_file_bytes: 9000000000}`: {uploads, Policy{Upload: Upload{9000000000, 9000000000, 1000}}},
		`bulk {concurrency: 1}`:               {collects, Policy{Bulk: Bulk{1, 0, 1000}}},
		`handshake {timeout: "1s"}`:           {converses, Policy{Handshake: Handshake{time.Second}}},
		`room {slow: SLOW_BLOCK queue: 3}`:    {chats, Policy{Room: Room{3, 1 << 20, BlockOnSlow}}},
	} {
		table := test.method.Policy(parse(t, `log {}`))
		got, faults := Override(table, test.method, Layer{Policy: parse(t, options)})
		if diff := cmp.Diff(test.want, got); diff != "" || len(faults) > 0 {
			t.Errorf("%s: %v (-want +got):\n%s", options, faults, diff)
		}
	}
}
