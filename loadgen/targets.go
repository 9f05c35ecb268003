package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// readTargets reads what is to be asked for. vegeta's targeters read its formats
// and add the body and the headers that every request has.
func (o *options) readTargets(stdin io.Reader) ([]vegeta.Target, error) {
	var body []byte
	if o.body != "" {
		var err error
		if body, err = os.ReadFile(o.body); err != nil {
			return nil, fmt.Errorf("-body: %w", err)
		}
	}
	switch {
	case o.target != "" && o.targets != "":
		return nil, errors.New("-target is one URL, -targets a file of them: one of the two")
	case o.target != "":
		return []vegeta.Target{{Method: o.method, URL: o.target, Body: body, Header: o.headers}}, nil
	case o.targets == "":
		return nil, errors.New("nothing to ask for: -target URL or -targets FILE is needed")
	}
	src := stdin
	if o.targets != "-" {
		f, err := os.Open(o.targets)
		if err != nil {
			return nil, fmt.Errorf("-targets: %w", err)
		}
		defer f.Close()
		src = f
	}
	var targeter vegeta.Targeter
	switch o.format {
	case vegeta.HTTPTargetFormat:
		targeter = vegeta.NewHTTPTargeter(src, body, o.headers)
	case vegeta.JSONTargetFormat:
		targeter = vegeta.NewJSONTargeter(src, body, o.headers)
	default:
		return nil, fmt.Errorf("-format %q: allowed are %s and %s", o.format, vegeta.HTTPTargetFormat, vegeta.JSONTargetFormat)
	}
	targets, err := vegeta.ReadAllTargets(targeter)
	switch {
	case errors.Is(err, vegeta.ErrNoTargets):
		return nil, fmt.Errorf("-targets %s: no target in it", o.targets)
	case err != nil:
		return nil, fmt.Errorf("-targets %s: target %d: %w", o.targets, len(targets)+1, err)
	}
	return targets, nil
}
