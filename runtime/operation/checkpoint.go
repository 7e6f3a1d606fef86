package operation

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// The first byte of a checkpoint identifies the encoding of the rest.
const (
	checkpointProto = 'p'
	checkpointJSON  = 'j'
)

// checkpointOf encodes a value: messages as proto, other values as JSON.
func checkpointOf(value any) (encoded []byte, err error) {
	if m, ok := value.(proto.Message); ok {
		encoded, err = proto.MarshalOptions{}.MarshalAppend([]byte{checkpointProto}, m)
	} else if encoded, err = json.Marshal(value); err == nil {
		encoded = append([]byte{checkpointJSON}, encoded...)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint of type %T: %w", value, err)
	}
	return encoded, nil
}

// readCheckpoint decodes the result of checkpointOf.
func readCheckpoint(encoded []byte, into any) (err error) {
	m, isMessage := into.(proto.Message)
	switch kind, body := encoded[0], encoded[1:]; {
	case isMessage != (kind == checkpointProto):
		err = fmt.Errorf("it was saved as another type")
	case isMessage:
		err = proto.Unmarshal(body, m)
	default:
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("checkpoint into %T: %w", into, err)
	}
	return nil
}
