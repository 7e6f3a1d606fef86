// Package handshake implements bidi RPCs whose first request configures the call. The configuration
// is an arm of a oneof, and the other requests have other arms: the settings of a transcription
// come before its audio.
package handshake
