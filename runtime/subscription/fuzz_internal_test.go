package subscription

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	subscriptionv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/subscription/v1"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

func testSealer(t testing.TB, secret byte) *sealer {
	t.Helper()
	ring, err := seal.NewRing(seal.NewKey([]byte(strings.Repeat(string(rune(secret)), seal.MinSecret))))
	if err != nil {
		t.Fatal(err)
	}
	return newSealer(ring, "/a.B/C", "log")
}

// FuzzPosition opens any text as a position: none but a sealed one opens, and no text is more than
// the caller's mistake.
func FuzzPosition(f *testing.F) {
	s, other := testSealer(f, 'a'), testSealer(f, 'b')
	genuine := s.seal(eventlog.Position{Epoch: 7, Sequence: 300})
	for _, text := range []string{"", ".", "garbage", genuine, genuine + ".", genuine + "..", other.seal(eventlog.Position{})} {
		f.Add(text, uint64(1), uint64(2))
		raw, _ := base64.RawURLEncoding.DecodeString(text)
		f.Add(string(raw), uint64(1<<63), uint64(1<<64-1))
	}
	f.Fuzz(func(t *testing.T, text string, epoch, sequence uint64) {
		p := eventlog.Position{Epoch: epoch, Sequence: sequence}
		token := s.seal(p)
		for _, text := range []string{token, token + markSuffix} {
			if got, err := s.open(text); err != nil || got != p {
				t.Fatalf("%v comes back as %v, %v", p, got, err)
			}
		}
		if _, err := other.open(token); !errors.Is(err, eventlog.ErrUnknown) {
			t.Fatalf("with another key: %v", err)
		}
		for _, text := range []string{text, base64.RawURLEncoding.EncodeToString([]byte(text))} {
			if got, err := s.open(text); err == nil && s.seal(got) != strings.TrimSuffix(text, markSuffix) {
				t.Fatalf("%q opens as %v", text, got)
			}
			serving := &serving[subscriptionv1.Event]{
				shape: &shape{names: Fields{Position: "position"}}, ctx: t.Context(), sealer: s,
				log: eventlog.New[subscriptionv1.Event](eventlog.NewMemory()),
			}
			err := serving.startAfter(text)
			if code := status.Code(err); err != nil && !(code == codes.InvalidArgument && rpcerr.ReasonOf(err) == ReasonPositionInvalid ||
				code == codes.OutOfRange && rpcerr.ReasonOf(err) == ReasonPositionUnknown) {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

// TestGenuineTokensOfOtherContent checks that a token whose body is no position is rejected.
func TestGenuineTokensOfOtherContent(t *testing.T) {
	s := testSealer(t, 'a')
	for _, body := range []string{"", "12345678", "12345678\x80", "12345678\x01\x01", "12345678\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"} {
		if p, err := s.open(s.ring.Seal(s.purpose, s.binding, time.Time{}, []byte(body))); !errors.Is(err, errBody) {
			t.Errorf("%q opens as %v, %v", body, p, err)
		}
	}
}
