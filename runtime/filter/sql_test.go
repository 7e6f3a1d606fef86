package filter_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/filter"
)

// columns maps all fields that the SQL tests use.
var columns = map[string]string{
	"name": "name", "age": "age", "ratio": "ratio", "active": "active", "state": "state", "nick_name": "nick_name", "limit": `"limit"`,
	"created": "created", "address.city": "a.city", "address": "address", "tags": "tags", "labels": "labels", "homes.city": "city", "data": "data",
}

func TestSQL(t *testing.T) {
	tests := map[string]string{
		``:                           `(1 = 1) []`,
		`age > 3`:                    `(age IS NOT NULL AND age > ?) [3]`,
		`age != 3`:                   `(age IS NULL OR age <> ?) [3]`,
		`age:3`:                      `(age IS NOT NULL AND age = ?) [3]`,
		`address.city = "x' OR 1=1"`: `(a.city IS NOT NULL AND a.city = ?) [x' OR 1=1]`,
		`name = "50%_*!"`:            `(name IS NOT NULL AND name GLOB ?) [50%_*!]`,
		`name:*x`:                    `(name IS NOT NULL AND name GLOB ?) [*x]`,
		`name != "*x"`:               `(name IS NULL OR name NOT GLOB ?) [*x]`,
		`name < "a*"`:                `(name IS NOT NULL AND name COLLATE BINARY < ?) [a*]`,
		`name = "\*"`:                `(name IS NOT NULL AND name = ?) [*]`,
		`active = false AND age = 1`: `((active IS NOT NULL AND active = ?) AND (age IS NOT NULL AND age = ?)) [false 1]`,
		`state = STATE_OPEN`:         `(state IS NOT NULL AND state = ?) [1]`,
		`limit = null`:               `("limit" IS NULL) []`,
		`nick_name != null`:          `(nick_name IS NOT NULL) []`,
		`created:* OR address:*`:     `((created IS NOT NULL) OR (address IS NOT NULL)) []`,
		`name:*`:                     `(name IS NOT NULL AND name <> ?) []`,
		`-age:*`:                     `(NOT (age IS NOT NULL AND age <> ?)) [0]`,
		`data:*`:                     `(data IS NOT NULL AND length(data) > 0) []`,
		`NOT (age = 1 OR age = 2)`:   `(NOT ((age IS NOT NULL AND age = ?) OR (age IS NOT NULL AND age = ?))) [1 2]`,
	}
	schema := filter.For(userDescriptor(t))
	for text, want := range tests {
		f, err := schema.Parse("filter", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		where, args, err := f.SQL(filter.SQLite, columns, 0)
		if got := fmt.Sprint(where, " ", args); got != want || err != nil {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", text, got, err, want)
		}
	}
}

// TestSQLOfPostgreSQL covers the conditions that differ between databases.
func TestSQLOfPostgreSQL(t *testing.T) {
	schema := filter.For(userDescriptor(t))
	for text, want := range map[string]string{
		`name = "a_*"`:                        `(name IS NOT NULL AND name LIKE $3 ESCAPE '!') [a!_%]`,
		`name >= "a"`:                         `(name IS NOT NULL AND name COLLATE "C" >= $3) [a]`,
		`ratio > 2`:                           `(ratio IS NOT NULL AND ratio > $3 AND ratio <= $4) [2 +Inf]`,
		`created > 2020-01-01T02:00:00+02:00`: `(created IS NOT NULL AND created > $3) [2020-01-01 00:00:00 +0000 UTC]`,
	} {
		f, err := schema.Parse("filter", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		where, args, err := f.SQL(filter.PostgreSQL, columns, 2)
		if got := fmt.Sprint(where, " ", args); got != want || err != nil {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", text, got, err, want)
		}
	}
}

func TestNotInSQL(t *testing.T) {
	schema := filter.For(userDescriptor(t))
	for text, want := range map[string]string{
		`age = 1 score = 2`:                      `column 9: no field "score" to filter by`,
		`word`:                                   `column 1: "word" cannot be expressed in SQL`,
		`tags:x`:                                 `column 1: "tags:x" cannot be expressed in SQL`,
		`labels:x`:                               `column 1: "labels:x" cannot be expressed in SQL`,
		`labels.x = y`:                           `column 1: "labels.x = y" cannot be expressed in SQL`,
		`homes.city:Rome`:                        `column 1: "homes.city:Rome" cannot be expressed in SQL`,
		`detail.reason = x`:                      `column 1: "detail.reason = x" cannot be expressed in SQL`,
		`address:city`:                           `column 1: "address:city" cannot be expressed in SQL`,
		`extra.x = 1`:                            `column 1: "extra.x = 1" cannot be expressed in SQL`,
		`created > 2020-01-01T00:00:00.0000001Z`: `column 11: 2020-01-01T00:00:00.0000001Z is more precise than the times of the database; leave out the digits after the microseconds`,
	} {
		f, err := schema.Parse("filter", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		_, _, err = f.SQL(filter.SQLite, columns, 0)
		wantFault(t, text, err, want)
	}
}

// TestZerosOfPresence checks that field:* in SQL compares with the same type as other comparisons.
func TestZerosOfPresence(t *testing.T) {
	schema := filter.For(userDescriptor(t))
	for field, want := range map[string]any{"name": "", "age": int64(0), "ratio": float64(0), "active": false, "small": int64(0), "state": protoreflect.EnumNumber(0)} {
		f, err := schema.Parse("filter", field+":*")
		if err != nil {
			t.Fatal(err)
		}
		_, args, err := f.SQL(filter.SQLite, map[string]string{field: field}, 0)
		if diff := cmp.Diff([]any{want}, args); diff != "" || err != nil {
			t.Errorf("%s: %v %s", field, err, diff)
		}
	}
}
