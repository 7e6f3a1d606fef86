package suite

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/internal/conformance/gen/conformancev1"
)

// maxFrame bounds what the suite sends over a pipe.
const maxFrame = 64 << 20

// readFrame reads a message as the suite writes it: its size in four bytes before it. At the end of
// the pipe, it returns io.EOF.
func readFrame(r io.Reader, m proto.Message) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxFrame {
		return fmt.Errorf("a message of %d bytes", n)
	}
	encoded := make([]byte, n)
	if _, err := io.ReadFull(r, encoded); err != nil {
		return err
	}
	return proto.Unmarshal(encoded, m)
}

func writeFrame(w io.Writer, m proto.Message) error {
	encoded, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(encoded))), encoded...))
	return err
}

// Headers of the suite have binary values in base64; metadata has the bytes.

func toMetadata(headers []*conformancev1.Header) metadata.MD {
	md := metadata.MD{}
	for _, h := range headers {
		for _, value := range h.GetValue() {
			md.Append(h.GetName(), decoded(h.GetName(), value))
		}
	}
	return md
}

func decoded(name, value string) string {
	if !isBinary(name) {
		return value
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil {
		panic(err) // the suite has no such header
	}
	return string(raw)
}

func fromMetadata(md metadata.MD) []*conformancev1.Header {
	var headers []*conformancev1.Header
	for name, values := range md {
		values = slices.Clone(values)
		if isBinary(name) {
			for i := range values {
				values[i] = base64.RawStdEncoding.EncodeToString([]byte(values[i]))
			}
		}
		headers = append(headers, &conformancev1.Header{Name: name, Value: values})
	}
	return headers
}

func isBinary(name string) bool { return strings.HasSuffix(strings.ToLower(name), "-bin") }
