package seal

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

const (
	version = 1
	tagSize = 16 // of the HMAC's 32; also the size of AES's counter
	// bindingSize is the number of bytes of a binding that are sealed. They detect a changed
	// request; they do not stop a caller that searches for another request with the same 8 bytes,
	// which would return a page of the caller's own list.
	bindingSize = 8
	minSize     = 1 + idSize + 1 + bindingSize + tagSize
)

// encoding rejects other encodings of the same token.
var encoding = base64.RawURLEncoding.Strict()

// Binding is a digest of what a token is bound to.
type Binding [32]byte

// Seal returns a token with body that is valid until expires, forever if that is the zero time.
// Open it with the same purpose (such as the full name of a method) and the same binding. Expiry
// has a resolution of one second.
func (r *Ring) Seal(purpose string, binding Binding, expires time.Time, body []byte) string {
	k := r.keys[0]
	m := k.borrow()
	defer k.giveBack(m)
	m.buf = append(m.buf, version)
	m.buf = append(m.buf, k.id[:]...)
	m.buf = binary.AppendUvarint(m.buf, seconds(expires))
	head := len(m.buf)
	m.buf = append(m.buf, binding[:bindingSize]...)
	m.buf = append(m.buf, body...)
	end := len(m.buf)
	m.buf = m.appendTag(m.buf, purpose, head)
	m.crypt(k.block, m.buf[head:end], m.buf[end:])
	raw := len(m.buf)
	m.buf = encoding.AppendEncode(m.buf, m.buf)
	return string(m.buf[raw:])
}

// Open returns the sealed body, or one of the package's errors.
func (r *Ring) Open(purpose string, binding Binding, token string) ([]byte, error) {
	raw, head, err := split(token)
	if err != nil {
		return nil, err
	}
	err = ErrUnknownKey
	for _, k := range r.keys {
		if string(k.id[:]) != string(raw[1:1+idSize]) {
			continue
		}
		if k.open(purpose, raw, head) {
			return unbind(raw, head, binding)
		}
		err = ErrForged
	}
	return nil, err
}

// split decodes a token and returns the offset of the sealed body.
func split(token string) (raw []byte, head int, err error) {
	if strings.ContainsAny(token, "\r\n") { // base64 ignores these
		return nil, 0, ErrMalformed
	}
	raw, err = encoding.DecodeString(token)
	if err != nil || len(raw) < minSize || raw[0] != version {
		return nil, 0, ErrMalformed
	}
	_, n := binary.Uvarint(raw[1+idSize:])
	head = 1 + idSize + n
	if n <= 0 || len(raw) < head+bindingSize+tagSize {
		return nil, 0, ErrMalformed
	}
	return raw, head, nil
}

// unbind returns the body of a genuine token, unless it has expired or is bound to something
// else.
func unbind(raw []byte, head int, binding Binding) ([]byte, error) {
	if expires, _ := binary.Uvarint(raw[1+idSize:]); expires != 0 && expires <= seconds(time.Now()) {
		return nil, ErrExpired
	}
	body := raw[head : len(raw)-tagSize]
	if subtle.ConstantTimeCompare(body[:bindingSize], binding[:bindingSize]) == 0 {
		return nil, ErrMismatch
	}
	return body[bindingSize:], nil
}

// seconds returns a time in the form that tokens hold.
func seconds(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(t.Unix(), 1))
}

// open decrypts a token in place if the key sealed it; otherwise it leaves the token unchanged.
func (k *key) open(purpose string, raw []byte, head int) bool {
	m := k.borrow()
	defer k.giveBack(m)
	end := len(raw) - tagSize
	m.buf = append(m.buf, raw[:end]...)
	m.crypt(k.block, m.buf[head:], raw[end:])
	m.buf = m.appendTag(m.buf, purpose, head)
	if subtle.ConstantTimeCompare(m.buf[end:], raw[end:]) == 0 {
		return false
	}
	copy(raw, m.buf)
	return true
}

// appendTag appends the tag of a token that is not encrypted, whose head has the given length.
func (m *mac) appendTag(token []byte, purpose string, head int) []byte {
	end := len(token)
	// Lengths come before texts, so that no purpose and token can be read as another pair.
	token = binary.AppendUvarint(token, uint64(len(purpose)))
	token = append(token, purpose...)
	token = binary.AppendUvarint(token, uint64(head))
	_, _ = m.Write(token[end:]) // hashes never fail
	_, _ = m.Write(token[:end])
	return m.Sum(token[:end])[:end+tagSize]
}
