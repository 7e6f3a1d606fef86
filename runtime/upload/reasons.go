package upload

import "github.com/grpcservice/grpcservice/runtime/rpcerr"

// Reasons of upload errors, as [rpcerr.ReasonOf] returns them. Errors about a request have the
// field in BadRequest, and its position in the stream as "message" in their metadata.
const (
	// ReasonHeaderMissing is the reason of INVALID_ARGUMENT for a stream that does not start with its
	// header.
	ReasonHeaderMissing rpcerr.Reason = "UPLOAD_HEADER_MISSING"
	// ReasonHeaderRepeated is the reason of INVALID_ARGUMENT for a second header.
	ReasonHeaderRepeated rpcerr.Reason = "UPLOAD_HEADER_REPEATED"
	// ReasonNameInvalid is the reason of INVALID_ARGUMENT for a name that is missing or longer than
	// [MaxNameBytes].
	ReasonNameInvalid rpcerr.Reason = "UPLOAD_NAME_INVALID"
	// ReasonOutOfOrder is the reason of INVALID_ARGUMENT for a chunk that is not the next one, or
	// whose fields contradict those of the first chunk. The metadata has what was expected as "want".
	ReasonOutOfOrder rpcerr.Reason = "UPLOAD_OUT_OF_ORDER"
	// ReasonIncomplete is the reason of INVALID_ARGUMENT for a file that ended before its size or its
	// last chunk.
	ReasonIncomplete rpcerr.Reason = "UPLOAD_INCOMPLETE"
	// ReasonSizeExceeded is the reason of INVALID_ARGUMENT for a file with more bytes than its size
	// says, or with chunks after its last.
	ReasonSizeExceeded rpcerr.Reason = "UPLOAD_SIZE_EXCEEDED"
	// ReasonTooManyEmpty is the reason of INVALID_ARGUMENT for a file with more than [MaxEmptyChunks]
	// chunks without data.
	ReasonTooManyEmpty rpcerr.Reason = "UPLOAD_TOO_MANY_EMPTY"
	// ReasonChecksumInvalid is the reason of INVALID_ARGUMENT for a checksum that does not match the
	// bytes, or is not a checksum.
	ReasonChecksumInvalid rpcerr.Reason = "UPLOAD_CHECKSUM_INVALID"
	// ReasonTooLarge is the reason of RESOURCE_EXHAUSTED for a file, or files together, with more
	// bytes than the method accepts. The metadata has the limit as "maxBytes".
	ReasonTooLarge rpcerr.Reason = "UPLOAD_TOO_LARGE"
	// ReasonTooManyFiles is the reason of RESOURCE_EXHAUSTED for more files than the method accepts in
	// a stream. The metadata has the limit as "maxFiles".
	ReasonTooManyFiles rpcerr.Reason = "UPLOAD_TOO_MANY_FILES"
	// ReasonStagingFull is the reason of RESOURCE_EXHAUSTED if the staging area holds too many bytes
	// or files, of all callers or of this one, or if its disk is full.
	ReasonStagingFull rpcerr.Reason = "UPLOAD_STAGING_FULL"
	// ReasonTakenOver is the reason of ABORTED if another call has resumed the upload.
	ReasonTakenOver rpcerr.Reason = "UPLOAD_TAKEN_OVER"
)

// MaxNameBytes is the length of the longest name of a file, in bytes.
const MaxNameBytes = 1024

// MaxEmptyChunks is how many chunks of a file may be without data, so that a client cannot keep an
// upload going that never ends.
const MaxEmptyChunks = 1000
