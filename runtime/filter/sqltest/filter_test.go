package sqltest

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/filter"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// field is a field of the rows, with a column in each database.
type field struct {
	name             string
	kind             descriptorpb.FieldDescriptorProto_Type
	message          string
	postgres, sqlite string
	// Values of rows; nil means absent, and is not listed for implicit fields
	values   []any
	literals []string // literals of filters
}

// implicit reports whether the field is always present.
func (f field) implicit() bool { return f.values[0] != nil }

// ordered reports whether values of the field have an order.
func (f field) ordered() bool {
	return f.kind != descriptorpb.FieldDescriptorProto_TYPE_BOOL && f.kind != descriptorpb.FieldDescriptorProto_TYPE_ENUM
}

var berlin = time.FixedZone("", 2*60*60)

var fields = []field{
	{"txt", descriptorpb.FieldDescriptorProto_TYPE_STRING, "", `text COLLATE "en_US"`, "TEXT",
		[]any{nil, "", "a", "A", "ab", "Ab", "a%b", "a_b", "a*b", "a?b", "[a]b", "ä", "Z", "a b", " a", "a\\b", "a!b", "-x", "日本"},
		[]string{`""`, `a`, `"A"`, `"a*"`, `"*b"`, `"a*b"`, `"*a*b*"`, `"a%*"`, `"a_*"`, `"a\*b"`, `"a?*"`, `"[*"`, `"ä"`, `"Z"`, `"-x"`, `"a!*"`, `"a\\\\*"`, `"日*"`, `"*"`}},
	{"i64", descriptorpb.FieldDescriptorProto_TYPE_INT64, "", "bigint", "INTEGER",
		[]any{nil, int64(0), int64(-3), int64(4), int64(math.MaxInt64), int64(math.MinInt64)},
		[]string{"0", "-3", "4", "(-3 OR 4)", "9223372036854775807", "-9223372036854775808", "(-9223372036854775808)"}},
	{"u64", descriptorpb.FieldDescriptorProto_TYPE_UINT64, "", "bigint", "INTEGER",
		[]any{nil, uint64(0), uint64(7), uint64(math.MaxInt64)}, []string{"0", "7", "9223372036854775807"}},
	{"f32", descriptorpb.FieldDescriptorProto_TYPE_FLOAT, "", "real", "REAL",
		[]any{nil, float32(0), float32(0.1), float32(-1.5), float32(math.Inf(1)), float32(math.MaxFloat32)}, []string{"0", "-0", "0.1", "-1.5", "(-1.5e0 OR 0.1)", "3.4e38"}},
	{"f64", descriptorpb.FieldDescriptorProto_TYPE_DOUBLE, "", "double precision", "REAL",
		[]any{nil, float64(0), 0.1, -1.5e300, math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(0, -1)}, []string{"0", "-0.0", "0.1", "-1.5e300", "1.7e308"}},
	{"yes", descriptorpb.FieldDescriptorProto_TYPE_BOOL, "", "boolean", "BOOLEAN", []any{nil, true, false}, []string{"true", "false"}},
	{"at", descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, ".google.protobuf.Timestamp", "timestamp", "TIMESTAMP",
		[]any{nil, time.Date(2020, 1, 1, 0, 30, 0, 0, time.UTC), time.Date(2020, 1, 1, 0, 30, 0, 500_000_000, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
		[]string{"2020-01-01T02:00:00+02:00", "2020-01-01T02:30:00+02:00", "2019-12-31T20:00:00-05:00", "2020-01-01T00:30:00.5Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"}},
	{"tz", descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, ".google.protobuf.Timestamp", "timestamptz", "TIMESTAMP",
		[]any{nil, time.Date(2020, 1, 1, 0, 30, 0, 0, time.UTC), time.Date(2020, 1, 1, 2, 30, 0, 1000, berlin)},
		[]string{"2020-01-01T02:00:00+02:00", "2020-01-01T02:30:00+02:00", "2020-01-01T00:30:00.000001Z"}},
	{"i32", descriptorpb.FieldDescriptorProto_TYPE_SINT32, "", "integer", "INTEGER",
		[]any{int32(0), int32(-3), int32(math.MaxInt32), int32(math.MinInt32)}, []string{"0", "-3", "(-3 OR 2147483647)", "-2147483648"}},
	{"u32", descriptorpb.FieldDescriptorProto_TYPE_FIXED32, "", "bigint", "INTEGER", []any{uint32(0), uint32(7), uint32(math.MaxUint32)}, []string{"0", "7", "4294967295"}},
	{"str", descriptorpb.FieldDescriptorProto_TYPE_STRING, "", "text", "TEXT", []any{"", "a", "null"}, []string{`""`, "a", "null", `"*"`}},
	{"dbl", descriptorpb.FieldDescriptorProto_TYPE_DOUBLE, "", "double precision", "REAL", []any{0.0, 0.1, math.Copysign(0, -1)}, []string{"0", "0.1"}},
	{"flag", descriptorpb.FieldDescriptorProto_TYPE_BOOL, "", "boolean", "BOOLEAN", []any{true, false}, []string{"true", "false"}},
	{"enum", descriptorpb.FieldDescriptorProto_TYPE_ENUM, ".Row.Enum", "integer", "INTEGER",
		[]any{protoreflect.EnumNumber(0), protoreflect.EnumNumber(1), protoreflect.EnumNumber(-7), protoreflect.EnumNumber(99)}, []string{"ZERO", "ONE", "MINUS", `"ONE"`, "(ONE OR MINUS)"}},
	{"opt", descriptorpb.FieldDescriptorProto_TYPE_ENUM, ".Row.Enum", "smallint", "INTEGER",
		[]any{nil, protoreflect.EnumNumber(0), protoreflect.EnumNumber(1)}, []string{"ZERO", "ONE"}},
	{"raw", descriptorpb.FieldDescriptorProto_TYPE_BYTES, "", "bytea", "BLOB", []any{[]byte{}, []byte{0}, []byte("a\xff")}, nil},
	{"blob", descriptorpb.FieldDescriptorProto_TYPE_BYTES, "", "bytea", "BLOB", []any{nil, []byte{0}, []byte("a\xff")}, nil},
	{"took", descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, ".google.protobuf.Duration", "bigint", "INTEGER",
		[]any{nil, time.Duration(0), -1500 * time.Millisecond, time.Nanosecond, time.Duration(math.MaxInt64)}, []string{"0s", "-1.5s", "0.000000001s", "(-1.5s OR 2s)"}},
	{"num", descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, ".google.protobuf.Int32Value", "integer", "INTEGER", []any{nil, int32(0), int32(-3)}, []string{"0", "-3"}},
	{"title", descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, ".google.protobuf.StringValue", "text", "TEXT", []any{nil, "", "Ab", "ab"}, []string{`""`, "ab", `"A*"`}},
}

// rowDescriptor returns the message type of the rows.
func rowDescriptor(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	message := &descriptorpb.DescriptorProto{Name: proto.String("Row"), EnumType: []*descriptorpb.EnumDescriptorProto{{
		Name: proto.String("Enum"), Value: []*descriptorpb.EnumValueDescriptorProto{
			{Name: proto.String("ZERO"), Number: proto.Int32(0)}, {Name: proto.String("ONE"), Number: proto.Int32(1)}, {Name: proto.String("MINUS"), Number: proto.Int32(-7)},
		},
	}}}
	for i, f := range fields {
		desc := &descriptorpb.FieldDescriptorProto{
			Name: &f.name, Number: proto.Int32(int32(i + 1)), Type: f.kind.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
		if f.message != "" {
			desc.TypeName = &f.message
		}
		if f.kind != descriptorpb.FieldDescriptorProto_TYPE_MESSAGE && !f.implicit() {
			desc.Proto3Optional = proto.Bool(true)
			desc.OneofIndex = proto.Int32(int32(len(message.OneofDecl)))
			message.OneofDecl = append(message.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String("_" + f.name)})
		}
		message.Field = append(message.Field, desc)
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("row.proto"), Syntax: proto.String("proto3"), Dependency: []string{"google/protobuf/timestamp.proto", "google/protobuf/duration.proto", "google/protobuf/wrappers.proto"},
		MessageType: []*descriptorpb.DescriptorProto{message},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().Get(0)
}

// rowsOf returns rows of random values. Each value of each field occurs in at least one row.
func rowsOf(desc protoreflect.MessageDescriptor, random *rand.Rand) (rows []*dynamicpb.Message, values [][]any) {
	for n := range 60 {
		row := dynamicpb.NewMessage(desc)
		var all []any
		for i, f := range fields {
			value := f.values[random.IntN(len(f.values))]
			if n < len(f.values) {
				value = f.values[n]
			}
			all = append(all, value)
			if value == nil {
				continue
			}
			if at, ok := value.(time.Time); ok {
				all[i] = at.UTC()
			}
			row.Set(desc.Fields().Get(i), f.valueOf(value))
		}
		rows, values = append(rows, row), append(values, all)
	}
	return rows, values
}

// valueOf converts a value of a row to a value of the message.
func (f field) valueOf(value any) protoreflect.Value {
	if f.kind != descriptorpb.FieldDescriptorProto_TYPE_MESSAGE {
		return protoreflect.ValueOf(value)
	}
	var m proto.Message
	switch value := value.(type) {
	case time.Time:
		m = timestamppb.New(value)
	case time.Duration:
		m = durationpb.New(value)
	case int32:
		m = wrapperspb.Int32(value)
	case string:
		m = wrapperspb.String(value)
	}
	return protoreflect.ValueOfMessage(m.ProtoReflect())
}

// database is a database under test.
type database struct {
	*sql.DB
	dialect     filter.Dialect
	columnType  func(field) string
	placeholder func(int) string
	column      func(any) any // converts a value to what its driver accepts
}

func databases(t *testing.T) map[string]database {
	lite, err := sql.Open("sqlite", "file:"+t.TempDir()+"/test.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lite.Close() })
	pg := postgres(t)
	if _, err := pg.Exec(`CREATE COLLATION IF NOT EXISTS "en_US" (provider = icu, locale = 'en-US')`); err != nil {
		t.Fatal(err)
	}
	return map[string]database{
		"PostgreSQL": {pg, filter.PostgreSQL, func(f field) string { return f.postgres }, func(n int) string { return fmt.Sprint("$", n) }, signed},
		"SQLite":     {lite, filter.SQLite, func(f field) string { return f.sqlite }, func(int) string { return "?" }, withoutNaN},
	}
}

// signed converts an unsigned integer to the signed one that drivers accept.
func signed(value any) any {
	if u, ok := value.(uint64); ok {
		return int64(u)
	}
	return value
}

// withoutNaN returns nil for a NaN, which SQLite stores as NULL.
func withoutNaN(value any) any {
	if f, ok := value.(float64); ok && f != f {
		return nil
	}
	return signed(value)
}

// fill creates the table and inserts its rows, whose ids are their indexes.
func (db database) fill(t *testing.T, values [][]any) {
	t.Helper()
	columns, marks := []string{"id integer"}, []string{db.placeholder(1)}
	for i, f := range fields {
		columns = append(columns, f.name+" "+db.columnType(f))
		marks = append(marks, db.placeholder(i+2))
	}
	if _, err := db.Exec("CREATE TABLE t (" + strings.Join(columns, ", ") + ")"); err != nil {
		t.Fatal(err)
	}
	insert := "INSERT INTO t VALUES (" + strings.Join(marks, ", ") + ")"
	for id, row := range values {
		args := []any{id}
		for _, value := range row {
			args = append(args, db.column(value))
		}
		if _, err := db.Exec(insert, args...); err != nil {
			t.Fatalf("row %v: %v", row, err)
		}
	}
}

// find returns the ids of the rows that satisfy a condition.
func (db database) find(where string, args []any) (ids []int, err error) {
	rows, err := db.Query("SELECT id FROM t WHERE "+where+" ORDER BY id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// filters returns filters with each field, comparator and literal, and random combinations of them.
func filters(random *rand.Rand) (all []string) {
	for _, f := range fields {
		all = append(all, f.name+":*", "NOT "+f.name+":*")
		if !f.implicit() {
			all = append(all, f.name+" = null", f.name+" != null")
		}
		for _, literal := range f.literals {
			ops := []string{"=", "!=", ":", "<", "<=", ">", ">="}
			if !f.ordered() {
				ops = ops[:3]
			}
			for _, op := range ops {
				all = append(all, f.name+" "+op+" "+literal)
			}
		}
	}
	single := len(all)
	for range 1000 {
		a, b, c := all[random.IntN(single)], all[random.IntN(single)], all[random.IntN(single)]
		all = append(all, fmt.Sprintf("(%s OR NOT (%s)) %s", a, b, c), fmt.Sprintf("NOT (%s AND (%s OR %s))", a, b, c))
	}
	return all
}

// TestFiltersMeanTheSame checks that each filter accepts the same rows in Go and in the databases.
func TestFiltersMeanTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	desc := rowDescriptor(t)
	rows, values := rowsOf(desc, random)
	columns := make(map[string]string)
	for _, f := range fields {
		columns[f.name] = f.name
	}
	schema, texts := filter.For(desc), filters(random)
	for name, db := range databases(t) {
		t.Run(name, func(t *testing.T) {
			db.fill(t, values)
			asked := 0
			for _, text := range texts {
				f, err := schema.Parse("filter", text)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				db.compare(t, f, rows, columns)
				asked++
			}
			t.Logf("%d filters over %d rows", asked, len(rows))
		})
	}
}

// TestTheLargestFilters checks that databases accept the largest filters that the parser accepts.
func TestTheLargestFilters(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	desc := rowDescriptor(t)
	rows, values := rowsOf(desc, random)
	schema := filter.For(desc)
	columns := map[string]string{"i64": "i64", "txt": "txt"}
	deep := "i64 = 4"
	for range filter.MaxDepth {
		deep = "(i64 = 0 OR NOT " + deep + ")"
	}
	for name, db := range databases(t) {
		t.Run(name, func(t *testing.T) {
			db.fill(t, values)
			for _, text := range []string{
				strings.Repeat("i64=4 OR ", filter.MaxLength/10) + "i64=4", strings.Repeat("i64>-9 ", filter.MaxTerms),
				"i64 = (" + strings.Repeat("1 OR ", filter.MaxTerms-2) + "4)", deep, `txt = "` + strings.Repeat("a*", 4000) + `"`, `txt != "` + strings.Repeat("*[", 4000) + `"`,
				`txt = "` + strings.Repeat("%", 8000) + `"`,
			} {
				f, err := schema.Parse("filter", text)
				if err != nil {
					t.Fatalf("%.40s: %v", text, err)
				}
				db.compare(t, f, rows, columns)
			}
		})
	}
}

// compare checks that a filter accepts the same rows in Go and in the database.
func (db database) compare(t *testing.T, f *filter.Filter, rows []*dynamicpb.Message, columns map[string]string) {
	t.Helper()
	var want []int
	for id, row := range rows {
		if db.dialect == filter.SQLite {
			row = storedInSQLite(row)
		}
		ok, err := f.Match(t.Context(), row)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			want = append(want, id)
		}
	}
	where, args, err := f.SQL(db.dialect, columns, 0)
	if err != nil {
		t.Errorf("%.200s: %v", f, err)
		return
	}
	got, err := db.find(where, args)
	if err != nil {
		t.Errorf("%.200s: %.200s %.10v: %v", f, where, args, err)
		return
	}
	if !slices.Equal(got, want) {
		t.Errorf("%.200s: %.200s %.10v\ngot  %v\nwant %v", f, where, args, got, want)
	}
}

// storedInSQLite returns a row without its NaN values, which SQLite stores as NULL.
func storedInSQLite(row *dynamicpb.Message) *dynamicpb.Message {
	field := row.Descriptor().Fields().ByName("f64")
	if f := row.Get(field).Float(); f != f {
		row = proto.Clone(row).(*dynamicpb.Message)
		row.Clear(field)
	}
	return row
}
