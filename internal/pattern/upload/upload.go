package upload

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/bulk"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Names of the fields of uploads, in order of preference.
var (
	fileNames    = []string{"filename", "file_name"}
	nameNames    = []string{"name", "path", "key", "resource_name", "object_name", "object", "title", "file"}
	dataNames    = []string{"data", "chunk", "chunk_data", "content", "contents", "payload", "body", "bytes", "part", "block"}
	headerNames  = []string{"metadata", "header", "info", "file_info", "file", "config", "init", "spec"}
	numberNames  = []string{"chunk_number", "chunk_index", "part_number", "sequence_number", "sequence", "seq", "index", "number"}
	offsetNames  = []string{"offset", "write_offset", "chunk_offset", "byte_offset"}
	sizeNames    = []string{"size", "size_bytes", "file_size", "total_size", "total_bytes", "content_length", "length"}
	checksumName = []string{
		"checksum", "sha256", "crc32c", "md5", "digest", "sha256_checksum", "crc32c_checksum", "md5_checksum", "hash",
	}
	finishNames = []string{"finish", "finish_write", "last", "is_last", "last_chunk", "eof", "done", "final", "is_final"}
)

// verbs are the first words of methods that receive files.
var verbs = []string{"upload", "write", "put", "push", "send", "store", "import", "transfer"}

// seeker looks for the fields of an upload.
type seeker struct {
	pattern.Seeker
	upload    Upload
	name      shape.Path // named by the policy
	namesFile bool       // whether the policy sets name, possibly to ""
}

// detect looks for an upload: a header followed by chunks, or chunks that name their file.
func detect(m *pattern.Method) pattern.Found {
	s := seeker{Seeker: pattern.Seeker{Method: m, Row: Pattern()}}
	if m.FirstNamed(s.Row) == "" && m.Enables(bulk.Name) {
		return nil // the policy decides
	}
	data, saidData := s.Use("data", s.In, shape.SomeBytes)
	header, saidHeader := s.Use("header", s.In, shape.AnArm)
	s.name, s.namesFile = s.Use("name", s.In, shape.AString)
	s.upload.Data, s.upload.Header = data, header
	if !saidHeader {
		s.findHeader(saidData)
	}
	if len(s.upload.Header) == 0 && len(s.upload.Data) == 0 {
		s.findFlat()
	}
	if !s.isWhole() {
		return nil
	}
	s.findRest()
	s.Conclude()
	return &s.upload
}

// isWhole reports whether the upload has data and a field that starts a file. If the policy names
// only some of the required fields, it reports a problem.
func (s *seeker) isWhole() bool {
	u := &s.upload
	if len(u.Header) == 0 && len(u.Name) == 0 {
		u.Name = s.nameIn(nil)
	}
	named := s.FirstNamed(s.Row)
	switch {
	case len(u.Data) > 0 && len(u.Header)+len(u.Name) > 0:
		return s.Level() != pattern.Possible
	case named == "" || s.HasProblem(Name):
	case len(u.Data) == 0:
		s.Problem(named, fmt.Sprintf("no bytes field of %s is found for the data; name it in upload.data", s.In.FullName()))
	default:
		s.Problem(named, fmt.Sprintf("no message in a oneof of %s starts a file, and no string names it; "+
			"name one in upload.header or upload.name", s.In.FullName()))
	}
	return false
}

// findHeader finds a oneof that contains the data and a header.
func (s *seeker) findHeader(saidData bool) {
	for i := range s.In.Oneofs().Len() {
		data, headers := s.armsOf(s.In.Oneofs().Get(i))
		if saidData {
			data = s.upload.Data
		}
		if len(data) == 0 || len(headers) == 0 || saidData && data[0].ContainingOneof() != s.In.Oneofs().Get(i) {
			continue
		}
		header := headers[0]
		level, why := pattern.Certain, "the other message"
		if len(headers) > 1 {
			level, why = pattern.Likely, "the first of several messages"
			if f := named(headers, headerNames); f != nil {
				header, why = f, "by its name among several messages"
			}
		}
		s.upload.Data, s.upload.Header = data, shape.Path{header}
		if !saidData {
			s.Found(level, fmt.Sprintf("header: %s, %s in the oneof of %s", header.Name(), why, data[0].Name()))
		}
		s.Advise("header", s.upload.Header)
		s.Advise("data", data)
		return
	}
}

// armsOf returns the data in a oneof, and the messages of the oneof without data.
func (s *seeker) armsOf(oneof protoreflect.OneofDescriptor) (data shape.Path, headers []protoreflect.FieldDescriptor) {
	for i := range oneof.Fields().Len() {
		f := oneof.Fields().Get(i)
		switch {
		case shape.IsDeprecated(f):
		case shape.IsBytes(f):
			data = firstOf(data, shape.Path{f})
		case !shape.IsMessage(f), strings.HasPrefix(string(f.Message().FullName()), "google.protobuf."):
		default:
			if inner := dataIn(f.Message()); inner != nil {
				data = firstOf(data, shape.Path{f, inner})
			} else {
				headers = append(headers, f)
			}
		}
	}
	return data, headers
}

func firstOf(a, b shape.Path) shape.Path {
	if len(a) > 0 {
		return a
	}
	return b
}

// named returns the first field with one of the names, or nil.
func named(fields []protoreflect.FieldDescriptor, names []string) protoreflect.FieldDescriptor {
	for _, name := range names {
		for _, f := range fields {
			if shape.Snake(f.Name()) == name {
				return f
			}
		}
	}
	return nil
}

// dataIn returns the data field of a chunk: the only bytes field of a message that is not a
// checksum.
func dataIn(m protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	isData := func(f protoreflect.FieldDescriptor) bool { return shape.IsBytes(f) && !isChecksum(f) }
	return shape.Only(shape.FieldsThat(m, isData), isData)
}

func isChecksum(f protoreflect.FieldDescriptor) bool {
	return slices.ContainsFunc(checksumName, func(name string) bool {
		return strings.Contains(shape.Snake(f.Name()), name)
	})
}

// findFlat finds chunks that name their file.
func (s *seeker) findFlat() {
	data := dataIn(s.In)
	name := s.nameIn(nil)
	if data == nil || len(name) == 0 {
		return
	}
	hasPlace := len(shape.FirstNamed(s.In, slices.Concat(numberNames, offsetNames), shape.IsInteger))+
		len(shape.FirstNamed(s.In, finishNames, shape.IsBool)) > 0
	level := s.flatLevel(data, name, hasPlace)
	s.Found(level, fmt.Sprintf("data: %s, the only bytes, beside %s", data.Name(), name))
	s.Advise("data", shape.Path{data})
	s.Advise("name", name)
	if level == pattern.Possible {
		s.Report(Name, s.Evidence)
		return
	}
	s.upload.Data, s.upload.Name = shape.Path{data}, name
}

// flatLevel returns how certain it is that a bytes field and a string are a chunk and its file
// name: a resource may have a name and a picture.
func (s *seeker) flatLevel(data protoreflect.FieldDescriptor, name shape.Path, hasPlace bool) pattern.Level {
	words := shape.WordsOf(s.Desc.Name())
	isUpload := len(words) > 0 && slices.Contains(verbs, words[0])
	isFile := slices.Contains(fileNames, shape.Snake(name.Field().Name()))
	isData := slices.Contains(dataNames, shape.Snake(data.Name()))
	switch {
	case hasPlace, s.namesFile, isFile && (isData || isUpload):
		return pattern.Certain
	case isData && isUpload, isFile:
		return pattern.Likely
	default:
		return pattern.Possible
	}
}

// nameIn returns the file name: the field that the policy names, or one in the message at outer.
func (s *seeker) nameIn(outer shape.Path) shape.Path {
	if s.namesFile {
		return s.name
	}
	message := s.In
	if len(outer) > 0 {
		message = outer.Field().Message()
	}
	if name := shape.FirstNamed(message, slices.Concat(fileNames, nameNames), shape.IsString); len(name) > 0 {
		return append(slices.Clone(outer), name...)
	}
	return nil
}

// findRest finds the optional fields of an upload: in the header, in the message of the chunk, or
// in the request.
func (s *seeker) findRest() {
	u := &s.upload
	var header, chunk []shape.Path
	if len(u.Header) > 0 {
		header = append(header, u.Header)
	}
	chunk = append(chunk, u.Data[:len(u.Data)-1])
	if len(u.Data) > 1 {
		chunk = append(chunk, nil)
	}
	all := slices.Concat(header, chunk)
	if len(u.Header) > 0 {
		u.Name = s.nameIn(u.Header)
	}
	u.Number = s.in("number", shape.AnInteger, chunk, numberNames)
	u.Offset = s.in("offset", shape.AnInteger, chunk, offsetNames)
	u.Size = s.in("size", shape.AnInteger, all, s.sizes())
	u.Checksum = s.in("checksum", shape.AChecksum, all, checksumName)
	u.Finish = s.in("finish", shape.ABool, chunk, finishNames)
}

// sizes returns the names of the file size. Without a header, generic names such as size may refer
// to the chunk.
func (s *seeker) sizes() []string {
	if len(s.upload.Header) > 0 {
		return sizeNames
	}
	return slices.DeleteFunc(slices.Clone(sizeNames), func(name string) bool {
		return name == "size" || name == "size_bytes" || name == "length"
	})
}

// in returns the field for a part: the one that the policy names, or the first with one of the
// names in a message at one of the outer paths.
func (s *seeker) in(part string, want shape.Kind, outer []shape.Path, names []string) shape.Path {
	if path, said := s.Use(part, s.In, want); said {
		return path
	}
	for _, path := range outer {
		message := s.In
		if len(path) > 0 {
			message = path.Field().Message()
		}
		if inner := shape.FirstNamed(message, names, want.Fits); len(inner) > 0 && inner.Field() != s.upload.Data.Field() {
			return append(slices.Clone(path), inner...)
		}
	}
	return nil
}
