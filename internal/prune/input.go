package prune

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Input is an encoded request, a record for each of its fields.
//
// The records are read one at a time: a buffer that grows to the size of the request would take
// several times its memory.
type Input struct {
	records  []field
	tail     []byte // what follows the last record that is not broken
	isBroken bool
}

// Read reads a request until the end of r.
func Read(r io.Reader) (*Input, error) {
	const bufferSize = 64 << 10
	in := &Input{}
	for buffered := bufio.NewReaderSize(r, bufferSize); ; {
		record, err := readRecord(buffered)
		if err != nil {
			return nil, err
		}
		if len(record) == 0 {
			return in, nil
		}
		f, ok := next(&record)
		if !ok || len(record) > 0 { // a field that is not bytes: the rest of the request is short
			return in, in.readTail(f, record, buffered)
		}
		in.records = append(in.records, f)
	}
}

// readRecord reads a field if it is bytes, and otherwise what is buffered. It returns nothing at the
// end of r.
func readRecord(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(2 * binary.MaxVarintLen64)
	if len(head) == 0 {
		return nil, ignoreEnd(err)
	}
	_, kind, tag := protowire.ConsumeTag(head)
	if tag < 0 || kind != protowire.BytesType {
		return readAll(r, int64(r.Buffered()))
	}
	length, size := protowire.ConsumeVarint(head[tag:])
	if size < 0 || length > maxRequest {
		return readAll(r, int64(r.Buffered()))
	}
	return readAll(r, int64(tag+size)+int64(length))
}

// maxRequest is more than the size of any request: protobuf messages have at most 2 GiB.
const maxRequest = 1 << 31

// readAll reads n bytes, or fewer at the end of r.
func readAll(r io.Reader, n int64) ([]byte, error) {
	const trusted = 16 << 20
	if n <= trusted {
		all := make([]byte, n)
		got, err := io.ReadFull(r, all)
		return all[:got], ignoreEnd(err)
	}
	var all bytes.Buffer // a length that is wrong must not allocate that much
	_, err := io.CopyN(&all, r, n)
	return all.Bytes(), ignoreEnd(err)
}

func ignoreEnd(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// readTail adds the fields from f on: f and those in rest and in r. If f is zero, rest starts with
// broken bytes.
func (in *Input) readTail(f field, rest []byte, r io.Reader) error {
	more, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	in.tail = append(rest, more...)
	for ok := f.raw != nil; ok; {
		in.records = append(in.records, f)
		if len(in.tail) == 0 {
			return nil
		}
		f, ok = next(&in.tail)
	}
	in.isBroken = true
	return nil
}

// Whole returns the request as it was read.
func (in *Input) Whole() []byte {
	size := len(in.tail)
	for _, f := range in.records {
		size += len(f.raw)
	}
	whole := make([]byte, 0, size)
	for _, f := range in.records {
		whole = append(whole, f.raw...)
	}
	return append(whole, in.tail...)
}
