// Package handshake implements bidi RPCs whose first request configures the call: an arm of a oneof
// that the other requests do not have, such as the configuration of a transcription before its
// audio.
package handshake
