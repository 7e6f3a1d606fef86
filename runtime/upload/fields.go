package upload

// Fields names the request fields of an upload: paths of proto names, with dots into nested
// messages ("metadata.name"). Generated code sets them. If a path does not exist or has the wrong
// type, every use of the method returns INTERNAL, and the log names the path.
type Fields struct {
	// Header is the message that the first request has and no other; empty if each request is a
	// chunk.
	Header string
	// Name is the name of the file, a string, in the header or in each chunk. Optional in a header.
	Name string
	// Data is the bytes of a chunk.
	Data string
	// Number is the index of a chunk in its file, from 0, of any integer type. Optional.
	Number string
	// Offset is the position of a chunk in its file in bytes, of any integer type. Optional.
	Offset string
	// Size is the size of the file in bytes, of any integer type, in the header or in the first
	// chunk. Optional; unset means that it is not known, as does 0 in a field without presence.
	Size string
	// Checksum is the checksum of the file: an integer of 32 bits for CRC-32C, or bytes or
	// hexadecimal text of CRC-32C, MD5 or SHA-256, distinguished by its length. It is in the header,
	// or in the first or last chunk. Optional.
	Checksum string
	// Finish is true in the last chunk of a file and only there, a bool. Optional; if it is named,
	// a file without it is incomplete.
	Finish string
}
