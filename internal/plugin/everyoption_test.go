package plugin_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/plugin"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// optionSample is an option and two policies that set it, to different values if the option has
// several.
type optionSample struct {
	option        string
	first, second string // in protobuf text format
	file          string // what the policy file sets; second by default
	shape         string // other options of the method, which locate its pattern
	rpc           rpcKind
	isShape       bool // it locates a pattern, so it is for one method only and not for run time
	ofService     bool // it is about a service as a whole; see [TestEveryServiceOption]
	notInGo       bool // it is not in the policy of the generated code
}

// rpcKind holds the messages of an RPC and the options in its body.
type rpcKind struct{ request, response, options string }

var (
	plainRPC       = rpcKind{"Plain", "Plain", ""}
	streamRPC      = rpcKind{"Plain", "stream Plain", ""}
	readRPC        = rpcKind{"Plain", "Plain", "option idempotency_level = NO_SIDE_EFFECTS;"}
	ruledRPC       = rpcKind{"Ruled", "Plain", ""}
	listRPC        = rpcKind{"ListRequest", "ListResponse", ""}
	batchRPC       = rpcKind{"BatchRequest", "BatchResponse", ""}
	startNameRPC   = rpcKind{"StartRequest", "Plain", ""}
	startStreamRPC = rpcKind{"stream StartRequest", "Plain", ""}
	startRPC       = rpcKind{"StartRequest", "google.longrunning.Operation", ""}
	jobRPC         = rpcKind{"StartRequest", "Job", ""}
	keyedRPC       = rpcKind{"KeyedRequest", "Plain", ""}
	searchRPC      = rpcKind{"FindRequest", "stream FindResponse", ""}
	followRPC      = rpcKind{"FollowRequest", "stream Followed", ""}
	uploadRPC      = rpcKind{"stream Chunk", "Plain", ""}
	bulkRPC        = rpcKind{"stream Plain", "Plain", ""}
	talkRPC        = rpcKind{"stream Talk", "stream Plain", ""}
	chatRPC        = rpcKind{"stream Chat", "stream Chat", ""}
	batchShape     = `batch {children: "ids" results: "items"}`
	startShape     = `operation {response_type: "Plain" metadata_type: "Meta"}`
	chunkShape     = `upload {data: "data" name: "title"}`
	bulkShape      = `bulk {off: false}`
)

// jobShape describes an operation whose status is an enum, with more options.
func jobShape(more string) string {
	return `operation {status: "status" done: "DONE" running: "ACTIVE" ` + more + `}`
}

// optionSamples has a sample for each option in options.proto.
var optionSamples = []optionSample{
	{option: "timeout.default", first: `timeout {default: "2s"}`,
		second: `timeout {default: "3s"}`, rpc: plainRPC},
	{option: "timeout.max", first: `timeout {max: "2s"}`,
		second: `timeout {max: "0s"}`, rpc: plainRPC},
	{option: "timeout.idle", first: `timeout {idle: "2s"}`,
		second: `timeout {idle: "3s"}`, rpc: streamRPC},
	{option: "timeout.total", first: `timeout {total: "2s"}`,
		second: `timeout {total: "3s"}`, rpc: streamRPC},
	{option: "auth.public", first: `auth {public: true}`, second: `auth {}`, rpc: plainRPC},
	{option: "auth.all_of", first: `auth {all_of: "a"}`,
		second: `auth {all_of: "b" all_of: "c"}`, rpc: plainRPC},
	{option: "auth.principals", first: `auth {principals: "a"}`,
		second: `auth {principals: "b" principals: "spiffe://example.org/a/*"}`, rpc: plainRPC},
	{option: "auth.any_of", first: `auth {any_of: "a"}`,
		second: `auth {any_of: "b"}`, rpc: plainRPC},
	{option: "rate.per_second", first: `rate {per_second: 2.5}`,
		second: `rate {per_second: 2} rate {per_second: 9 key: KEY_PEER}`, rpc: plainRPC},
	{option: "rate.burst", first: `rate {per_second: 2 burst: 5}`,
		second: `rate {per_second: 2 burst: 6}`, rpc: plainRPC},
	{option: "rate.key", first: `rate {per_second: 2 key: KEY_PRINCIPAL}`,
		second: `rate {per_second: 2 key: KEY_PEER}`, rpc: plainRPC},
	{option: "concurrency.limit", first: `concurrency {limit: 2}`,
		second: `concurrency {limit: 3}`, rpc: plainRPC},
	{option: "concurrency.adaptive", first: `concurrency {limit: 2 adaptive: true}`,
		second: `concurrency {adaptive: false}`, rpc: plainRPC},
	{option: "concurrency.max_wait", first: `concurrency {limit: 2 max_wait: "1s"}`,
		second: `concurrency {max_wait: "2s"}`, rpc: plainRPC},
	{option: "retry.max_attempts", first: `retry {max_attempts: 2}`,
		second: `retry {max_attempts: 4}`, rpc: readRPC},
	{option: "retry.initial_backoff", first: `retry {initial_backoff: "0.2s"}`,
		second: `retry {initial_backoff: "0.3s"}`, rpc: readRPC},
	{option: "retry.max_backoff", first: `retry {max_backoff: "2s"}`,
		second: `retry {max_backoff: "3s"}`, rpc: readRPC},
	{option: "retry.backoff_multiplier", first: `retry {backoff_multiplier: 1.5}`,
		second: `retry {backoff_multiplier: 3}`, rpc: readRPC},
	{option: "retry.codes", first: `retry {codes: "ABORTED"}`,
		second: `retry {codes: "UNKNOWN" codes: "INTERNAL"}`, rpc: readRPC},
	{option: "retry.idempotent", first: `retry {idempotent: true}`,
		second: `retry {idempotent: true}`, rpc: plainRPC, notInGo: true},
	{option: "hedging.delay", first: `hedging {delay: "1s"}`,
		second: `hedging {delay: "0s"}`, rpc: readRPC},
	{option: "hedging.max_attempts", first: `hedging {delay: "1s" max_attempts: 3}`,
		second: `hedging {max_attempts: 4}`, rpc: readRPC},
	{option: "hedging.non_fatal_codes", first: `hedging {delay: "1s" non_fatal_codes: "ABORTED"}`,
		second: `hedging {non_fatal_codes: "UNKNOWN"}`, rpc: readRPC},
	{option: "permission.name", first: `permission {name: "a.b" resource: "name"}`,
		second: `permission {name: "a.c"}`, rpc: startNameRPC, shape: `permission {resource: "name"}`},
	{option: "permission.resource", first: `permission {name: "a.b" resource: "name"}`,
		second: `permission {resource: "parent"}`, rpc: startNameRPC, shape: `permission {name: "a.b"}`},
	{option: "permission.hide_existence", first: `permission {name: "a.b" resource: "name" hide_existence: true}`,
		second: `permission {hide_existence: false}`, rpc: startNameRPC, shape: `permission {name: "a.b" resource: "name"}`},
	{option: "permission.inherit", first: `permission {name: "a.b" resource: "name" inherit: true}`,
		second: `permission {inherit: false}`, rpc: startStreamRPC, shape: `permission {name: "a.b" resource: "name"}`},
	{option: "tool.name", first: `tool {name: "get_plain"}`,
		second: `tool {name: "plain-2"}`, file: `tool {name: "plain_3"}`, rpc: plainRPC, isShape: true},
	{option: "tool.description", first: `tool {name: "a" description: "Does it."}`,
		second: `tool {name: "b" description: "Does more."}`,
		file:   `tool {name: "c" description: "Does the most."}`, rpc: plainRPC, isShape: true},
	{option: "tool.destructive", first: `tool {name: "c" destructive: true}`,
		second: `tool {name: "d" destructive: false}`,
		file:   `tool {name: "e" destructive: false}`, rpc: streamRPC, isShape: true},
	{option: "balancing.policy", first: `balancing {policy: POLICY_LEAST_REQUEST}`,
		second: `balancing {policy: POLICY_PICK_FIRST}`, rpc: plainRPC, ofService: true},
	{option: "balancing.connections", first: `balancing {connections: 2}`,
		second: `balancing {connections: 3}`, rpc: plainRPC, ofService: true},
	{option: "balancing.same_zone", first: `balancing {same_zone: true}`,
		second: `balancing {same_zone: false}`, rpc: plainRPC, ofService: true},
	{option: "max_request_bytes", first: `max_request_bytes: 5000000000`,
		second: `max_request_bytes: 0`, rpc: plainRPC},
	{option: "log.level", first: `log {level: LEVEL_DEBUG}`,
		second: `log {level: LEVEL_ERROR}`, rpc: plainRPC},
	{option: "log.sample", first: `log {sample: 0.5}`, second: `log {sample: 0}`, rpc: plainRPC},
	{option: "validation.skip", first: `validation {skip: true}`,
		second: `validation {skip: false}`, rpc: ruledRPC},

	{option: "page.off", first: `page {off: true}`,
		second: `page {off: false}`, rpc: listRPC, isShape: true},
	{option: "page.default_size", first: `page {default_size: 5}`,
		second: `page {default_size: 6}`, rpc: listRPC},
	{option: "page.max_size", first: `page {max_size: 500}`,
		second: `page {max_size: 600}`, rpc: listRPC},
	{option: "page.token_ttl", first: `page {token_ttl: "1h"}`,
		second: `page {token_ttl: "0s"}`, rpc: listRPC},
	{option: "page.vary", first: `page {vary: "filter"}`,
		second: `page {vary: "view" vary: "filter"}`, rpc: listRPC, isShape: true},
	{option: "page.items", first: `page {items: "items"}`,
		second: `page {items: "others"}`, rpc: listRPC, isShape: true},
	{option: "page.size", first: `page {size: "page_size"}`,
		second: `page {size: "limit"}`, rpc: listRPC, isShape: true},
	{option: "page.token", first: `page {token: "page_token"}`,
		second: `page {token: "cursor"}`, rpc: listRPC, isShape: true},
	{option: "page.skip", first: `page {skip: "skip"}`,
		second: `page {skip: "offset"}`, rpc: listRPC, isShape: true},
	{option: "page.next_token", first: `page {next_token: "next_page_token"}`,
		second: `page {next_token: "next"}`, rpc: listRPC, isShape: true},
	{option: "page.total", first: `page {total: "total_size"}`,
		second: `page {total: "count"}`, rpc: listRPC, isShape: true},

	{option: "batch.off", first: `batch {off: true}`,
		second: `batch {off: false children: "ids" results: "items"}`, rpc: batchRPC, isShape: true},
	{option: "batch.max_size", first: `batch {max_size: 5}`,
		second: `batch {max_size: 6}`, rpc: batchRPC, shape: batchShape},
	{option: "batch.concurrency", first: `batch {concurrency: 5}`,
		second: `batch {concurrency: 6}`, rpc: batchRPC, shape: batchShape},
	{option: "batch.allow_empty", first: `batch {allow_empty: true}`,
		second: `batch {allow_empty: false}`, rpc: batchRPC, shape: batchShape},
	{option: "batch.own_policy", first: `batch {own_policy: true}`,
		second: `batch {own_policy: false}`, rpc: batchRPC, shape: batchShape},
	{option: "batch.children", first: batchShape,
		second: `batch {children: "others" results: "items"}`, rpc: batchRPC, isShape: true},
	{option: "batch.results", first: batchShape,
		second: `batch {children: "ids" results: "others"}`, rpc: batchRPC, isShape: true},
	{option: "batch.missing", first: `batch {children: "ids" results: "by_id" missing: "missing"}`,
		second: `batch {children: "ids" results: "by_id" missing: ""}`, rpc: batchRPC, isShape: true},
	{option: "batch.mode", first: `batch {children: "ids" results: "items" mode: MODE_ATOMIC}`,
		second: `batch {children: "ids" results: "by_id" mode: MODE_KEYED}`, rpc: batchRPC, isShape: true},

	{option: "operation.off", first: `operation {off: true}`,
		second: `operation {off: false}`, rpc: startRPC, isShape: true},
	{option: "operation.response_type", first: startShape,
		second: `operation {response_type: "Meta" metadata_type: "Meta"}`, rpc: startRPC, isShape: true},
	{option: "operation.metadata_type", first: startShape,
		second: `operation {response_type: "Plain" metadata_type: "Plain"}`, rpc: startRPC, isShape: true},
	{option: "operation.lease", first: `operation {lease: "5s"}`,
		second: `operation {lease: "6s"}`, rpc: startRPC, shape: startShape},
	{option: "operation.retain", first: `operation {retain: "1h"}`,
		second: `operation {retain: "0s"}`, rpc: startRPC, shape: startShape},
	{option: "operation.timeout", first: `operation {timeout: "1h"}`,
		second: `operation {timeout: "2h"}`, rpc: startRPC, shape: startShape},
	{option: "operation.max_attempts", first: `operation {max_attempts: 5}`,
		second: `operation {max_attempts: 6}`, rpc: startRPC, shape: startShape},
	{option: "operation.conflict_key", first: `operation {conflict_key: "parent"}`,
		second: `operation {conflict_key: "name"}`,
		rpc:    startRPC, shape: startShape, isShape: true},
	{option: "operation.on_conflict", first: `operation {on_conflict: ON_CONFLICT_QUEUE}`,
		second: `operation {on_conflict: ON_CONFLICT_PREEMPT}`,
		rpc:    startRPC, shape: `operation {response_type: "Plain" metadata_type: "Meta" conflict_key: "parent"}`},

	{option: "operation.status", first: jobShape(`name: "name"`),
		second: `operation {status: "state" done: "DONE" running: "ACTIVE"}`, rpc: jobRPC, isShape: true},
	{option: "operation.done", first: jobShape(`name: "name"`),
		second: `operation {status: "status" done: "DONE" done: "BURIED" running: "ACTIVE"}`, rpc: jobRPC, isShape: true},
	{option: "operation.failed", first: jobShape(`failed: "BURIED"`),
		second: jobShape(`failed: "LOST" failed: "BURIED"`), rpc: jobRPC, isShape: true},
	{option: "operation.pending", first: jobShape(`pending: "BORN"`),
		second: jobShape(`pending: "ACTIVE"`), rpc: jobRPC, isShape: true},
	{option: "operation.running", first: jobShape(``),
		second: `operation {status: "status" done: "DONE" running: "BORN"}`, rpc: jobRPC, isShape: true},
	{option: "operation.name", first: jobShape(`name: "name"`),
		second: jobShape(`name: "title"`), rpc: jobRPC, isShape: true},
	{option: "operation.error", first: jobShape(`error: "error"`),
		second: jobShape(`error: "reason"`), rpc: jobRPC, isShape: true},
	{option: "operation.error_code", first: jobShape(`error_code: "code"`),
		second: jobShape(`error_code: "number"`), rpc: jobRPC, isShape: true},
	{option: "operation.result", first: jobShape(`result: "plain"`),
		second: jobShape(`result: "meta"`), rpc: jobRPC, isShape: true},

	{option: "idempotency_key.off", first: `idempotency_key {off: true}`,
		second: `idempotency_key {off: false}`, rpc: keyedRPC, isShape: true},
	{option: "idempotency_key.field", first: `idempotency_key {field: "request_id"}`,
		second: `idempotency_key {field: "nonce"}`, rpc: keyedRPC, isShape: true},
	{option: "idempotency_key.window", first: `idempotency_key {window: "1h"}`,
		second: `idempotency_key {window: "2h"}`, rpc: keyedRPC},

	{option: "search.off", first: `search {off: true}`,
		second: `search {off: false}`, rpc: searchRPC, isShape: true},
	{option: "search.limit", first: `search {limit: "limit"}`,
		second: `search {limit: "count"}`, rpc: searchRPC, isShape: true},
	{option: "search.items", first: `search {items: "items"}`,
		second: `search {items: "others"}`, rpc: searchRPC, isShape: true},
	{option: "search.max_limit", first: `search {max_limit: 5}`,
		second: `search {max_limit: 6}`, rpc: searchRPC},
	{option: "search.pack_items", first: `search {pack_items: 5}`,
		second: `search {pack_items: 6}`, rpc: searchRPC},
	{option: "search.pack_bytes", first: `search {pack_bytes: 5000000000}`,
		second: `search {pack_bytes: 6}`, rpc: searchRPC},
	{option: "search.pack_wait", first: `search {pack_wait: "1s"}`,
		second: `search {pack_wait: "0s"}`, rpc: searchRPC},

	{option: "subscription.off", first: `subscription {off: true}`,
		second: `subscription {off: false}`, rpc: followRPC, isShape: true},
	{option: "subscription.position", first: `subscription {position: "position" next_position: "next_position"}`,
		second: `subscription {position: "from" next_position: "next_position"}`, rpc: followRPC, isShape: true},
	{option: "subscription.next_position", first: `subscription {next_position: "next_position" position: "position"}`,
		second: `subscription {next_position: "then" position: "position"}`, rpc: followRPC, isShape: true},
	{option: "subscription.since", first: `subscription {since: "since"}`,
		second: `subscription {since: "start"}`, rpc: followRPC, isShape: true},
	{option: "subscription.time", first: `subscription {time: "time" since: "since"}`,
		second: `subscription {time: "at" since: "since"}`, rpc: followRPC, isShape: true},
	{option: "subscription.types", first: `subscription {types: "types" type: "type"}`,
		second: `subscription {types: "kinds" type: "type"}`, rpc: followRPC, isShape: true},
	{option: "subscription.type", first: `subscription {type: "type" types: "types"}`,
		second: `subscription {type: "kind" types: "types"}`, rpc: followRPC, isShape: true},
	{option: "subscription.lines", first: `subscription {lines: "lines"}`,
		second: `subscription {lines: "count"}`, rpc: followRPC, isShape: true},
	{option: "subscription.level", first: `subscription {level: "level" entry_level: "level"}`,
		second: `subscription {level: "least" entry_level: "level"}`, rpc: followRPC, isShape: true},
	{option: "subscription.entry_level", first: `subscription {entry_level: "level" level: "level"}`,
		second: `subscription {entry_level: "severity" level: "level"}`, rpc: followRPC, isShape: true},
	{option: "subscription.heartbeat", first: `subscription {heartbeat: "1s"}`,
		second: `subscription {heartbeat: "0s"}`, rpc: followRPC},
	{option: "subscription.max_lines", first: `subscription {max_lines: 5}`,
		second: `subscription {max_lines: 6}`, rpc: followRPC},

	{option: "upload.off", first: `upload {off: true}`,
		second: `upload {off: false data: "data" name: "title"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.header", first: `upload {header: "head" data: "part"}`,
		second: `upload {header: "other" data: "part"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.name", first: `upload {name: "title" data: "data"}`,
		second: `upload {name: "label" data: "data"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.data", first: `upload {name: "title" data: "data"}`,
		second: `upload {name: "title" data: "more"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.number", first: `upload {name: "title" data: "data" number: "number"}`,
		second: `upload {name: "title" data: "data" number: "count"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.offset", first: `upload {name: "title" data: "data" offset: "offset"}`,
		second: `upload {name: "title" data: "data" offset: "place"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.size", first: `upload {name: "title" data: "data" size: "size"}`,
		second: `upload {name: "title" data: "data" size: "length"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.checksum", first: `upload {name: "title" data: "data" checksum: "checksum"}`,
		second: `upload {name: "title" data: "data" checksum: "sum"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.finish", first: `upload {name: "title" data: "data" finish: "finish"}`,
		second: `upload {name: "title" data: "data" finish: "last"}`, rpc: uploadRPC, isShape: true},
	{option: "upload.max_file_bytes", first: `upload {max_file_bytes: 5}`,
		second: `upload {max_file_bytes: 0}`, rpc: uploadRPC, shape: chunkShape},
	{option: "upload.max_total_bytes", first: `upload {max_total_bytes: 5000000000}`,
		second: `upload {max_total_bytes: 0}`, rpc: uploadRPC, shape: chunkShape},
	{option: "upload.max_files", first: `upload {max_files: 5}`,
		second: `upload {max_files: 6}`, rpc: uploadRPC, shape: chunkShape},

	{option: "bulk.off", first: `bulk {off: true}`,
		second: `bulk {off: false}`, rpc: bulkRPC, isShape: true},
	{option: "bulk.concurrency", first: `bulk {concurrency: 5}`,
		second: `bulk {concurrency: 6}`, rpc: bulkRPC, shape: bulkShape},
	{option: "bulk.max_items", first: `bulk {max_items: 5}`,
		second: `bulk {max_items: 6}`, rpc: bulkRPC, shape: bulkShape},
	{option: "bulk.max_failures", first: `bulk {max_failures: 5}`,
		second: `bulk {max_failures: 6}`, rpc: bulkRPC, shape: bulkShape},

	{option: "handshake.off", first: `handshake {off: true}`,
		second: `handshake {off: false}`, rpc: talkRPC, isShape: true},
	{option: "handshake.arm", first: `handshake {arm: "config"}`,
		second: `handshake {arm: "plain"}`, rpc: talkRPC, isShape: true},
	{option: "handshake.timeout", first: `handshake {timeout: "1s"}`,
		second: `handshake {timeout: "0s"}`, rpc: talkRPC},

	{option: "room.off", first: `room {off: true}`,
		second: `room {off: false}`, rpc: chatRPC, isShape: true},
	{option: "room.key", first: `room {key: "room_id"}`,
		second: `room {key: "text"}`, rpc: chatRPC, isShape: true},
	{option: "room.queue", first: `room {queue: 5}`,
		second: `room {queue: 6}`, rpc: chatRPC},
	{option: "room.queue_bytes", first: `room {queue_bytes: 5000000000}`,
		second: `room {queue_bytes: 6}`, rpc: chatRPC},
	{option: "room.slow", first: `room {slow: SLOW_DROP_OLDEST}`,
		second: `room {slow: SLOW_BLOCK}`, rpc: chatRPC},
}

// everyProto is the proto of the samples, without their services.
const everyProto = `syntax = "proto3";
package every.v1;
option go_package = "example.com/every/everyv1";
import "google/api/field_behavior.proto";
import "google/longrunning/operations.proto";
import "google/protobuf/timestamp.proto";
import "grpcservice/v1/options.proto";
message Plain {}
message Meta {}
message Ruled { string name = 1 [(google.api.field_behavior) = REQUIRED]; }
message ListRequest {
  int32 page_size = 1; string page_token = 2; string filter = 3; string view = 4;
  int32 limit = 5; string cursor = 6; int32 skip = 7; int32 offset = 8;
}
message ListResponse {
  repeated Plain items = 1; repeated Plain others = 2; string next_page_token = 3; string next = 4;
  int32 total_size = 5; int32 count = 6;
}
message BatchRequest { repeated string ids = 1; repeated string others = 2; }
message BatchResponse {
  repeated Plain items = 1; repeated Plain others = 2; repeated string missing = 3; map<string, Plain> by_id = 4;
}
message Job {
  string name = 1; string title = 2; Phase status = 3; Phase state = 4; string error = 5; string reason = 6; int32 code = 7;
  int32 number = 8; Plain plain = 9; Meta meta = 10;
  enum Phase { BORN = 0; ACTIVE = 1; DONE = 2; BURIED = 3; LOST = 4; }
}
message StartRequest { string parent = 1; string name = 2; }
message FindRequest { int32 limit = 1; int32 count = 2; }
message FindResponse { repeated Plain items = 1; repeated Plain others = 2; }
message FollowRequest {
  string position = 1; string from = 2; google.protobuf.Timestamp since = 3; google.protobuf.Timestamp start = 4;
  repeated string types = 5; repeated string kinds = 6; int32 lines = 7; int32 count = 8; string level = 9; string least = 10;
}
message Followed {
  string next_position = 1; string then = 2; google.protobuf.Timestamp time = 3; google.protobuf.Timestamp at = 4;
  string type = 5; string kind = 6; string level = 7; string severity = 8;
}
message Chunk {
  string title = 1; string label = 2; bytes data = 3; bytes more = 4; int32 number = 5; int32 count = 6; int64 offset = 7;
  int64 place = 8; int64 size = 9; int64 length = 10; string checksum = 11; string sum = 12; bool finish = 13; bool last = 14;
  oneof piece { Plain head = 15; Meta other = 16; bytes part = 17; }
}
message Talk { oneof talk { Plain config = 1; Plain plain = 2; } }
message Chat { string room_id = 1; string text = 2; }
message KeyedRequest { string request_id = 1; string nonce = 2; }
`

// TestEveryOption sets each option in a service, in a method, in a policy file and in the
// configuration of a server. It checks the value in the report, and the policies of a server that
// is built from the generated code.
func TestEveryOption(t *testing.T) {
	checkSampled(t)
	text, file, config := everyProto, "version: v1\nrules:\n", make(map[string]json.RawMessage)
	for _, s := range samplesOf(false) {
		text += s.service(t)
		second, _ := json.Marshal(plainMessage(s.policy(t, s.inFile()).ProtoReflect()))
		file += fmt.Sprintf("  - methods: [every.v1.%s/File]\n    policy: %s\n", s.name(), second)
		if !s.isShape {
			config["every.v1."+s.name()+"/AtStart"], _ = protojson.Marshal(s.policy(t, s.second))
		}
	}
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{"every.proto": text})
	c := testCase{
		name: "every", dir: dir, protos: []string{"every.proto"},
		options: "policy=policy.yaml,report=report.json,emit=service",
	}
	request := c.request(t)
	readFile := func(string) ([]byte, error) { return []byte(file), nil }
	got := runEnv(t, request, plugin.Env{ReadFile: readFile})
	if got.err != "" {
		t.Fatal(got.err)
	}
	report := reportOf(t, got.files["report.json"])
	policies := servedPolicies(t, c, got.files, config)
	for _, s := range samplesOf(false) {
		t.Run(s.option, func(t *testing.T) {
			s.checkReport(t, report)
			if !s.isShape {
				s.checkPolicies(t, policies)
			}
		})
	}
}

// samplesOf returns the samples of options for services as a whole, or the other ones.
func samplesOf(services bool) (samples []optionSample) {
	for _, s := range optionSamples {
		if s.ofService == services {
			samples = append(samples, s)
		}
	}
	return samples
}

// TestEveryServiceOption sets each option for a service as a whole in the service and in a policy
// file. It checks the value in the report, and that the generated table has it.
func TestEveryServiceOption(t *testing.T) {
	text, file := everyProto, "version: v1\nrules:\n"
	for _, s := range samplesOf(true) {
		for _, by := range []string{"Own", "File"} {
			text += fmt.Sprintf("service %s%s {\n  option (grpcservice.v1.service) = {%s};\n  rpc Get(Plain) returns (Plain);\n}\n",
				s.name(), by, s.first)
		}
		second, _ := json.Marshal(plainMessage(s.policy(t, s.second).ProtoReflect()))
		file += fmt.Sprintf("  - methods: [every.v1.%sFile/*]\n    policy: %s\n", s.name(), second)
	}
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{"every.proto": text})
	c := testCase{
		name: "every", dir: dir, protos: []string{"every.proto"},
		options: "policy=policy.yaml,report=report.json,emit=service",
	}
	readFile := func(string) ([]byte, error) { return []byte(file), nil }
	got := runEnv(t, c.request(t), plugin.Env{ReadFile: readFile})
	if got.err != "" {
		t.Fatal(got.err)
	}
	report, code := reportOf(t, got.files["report.json"]), ""
	for name, content := range got.files {
		if path.Ext(name) == ".go" {
			code += content
		}
	}
	for _, s := range samplesOf(true) {
		own, over := s.valueIn(t, s.first), s.valueIn(t, s.second)
		own.Source, over.Source = "service option", "policy file"
		for by, want := range map[string]reported{"Own": own, "File": over} {
			if rules := report["every.v1."+s.name()+by]; !reflect.DeepEqual(rules, []reported{want}) {
				t.Errorf("the report of %s%s has the rules %+v, want %+v", s.name(), by, rules, want)
			}
		}
		tableOf := func(by string) string {
			_, table, _ := strings.Cut(code, "NewService("+s.name()+by+"Name,")
			table, _, _ = strings.Cut(table, "\n\n")
			_, balancing, _ := strings.Cut(table, "\n)")
			return balancing
		}
		if tableOf("Own") == "" || tableOf("Own") == tableOf("File") {
			t.Errorf("the tables with %s and %s end with %q and %q", s.first, s.second, tableOf("Own"), tableOf("File"))
		}
	}
}

// checkSampled reports options without a sample, and samples without an option.
func checkSampled(t *testing.T) {
	t.Helper()
	options := optionsIn((&grpcservicev1.Policy{}).ProtoReflect().Descriptor(), "")
	for _, option := range options {
		isOf := func(s optionSample) bool { return s.option == option }
		if !slices.ContainsFunc(optionSamples, isOf) {
			t.Errorf("the option %s has no sample in this test", option)
		}
	}
	for _, s := range optionSamples {
		if !slices.Contains(options, s.option) {
			t.Errorf("there is no option %s, of which this test has a sample", s.option)
		}
	}
}

// optionsIn returns the paths of the fields that are not messages.
func optionsIn(m protoreflect.MessageDescriptor, path string) (options []string) {
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		if fd.Message() != nil {
			options = append(options, optionsIn(fd.Message(), path+string(fd.Name())+".")...)
		} else {
			options = append(options, path+string(fd.Name()))
		}
	}
	return options
}

// inFile returns what the policy file sets.
func (s optionSample) inFile() string { return cmp.Or(s.file, s.second) }

// name returns the name of the sample's service.
func (s optionSample) name() string {
	words := strings.FieldsFunc(s.option, func(r rune) bool { return r == '.' || r == '_' })
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "")
}

// policy parses texts and merges them into one policy.
func (s optionSample) policy(t *testing.T, texts ...string) *grpcservicev1.Policy {
	t.Helper()
	p := &grpcservicev1.Policy{}
	for _, text := range texts {
		more := &grpcservicev1.Policy{}
		if err := prototext.Unmarshal([]byte(text), more); err != nil {
			t.Fatalf("%s: %v", s.option, err)
		}
		proto.Merge(p, more)
	}
	return p
}

// service returns the service of a sample, with an RPC for each place that can set the option. An
// option that is for one method only is set in the method, not in the service.
func (s optionSample) service(t *testing.T) string {
	wide, first := "option (grpcservice.v1.service) = {"+s.first+"};", ""
	if s.isShape {
		wide, first = "", s.first
	}
	rpc := func(name string, policies ...string) string {
		text := prototext.MarshalOptions{}.Format(s.policy(t, policies...))
		return fmt.Sprintf("  rpc %s(%s) returns (%s) {\n    %s\n    option (grpcservice.v1.method) = {%s};\n  }\n",
			name, s.rpc.request, s.rpc.response, s.rpc.options, text)
	}
	return fmt.Sprintf("service %s {\n  %s\n%s%s%s%s}\n", s.name(), wide, rpc("Inherits", s.shape, first),
		rpc("Overrides", s.shape, s.second), rpc("File", s.shape), rpc("AtStart", s.shape))
}

// plainMessage returns a message as YAML and the report represent it.
func plainMessage(m protoreflect.Message) map[string]any {
	fields := make(map[string]any)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !fd.IsList() {
			fields[string(fd.Name())] = plainValue(fd, v)
			return true
		}
		list := []any{}
		for i := range v.List().Len() {
			list = append(list, plainValue(fd, v.List().Get(i)))
		}
		fields[string(fd.Name())] = list
		return true
	})
	return fields
}

func plainValue(fd protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch fd.Kind() {
	case protoreflect.EnumKind:
		return string(fd.Enum().Values().ByNumber(v.Enum()).Name())
	case protoreflect.MessageKind:
		return plainMessage(v.Message())
	default:
		return v.Interface()
	}
}

// reported is a rule of the report.
type reported struct {
	Field, Source string
	Value         any
}

// reportOf returns the rules of each method, and of each service that has any, in a report.
func reportOf(t *testing.T, text string) map[string][]reported {
	t.Helper()
	var report struct {
		Services []struct {
			Service string
			Rules   []reported
		}
		Methods []struct {
			Method string
			Rules  []reported
		}
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	rules := make(map[string][]reported)
	for _, m := range report.Methods {
		rules[m.Method] = m.Rules
	}
	for _, s := range report.Services {
		rules[s.Service] = s.Rules
	}
	return rules
}

// checkReport checks the value of the option in the report, and its source.
func (s optionSample) checkReport(t *testing.T, report map[string][]reported) {
	t.Helper()
	from := map[string]string{"Inherits": "service option", "Overrides": "method option", "File": "policy file"}
	if s.isShape {
		from["Inherits"] = "method option"
	}
	for rpc, source := range from {
		text := s.second
		switch rpc {
		case "Inherits":
			text = s.first
		case "File":
			text = s.inFile()
		}
		want := s.valueIn(t, text)
		rules := report["every.v1."+s.name()+"/"+rpc]
		i := slices.IndexFunc(rules, func(r reported) bool { return r.Field == want.Field })
		want.Source = source
		if i < 0 || !reflect.DeepEqual(rules[i], want) {
			t.Errorf("the report of %s has the rules %+v, want %+v among them", rpc, rules, want)
		}
	}
}

// valueIn returns the option as a report has it. If a policy overrides a group only as a whole,
// such as auth, it returns the group.
func (s optionSample) valueIn(t *testing.T, text string) reported {
	t.Helper()
	group, field, isMessage := strings.Cut(s.option, ".")
	value := plainMessage(s.policy(t, text).ProtoReflect())[group]
	if fields, ok := value.(map[string]any); ok && isMessage && group != "auth" {
		group, value = s.option, fields[field]
	}
	encoded, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(encoded, &value)
	}
	if err != nil {
		t.Fatal(err)
	}
	return reported{Field: group, Value: value}
}

// servedPolicies compiles the generated code and returns the policies of its server, by method. The
// configuration overrides those of AtStart.
func servedPolicies(
	t *testing.T, c testCase, files map[string]string, config map[string]json.RawMessage,
) map[string]any {
	t.Helper()
	_ = readTree(t, "../../runtime") // makes the go test cache depend on the program's sources
	module := goModule{dir: t.TempDir(), files: make(map[string]string)}
	var registrations strings.Builder
	for _, s := range samplesOf(false) {
		fmt.Fprintf(&registrations, "\tevery.Register%[1]s(s, every.Unimplemented%[1]s{})\n", s.name())
	}
	for file, content := range files {
		if path.Ext(file) == ".go" {
			module.files[strings.TrimPrefix(file, "example.com/")] = content
		}
	}
	encoded, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	request := c.request(t)
	request.Parameter = nil
	writeTree(t, module.dir, messages(t, c, request))
	writeTree(t, module.dir, module.files)
	writeTree(t, module.dir, map[string]string{
		"go.mod": goMod(t), "go.sum": goSum(t),
		"main.go": fmt.Sprintf(everyProgram, registrations.String()), "config.json": string(encoded),
	})
	policies := make(map[string]any)
	if err := json.Unmarshal([]byte(module.mustRun(t, "go", "run", ".")), &policies); err != nil {
		t.Fatal(err)
	}
	return policies
}

// everyProgram prints the policies of a server's methods as JSON.
const everyProgram = `package main

import (
	"encoding/json"
	"os"

	every "example.com/every/everyv1/everyv1service"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

type recorder map[string]runtime.Policy

func (r recorder) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	r[info.Service+"/"+info.Name] = info.Policy
	return nil
}

func main() {
	config, err := os.ReadFile("config.json")
	if err != nil {
		panic(err)
	}
	policies := make(recorder)
	s := server.New(server.WithPolicy(config), server.WithObservers(policies))
%s	if err := json.NewEncoder(os.Stdout).Encode(policies); err != nil {
		panic(err)
	}
}
`

// checkPolicies checks that the option has an effect on the server's policy, and the same effect
// wherever it is set.
func (s optionSample) checkPolicies(t *testing.T, policies map[string]any) {
	t.Helper()
	of := func(rpc string) any {
		p, found := policies["every.v1."+s.name()+"/"+rpc]
		if !found {
			t.Errorf("the server has no policy of %s", rpc)
		}
		return p
	}
	want := of("Overrides")
	if reflect.DeepEqual(want, of("Inherits")) && !s.notInGo {
		t.Errorf("the policy is %v whatever the option says", want)
	}
	for _, rpc := range []string{"File", "AtStart"} {
		if got := of(rpc); !reflect.DeepEqual(got, want) {
			t.Errorf("the policy of %s is\n%v, want that of Overrides,\n%v", rpc, got, want)
		}
	}
}
