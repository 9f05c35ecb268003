package live

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	hotpath "github.com/e0ac7cd4/hotpath/metrics"
)

// sample is what a second was like.
type sample struct {
	Time  int64  `json:"t"`     // its end, in ms of Unix time
	State string `json:"state"` // "ready", or why not

	// Of the last seconds, see [window]: those of answers, and what bypasses the
	// cache has no part in the times, since an upload takes as long as its client.
	Window       int    `json:"window"`        // s
	Rate         figure `json:"rate"`          // requests/s
	Mean         figure `json:"mean"`          // ms
	P50          figure `json:"p50"`           // ms
	P99          figure `json:"p99"`           // ms
	Hits         figure `json:"hits"`          // of hits and misses, from 0 to 1
	ServerErrors figure `json:"server_errors"` // of all responses, from 0 to 1: 5xx
	ClientErrors figure `json:"client_errors"` // 4xx

	Connections connections `json:"connections"`
	Permits     int64       `json:"permits"`
	PermitsUsed int64       `json:"permits_used"`
	Refused     figure      `json:"refused"` // connections/s

	CacheEntries int    `json:"cache_entries"`
	CacheBytes   int64  `json:"cache_bytes"`
	Memory       uint64 `json:"memory"`      // bytes of the Go runtime, as its memory limit counts them
	Heap         uint64 `json:"heap"`        // bytes of objects, of these
	CPU          figure `json:"cpu"`         // cores in use
	CPURequest   figure `json:"cpu_request"` // ms of a core for each request of the window
	Sent         figure `json:"sent"`        // bytes/s
	Received     figure `json:"received"`
}

type connections struct {
	Handshake int64 `json:"handshake"`
	H1        int64 `json:"h1"`
	H2        int64 `json:"h2"`
	H3        int64 `json:"h3"`
}

// figure is a number with more digits than are read. NaN, a mean of
// nothing, is null in JSON.
type figure float64

// MarshalJSON implements [json.Marshaler].
func (f figure) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'g', 6, 64), nil
}

// totals are counts since the start, at a moment.
type totals struct {
	at        time.Time
	classes   [hotpath.Class5xx + 1]uint64
	results   [hotpath.Bypass + 1]uint64
	durations hotpath.Distribution
	refused   uint64
	sent      uint64
	received  uint64
	cpu       time.Duration
}

func (c *Config) totals(now time.Time) totals {
	m := c.Metrics
	t := totals{
		at: now, durations: m.RequestDuration.Distribution(hotpath.Hit, hotpath.Miss),
		sent: m.SentBytes.Value(), received: m.ReceivedBytes.Value(), cpu: processorTime(),
	}
	for _, protocol := range []hotpath.Protocol{hotpath.H1, hotpath.H2, hotpath.H3} {
		for class := range t.classes {
			for result := range t.results {
				n := m.Requests.Value(protocol, hotpath.Class(class), hotpath.CacheResult(result))
				t.classes[class] += n
				t.results[result] += n
			}
		}
	}
	for _, reason := range []hotpath.RefuseReason{hotpath.RefusePermits, hotpath.RefuseHandshakes, hotpath.RefuseDescriptors} {
		t.refused += m.ConnectionsRefused.Value(reason)
	}
	return t
}

// sample reads what there is at the moment of t, and compares t with those of the
// second before, and in what is about answers with earlier ones.
func (c *Config) sample(t, second, earlier totals) sample {
	seconds, window := t.at.Sub(second.at).Seconds(), t.at.Sub(earlier.at).Seconds()
	ratio := func(part, whole uint64) figure { return figure(float64(part) / float64(whole)) }
	class := func(i hotpath.Class) uint64 { return t.classes[i] - earlier.classes[i] }
	result := func(i hotpath.CacheResult) uint64 { return t.results[i] - earlier.results[i] }
	state := func(s hotpath.ConnState) int64 { return c.Metrics.Connections.Value(s) }

	requests := t.requests() - earlier.requests()
	durations := t.durations.Since(earlier.durations)
	cache := c.Cache()
	memory, heap := memory()
	s := sample{
		State: "ready",

		Window:       int(math.Round(window)),
		Rate:         figure(float64(requests) / window),
		Mean:         figure(durations.Mean() * 1e3),
		P50:          figure(durations.Quantile(.5) * 1e3),
		P99:          figure(durations.Quantile(.99) * 1e3),
		Hits:         ratio(result(hotpath.Hit), result(hotpath.Hit)+result(hotpath.Miss)),
		ServerErrors: ratio(class(hotpath.Class5xx), requests),
		ClientErrors: ratio(class(hotpath.Class4xx), requests),

		Connections: connections{
			Handshake: state(hotpath.StateHandshake), H1: state(hotpath.StateH1), H2: state(hotpath.StateH2), H3: state(hotpath.StateH3),
		},
		Permits:     c.Metrics.Permits.Value(),
		PermitsUsed: c.Metrics.PermitsInUse.Value(),
		Refused:     figure(float64(t.refused-second.refused) / seconds),

		CacheEntries: cache.Entries,
		CacheBytes:   cache.Bytes,
		Memory:       memory,
		Heap:         heap,
		CPU:          figure((t.cpu - second.cpu).Seconds() / seconds),
		CPURequest:   figure((t.cpu - earlier.cpu).Seconds() * 1e3 / float64(requests)),
		Sent:         figure(float64(t.sent-earlier.sent) / window),
		Received:     figure(float64(t.received-earlier.received) / window),
	}
	if err := c.Ready(); err != nil {
		s.State = err.Error()
	}
	return s
}

// memory returns the bytes that the Go runtime holds, counted as
// [runtime/debug.SetMemoryLimit] does, and those of objects on its heap, dead
// ones that are not yet swept included. Nothing stops while it reads.
func memory() (total, heap uint64) {
	read := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
	}
	metrics.Read(read)
	return read[0].Value.Uint64() - read[1].Value.Uint64(), read[2].Value.Uint64()
}

// memoryLimit is what memory may come to, in bytes; 0: there is no limit.
func memoryLimit() uint64 {
	limit := debug.SetMemoryLimit(-1) // reads it
	if limit == math.MaxInt64 {
		return 0
	}
	return uint64(limit)
}

// collections is how often garbage was collected.
func collections() uint64 {
	read := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(read)
	return read[0].Value.Uint64()
}
