package upload

// Option configures [Method.Files].
type Option func(*options)

type options struct {
	limits  func(*limits)
	staging Staging
}

// limits are those of a stream; 0 means no limit.
type limits struct {
	fileBytes, totalBytes int64
	files                 int
}

// WithMaxFileBytes sets the size of the largest file, instead of the policy's
// upload.max_file_bytes; 0 means no limit.
func WithMaxFileBytes(n int64) Option {
	return func(o *options) { o.limit(func(l *limits) { l.fileBytes = n }) }
}

// WithMaxTotalBytes sets the size of all files of a stream together, instead of the policy's
// upload.max_total_bytes; 0 means no limit.
func WithMaxTotalBytes(n int64) Option {
	return func(o *options) { o.limit(func(l *limits) { l.totalBytes = n }) }
}

// WithMaxFiles sets the most files of a stream, instead of the policy's upload.max_files; 0 means
// no limit.
func WithMaxFiles(n int) Option {
	return func(o *options) { o.limit(func(l *limits) { l.files = n }) }
}

// WithStaging keeps files in a staging area until they are complete. [Method.Files] then yields
// only complete files, and a client that uploads with [WithResume] continues an interrupted upload.
// Uploads are distinguished by method, principal, name, size and checksum, so an upload without a
// name is not kept.
//
// A file that [Method.Files] has yielded stays staged if the loop ends before the next one is
// requested, as when the method fails. The client can then resume it without sending it again.
func WithStaging(s Staging) Option { return func(o *options) { o.staging = s } }

func (o *options) limit(set func(*limits)) {
	before := o.limits
	o.limits = func(l *limits) {
		if before != nil {
			before(l)
		}
		set(l)
	}
}
