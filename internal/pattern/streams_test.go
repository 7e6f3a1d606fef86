package pattern_test

import "testing"

// streamMessages are the messages that the tests of streams share.
const streamMessages = `
message Product { string name = 1; repeated Image images = 2; }
message Image { bytes content = 1; }
message Products { repeated Product products = 1; int32 total = 2; }
message Event { string type = 1; google.protobuf.Timestamp time = 2; string next_position = 3; }
message Summary { int32 count = 1; }
message Plain { string text = 1; }
enum Level { LEVEL_UNSPECIFIED = 0; LEVEL_INFO = 1; }
message Line { Level level = 1; string text = 2; google.protobuf.Timestamp timestamp = 3; }
`

func TestSearches(t *testing.T) {
	run(t, []testCase{
		{name: "limit", proto: streamMessages + `
			message Req { string query = 1; int32 limit = 2; }
			service S { rpc SearchProducts(Req) returns (stream Product); }`, want: `
				search limit=limit
				search, certain: limit: limit, by its name
			`},
		{name: "batch-shaped by name", proto: streamMessages + `
			message Req { string query = 1; uint64 max_results = 2; }
			service S { rpc SearchProducts(Req) returns (stream Products); }`, want: `
				search items=products limit=max_results
				search, certain: limit: max_results, by its name; items: products, named after the method
			`},
		{name: "batch-shaped without a limit", proto: streamMessages + `
			message Req { string query = 1; }
			service S { rpc StreamTopProducts(Req) returns (stream Products); }`, want: `
				search items=products
				search, certain: items: products, named after the method
			`},
		{name: "a list of a response, beside a limit", proto: streamMessages + `
			message Req { int32 limit = 2; }
			message FindResponse { repeated Product found = 1; }
			service S { rpc Query(Req) returns (stream FindResponse); }`, want: `
				search items=found limit=limit
				search, likely: limit: limit, by its name; items: found, the only repeated message of a response advice=search: {items: "found"}
			`},
		{name: "a list of a response alone is only possible", proto: streamMessages + `
			message Req { string query = 1; }
			message FindResponse { repeated Product found = 1; }
			service S { rpc Query(Req) returns (stream FindResponse); }`, want: `search, possible: items: found, the only repeated message of a response advice=search: {items: "found"}`},
		{name: "a response with much beside the list", proto: streamMessages + `
			message Req { string query = 1; }
			message FindResponse { repeated Product found = 1; int32 a = 2; int32 b = 3; int32 c = 4; int32 d = 5; }
			service S { rpc Query(Req) returns (stream FindResponse); }`},
		{name: "results and what goes with them", proto: streamMessages + `
			message Req { string query = 1; }
			message FindResponse { repeated Product results = 1; repeated google.rpc.Status errors = 2; }
			service S { rpc Query(Req) returns (stream FindResponse); }`, want: `
				search items=results
				search, certain: items: results, by its name
			`},
		{name: "strings of a response, named after the method", proto: streamMessages + `
			message Req { string query = 1; }
			message SuggestTermsResponse { repeated string terms = 1; }
			service S { rpc SuggestTerms(Req) returns (stream SuggestTermsResponse); }`, want: `
				search items=terms
				search, certain: items: terms, named after the method
			`},
		{name: "IDs of a response, by their name", proto: streamMessages + `
			message Req { int32 limit = 1; }
			message FindReply { repeated int64 matches = 1; string source = 2; }
			service S { rpc Find(Req) returns (stream FindReply); }`, want: `
				search items=matches limit=limit
				search, likely: limit: limit, by its name; items: matches, by its name advice=search: {items: "matches"}
			`},
		{name: "strings of a result", proto: streamMessages + `
			message Req { int32 limit = 1; }
			message Row { repeated string rows = 1; }
			service S { rpc StreamRows(Req) returns (stream Row); }`, want: `
				search limit=limit
				search, certain: limit: limit, by its name
			`},
		{name: "a vector", proto: streamMessages + `
			message Req { string text = 1; }
			message EmbeddingsResponse { repeated float embeddings = 1; }
			service S { rpc StreamEmbeddings(Req) returns (stream EmbeddingsResponse); }`},
		{name: "strings beside messages", proto: streamMessages + `
			message Req { string query = 1; }
			message TermsResponse { repeated string terms = 1; repeated Product found = 2; }
			service S { rpc ListTerms(Req) returns (stream TermsResponse); }`, want: `search, possible: items: found, the only repeated message of a response advice=search: {items: "found"}`},
		{name: "declared numbers", said: `search {items: "values"}`, proto: streamMessages + `
			message Req { string query = 1; }
			message Samples { repeated double values = 1; }
			service S { rpc Measure(Req) returns (stream Samples); }`, want: `
				search items=values
				search, declared: items: as its policy says
			`},
		{name: "page_size may be that of each response", proto: streamMessages + `
			message Req { int32 page_size = 1; }
			service S { rpc ListProducts(Req) returns (stream Product); }`, want: `
				search limit=page_size
				search, likely: limit: page_size, by its name advice=search: {limit: "page_size"}
			`},
		{name: "a limit that is no integer", proto: streamMessages + `
			message Req { string limit = 1; repeated int32 max_results = 2; }
			service S { rpc ListProducts(Req) returns (stream Product); }`},
		{name: "plain", proto: streamMessages + `
			message Req { string query = 1; }
			service S { rpc Search(Req) returns (stream Product); }`},
		{name: "declared", said: `search {limit: "paging.count" items: "page.products"}`, proto: streamMessages + `
			message Req { Paging paging = 1; } message Paging { int32 count = 1; }
			message Out { Products page = 1; }
			service S { rpc Find(Req) returns (stream Out); }`, want: `
				search items=page.products limit=paging.count
				search, declared: limit and items: as its policy says
			`},
		{name: "declared without a limit", said: `search {limit: "" items: "products"}`, proto: streamMessages + `
			message Req { int32 limit = 1; }
			service S { rpc SearchProducts(Req) returns (stream Products); }`, want: `
				search items=products
				search, declared: items: as its policy says
			`},
		{name: "declared single", said: `search {items: ""}`, proto: streamMessages + `
			message Req { int32 limit = 1; }
			service S { rpc SearchProducts(Req) returns (stream Products); }`, want: `
				search limit=limit
				search, certain: limit: limit, by its name
			`},
		{name: "off", said: `search {off: true}`, proto: streamMessages + `
			message Req { int32 limit = 1; }
			service S { rpc SearchProducts(Req) returns (stream Product); }`},
		{name: "wrong names", said: `search {limit: "query" items: "total"}`, proto: streamMessages + `
			message Req { string query = 1; }
			service S { rpc SearchProducts(Req) returns (stream Products); }`, want: `
				search items=products
				search, certain: items: products, named after the method
				problem: search.limit: "query" in shop.v1.Req is not an integer, or a wrapper of one; name one that is
				problem: search.items: "total" in shop.v1.Products is not a repeated field; name one that is
			`},
		{name: "no such fields", said: `search {limit: "nothing" items: "more"}`, proto: streamMessages + `
			message Req { string query = 1; }
			service S { rpc Search(Req) returns (stream Products); }`, want: `
				problem: search.limit: shop.v1.Req has no field "nothing"; want one of query
				problem: search.items: shop.v1.Products has no field "more"; want one of products and total
			`},
		{name: "another kind", said: `search {limit: "limit"}`, proto: streamMessages + `
			message Req { int32 limit = 1; }
			service S { rpc SearchProducts(stream Req) returns (stream Product); }`, want: `problem: search.limit: it names a field of a method with two streams, and is for methods with a stream of responses; remove it`},
	})
}

func TestSubscriptions(t *testing.T) {
	run(t, []testCase{
		{name: "all of it", proto: streamMessages + `
			message Req { string position = 1; google.protobuf.Timestamp since = 2; repeated string event_types = 3; }
			service S { rpc SubscribeToEvents(Req) returns (stream Event); }`, want: `
				subscription next_position=next_position position=position since=since time=time type=type types=event_types
				subscription, certain: position: position, continued by next_position of the response; since: since, by its name; types: event_types, matched with type of the response
			`},
		{name: "resume", proto: streamMessages + `
			message Req { string sql = 1; bytes resume_token = 2; }
			message Rows { repeated Plain values = 1; bytes resume_token = 2; }
			service S { rpc Execute(Req) returns (stream Rows); }`, want: `
				subscription next_position=resume_token position=resume_token
				subscription, likely: position: resume_token, continued by resume_token of the response advice=subscription: {position: "resume_token", next_position: "resume_token"}
			`},
		{name: "names that differ by a word", proto: streamMessages + `
			message Req { string optional_cursor = 2; }
			message Out { string after_result_cursor = 2; }
			service S { rpc Watch(Req) returns (stream Out); }`, want: `
				subscription next_position=after_result_cursor position=optional_cursor
				subscription, certain: position: optional_cursor, continued by after_result_cursor of the response
			`},
		{name: "names that differ", proto: streamMessages + `
			message Req { string start_revision = 2; }
			message Out { string change_token = 2; }
			service S { rpc Watch(Req) returns (stream Out); }`, want: `subscription, possible: start_revision and change_token of the response may be positions advice=subscription: {position: "start_revision", next_position: "change_token"}`},
		{name: "positions of other types", proto: streamMessages + `
			message Req { int64 revision = 2; }
			message Out { int64 revision = 2; }
			service S { rpc Watch(Req) returns (stream Out); }`, want: `subscription, possible: revision and revision of the response are positions that are neither strings nor bytes`},
		{name: "positions that are messages", proto: streamMessages + `
			message Cursor { string id = 1; }
			message Req { Cursor start_cursor = 2; }
			message Out { Cursor cursor = 2; }
			service S { rpc Read(Req) returns (stream Out); }`, want: `subscription, possible: start_cursor and cursor of the response are positions that are neither strings nor bytes`},
		{name: "positions of different types", proto: streamMessages + `
			message Req { string cursor = 2; }
			message Out { bytes cursor = 2; }
			service S { rpc Read(Req) returns (stream Out); }`},
		{name: "a range read", proto: streamMessages + `
			message Req { string offset = 2; }
			message Out { string offset = 2; bytes data = 3; }
			service S { rpc Read(Req) returns (stream Out); }`},
		{name: "page tokens are no positions", proto: streamMessages + `
			message Req { string page_token = 2; }
			message Out { string page_token = 2; }
			service S { rpc List(Req) returns (stream Out); }`},
		{name: "tail", proto: streamMessages + `
			message Req { int32 lines = 1; Level min_level = 2; }
			service S { rpc TailLogs(Req) returns (stream Line); }`, want: `
				subscription entry_level=level level=min_level lines=lines
				subscription, certain: lines: lines, by its name; level: min_level, matched with level of the response
			`},
		{name: "lines of another name", proto: streamMessages + `
			message Req { int32 tail_lines = 1; string level = 2; }
			service S { rpc Logs(Req) returns (stream Line); }`, want: `
				subscription lines=tail_lines
				subscription, likely: lines: tail_lines, by its name advice=subscription: {lines: "tail_lines"}
			`},
		{name: "since alone", proto: streamMessages + `
			message Req { google.protobuf.Timestamp start_time = 1; }
			service S { rpc ListEvents(Req) returns (stream Event); }`, want: `subscription, possible: since: start_time, by its name advice=subscription: {since: "start_time"}`},
		{name: "since of a watch", proto: streamMessages + `
			message Req { google.protobuf.Timestamp start_time = 1; }
			service S { rpc WatchEvents(Req) returns (stream Event); }`, want: `
				subscription since=start_time time=time
				subscription, certain: since: start_time, by its name
			`},
		{name: "a range of times", proto: streamMessages + `
			message Req { google.protobuf.Timestamp start_time = 1; google.protobuf.Timestamp end_time = 2; }
			service S { rpc WatchEvents(Req) returns (stream Event); }`},
		{name: "types alone", proto: streamMessages + `
			message Req { repeated string types = 1; }
			service S { rpc Subscribe(Req) returns (stream Event); }`, want: `
				subscription type=type types=types
				subscription, certain: types: types, matched with type of the response
			`},
		{name: "types of another type", proto: streamMessages + `
			message Req { repeated Level types = 1; }
			service S { rpc Subscribe(Req) returns (stream Event); }`},
		{name: "a name alone", proto: streamMessages + `
			service S { rpc Subscribe(Plain) returns (stream Event); }`},
		{name: "before a search", proto: streamMessages + `
			message Req { string cursor = 1; int32 limit = 2; }
			message Out { string next_cursor = 1; }
			service S { rpc Watch(Req) returns (stream Out); }`, want: `
				subscription next_position=next_cursor position=cursor
				subscription, certain: position: cursor, continued by next_cursor of the response
			`},
		{name: "a search by its policy", said: `search {limit: "limit"}`, proto: streamMessages + `
			message Req { string cursor = 1; int32 limit = 2; }
			message Out { string next_cursor = 1; }
			service S { rpc Watch(Req) returns (stream Out); }`, want: `
				search limit=limit
				search, declared: limit: as its policy says
			`},
		{name: "both by its policy", said: `search {limit: "limit"} subscription {position: "cursor"}`, proto: streamMessages + `
			message Req { string cursor = 1; int32 limit = 2; }
			message Out { string next_cursor = 1; }
			service S { rpc Watch(Req) returns (stream Out); }`, want: `
				subscription next_position=next_cursor position=cursor
				subscription, declared: position: as its policy says
				problem: search.limit: subscription.position also names a field, and a method is either a subscription or a search; remove one of them
			`},
		{name: "off", said: `subscription {off: true}`, proto: streamMessages + `
			message Req { string position = 1; }
			service S { rpc SubscribeToEvents(Req) returns (stream Event); }`},
		{name: "declared", said: `subscription {position: "from.id" next_position: "id" time: "at" since: "begin"}`, proto: streamMessages + `
			message From { string id = 1; }
			message Req { From from = 1; google.protobuf.Timestamp begin = 2; }
			message Out { string id = 1; google.protobuf.Timestamp at = 2; }
			service S { rpc Get(Req) returns (stream Out); }`, want: `
				subscription next_position=id position=from.id since=begin time=at
				subscription, declared: position, next_position, since and time: as its policy says
			`},
		{name: "a position without the other", said: `subscription {position: "id"}`, proto: streamMessages + `
			message Req { string id = 1; }
			service S { rpc Get(Req) returns (stream Plain); }`, want: `problem: subscription.position: no counterpart of "id" is found; name it in subscription.next_position`},
		{name: "one position named, the other found", said: `subscription {position: "id"}`, proto: streamMessages + `
			message Req { string id = 1; }
			service S { rpc Get(Req) returns (stream Event); }`, want: `
				subscription next_position=next_position position=id
				subscription, declared: position: as its policy says
			`},
		{name: "no positions", said: `subscription {position: "" next_position: ""}`, proto: streamMessages + `
			message Req { string position = 1; google.protobuf.Timestamp since = 2; }
			service S { rpc SubscribeToEvents(Req) returns (stream Event); }`, want: `
				subscription since=since time=time
				subscription, certain: since: since, by its name
			`},
		{name: "a level of another type", said: `subscription {level: "level" entry_level: "level"}`, proto: streamMessages + `
			message Req { string level = 1; }
			service S { rpc TailLogs(Req) returns (stream Line); }`, want: `problem: subscription.level: "level" and "level", its counterpart, have different types; name fields of one type in subscription.level and subscription.entry_level`},
		{name: "wrong types", said: `subscription {since: "lines" lines: "since" types: "lines" position: "lines" entry_level: "timestamp"}`, proto: streamMessages + `
			message Req { int32 lines = 1; google.protobuf.Timestamp since = 2; }
			service S { rpc TailLogs(Req) returns (stream Line); }`, want: `
				subscription lines=lines since=since time=timestamp
				subscription, certain: lines: lines, by its name; since: since, by its name
				problem: subscription.position: "lines" in shop.v1.Req is not a string or bytes; name one that is
				problem: subscription.lines: "since" in shop.v1.Req is not an integer, or a wrapper of one; name one that is
				problem: subscription.since: "lines" in shop.v1.Req is not a google.protobuf.Timestamp; name one that is
				problem: subscription.types: "lines" in shop.v1.Req is not a string or an enum, or a repeated field of one; name one that is
				problem: subscription.entry_level: "timestamp" in shop.v1.Line is not a string or an enum; name one that is
			`},
	})
}

func TestUploads(t *testing.T) {
	run(t, []testCase{
		{name: "flat", proto: streamMessages + `
			message Req { string filename = 1; bytes data = 2; int32 chunk_number = 3; string sha256 = 4; }
			service S { rpc UploadImages(stream Req) returns (Summary); }`, want: `
				upload checksum=sha256 data=data name=filename number=chunk_number
				upload, certain: data: data, the only bytes, beside filename
			`},
		{name: "bytestream", proto: streamMessages + `
			message Req { string resource_name = 1; int64 write_offset = 2; bool finish_write = 3; bytes data = 10; }
			service S { rpc Write(stream Req) returns (Summary); }`, want: `
				upload data=data finish=finish_write name=resource_name offset=write_offset
				upload, certain: data: data, the only bytes, beside resource_name
			`},
		{name: "flat without a place", proto: streamMessages + `
			message Req { string name = 1; bytes content = 2; }
			service S { rpc UploadFile(stream Req) returns (Summary); }`, want: `
				upload data=content name=name
				upload, likely: data: content, the only bytes, beside name advice=upload: {data: "content", name: "name"}
			`},
		{name: "an entity with a picture", proto: streamMessages + `
			message Req { string name = 1; bytes picture = 2; }
			service S { rpc SavePeople(stream Req) returns (Summary); }`, want: `upload, possible: data: picture, the only bytes, beside name advice=upload: {data: "picture", name: "name"}`},
		{name: "an entity that is created", proto: streamMessages + `
			message Req { string name = 1; bytes picture = 2; }
			service S { rpc CreatePeople(stream Req) returns (Summary); }`, want: `
				upload, possible: data: picture, the only bytes, beside name advice=upload: {data: "picture", name: "name"}
				bulk, possible: a stream of requests, and the name CreatePeople advice=bulk: {off: false}
			`},
		{name: "header", proto: streamMessages + `
			message Meta { string name = 1; int64 size_bytes = 2; fixed32 crc32c = 3; }
			message Req { oneof part { Meta metadata = 1; bytes chunk = 2; } uint64 offset = 3; bool finish = 4; }
			service S { rpc Upload(stream Req) returns (Summary); }`, want: `
				upload checksum=metadata.crc32c data=chunk finish=finish header=metadata name=metadata.name offset=offset size=metadata.size_bytes
				upload, certain: header: metadata, the other message in the oneof of chunk
			`},
		{name: "header and a message with the chunk", proto: streamMessages + `
			message Meta { string file_name = 1; }
			message Chunk { bytes data = 1; int32 index = 2; bytes checksum = 3; }
			message Req { oneof part { Meta header = 1; Chunk chunk = 2; } }
			service S { rpc Upload(stream Req) returns (Summary); }`, want: `
				upload checksum=chunk.checksum data=chunk.data header=header name=header.file_name number=chunk.index
				upload, certain: header: header, the other message in the oneof of chunk
			`},
		{name: "several messages in the oneof", proto: streamMessages + `
			message Meta { string name = 1; }
			message Req { oneof part { Plain other = 1; Meta metadata = 2; bytes chunk = 3; } }
			service S { rpc Upload(stream Req) returns (Summary); }`, want: `
				upload data=chunk header=metadata name=metadata.name
				upload, likely: header: metadata, by its name among several messages in the oneof of chunk advice=upload: {header: "metadata", data: "chunk"}
			`},
		{name: "an Any in a oneof", proto: streamMessages + `
			message Req { oneof part { google.protobuf.Any any = 1; Plain plain = 2; } }
			service S { rpc Collect(stream Req) returns (Summary); }`},
		{name: "a oneof without bytes", proto: streamMessages + `
			message Req { oneof part { Plain a = 1; Product b = 2; } }
			service S { rpc Collect(stream Req) returns (Summary); }`},
		{name: "declared", said: `upload {data: "bits" name: "title" offset: "place"}`, proto: streamMessages + `
			message Req { bytes bits = 1; bytes more = 2; string title = 3; int64 place = 4; }
			service S { rpc Keep(stream Req) returns (Summary); }`, want: `
				upload data=bits name=title offset=place
				upload, declared: data, name and offset: as its policy says
			`},
		{name: "a name of several", said: `upload {name: "title"}`, proto: streamMessages + `
			message Req { string filename = 1; bytes data = 2; string title = 3; }
			service S { rpc Keep(stream Req) returns (Summary); }`, want: `
				upload data=data name=title
				upload, declared: data: data, the only bytes, beside title; name: as its policy says
			`},
		{name: "without a name", said: `upload {name: ""}`, proto: streamMessages + `
			message Req { string filename = 1; bytes data = 2; }
			service S { rpc UploadImages(stream Req) returns (Summary); }`},
		{name: "declared header", said: `upload {header: "first" data: "chunk.bits" name: "first.text"}`, proto: streamMessages + `
			message Chunk { bytes bits = 1; bytes more = 2; }
			message Req { oneof part { Plain first = 1; Chunk chunk = 2; } }
			service S { rpc Keep(stream Req) returns (Summary); }`, want: `
				upload data=chunk.bits header=first name=first.text
				upload, declared: data, header and name: as its policy says
			`},
		{name: "declared without some", said: `upload {number: "" checksum: ""}`, proto: streamMessages + `
			message Req { string filename = 1; bytes data = 2; int32 chunk_number = 3; string sha256 = 4; }
			service S { rpc UploadImages(stream Req) returns (Summary); }`, want: `
				upload data=data name=filename
				upload, certain: data: data, the only bytes, beside filename
			`},
		{name: "data without a name", said: `upload {data: "bits"}`, proto: streamMessages + `
			message Req { bytes bits = 1; }
			service S { rpc Keep(stream Req) returns (Summary); }`, want: `problem: upload.data: no message in a oneof of shop.v1.Req starts a file, and no string names it; name one in upload.header or upload.name`},
		{name: "a name without data", said: `upload {name: "text"}`, proto: streamMessages + `
			service S { rpc Keep(stream Plain) returns (Summary); }`, want: `problem: upload.name: no bytes field of shop.v1.Plain is found for the data; name it in upload.data`},
		{name: "wrong types", said: `upload {header: "data" data: "name" name: "data" number: "name" size: "name" checksum: "ok" finish: "name" offset: "ok"}`, proto: streamMessages + `
			message Req { string name = 1; bytes data = 2; bool ok = 3; }
			service S { rpc UploadFile(stream Req) returns (Summary); }`, want: `
				upload data=data name=name
				upload, likely: data: data, the only bytes, beside name advice=upload: {data: "data", name: "name"}
				problem: upload.data: "name" in shop.v1.Req is not bytes; name one that is
				problem: upload.header: "data" in shop.v1.Req is not a message in a oneof; name one that is
				problem: upload.name: "data" in shop.v1.Req is not a string; name one that is
				problem: upload.number: "name" in shop.v1.Req is not an integer; name one that is
				problem: upload.offset: "ok" in shop.v1.Req is not an integer; name one that is
				problem: upload.size: "name" in shop.v1.Req is not an integer; name one that is
				problem: upload.checksum: "ok" in shop.v1.Req is not a string, bytes or an integer of 32 bits; name one that is
				problem: upload.finish: "name" in shop.v1.Req is not a bool; name one that is
			`},
		{name: "off", said: `upload {off: true}`, proto: streamMessages + `
			message Req { string filename = 1; bytes data = 2; }
			service S { rpc UploadImages(stream Req) returns (Summary); }`},
		{name: "a bulk request by its policy", said: `bulk {off: false}`, proto: streamMessages + `
			message Req { string filename = 1; bytes data = 2; }
			service S { rpc UploadImages(stream Req) returns (Summary); }`, want: `
				bulk
				bulk, declared: off: false, as its policy says
			`},
	})
}

func TestBulkRequests(t *testing.T) {
	run(t, []testCase{
		{name: "by verb and noun", proto: streamMessages + `service S { rpc CreateUsers(stream Plain) returns (Summary); }`, want: `
				bulk
				bulk, certain: a stream of requests, and the name CreateUsers
			`},
		{name: "by batch", proto: streamMessages + `service S { rpc BulkLoad(stream Plain) returns (Summary); }`, want: `
				bulk
				bulk, certain: a stream of requests, and the name BulkLoad
			`},
		{name: "batch alone", proto: streamMessages + `service S { rpc Batch(stream Plain) returns (Summary); }`, want: `
				bulk
				bulk, certain: a stream of requests, and the name Batch
			`},
		{name: "singular", proto: streamMessages + `service S { rpc Import(stream Plain) returns (Summary); }`, want: `bulk, possible: a stream of requests, and the name Import advice=bulk: {off: false}`},
		{name: "aggregation", proto: streamMessages + `service S { rpc RecordMetrics(stream Plain) returns (Summary); }`},
		{name: "declared", said: `bulk {off: false}`, proto: streamMessages + `service S { rpc RecordMetrics(stream Plain) returns (Summary); }`, want: `
				bulk
				bulk, declared: off: false, as its policy says
			`},
		{name: "off", said: `bulk {off: true}`, proto: streamMessages + `service S { rpc CreateUsers(stream Plain) returns (Summary); }`},
	})
}

func TestHandshakes(t *testing.T) {
	run(t, []testCase{
		{name: "first", proto: streamMessages + `
			message Req { oneof request { Plain streaming_config = 1; bytes audio = 2; } }
			service S { rpc Recognize(stream Req) returns (stream Plain); }`, want: `
				handshake arm=streaming_config
				handshake, certain: arm: streaming_config, the first of its oneof, by its name
			`},
		{name: "not the first", proto: streamMessages + `
			message Req { oneof request { Plain message = 1; Plain join = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `
				handshake arm=join
				handshake, likely: arm: join, by its name, although it is not the first of its oneof advice=handshake: {arm: "join"}
			`},
		{name: "by the end of its name", proto: streamMessages + `
			message Req { oneof request { Plain synth_config = 1; Plain text = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `
				handshake arm=synth_config
				handshake, likely: arm: synth_config, the first of its oneof, by the end of its name advice=handshake: {arm: "synth_config"}
			`},
		{name: "a string", proto: streamMessages + `
			message Req { oneof request { string config = 1; Plain text = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `
				handshake arm=config
				handshake, likely: arm: config, the first of its oneof, by its name, although it is not a message advice=handshake: {arm: "config"}
			`},
		{name: "an enum", proto: streamMessages + `
			enum Mode { MODE_UNSPECIFIED = 0; }
			message Req { oneof request { Mode init = 1; bytes audio = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `
				handshake arm=init
				handshake, likely: arm: init, the first of its oneof, by its name, although it is not a message advice=handshake: {arm: "init"}
			`},
		{name: "a string that may be a command", proto: streamMessages + `
			message Req { oneof request { string join = 1; string text = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `
				handshake, possible: arm: join, the first of its oneof, by its name, although it is not a message advice=handshake: {arm: "join"}
			`},
		{name: "a command before a room", proto: streamMessages + `
			message Req { string room_id = 1; oneof request { string join = 2; string text = 3; } }
			service S { rpc Chat(stream Req) returns (stream Req); }`, want: `
				room key=room_id
				handshake, possible: arm: join, the first of its oneof, by its name, although it is not a message advice=handshake: {arm: "join"}
				room, likely: key: room_id, in request and response, by its name advice=room: {key: "room_id"}
			`},
		{name: "signals", proto: streamMessages + `
			message Req { oneof request { bool start = 1; bool stop = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`},
		{name: "a string that is not the first", proto: streamMessages + `
			message Req { oneof request { string text = 1; string config = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`},
		{name: "the surest of two oneofs", proto: streamMessages + `
			message Req { oneof a { string config = 1; string text = 2; } oneof b { Plain setup = 3; Plain data = 4; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `
				handshake arm=setup
				handshake, certain: arm: setup, the first of its oneof, by its name
			`},
		{name: "a declared string", said: `handshake {arm: "hi"}`, proto: streamMessages + `
			message Req { oneof request { string text = 1; string hi = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `
				handshake arm=hi
				handshake, declared: arm: as its policy says
			`},
		{name: "outside of a oneof", proto: streamMessages + `
			message Req { Plain config = 1; Plain text = 2; }
			service S { rpc Talk(stream Req) returns (stream Plain); }`},
		{name: "before a room", proto: streamMessages + `
			message Join { string room_id = 1; }
			message Req { oneof request { Join join = 1; Plain text = 2; } string room = 3; }
			message Out { string room = 1; }
			service S { rpc Chat(stream Req) returns (stream Out); }`, want: `
				handshake arm=join
				handshake, certain: arm: join, the first of its oneof, by its name
			`},
		{name: "declared", said: `handshake {arm: "hi"}`, proto: streamMessages + `
			message Req { oneof request { Plain config = 1; Plain hi = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `
				handshake arm=hi
				handshake, declared: arm: as its policy says
			`},
		{name: "wrong", said: `handshake {arm: "config"}`, proto: streamMessages + `
			message Req { Plain config = 1; Plain text = 2; }
			service S { rpc Talk(stream Req) returns (stream Plain); }`, want: `problem: handshake.arm: "config" in shop.v1.Req is not a field of a oneof; name one that is`},
		{name: "another kind", said: `handshake {arm: "config"}`, proto: streamMessages + `
			message Req { Plain config = 1; }
			service S { rpc Talk(stream Req) returns (Plain); }`, want: `problem: handshake.arm: it names a field of a method with a stream of requests, and is for methods with two streams; remove it`},
		{name: "off", said: `handshake {off: true}`, proto: streamMessages + `
			message Req { oneof request { Plain config = 1; Plain text = 2; } }
			service S { rpc Talk(stream Req) returns (stream Plain); }`},
	})
}

func TestRooms(t *testing.T) {
	run(t, []testCase{
		{name: "in both", proto: streamMessages + `
			message Message { string room_id = 1; string text = 2; }
			service S { rpc Chat(stream Message) returns (stream Message); }`, want: `
				room key=room_id
				room, likely: key: room_id, in request and response, by its name advice=room: {key: "room_id"}
			`},
		{name: "in the request", proto: streamMessages + `
			message Message { string document_id = 1; }
			service S { rpc Edit(stream Message) returns (stream Plain); }`, want: `room, possible: key: document_id, by its name advice=room: {key: "document_id"}`},
		{name: "the second key", proto: streamMessages + `
			message Message { string document_id = 1; string session_id = 2; }
			message Out { string session_id = 1; }
			service S { rpc Edit(stream Message) returns (stream Out); }`, want: `
				room key=session_id
				room, likely: key: session_id, in request and response, by its name advice=room: {key: "session_id"}`},
		{name: "of two types", proto: streamMessages + `
			message Message { string game_id = 1; }
			message Out { int64 game_id = 1; }
			service S { rpc Play(stream Message) returns (stream Out); }`, want: `room, possible: key: game_id, by its name advice=room: {key: "game_id"}`},
		{name: "in an arm", proto: streamMessages + `
			message Enter { string room_id = 1; }
			message Message { oneof kind { Enter enter = 1; Plain text = 2; } }
			service S { rpc Chat(stream Message) returns (stream Plain); }`, want: `room, possible: key: enter.room_id, by its name advice=room: {key: "enter.room_id"}`},
		{name: "declared", said: `room {key: "enter.room_id"}`, proto: streamMessages + `
			message Enter { string room_id = 1; }
			message Message { oneof kind { Enter join = 1; Plain text = 2; } }
			service S { rpc Chat(stream Message) returns (stream Plain); }`, want: `
				handshake arm=join
				room, possible: key: join.room_id, by its name advice=room: {key: "join.room_id"}
				handshake, certain: arm: join, the first of its oneof, by its name
				problem: room.key: shop.v1.Message has no field "enter"; want one of join and text
			`},
		{name: "declared, not a handshake", said: `room {key: "join.room_id"}`, proto: streamMessages + `
			message Enter { string room_id = 1; }
			message Message { oneof kind { Enter join = 1; Plain text = 2; } }
			service S { rpc Chat(stream Message) returns (stream Plain); }`, want: `
				room key=join.room_id
				room, declared: key: as its policy says
			`},
		{name: "wrong", said: `room {key: "text"}`, proto: streamMessages + `
			message Message { bytes text = 1; }
			service S { rpc Chat(stream Message) returns (stream Plain); }`, want: `problem: room.key: "text" in shop.v1.Message is not a string or an integer; name one that is`},
		{name: "off", said: `room {off: true}`, proto: streamMessages + `
			message Message { string room_id = 1; }
			service S { rpc Chat(stream Message) returns (stream Message); }`},
	})
}
