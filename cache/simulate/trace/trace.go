// Package trace has the requests that policies of caches are compared with:
// generated ones, whose parameters are stated and whose seed makes them the same
// everywhere, and readers of the formats in which traces are published.
package trace

// Request is one look-up of an object, which is stored if it is a miss.
type Request struct {
	ID   uint64 // of the object
	Size int64  // of the object, bytes
}

// Trace is a sequence of requests.
type Trace struct {
	Name     string
	About    string // what it stands for, with its parameters
	Requests []Request
}

// Facts are what can be said of a trace without a cache.
type Facts struct {
	Requests int
	Objects  int
	Bytes    int64   // of all objects, each counted once
	Once     float64 // the share of objects that are requested once
}

// Facts counts.
func (t Trace) Facts() Facts {
	type object struct {
		size int64
		seen int
	}
	objects := make(map[uint64]object, len(t.Requests)/4)
	for _, r := range t.Requests {
		o := objects[r.ID]
		objects[r.ID] = object{r.Size, o.seen + 1}
	}
	f := Facts{Requests: len(t.Requests), Objects: len(objects)}
	once := 0
	for _, o := range objects {
		f.Bytes += o.size
		if o.seen == 1 {
			once++
		}
	}
	f.Once = float64(once) / float64(max(len(objects), 1))
	return f
}
