// Package hour is an hour of two servers and a load generator in made time, for
// looking at dashboards and alerts without waiting for what they warn of: little
// traffic, a healthy day, a load test that reaches its rate, an origin that fails,
// overload, a restart and a purge, one server dead, both dead.
//
// What is counted goes through the instruments of package metrics, so every name
// and label is one that a server has; the Go runtime's and the process' series have
// their real names and made values. [Record] writes it as OpenMetrics text, [Blocks]
// makes a data directory for Prometheus of it, with what the recording rules and
// alerts would have been, and [Serve] runs a Prometheus on that. The hour is the
// same each time, but for when it ends.
package hour

import "time"

// Length is how long the hour lasts: its last moment is what dashboards call now.
const Length = time.Hour

// Scrape is how often a target is scraped, as in dashboards/prometheus.
const Scrape = 5 * time.Second

// Moment is an instant of the hour, named for what goes on.
type Moment struct {
	Name, About string
	At          time.Duration // from the hour's beginning
}

// Moments are in the order of time. Each is at the end of what it is named for, so
// that rates show that alone.
func Moments() []Moment {
	var all []Moment
	var at time.Duration
	for _, p := range script {
		at += p.length
		if p.name != "" {
			all = append(all, Moment{p.name, p.about, at})
		}
	}
	return all
}

// phase is a stretch of the hour.
type phase struct {
	name, about string // "" is no moment
	length      time.Duration
	traffic     traffic
	test        test
	down        [2]bool // of the servers
}

// traffic is what clients do to each server, per second, and what it makes of it.
type traffic struct {
	rate                     float64 // requests
	miss, bypass             float64 // shares of the requests
	moved, notFound, failing float64 // shares of the requests: 3xx, 4xx, 5xx
	hitTime, missTime        time.Duration
	connections              int64   // open
	refused                  float64 // connections
	broken                   float64 // limits that clients break
	fetchFails               float64 // share of the fetches
	pressure                 float64 // 0 to 1: of memory, and of what is written behind
}

// test is what the load generator does to the first server; asked 0: it does not run.
type test struct {
	asked, reached float64 // requests/s
	failing        float64 // share of the requests
	mean           time.Duration
}

var (
	calm = traffic{
		rate: 12_000, miss: 0.04, bypass: 0.01, moved: 0.02, notFound: 0.01,
		hitTime: 400 * time.Microsecond, missTime: 4 * time.Millisecond,
		connections: 1_800, broken: 0.2,
	}
	quiet = traffic{
		rate: 5, miss: 0.3, moved: 0.05, notFound: 0.02,
		hitTime: 90 * time.Microsecond, missTime: time.Millisecond, connections: 12,
	}
	failing = traffic{
		rate: 11_000, miss: 0.12, bypass: 0.01, moved: 0.02, notFound: 0.02, failing: 0.05,
		hitTime: 500 * time.Microsecond, missTime: 2 * time.Second,
		connections: 4_500, broken: 1, fetchFails: 0.45,
	}
	flooded = traffic{
		rate: 48_000, miss: 0.03, bypass: 0.12, moved: 0.01, notFound: 0.09, failing: 0.02,
		hitTime: 6 * time.Millisecond, missTime: 9 * time.Second,
		connections: 24_600, refused: 220, broken: 90, fetchFails: 0.2, pressure: 1,
	}
)

var script = []phase{
	{name: "quiet", about: "five requests a second", length: 4 * time.Minute, traffic: quiet},
	{name: "healthy", about: "a day's traffic, nearly all of it hits", length: 8 * time.Minute, traffic: calm},
	{name: "loadtest", about: "a load test that reaches its 150,000 requests a second", length: 5 * time.Minute, traffic: calm,
		test: test{asked: 150_000, reached: 150_000, mean: 2100 * time.Microsecond}},
	{length: 2 * time.Minute, traffic: calm},
	{name: "errors", about: "an origin that fails: an upstream is ejected, misses are 5xx", length: 8 * time.Minute, traffic: failing},
	{length: 2 * time.Minute, traffic: calm},
	{name: "overload", about: "more connections and requests than are allowed, and a load test that misses its rate", length: 9 * time.Minute, traffic: flooded,
		test: test{asked: 150_000, reached: 96_000, failing: 0.04, mean: 700 * time.Millisecond}},
	{length: 2 * time.Minute, traffic: calm},
	{length: 10 * time.Second, traffic: calm, down: [2]bool{false, true}},
	{name: "restart", about: "after a restart of one server, purges, and a reload that was refused", length: 170 * time.Second, traffic: calm},
	{name: "half", about: "one server of two dead for five minutes", length: 5 * time.Minute, traffic: calm, down: [2]bool{false, true}},
	{name: "dead", about: "both servers dead for twelve minutes", length: 12 * time.Minute, down: [2]bool{true, true}},
}
