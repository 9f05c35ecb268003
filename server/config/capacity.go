package config

import (
	"encoding/json"
	"errors"
	"time"
)

const wantCapacity = "a report of loadgen capacity, or of a run, in JSON (loadgen capacity -json > FILE)"

// Capacity is a rate that a load test has shown this machine to serve.
type Capacity struct {
	Rate       float64   `json:"rate"`       // requests/s
	Objectives string    `json:"objectives"` // that held at it, as loadgen takes them; "" for none
	AtLeast    bool      `json:"at_least"`   // a higher rate was not tried, or the load generator was the limit
	Measured   time.Time `json:"measured"`   // zero: the report does not say
}

// ReadCapacity reads a report of the load generator: that of a search for the highest
// rate that holds objectives, or that of a run.
func ReadCapacity(name string) (Capacity, error) {
	text, err := ReadRegular(name)
	if err != nil {
		return Capacity{}, errors.New(fileProblem(err))
	}
	return parseCapacity(text)
}

func parseCapacity(text []byte) (Capacity, error) {
	type run struct {
		End time.Time `json:"end"`
	}
	var report struct {
		// Of a search:
		Best       *float64 `json:"best"`
		Objectives string   `json:"objectives"`
		Confirmed  bool     `json:"confirmed"`
		Limited    bool     `json:"limited"`
		Probes     []struct {
			Run run `json:"run"`
		} `json:"probes"`

		// Of a run:
		Reached *float64 `json:"reached_rate"`
		run
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return Capacity{}, errors.New("is no JSON of a report")
	}
	var c Capacity
	switch {
	case report.Best != nil:
		c = Capacity{Rate: *report.Best, Objectives: report.Objectives, AtLeast: !report.Confirmed || report.Limited}
		for _, p := range report.Probes {
			if p.Run.End.After(c.Measured) {
				c.Measured = p.Run.End
			}
		}
	case report.Reached != nil:
		c = Capacity{Rate: *report.Reached, AtLeast: true, Measured: report.End}
	default:
		return Capacity{}, errors.New(`has neither "best" nor "reached_rate"`)
	}
	if !(c.Rate > 0) {
		return Capacity{}, errors.New("says that no rate held")
	}
	return c, nil
}
