package report

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// copies is how often every outcome of a fixture counts.
const copies = 60

// fixture makes a run at a rate. Every second outcome makes the outcomes of a
// second, moments in which are since the attack began.
func fixture(rate float64, seconds int, second func(at time.Duration, random *rand.Rand) []exchange.Outcome) *measure.Run {
	r := &measure.Run{
		Target:      "https://127.0.0.1:8443/",
		Targets:     1,
		Protocol:    "h2",
		Pace:        "150,000/s",
		Asked:       rate,
		Connections: 8,
		Streams:     32,
		Timeout:     30 * time.Second,
		Begin:       time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Duration:    time.Duration(seconds) * time.Second,
		Total:       measure.NewTally(),
	}
	random := rand.New(rand.NewPCG(1, 2))
	all := measure.NewTally()
	for i := range seconds {
		tally := measure.NewTally()
		outcomes := second(time.Duration(i)*time.Second, random)
		for k := range outcomes {
			tally.Add(&outcomes[k])
		}
		all.Merge(tally)
		l, s := tally.Latency(), tally.Service
		codes := (&measure.Interval{Tally: tally}).Point().Codes
		for i := range codes {
			codes[i].Requests *= copies
		}
		r.Points = append(r.Points, measure.Point{
			Begin: time.Duration(i) * time.Second, Length: time.Second, Asked: rate,
			Timed: l.Count(), Requests: tally.Requests() * copies, Answered: tally.Answered() * copies, Failed: tally.Unsuccessful() * copies, InFlight: 40, Codes: codes,
			Mean: l.Mean(), P50: l.Quantile(0.5), P90: l.Quantile(0.9), P99: l.Quantile(0.99), P999: l.Quantile(0.999), Max: l.Max(),
			ServiceMean: s.Mean(), ServiceP99: s.Quantile(0.99),
		})
	}
	for range copies {
		r.Total.Merge(all)
	}
	r.Scheduled = r.Total.Requests()
	return r
}

// answered is a request that took its service time after it had waited.
func answered(due time.Duration, random *rand.Rand) exchange.Outcome {
	service := time.Duration(1.9e6 * math.Exp(0.35*random.NormFloat64()))
	if random.IntN(2000) == 0 {
		service *= time.Duration(2 + random.IntN(5))
	}
	sent := due + time.Duration(random.ExpFloat64()*3e5)
	return exchange.Outcome{
		Ticket: exchange.Ticket{Due: due}, Sent: sent, First: sent + service*4/5, Ended: sent + service, Status: 200, BytesIn: 1024,
	}
}

// steadySecond is a second of a server that keeps up.
func steadySecond(rate float64) func(time.Duration, *rand.Rand) []exchange.Outcome {
	return func(at time.Duration, random *rand.Rand) []exchange.Outcome {
		outcomes := make([]exchange.Outcome, int(rate)/copies)
		for i := range outcomes {
			outcomes[i] = answered(at+time.Duration(i)*time.Second/time.Duration(len(outcomes))+1, random)
		}
		return outcomes
	}
}

// steady is a minute at 150,000/s.
func steady() *measure.Run { return fixture(150_000, 60, steadySecond(150_000)) }

// stalled is a run in which the server does nothing for half a second and
// answers some requests with errors around it.
func stalled() *measure.Run {
	const begin, end = 30 * time.Second, 30*time.Second + 500*time.Millisecond
	r := fixture(150_000, 60, func(at time.Duration, random *rand.Rand) []exchange.Outcome {
		outcomes := steadySecond(150_000)(at, random)
		for i := range outcomes {
			o := &outcomes[i]
			if o.Due >= begin && o.Due < end {
				o.Sent, o.Ended = end-(end-o.Due)/20, end+o.Service()
				switch {
				case i%70 == 0:
					o.Status, o.Failure = 0, &exchange.Failure{Kind: exchange.Reset, Detail: "REFUSED_STREAM"}
				case i%110 == 0:
					o.Status, o.Failure = 0, &exchange.Failure{Kind: exchange.Timeout}
				}
			}
			if at >= 31*time.Second && at < 34*time.Second && i%300 == 0 {
				o.Status = 503
			}
		}
		return outcomes
	})
	r.Warmup = 750_000
	r.Total.Retries = 312
	return r
}

// judged are objectives and what became of them.
func judged(t testing.TB, r *measure.Run, text string) (slo.Objectives, []slo.Verdict) {
	t.Helper()
	o, err := slo.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return o, o.Judge(r)
}

// searched is a search for the capacity of a server that keeps up to 190,000/s.
func searched(t testing.TB) *Capacity {
	c := &Capacity{Target: "https://127.0.0.1:8443/"}
	for _, rate := range []float64{50_000, 100_000, 200_000, 150_000, 175_000, 187_500, 193_750, 190_625} {
		load := rate / 205_000
		r := fixture(rate, 3, func(at time.Duration, random *rand.Rand) []exchange.Outcome {
			outcomes := steadySecond(rate)(at, random)
			for i := range outcomes {
				o := &outcomes[i]
				took := float64(o.Latency())/2 + random.ExpFloat64()*2e5/(1-load)
				o.Ended = o.Due + time.Duration(took)
				o.Sent = min(o.Sent, o.Ended)
			}
			return outcomes
		})
		p := Probe{Rate: rate, Run: r}
		c.Objectives, p.Verdicts = judged(t, r, "p99<=10ms,mean<=3ms,errors<=0")
		if p.Held = slo.AllMet(p.Verdicts); p.Held {
			c.Best = max(c.Best, rate)
		}
		c.Probes = append(c.Probes, p)
	}
	c.Confirmed = true
	return c
}

// long is a run of ten hours with a point for every second.
func long() *measure.Run {
	r := fixture(1200, 1, steadySecond(1200))
	p := r.Points[0]
	r.Points = make([]measure.Point, 36_000)
	for i := range r.Points {
		r.Points[i] = p
		r.Points[i].Begin = time.Duration(i) * time.Second
		r.Points[i].Max += time.Duration(i%997) * time.Millisecond
	}
	r.Duration = 10 * time.Hour
	return r
}

// shortLast is a run of two seconds whose last responses came in the 20 ms behind it.
func shortLast() *measure.Run {
	second := measure.Point{Length: time.Second, Asked: 1000, Requests: 1000, Answered: 1000, Timed: 1000, Mean: time.Millisecond, Max: 2 * time.Millisecond}
	points := []measure.Point{second, second, {Length: 20 * time.Millisecond, Drain: true, Requests: 15, Answered: 15, Timed: 15, Mean: 3 * time.Millisecond, Max: 4 * time.Millisecond}}
	for i := range points {
		points[i].Begin = time.Duration(i) * time.Second
	}
	return &measure.Run{Asked: 1000, Duration: 2 * time.Second, Total: measure.NewTally(), Points: points}
}
