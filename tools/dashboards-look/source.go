package main

import (
	"context"
	"errors"
	"time"
)

// source is a Prometheus, and the moments of it that are drawn.
type source struct {
	url     string
	moments []moment
}

// moment is one that a dashboard is drawn at: its "now".
type moment struct {
	name string
	at   time.Time

	// mayBeEmpty are the titles of panels that have nothing to show yet, by dashboard.
	mayBeEmpty map[string][]string
}

func startSource(ctx context.Context, o options, dir string) (*source, func() error, error) {
	if o.prometheus != "" {
		return &source{url: o.prometheus, moments: []moment{{name: "now", at: time.Now()}}}, func() error { return nil }, nil
	}
	return nil, nil, errors.New("no hour yet")
}
