package upload

import "github.com/grpcservice/grpcservice/runtime/metric"

var byName = []string{metric.LabelName}

// The metrics of a [Dir].
var (
	descBytes = &metric.Desc{
		Name: metric.UploadStagedBytes, Kind: metric.Gauge, Labels: byName,
		Help: "Bytes of unfinished uploads in the staging directory.",
	}
	descBytesLimit = &metric.Desc{
		Name: metric.UploadStagedBytesLimit, Kind: metric.Gauge, Labels: byName,
		Help: "Bytes that the staging directory holds at most.",
	}
	descFiles = &metric.Desc{
		Name: metric.UploadStagedFiles, Kind: metric.Gauge, Labels: byName,
		Help: "Unfinished uploads in the staging directory.",
	}
	descFilesLimit = &metric.Desc{
		Name: metric.UploadStagedFilesLimit, Kind: metric.Gauge, Labels: byName,
		Help: "Unfinished uploads that the staging directory holds at most.",
	}
	descRejected = &metric.Desc{
		Name: metric.UploadStagingRejected, Kind: metric.Counter, Labels: byName,
		Help: "Files and chunks for which the directory, or the share of their principal, had no room.",
	}
)

// descs are all of them.
var descs = []*metric.Desc{descBytes, descBytesLimit, descFiles, descFilesLimit, descRejected}

// Metrics implements [metric.Source].
func (d *Dir) Metrics() []*metric.Desc { return descs }

// Collect implements [metric.Source].
func (d *Dir) Collect(report metric.Report) {
	if used, ok := d.usage(); ok {
		report(descBytes, float64(used.bytes), d.name)
		report(descFiles, float64(used.files), d.name)
	}
	report(descBytesLimit, float64(d.bytes), d.name)
	report(descFilesLimit, float64(d.files), d.name)
	report(descRejected, float64(d.rejected.Load()), d.name)
}

// usage returns what the directory holds, or what it held at the last report while it is being
// looked through: it does not wait for a disk.
func (d *Dir) usage() (usage, bool) {
	if d.mu.TryLock() {
		used := d.used
		d.mu.Unlock()
		d.reported.Store(&used)
		return used, true
	}
	if last := d.reported.Load(); last != nil {
		return *last, true
	}
	return usage{}, false
}
