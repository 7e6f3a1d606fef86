package subscription

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// markSuffix ends the position of a mark. Tokens do not contain it.
const markSuffix = "."

// sealer converts positions of a log to tokens of clients and back. Equal positions have equal
// tokens. A token belongs to a method and to the name of a log.
type sealer struct {
	ring    *seal.Ring
	purpose string
	binding seal.Binding
}

func newSealer(ring *seal.Ring, method, log string) *sealer {
	return &sealer{ring: ring, purpose: method + " position", binding: sha256.Sum256([]byte(log))}
}

// seal returns the token of a position.
func (s *sealer) seal(p eventlog.Position) string {
	var body [8 + binary.MaxVarintLen64]byte
	binary.BigEndian.PutUint64(body[:], p.Epoch)
	n := 8 + binary.PutUvarint(body[8:], p.Sequence)
	return s.ring.Seal(s.purpose, s.binding, time.Time{}, body[:n])
}

// errBody reports a genuine token with another body, of another version of this package.
var errBody = errors.New("the token has no position")

// open returns the position of a token or a mark. A token of an unknown key is a position of an
// unknown incarnation: that is what a server without configured keys gets after it has restarted.
func (s *sealer) open(token string) (eventlog.Position, error) {
	body, err := s.ring.Open(s.purpose, s.binding, strings.TrimSuffix(token, markSuffix))
	if errors.Is(err, seal.ErrUnknownKey) {
		return eventlog.Position{}, fmt.Errorf("%w: %w", eventlog.ErrUnknown, err)
	}
	if err != nil {
		return eventlog.Position{}, err
	}
	if len(body) < 9 {
		return eventlog.Position{}, errBody
	}
	sequence, n := binary.Uvarint(body[8:])
	if n != len(body)-8 {
		return eventlog.Position{}, errBody
	}
	return eventlog.Position{Epoch: binary.BigEndian.Uint64(body), Sequence: sequence}, nil
}
