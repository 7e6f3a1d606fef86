package endpointslice

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The fields of the API discovery.k8s.io/v1 that the resolver reads. Its reference describes them.
type (
	metadata struct {
		Name            string `json:"name"`
		ResourceVersion string `json:"resourceVersion"`
		Continue        string `json:"continue"`
	}
	endpointSlice struct {
		Metadata    metadata        `json:"metadata"`
		AddressType string          `json:"addressType"`
		Endpoints   []sliceEndpoint `json:"endpoints"`
		Ports       []slicePort     `json:"ports"`
	}
	sliceEndpoint struct {
		Addresses  []string   `json:"addresses"`
		Conditions conditions `json:"conditions"`
		TargetRef  struct {
			UID string `json:"uid"`
		} `json:"targetRef"`
		Zone string `json:"zone"`
	}
	conditions struct {
		Ready       *bool `json:"ready"`
		Serving     *bool `json:"serving"`
		Terminating *bool `json:"terminating"`
	}
	slicePort struct {
		Name     string `json:"name"`
		Protocol string `json:"protocol"`
		Port     int32  `json:"port"`
	}
	sliceList struct {
		Kind     string          `json:"kind"`
		Metadata metadata        `json:"metadata"`
		Items    []endpointSlice `json:"items"`
	}
	// apiStatus is what the API server sends instead of what a request asks for.
	apiStatus struct {
		Code    int    `json:"code"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
		Details struct {
			RetryAfterSeconds int `json:"retryAfterSeconds"`
		} `json:"details"`
	}
	// watchEvent is an event of a watch. Its object is a slice or, if Type is ERROR, a status.
	watchEvent struct {
		Type   string `json:"type"`
		Object struct {
			endpointSlice
			apiStatus
		} `json:"object"`
	}
)

// Types of events.
const (
	eventAdded    = "ADDED"
	eventModified = "MODIFIED"
	eventDeleted  = "DELETED"
	eventBookmark = "BOOKMARK"
	eventError    = "ERROR"
)

// decodeList reads one page of a list, of up to a number of bytes.
func decodeList(r io.Reader, most int) (sliceList, error) {
	var list sliceList
	bounded := &boundedReader{r: r, left: most, max: most}
	if err := json.NewDecoder(bounded).Decode(&list); err != nil {
		return sliceList{}, fmt.Errorf("the API server sent an unreadable list: %w", unexpected(err))
	}
	if list.Kind != "EndpointSliceList" {
		return sliceList{}, fmt.Errorf(
			"the API server sent a response of kind %q instead of an EndpointSliceList",
			shorten(list.Kind))
	}
	return list, nil
}

// eventReader reads the events of a watch.
type eventReader struct {
	bounded *boundedReader
	buffer  *bufio.Reader
	decoder *json.Decoder
}

// newEventReader returns a reader for events of up to a number of bytes each.
func newEventReader(r io.Reader, most int) *eventReader {
	bounded := &boundedReader{r: r, max: most}
	buffer := bufio.NewReaderSize(bounded, 64<<10)
	return &eventReader{bounded, buffer, json.NewDecoder(buffer)}
}

// next returns the next event. The error is io.EOF if the watch ends after a whole event.
func (r *eventReader) next() (watchEvent, error) {
	r.bounded.left = r.bounded.max
	var event watchEvent
	if err := r.decoder.Decode(&event); errors.Is(err, io.EOF) {
		return watchEvent{}, io.EOF
	} else if errors.Is(err, io.ErrUnexpectedEOF) || r.bounded.failure != nil {
		return watchEvent{}, fmt.Errorf("the watch was cut off: %w", cmp.Or(r.bounded.failure, err))
	} else if err != nil {
		return watchEvent{}, malformedError{
			fmt.Errorf("the API server sent an unreadable event: %w", err)}
	}
	switch event.Type {
	case eventAdded, eventModified, eventDeleted:
		if event.Object.Metadata.Name == "" {
			return watchEvent{}, malformedError{fmt.Errorf(
				"the API server sent an event of type %s without the name of a slice", event.Type)}
		}
	case eventBookmark, eventError:
	default:
		return watchEvent{}, malformedError{fmt.Errorf(
			"the API server sent an event of the unknown type %q", shorten(event.Type))}
	}
	return event, nil
}

// pending reports whether next returns without waiting for the API server. Each event ends with a
// line break.
func (r *eventReader) pending() bool {
	rest, _ := r.buffer.Peek(r.buffer.Buffered())
	buffered := bufio.NewReader(io.MultiReader(r.decoder.Buffered(), bytes.NewReader(rest)))
	for begun := false; ; {
		b, err := buffered.ReadByte()
		if err != nil {
			return false
		}
		if begun && b == '\n' {
			return true
		}
		begun = begun || b > ' '
	}
}

// malformedError is an event that cannot be used. The watch cannot go on after it.
type malformedError struct{ error }

func (e malformedError) Unwrap() error { return e.error }

// unexpected returns err, or io.ErrUnexpectedEOF where the end of the input is a mistake.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// boundedReader reads up to a number of bytes, and then fails.
type boundedReader struct {
	r         io.Reader
	left, max int
	failure   error // of r, other than its end
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("larger than %d bytes", b.max)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		b.failure = err
	}
	return n, err
}
