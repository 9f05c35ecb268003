package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/e0ac7cd4/hotpath/dashboards/hour"
)

// hourEnd is when the scripted hour ends: a date that stays, so that pictures of two
// runs differ in what the dashboards are alone.
var hourEnd = time.Date(2026, time.March, 10, 3, 0, 0, 0, time.UTC)

// source is a Prometheus, and the moments of it that are drawn.
type source struct {
	url     string
	moments []moment
	stop    func()
}

// moment is one that a dashboard is drawn at: its "now".
type moment struct {
	name string
	at   time.Time

	// whole: by then all has been that fills panels, and one of the servers is there.
	whole bool
}

// wholeMoment is that one of the scripted hour. Before it a panel may be empty for what
// has not been yet, and after it for what is not any more: the table of the dashboards'
// own tests says so for each.
const wholeMoment = "half"

// startSource starts a Prometheus on the scripted hour, or takes the one that the
// options name.
func startSource(ctx context.Context, o options, dir string) (*source, error) {
	if o.prometheus != "" {
		return &source{url: o.prometheus, moments: []moment{{"now", time.Now(), true}}, stop: func() {}}, nil
	}
	data := filepath.Join(dir, "hour")
	rules := filepath.Join(o.repository, "dashboards", "prometheus")
	err := hour.Blocks(ctx, data, hourEnd, filepath.Join(rules, "rules.yml"), filepath.Join(rules, "alerts.yml"))
	if err != nil {
		return nil, fmt.Errorf("making the scripted hour: %w", err)
	}
	prometheus, err := hour.Serve(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("running Prometheus on the scripted hour: %w", err)
	}
	s := &source{url: prometheus.URL, stop: prometheus.Stop}
	for _, m := range hour.Moments() {
		s.moments = append(s.moments, moment{m.Name, hourEnd.Add(m.At - hour.Length), m.Name == wholeMoment})
	}
	return s, nil
}
