package eventlog

// ring is a queue of records in an array that grows.
type ring struct {
	array []Record // its length is 0 or a power of two
	first int      // the index of the first record
	count int
}

func (r *ring) len() int { return r.count }

// at returns the i-th record from the first.
func (r *ring) at(i int) *Record { return &r.array[(r.first+i)&(len(r.array)-1)] }

func (r *ring) push(record Record) {
	if r.count == len(r.array) {
		r.resize(max(16, 2*len(r.array)))
	}
	r.count++
	*r.at(r.count - 1) = record
}

func (r *ring) pop() Record {
	record := *r.at(0)
	*r.at(0) = Record{} // releases the data
	r.first, r.count = (r.first+1)&(len(r.array)-1), r.count-1
	if len(r.array) > 1024 && r.count < len(r.array)/8 {
		r.resize(len(r.array) / 4)
	}
	return record
}

func (r *ring) resize(n int) {
	array := make([]Record, n)
	for i := range r.count {
		array[i] = *r.at(i)
	}
	r.array, r.first = array, 0
}
