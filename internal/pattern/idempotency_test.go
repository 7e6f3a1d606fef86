package pattern_test

import "testing"

func TestIdempotencyKeysAreFound(t *testing.T) {
	method := func(name, options, fields string) string {
		return `service S { rpc ` + name + `(Req) returns (Resp) {` + options + `} } message Req {` + fields + `} message Resp {} message Inner { string id = 1; }`
	}
	const found = `request_id field=request_id
		idempotency_key, certain: field: request_id, by its name`
	run(t, []testCase{
		{name: "of a method that creates", proto: method("CreateUser", ``, `string request_id = 1;`), want: found},
		{name: "optional", proto: method("CreateUser", ``, `optional string request_id = 1;`), want: found},
		{
			name:  "with a format, and required",
			proto: method("CreateUser", ``, `string request_id = 1 [(standins.info).format = 1, (standins.behavior) = 2];`),
			want: `request_id field=request_id uuid4=true required=true
				idempotency_key, certain: field: request_id, by its name`,
		},
		{
			name: "an idempotency key", proto: method("Pay", ``, `string idempotency_key = 1;`),
			want: `request_id field=idempotency_key
				idempotency_key, certain: field: idempotency_key, by its name`,
		},
		{
			name: "a client's token", proto: method("Pay", ``, `string client_token = 1;`),
			want: `request_id field=client_token
				idempotency_key, certain: field: client_token, by its name`,
		},
		{
			name: "the better name of two", proto: method("Pay", ``, `string client_request_id = 1; string request_id = 2;`),
			want: found,
		},
		{name: "of a method that gets", proto: method("GetUser", ``, `string request_id = 1;`)},
		{name: "of a method that lists", proto: method("ListUsers", ``, `string request_id = 1;`)},
		{name: "of a method that gets many", proto: method("BatchGetUsers", ``, `string request_id = 1;`)},
		{name: "of a method that has no side effects", proto: method("Check", `option idempotency_level = NO_SIDE_EFFECTS;`, `string request_id = 1;`)},
		{name: "of a method that is a GET of http", proto: method("Check", `option (standins.http).get = "/check";`, `string request_id = 1;`)},
		{name: "of a method that is a POST of http", proto: method("Check", `option (standins.http).post = "/check";`, `string request_id = 1;`), want: found},
		{name: "of a stream", proto: `service S { rpc Save(stream Req) returns (Req); } message Req { string request_id = 1; }`},
		{name: "as a number", proto: method("CreateUser", ``, `int64 request_id = 1;`)},
		{name: "deprecated", proto: method("CreateUser", ``, `string request_id = 1 [deprecated = true];`)},
		{name: "off", proto: method("CreateUser", ``, `string request_id = 1;`), said: `idempotency_key: {off: true}`},
		{name: "with a window", proto: method("CreateUser", ``, `string request_id = 1;`), said: `idempotency_key: {window: "1h"}`, want: found},
		{
			name: "by the policy", proto: method("GetUser", ``, `string nonce = 1; string request_id = 2;`), said: `idempotency_key: {field: "nonce"}`,
			want: `request_id field=nonce
				idempotency_key, declared: field: nonce, as its policy says`,
		},
		{
			name: "by the policy, in a message", proto: method("CreateUser", ``, `Inner inner = 1;`), said: `idempotency_key: {field: "inner.id"}`,
			want: `problem: idempotency_key.field: "inner.id" is a field of a nested message; name a field of shop.v1.Req itself`,
		},
		{
			name: "by the policy, and no text", proto: method("CreateUser", ``, `int32 n = 1; string request_id = 2;`), said: `idempotency_key: {field: "n"}`,
			want: found + `
				problem: idempotency_key.field: "n" in shop.v1.Req is not a string outside of a oneof; name one that is`,
		},
	})
}
