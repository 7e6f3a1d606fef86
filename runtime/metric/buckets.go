package metric

// HandlingBuckets returns the upper bounds, in seconds, of the buckets of [ServerHandlingSeconds]
// and [ClientHandlingSeconds], in ascending order. The rules that the plugin generates compare with
// them.
func HandlingBuckets() []float64 {
	return []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
}
